//! From the source to the database: reading, hashing and writing, each a batch or two ahead of the next.

use std::{collections::HashSet, sync::atomic::AtomicBool, time::Duration};

use futures_util::{StreamExt, stream::FuturesOrdered};
use tokio::sync::{mpsc, oneshot};

use super::{
    Conflict, Field, Journal, Mapping, Mode, Options, Report, Source,
    batch::Want,
    hashing::hashing,
    reading::{Batch, reading},
    rehearsal::Rehearsal,
    standing::Standing,
    turn::{self, Turn},
};
use crate::{
    access::{Caller, Permission},
    app::App,
    db::Engine,
    error::Result,
    event, search,
};

/// How long one batch is waited for before it is asked again who brings it.
const PATIENCE: Duration = Duration::from_secs(5);
/// Batches that are written side by side where that is of use.
const ABREAST: usize = 2;

/// Brings everybody in. `watch` hears of each batch. Whether the caller still may is asked before each.
///
/// # Errors
/// `forbidden`, `token_refused`; `malformed` when the source breaks off; `conflict` when somebody is here already and
/// [`super::Conflict::Fail`] was asked for. What was written until then stays, and the same import goes on from there.
pub async fn run(
    app: &App,
    caller: &Caller,
    source: Source,
    mapping: Mapping,
    options: &Options,
    journal: &Journal,
    watch: impl FnMut(&Report),
) -> Result<Report> {
    caller.must(Permission::UsersImport)?;
    let standing = Standing::resume(app, journal, options).await?;
    let has_passwords = mapping.place(Field::Password).is_some();
    let mut batches = reading(source, mapping, options.clone(), standing.report.rows);
    if options.mode == Mode::DryRun {
        return rehearse(app, caller, batches, options, standing, watch).await;
    }
    if has_passwords {
        batches = hashing(app, batches, options.conflict);
    }
    // One who leads the log and has the server for himself. Hashes take far longer than their rows.
    let makes_accounts_only = options.conflict == Conflict::Skip && !has_passwords;
    let is_wide = options.lead.is_some() && app.db.engine() == Engine::Postgres && makes_accounts_only;
    write(app, caller, batches, options, standing, watch, if is_wide { ABREAST } else { 1 }).await
}

async fn rehearse(
    app: &App,
    caller: &Caller,
    mut batches: mpsc::Receiver<Result<Batch>>,
    options: &Options,
    mut standing: Standing,
    mut watch: impl FnMut(&Report),
) -> Result<Report> {
    let mut rehearsal = Rehearsal::default();
    loop {
        let Ok(batch) = tokio::time::timeout(PATIENCE, batches.recv()).await else {
            again(app, caller).await?;
            continue;
        };
        let Some(batch) = batch else { break };
        let batch = batch?;
        let outcome = rehearsal.next(app, &again(app, caller).await?, &batch.rows, options).await?;
        standing.pass(batch.rows.len(), batch.position, outcome)?;
        watch(&standing.report);
    }
    Ok(standing.report)
}

/// Whoever brings the rows as he stands now. A source may take hours: he may have lost the permission, or his session,
/// since he began.
async fn again(app: &App, caller: &Caller) -> Result<Caller> {
    let caller = app.bearers.again(&mut app.db.read(), caller).await?;
    caller.must(Permission::UsersImport)?;
    Ok(caller)
}

/// What is heard while batches are written.
enum Heard {
    /// One is done.
    Written(Result<Report>),
    /// Another one is there; nothing when the source has ended.
    Read(Option<Result<Batch>>),
    /// Nothing for a while.
    Silence,
}

async fn write(
    app: &App,
    caller: &Caller,
    mut batches: mpsc::Receiver<Result<Batch>>,
    options: &Options,
    standing: Standing,
    mut watch: impl FnMut(&Report),
    abreast: usize,
) -> Result<Report> {
    let trusted = AtomicBool::new(options.conflict == Conflict::Skip);
    let all_new = &trusted;
    let (mut writing, mut turn) = (FuturesOrdered::new(), Turn::new(standing));
    // What those that are being written want for themselves, and one that wants the same.
    let (mut wanted, mut held) = (Vec::<HashSet<Want>>::new(), None::<(Batch, HashSet<Want>)>);
    let mut end = None;
    loop {
        let may_start = |keys: &HashSet<Want>| wanted.iter().all(|others| others.is_disjoint(keys));
        if let Some((batch, keys)) = held.take_if(|(_, keys)| may_start(keys)) {
            let caller = again(app, caller).await?;
            let (send, before) = oneshot::channel();
            let turn = std::mem::replace(&mut turn, Turn::after(before));
            wanted.push(keys);
            writing.push_back(async move {
                let standing = turn::write(app, &caller, options, batch, turn, all_new).await?;
                let report = standing.report.clone();
                // Nobody waits for it when the import has ended.
                let _ = send.send(standing);
                Ok(report)
            });
        }
        let may_read = end.is_none() && held.is_none() && writing.len() < abreast;
        if !may_read && writing.is_empty() {
            break;
        }
        let heard = tokio::select! {
            Some(report) = writing.next(), if !writing.is_empty() => Heard::Written(report),
            batch = batches.recv(), if may_read => Heard::Read(batch),
            () = tokio::time::sleep(PATIENCE), if may_read => Heard::Silence,
        };
        match heard {
            Heard::Written(report) => {
                wanted.remove(0);
                watch(&report?);
                search::settle(&app.db).await?;
                wait_for_numbers(app).await?;
            }
            Heard::Read(Some(Ok(batch))) => {
                let keys = if abreast > 1 { turn::keys(&batch) } else { HashSet::new() };
                held = Some((batch, keys));
            }
            // Those before it are written first.
            Heard::Read(Some(Err(error))) => end = Some(Err(error)),
            Heard::Read(None) => end = Some(Ok(())),
            Heard::Silence => drop(again(app, caller).await?),
        }
    }
    end.unwrap_or(Ok(()))?;
    turn.end().await?.end(app).await
}

/// Waits while the log is far behind, so that neither it nor what reads it grows without end. Where nobody numbers it,
/// there is nothing to wait for.
async fn wait_for_numbers(app: &App) -> Result<()> {
    for _ in 0..500 {
        if !event::backlog_is_over(&mut app.db.read(), event::MOST).await? {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}
