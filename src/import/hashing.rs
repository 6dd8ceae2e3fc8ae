//! Passwords that come written down, hashed while the batch before is written.

use std::time::Duration;

use tokio::{sync::mpsc, task::JoinSet};

use super::{Conflict, Mode, batch, reading::Batch, row::Row};
use crate::{
    app::App,
    error::{Code, Error, Result},
    password::{Hash, Password},
};

/// The hash of the password of whoever brings none; nothing in a rehearsal, which asks the policy alone. It is made once:
/// equal hashes tell that people share a password, which everybody who has it knows already.
///
/// # Errors
/// `invalid` with the rule that it breaks, on this field; `busy`.
pub async fn default_hash(app: &App, password: &Password, mode: Mode, field: &'static str) -> Result<Option<Hash>> {
    app.policy().check(password, &[]).map_err(|rule| rule.error(field))?;
    match mode {
        Mode::DryRun => Ok(None),
        Mode::Write => Ok(Some(app.pool.admit()?.hash(password).await?)),
    }
}

/// Hashes what is not hashed yet. Who is skipped anyhow costs no hash.
pub(super) fn hashing(
    app: &App,
    mut batches: mpsc::Receiver<Result<Batch>>,
    conflict: Conflict,
) -> mpsc::Receiver<Result<Batch>> {
    let (send, hashed) = mpsc::channel(1);
    let app = app.clone();
    tokio::spawn(async move {
        while let Some(mut batch) = batches.recv().await {
            if let Ok(batch) = &mut batch
                && let Err(error) = settle(&app, &mut batch.rows, conflict).await
            {
                return drop(send.send(Err(error)).await);
            }
            if send.send(batch).await.is_err() {
                return;
            }
        }
    });
    hashed
}

async fn settle(app: &App, rows: &mut [Row], conflict: Conflict) -> Result<()> {
    if conflict == Conflict::Skip {
        batch::pass_over(&mut app.db.read(), rows).await?;
    }
    hash_all(app, rows).await
}

/// Few at once: enough to keep every thread busy, and no more, so that whoever signs in meanwhile waits for little.
async fn hash_all(app: &App, rows: &mut [Row]) -> Result<()> {
    let at_once = 2 * std::thread::available_parallelism().map_or(2, usize::from);
    let (mut hashes, mut next) = (JoinSet::new(), 0);
    loop {
        while hashes.len() < at_once && next < rows.len() {
            if let Some(password) = rows[next].person.as_mut().ok().and_then(|person| person.password.take()) {
                let (app, n) = (app.clone(), next);
                hashes.spawn(async move { hash(&app, &password).await.map(|hash| (n, hash)) });
            }
            next += 1;
        }
        let Some(done) = hashes.join_next().await else { return Ok(()) };
        let (n, hash) = done.map_err(Error::internal)??;
        if let Ok(person) = &mut rows[n].person {
            person.arrival.hash = Some(hash);
        }
    }
}

/// Hashes a password, and waits for a place as long as it takes.
async fn hash(app: &App, password: &Password) -> Result<Hash> {
    loop {
        match app.pool.admit() {
            Ok(mut ticket) => return ticket.hash(password).await,
            Err(error) if error.code() == Code::Busy => tokio::time::sleep(Duration::from_millis(50)).await,
            Err(error) => return Err(error),
        }
    }
}
