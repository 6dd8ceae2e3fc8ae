//! The sequencer: numbers committed events without gaps, in one place of all nodes.
//!
//! A serial column is not ordered by commit: a reader past number 8 would miss 7, committed later. So numbers
//! are given after the commit, by one node at a time. Who numbers is settled by one row: each batch moves it
//! by `update .. where` it still stands as it was, in the batch's own transaction; zero rows mean that
//! somebody else took over, and the batch is rolled back. The leader touches the row every 500 ms; a follower
//! that saw it stand still for 1.2 s, by his own timer, takes it. No clocks are compared, no locks are held.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::{Notify, watch};

use super::{
    lead::{self, Lead},
    order,
    store::{self, Head},
};
use crate::{
    db::{Db, Engine, Tx},
    error::{Error, Result},
    metrics::Gauge,
    secret::Keys,
};

const BATCH: i64 = 512;
/// The same while more wait than that: what a transaction costs is then shared by more of them.
const WIDE_BATCH: i64 = 2_048;
/// The same on `SQLite`, where whoever brings thousands in a transaction waits for this one, and it for him.
const WIDEST_BATCH: i64 = 4_096;
const POLL: Duration = Duration::from_millis(100);
const TOUCH: Duration = Duration::from_millis(500);
const STANDSTILL: Duration = Duration::from_millis(1_200);
/// Commits that come within this time are numbered together: each numbering is a durable transaction of its own.
const COALESCE: Duration = Duration::from_millis(10);

/// A running sequencer. Dropping it stops the work, as a crash would.
pub struct Sequencer {
    wake: Arc<Notify>,
    head: watch::Receiver<i64>,
    stop: watch::Sender<bool>,
    lead: Arc<Lead>,
    task: tokio::task::JoinHandle<()>,
}

/// The beat of a row that its leader has left in good order: anybody may take it at once.
const VACANT: i64 = -1;

impl Sequencer {
    /// Starts; gives the number of the last event once it leads or follows. `leads` is 1 while it leads.
    #[must_use]
    pub fn start(db: Db, keys: Arc<Keys>, leads: Arc<Gauge>) -> Self {
        let wake = Arc::new(Notify::new());
        let (tell, head) = watch::channel(0);
        let (stop, stopping) = watch::channel(false);
        let lead = Arc::new(Lead::new(keys));
        let (wake_too, lead_too) = (Arc::clone(&wake), Arc::clone(&lead));
        let task = tokio::spawn(run(Node { db, wake: wake_too, tell, stopping, leads, lead: lead_too }));
        Self { wake, head, stop, lead, task }
    }

    /// Numbers what is pending if this node leads, then leaves the row to whoever comes; for as long as others would
    /// wait for it, and not longer than `most`.
    pub async fn stop(mut self, most: Duration) {
        self.stop.send_replace(true);
        self.wake.notify_one();
        let _ = tokio::time::timeout(STANDSTILL.min(most), &mut self.task).await;
    }

    /// What to call after each commit.
    #[must_use]
    pub fn waker(&self) -> Arc<Notify> {
        Arc::clone(&self.wake)
    }

    /// Whether this node numbers, for who brings thousands of events.
    #[must_use]
    pub fn lead(&self) -> Arc<Lead> {
        Arc::clone(&self.lead)
    }

    /// The number of the last event, as far as this node knows.
    #[must_use]
    pub fn head(&self) -> watch::Receiver<i64> {
        self.head.clone()
    }
}

impl Drop for Sequencer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Numbers what is pending, now, as the only node: for the command line when no server runs.
///
/// # Errors
/// Of the database.
pub async fn drain(db: &Db, keys: &Keys) -> Result<i64> {
    let mut head = take_over(db).await?;
    loop {
        match number(db, keys, &head, BATCH).await? {
            Step::Moved(new) => head = new,
            Step::Nothing => return Ok(head.head),
            Step::Lost => head = take_over(db).await?,
        }
    }
}

enum Step {
    Moved(Head),
    Nothing,
    Lost,
}

/// What the work needs.
struct Node {
    db: Db,
    wake: Arc<Notify>,
    tell: watch::Sender<i64>,
    stopping: watch::Receiver<bool>,
    leads: Arc<Gauge>,
    lead: Arc<Lead>,
}

