//! Work to be done later: at least once, also after a crash.
//!
//! A job is written in the transaction of what asks for it, so it exists if and only if that is committed.
//! A worker takes it by a conditional write that leases it; a worker that dies leaves it to the next. So a job
//! may run twice, and must not mind. A failure says whether to try again; the pauses double from 1 s to 1 h, and
//! after 20 tries, or when a failure is final, the job is parked where an operator sees it. A worker takes the kinds that
//! it knows how to do ([`Work`]); a job of any other kind waits for one who does, neither tried nor failed.

mod store;
mod worker;

use std::time::Duration;

use serde_json::{Map, Value};

pub use store::Job;
pub use worker::Worker;

use crate::{
    clock::Time,
    db::{Conn, Note, Tx},
    error::{Error, Result},
};

/// The kind of the note that tells this process of new work.
pub const NOTE: &str = "job.enqueued";

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is done.
    Done,
    /// Not now: later.
    Retry(String),
    /// Never: it is parked.
    GiveUp(String),
}

impl From<Error> for Verdict {
    /// An error of ours or of the database passes: try again.
    fn from(error: Error) -> Self {
        Self::Retry(format!("{error:?}"))
    }
}

impl From<Result<()>> for Verdict {
    fn from(result: Result<()>) -> Self {
        result.map_or_else(Self::from, |()| Self::Done)
    }
}

/// A job that comes back.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// Its kind; there is one job of it.
    pub kind: &'static str,
    /// How long it rests between runs.
    pub every: Duration,
}

/// What a worker does.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    /// The kinds that come back.
    pub schedules: &'static [Schedule],
    /// The kinds that are done once.
    pub once: &'static [&'static str],
}

impl Work {
    fn kinds(self) -> impl Iterator<Item = &'static str> {
        self.schedules.iter().map(|schedule| schedule.kind).chain(self.once.iter().copied())
    }
}

/// Asks for a job, now.
///
/// # Errors
/// Of the database.
pub async fn enqueue(tx: &mut Tx, kind: &str, payload: Map<String, Value>) -> Result<()> {
    store::insert(tx, kind, None, payload).await?;
    tx.note(Note { kind: NOTE, user: None, session: None });
    Ok(())
}

/// Sees to it that a scheduled job exists.
///
/// # Errors
/// Of the database.
pub async fn schedule(tx: &mut Tx, schedule: Schedule) -> Result<()> {
    store::insert(tx, schedule.kind, Some(schedule.kind), Map::new()).await
}

/// How many jobs there are, and how many of them were given up: `(all, parked)`. Counted up to 10 000, without those
/// that come back, and those of the kinds `besides`.
///
/// # Errors
/// Of the database.
pub async fn count(conn: &mut Conn, besides: &[&'static str]) -> Result<(i64, i64)> {
    store::count(conn, besides).await
}

/// How many jobs of these kinds wait, counted up to 10 000.
///
/// # Errors
/// Of the database.
pub async fn waiting(conn: &mut Conn, kinds: &[&'static str]) -> Result<i64> {
    store::waiting(conn, kinds).await
}

/// Removes up to `limit` jobs of a kind that nobody has done and that were asked for before `before`. Gives how many.
///
/// # Errors
/// Of the database.
pub async fn forget(tx: &mut Tx, kind: &str, before: Time, limit: i64) -> Result<u64> {
    store::forget(tx, kind, before, limit).await
}
