//! What is measured of transactions.

use std::time::Instant;

use super::{Engine, Figures, sqlite::Sqlite};
use crate::{
    error::{Code, Error},
    metrics::{Counter, Family, Histogram, SECONDS, Tally, Text},
    trace::{self, Child},
};

/// The instruments of a database.
pub(super) struct Meters {
    ended: Tally<4>,
    retries: Counter,
    took: Histogram,
    /// For the writer, or for a connection.
    pub waited: Histogram,
}

impl Default for Meters {
    fn default() -> Self {
        Self {
            ended: Tally::new(["committed", "rolled_back", "unavailable", "abandoned"]),
            retries: Counter::default(),
            took: Histogram::new(SECONDS),
            waited: Histogram::new(SECONDS),
        }
    }
}

impl Meters {
    /// A transaction begins. It counts as abandoned unless [`Open::end`] is reached.
    pub fn open(&self, engine: Engine) -> Open<'_> {
        let system = match engine {
            Engine::Sqlite => "sqlite",
            Engine::Postgres => "postgresql",
        };
        let span = trace::child("db.transaction").map(|span| span.with("db.system.name", system));
        Open { meters: self, begun: Instant::now(), tries: 0, outcome: "abandoned", span }
    }

    pub fn tell(&self, text: &mut Text) {
        for (outcome, count) in self.ended.all() {
            text.sample(Family::DbTransactions, &[outcome], count);
        }
        text.sample(Family::DbRetries, &[], self.retries.get());
        text.histogram(Family::DbWait, &[], &self.waited);
        text.histogram(Family::DbDuration, &[], &self.took);
    }
}

/// A transaction under way, all of its tries.
pub(super) struct Open<'a> {
    meters: &'a Meters,
    begun: Instant,
    pub tries: u32,
    outcome: &'static str,
    span: Option<Child>,
}

impl Open<'_> {
    /// It has ended, one way or the other.
    pub fn end(mut self, ended: Result<(), &Error>) {
        self.outcome = match ended {
            Ok(()) => "committed",
            Err(error) if error.code() == Code::DatabaseUnavailable => "unavailable",
            Err(_) => "rolled_back",
        };
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.meters.ended.count(self.outcome);
        self.meters.retries.add(u64::from(self.tries.saturating_sub(1)));
        self.meters.took.time(self.begun.elapsed());
        if let Some(span) = self.span.take() {
            span.with("denizen.db.outcome", self.outcome).with("denizen.db.tries", self.tries).end();
        }
    }
}

/// What only the embedded engine has.
pub(super) fn sqlite(text: &mut Text, sqlite: &Sqlite) {
    let (size, wal) = sqlite.sizes();
    text.sample(Family::DbCommits, &[], sqlite.figures().1);
    text.histogram(Family::DbCommitBatch, &[], sqlite.batches());
    text.sample(Family::DbSize, &[], size);
    text.sample(Family::DbWal, &[], wal);
    text.sample(Family::DbReserve, &[], sqlite.reserve.size());
    text.sample(Family::DbWriterWaiting, &[], sqlite.waiting.get());
}

/// What only a server has.
pub(super) fn postgres(text: &mut Text, figures: Figures) {
    let Figures::Postgres { busy, open, allowed, waiting } = figures else { return };
    for (state, count) in [("busy", busy), ("open", open), ("allowed", allowed)] {
        text.sample(Family::DbPool, &[state], count);
    }
    text.sample(Family::DbPoolWaiting, &[], waiting);
}
