//! Requests that take effect once, however often they are sent (`Idempotency-Key`).
//!
//! The invariant: key, effect and answer are one transaction. So there is no effect without its key, whenever the
//! connection or the process dies, and of two nodes that are asked at once one waits for the other and gives its
//! answer. What was refused had no effect, and is not kept. Begin with [`claim`].

pub mod http;
pub mod job;
mod store;

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::Value;
use uuid::Uuid;

use crate::{
    clock::Time,
    db::{Conn, Tx},
    error::{Code, Error, Result},
};

/// How long an answer is kept.
const KEPT: Duration = Duration::from_secs(24 * 3_600);

/// Which request this is: whose, to which route, under which key, and what it asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeat {
    /// The person or API key that asks.
    pub caller: Uuid,
    /// The method and the route's pattern.
    pub route: String,
    /// The key.
    pub key: String,
    /// A MAC of what is asked for.
    pub mac: [u8; 32],
}

/// What is answered, and answered again.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The version of the record in it.
    pub etag: Option<i64>,
    /// The body.
    pub body: Value,
    /// Whether it may be kept.
    pub keep: Keep,
}

/// Whether an answer may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// It may.
    Whole,
    /// It holds a secret: only that it was given is kept.
    Nothing,
}

impl Answer {
    /// 200 with a body.
    #[must_use]
    pub fn ok(body: impl Into<Value>) -> Self {
        Self { status: 200, etag: None, body: body.into(), keep: Keep::Whole }
    }

    /// 201 with a body.
    #[must_use]
    pub fn created(body: impl Into<Value>) -> Self {
        Self { status: 201, ..Self::ok(body) }
    }

    /// 200 with a sentence.
    #[must_use]
    pub fn message(text: &str) -> Self {
        Self::ok(serde_json::json!({"success": true, "message": text}))
    }

    /// The same with the version of its record.
    #[must_use]
    pub fn version(self, version: i64) -> Self {
        Self { etag: Some(version), ..self }
    }

    /// The same, never kept.
    #[must_use]
    pub fn secret(self) -> Self {
        Self { keep: Keep::Nothing, ..self }
    }
}

/// The answer that was given before, if the request was done.
///
/// # Errors
/// `idempotency_mismatch`, `idempotency_done`.
pub async fn find(conn: &mut Conn, repeat: &Repeat, now: Time) -> Result<Option<Answer>> {
    let Some(stored) = store::get(conn, repeat).await?.filter(|stored| stored.expires_at > now) else {
        return Ok(None);
    };
    if stored.body_mac != repeat.mac {
        return Err(Code::IdempotencyMismatch.into());
    }
    let (Some(status), Some(text)) = (stored.status, stored.answer) else { return Err(Code::IdempotencyDone.into()) };
    let mut kept: Value = serde_json::from_str(&text).map_err(Error::internal)?;
    let status = u16::try_from(status).map_err(Error::internal)?;
    Ok(Some(Answer { status, etag: kept["etag"].as_i64(), body: kept["body"].take(), keep: Keep::Whole }))
}

/// Claims the key for this transaction. Gives the first answer when another one had it; the work is then not to be done.
///
/// # Errors
/// As [`find`].
pub async fn claim(tx: &mut Tx, repeat: &Repeat) -> Result<Option<Answer>> {
    let now = tx.now();
    if store::claim(tx, repeat, now + KEPT).await? {
        return Ok(None);
    }
    find(tx, repeat, now).await
}

/// Keeps the answer beside the effect.
///
/// # Errors
/// Of the database.
pub async fn keep(tx: &mut Tx, repeat: &Repeat, answer: &Answer) -> Result<()> {
    let text = match answer.keep {
        Keep::Whole => Some(serde_json::json!({"etag": answer.etag, "body": answer.body}).to_string()),
        Keep::Nothing => None,
    };
    store::keep(tx, repeat, i64::from(answer.status), text).await
}

/// Claims the key of a request whose answer holds a secret, for this transaction: all that is kept is that it was given.
///
/// # Errors
/// As [`find`]; `idempotency_done` when another one had it.
pub async fn mark(tx: &mut Tx, repeat: Option<&Repeat>) -> Result<()> {
    let Some(repeat) = repeat else { return Ok(()) };
    if claim(tx, repeat).await?.is_some() { Err(Code::IdempotencyDone.into()) } else { Ok(()) }
}

/// Forgets up to `limit` keys whose time is over. Gives how many.
///
/// # Errors
/// Of the database.
pub async fn sweep(tx: &mut Tx, limit: i64) -> Result<u64> {
    store::sweep(tx, limit).await
}

/// The requests that run in this process.
#[derive(Clone, Default)]
pub struct Running(Arc<Mutex<HashSet<(Uuid, String, String)>>>);

/// Ends with the request it stands for.
pub struct Run(Running, (Uuid, String, String));

impl Running {
    /// Begins a request.
    ///
    /// # Errors
    /// `idempotency_in_progress` while the same one runs.
    pub fn begin(&self, repeat: &Repeat) -> Result<Run> {
        let name = (repeat.caller, repeat.route.clone(), repeat.key.clone());
        if !self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone()) {
            return Err(Code::IdempotencyInProgress.into());
        }
        Ok(Run(self.clone(), name))
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}
