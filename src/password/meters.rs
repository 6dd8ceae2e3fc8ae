//! What is measured of hashing.

use std::time::Instant;

use super::pool::Pool;
use crate::{
    metrics::{Counter, Family, Histogram, SECONDS, Text},
    trace,
};

/// The instruments of the hashing threads.
pub(super) struct Meters {
    pub refused: Counter,
    waited: Histogram,
    took: Histogram,
}

impl Default for Meters {
    fn default() -> Self {
        Self { refused: Counter::default(), waited: Histogram::new(SECONDS), took: Histogram::new(SECONDS) }
    }
}

/// When a hash was asked for, begun and done.
#[derive(Clone, Copy)]
pub(super) struct Times {
    pub asked: Instant,
    pub begun: Instant,
    pub done: Instant,
}

impl Meters {
    pub fn count(&self, times: Times) {
        self.waited.time(times.begun - times.asked);
        self.took.time(times.done - times.begun);
    }
}

impl Times {
    /// Adds both spans to the trace of whoever asked.
    pub fn trace(self) {
        trace::past("hash.wait", self.asked, self.begun);
        trace::past("hash", self.begun, self.done);
    }
}

impl Pool {
    /// Tells of the hashes and of their queue.
    pub fn tell(&self, text: &mut Text) {
        text.sample(Family::HashQueue, &[], self.depth());
        text.sample(Family::HashQueueLimit, &[], self.limit());
        text.sample(Family::HashRefused, &[], self.meters().refused.get());
        text.sample(Family::Hashes, &[], self.computed());
        text.histogram(Family::HashWait, &[], &self.meters().waited);
        text.histogram(Family::HashDuration, &[], &self.meters().took);
    }
}
