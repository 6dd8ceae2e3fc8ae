//! Refusals of one length: what the database did for a name that exists, and not for another, does not show.

use std::{
    future::Future,
    time::{Duration, Instant},
};

/// What a refusal takes at least, beside its hash. More than its statements take, unless the disk is slow or busy; then
/// what they differ by is lost in that.
const LEAST: Duration = Duration::from_millis(5);

/// The time of one try.
pub(super) struct Even {
    begun: Instant,
    hashing: Duration,
}

impl Even {
    pub(super) fn begin() -> Self {
        Self { begun: Instant::now(), hashing: Duration::ZERO }
    }

    /// Waits for the hash, whose time does not count: decoys make it equal, and it depends on the queue.
    pub(super) async fn without<T>(&mut self, hash: impl Future<Output = T>) -> T {
        let begun = Instant::now();
        let done = hash.await;
        self.hashing += begun.elapsed();
        done
    }

    /// Waits until the least time is over.
    pub(super) async fn end(self) {
        tokio::time::sleep((LEAST + self.hashing).saturating_sub(self.begun.elapsed())).await;
    }
}