async fn run(node: Node) {
    let mut alone = node.db.engine() == Engine::Sqlite;
    while !node.is_stopping() {
        // The data folder of SQLite has one server at a time: it need not wait for a predecessor.
        let led = if std::mem::take(&mut alone) { take_over(&node.db).await.map(Some) } else { node.follow().await };
        let ended = match led {
            Ok(Some(head)) => {
                tracing::debug!(epoch = head.epoch, head = head.head, "this node numbers the log");
                let (_leading, _leads) = (node.lead.begin(head.epoch), node.leads.up());
                node.lead(head).await
            }
            Ok(None) => return,
            Err(error) => Err(error),
        };
        match ended {
            Ok(()) if node.is_stopping() => {}
            Ok(()) => tracing::info!("another node numbers the log"),
            Err(error) => {
                tracing::warn!(%error, "the log is not numbered for now");
                tokio::time::sleep(POLL).await;
            }
        }
    }
}

impl Node {
    fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Watches the row until it stands still, then takes it; nothing when this node stops.
    async fn follow(&self) -> Result<Option<Head>> {
        let mut seen = None;
        let mut since = Instant::now();
        while !self.is_stopping() {
            let head = store::head(&mut self.db.read()).await?;
            if head != seen {
                (seen, since) = (head, Instant::now());
            }
            if head.is_none_or(|head| head.epoch == 0 || head.beat == VACANT) || since.elapsed() >= STANDSTILL {
                return take_over(&self.db).await.map(Some);
            }
            self.tell.send_replace(head.map_or(0, |head| head.head));
            tokio::time::sleep(POLL).await;
        }
        Ok(None)
    }

    /// Numbers until another node takes over or this one stops.
    async fn lead(&self, mut head: Head) -> Result<()> {
        // Beside SQLite nobody watches, so nothing is written while nothing happens.
        let is_watched = self.db.engine() == Engine::Postgres;
        let wide = if is_watched { WIDE_BATCH } else { WIDEST_BATCH };
        let mut touched = Instant::now();
        self.tell.send_replace(head.head);
        let mut most = BATCH;
        loop {
            let step = match number(&self.db, self.lead.keys(), &head, most).await? {
                Step::Nothing if self.is_stopping() => return vacate(&self.db, head.epoch).await,
                Step::Nothing if is_watched && touched.elapsed() >= TOUCH => touch(&self.db, &head).await?,
                step => step,
            };
            match step {
                Step::Lost => match store::head(&mut self.db.read()).await? {
                    // Somebody in this process had events numbered.
                    Some(new) if new.epoch == head.epoch => (head, touched) = (new, Instant::now()),
                    _ => return Ok(()),
                },
                Step::Moved(new) => {
                    let is_full = new.head - head.head >= BATCH;
                    most = if is_full { wide } else { BATCH };
                    (head, touched) = (new, Instant::now());
                    self.tell.send_replace(head.head);
                    if !is_full {
                        tokio::time::sleep(COALESCE).await;
                    }
                }
                Step::Nothing => {
                    let _ = tokio::time::timeout(POLL, self.wake.notified()).await;
                    tokio::time::sleep(COALESCE).await;
                }
            }
        }
    }
}

/// Takes the row, whoever has it.
async fn take_over(db: &Db) -> Result<Head> {
    db.write(async |tx| {
        store::found(tx).await?;
        let old = store::head(tx).await?.ok_or_else(|| Error::internal("the log has no head"))?;
        let new = Head { epoch: old.epoch + 1, beat: 0, ..old };
        if store::advance(tx, &old, &new).await? { Ok(new) } else { Err(Error::unavailable("another node took over")) }
    })
    .await
}

/// Leaves the row, if this node still has it.
async fn vacate(db: &Db, epoch: i64) -> Result<()> {
    db.write(async |tx| {
        let head = store::head_held(tx).await?.filter(|head| head.epoch == epoch);
        let Some(head) = head else { return Ok(()) };
        store::advance(tx, &head, &Head { beat: VACANT, ..head }).await.map(|_| ())
    })
    .await
}

async fn touch(db: &Db, head: &Head) -> Result<Step> {
    let new = Head { beat: head.beat + 1, ..*head };
    let kept = db.write(async |tx| store::advance(tx, head, &new).await).await?;
    Ok(if kept { Step::Moved(new) } else { Step::Lost })
}

async fn number(db: &Db, keys: &Keys, head: &Head, most: i64) -> Result<Step> {
    let events = order::next(&mut db.read(), most).await?;
    if events.is_empty() {
        return Ok(Step::Nothing);
    }
    let (new, sealed) = lead::number(keys, head, events);
    let (sealed, new_ref) = (&sealed, &new);
    let kept = db
        .write(async |tx: &mut Tx| {
            let kept = lead::append(tx, head, new_ref, sealed.clone()).await?;
            if kept {
                store::take(tx, sealed.iter().map(|event| event.id).collect()).await?;
            }
            Ok(kept)
        })
        .await?;
    Ok(if kept { Step::Moved(new) } else { Step::Lost })
}
