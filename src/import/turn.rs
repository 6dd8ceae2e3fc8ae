//! A batch that is written: its people whenever there is room, its events and how far the import has come in its turn.
//!
//! `PostgreSQL` gives a transaction one processor. Where nothing but accounts is made, the next batch is therefore
//! written beside this one by a second transaction; it waits before whatever has an order, so batches are committed one
//! after the other. No two of them want the same address, username or external id, so neither waits for what the
//! other wrote.

use std::{
    collections::HashSet,
    sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use tokio::sync::{Mutex, oneshot};

use super::{
    Options,
    batch::{self, Trust, Want, wants},
    reading::Batch,
    standing::Standing,
};
use crate::{
    access::Caller,
    app::App,
    error::{Code, Error, Result},
};

/// How often a batch is tried whose people came in by another door meanwhile.
const TRIES: usize = 5;
/// How long a database that is away is given.
const AWAY: Duration = Duration::from_secs(2);

/// The place of a batch behind the one before it.
pub(super) struct Turn {
    before: Option<oneshot::Receiver<Standing>>,
    standing: Option<Standing>,
}

impl Turn {
    /// The first.
    pub fn new(standing: Standing) -> Self {
        Self { before: None, standing: Some(standing) }
    }

    /// The one after this, which comes when where the import stands then is sent.
    pub fn after(before: oneshot::Receiver<Standing>) -> Self {
        Self { before: Some(before), standing: None }
    }

    /// Waits for it.
    ///
    /// # Errors
    /// Internal, when the batch before was not written: then this one may not be, either.
    pub async fn come(&mut self) -> Result<&mut Standing> {
        if let Some(before) = self.before.take() {
            self.standing = before.await.ok();
        }
        self.standing.as_mut().ok_or_else(|| Error::internal("the batch before was not written"))
    }

    /// Where the import stands, once the turn has come.
    ///
    /// # Errors
    /// As of [`Turn::come`].
    pub async fn end(mut self) -> Result<Standing> {
        self.come().await?;
        self.standing.ok_or_else(|| Error::internal("a turn that has come tells where it stands"))
    }
}

/// What the rows of a batch want for themselves alone.
pub(super) fn keys(batch: &Batch) -> HashSet<Want> {
    batch.rows.iter().flat_map(wants).collect()
}

/// Writes a batch; gives where the import stands then. While `all_new` stands nobody is looked up first; the first who is
/// here already ends that.
///
/// # Errors
/// As of [`super::run`].
pub(super) async fn write(
    app: &App,
    caller: &Caller,
    options: &Options,
    batch: Batch,
    turn: Turn,
    all_new: &AtomicBool,
) -> Result<Standing> {
    let (turn, attempts) = (Mutex::new(turn), AtomicU32::new(0));
    let mut tries = 0;
    let outcome = loop {
        tries += 1;
        let trust = if all_new.load(Relaxed) { Trust::AllNew } else { Trust::Nothing };
        let done = app
            .db
            .write(async |tx| {
                let is_first = attempts.fetch_add(1, Relaxed) == 0;
                let mut turn = turn.lock().await;
                batch::write(tx, caller, &batch.rows, options, &mut turn, (trust, is_first)).await
            })
            .await;
        let error = match done {
            Ok(outcome) => break outcome,
            Err(error) => error,
        };
        let mut turn = turn.lock().await;
        let standing = turn.come().await?;
        // Somebody is here, or took the address between the look-up and the write, or went: looked up again, that is known.
        let is_taken =
            matches!(error.code(), Code::EmailTaken | Code::UsernameTaken | Code::ExternalIdTaken | Code::NotFound);
        // A database that is away for a moment must not end hours of work.
        let is_away = matches!(error.code(), Code::DatabaseUnavailable) && standing.is_kept();
        if !(is_taken || is_away) || tries == TRIES {
            return Err(error);
        }
        if is_taken {
            all_new.store(false, Relaxed);
            // It says nothing of the log.
            attempts.store(0, Relaxed);
        }
        if is_away {
            // Whether the batch was committed is not known: the row that tells of it is.
            tokio::time::sleep(AWAY).await;
            if !standing.is_stored(app).await? {
                return Err(error);
            }
        }
    };
    let mut standing = turn.into_inner().end().await?;
    standing.lead = standing.lead.filter(|_| attempts.load(Relaxed) == 1);
    standing.pass(batch.rows.len(), batch.position, outcome)?;
    Ok(standing)
}
