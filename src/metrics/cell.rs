//! One number.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn one(&self) {
        self.add(1);
    }

    /// So many more.
    pub fn add(&self, by: u64) {
        self.0.fetch_add(by, Relaxed);
    }

    /// How many so far.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// A number that comes and goes.
#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

impl Gauge {
    /// It is this now.
    pub fn set(&self, to: i64) {
        self.0.store(to, Relaxed);
    }

    /// One more, until the value is dropped.
    pub fn up(&self) -> Up<'_> {
        self.0.fetch_add(1, Relaxed);
        Up(self)
    }

    /// What it is.
    #[must_use]
    pub fn get(&self) -> i64 {
        self.0.load(Relaxed)
    }
}

/// One of what a [`Gauge`] counts.
pub struct Up<'a>(&'a Gauge);

impl Drop for Up<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Relaxed);
    }
}
