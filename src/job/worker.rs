//! The worker: takes jobs and runs them.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Notify, task::JoinSet};

use super::{Job, Verdict, Work, store};
use crate::{db::Db, error::Result, secret::random};

const LANES: usize = 2;
const POLL: Duration = Duration::from_secs(1);
const LEASE: Duration = Duration::from_secs(300);
const TRIES: i64 = 20;
const LONGEST_PAUSE: u64 = 3_600;

/// Running workers. Dropping them stops the work where it is; what was taken is taken again after its lease.
pub struct Worker {
    wake: Arc<Notify>,
    _lanes: JoinSet<()>,
}

impl Worker {
    /// Starts. `run` does one job of `work`.
    #[must_use]
    pub fn start<F, R>(db: &Db, work: Work, run: R) -> Self
    where
        F: Future<Output = Verdict> + Send,
        R: Fn(Job) -> F + Clone + Send + Sync + 'static,
    {
        let wake = Arc::new(Notify::new());
        let mut lanes = JoinSet::new();
        for _ in 0..LANES {
            let (db, wake, run) = (db.clone(), Arc::clone(&wake), run.clone());
            lanes.spawn(async move {
                loop {
                    match turn(&db, work, &run).await {
                        Ok(Turn::Worked) => {}
                        Ok(Turn::Idle) => {
                            let _ = tokio::time::timeout(POLL, wake.notified()).await;
                        }
                        Err(error) => {
                            tracing::debug!(%error, "no job can be taken for now");
                            tokio::time::sleep(POLL).await;
                        }
                    }
                }
            });
        }
        Self { wake, _lanes: lanes }
    }

    /// What to call when there is new work.
    #[must_use]
    pub fn waker(&self) -> Arc<Notify> {
        Arc::clone(&self.wake)
    }
}

enum Turn {
    Worked,
    Idle,
}

async fn turn<F, R>(db: &Db, work: Work, run: &R) -> Result<Turn>
where
    F: Future<Output = Verdict> + Send,
    R: Fn(Job) -> F + Send + Sync,
{
    let Some(job) = db.write(async |tx| store::take(tx, work.kinds(), LEASE).await).await? else {
        return Ok(Turn::Idle);
    };
    let (id, attempts, kind) = (job.id, job.attempts, job.kind.clone());
    let verdict = run(job).await;
    let schedule = work.schedules.iter().find(|schedule| schedule.kind == kind);
    db.write(async |tx| match (&verdict, schedule) {
        (Verdict::Done, None) => store::remove(tx, id).await,
        (Verdict::Done, Some(schedule)) => {
            let next = tx.now() + schedule.every;
            store::postpone(tx, id, next, 0, None).await
        }
        (Verdict::Retry(cause), None) if attempts >= TRIES => store::park(tx, id, cause).await,
        (Verdict::Retry(cause), _) => {
            let next = tx.now() + pause(attempts);
            store::postpone(tx, id, next, attempts.min(TRIES), Some(cause)).await
        }
        (Verdict::GiveUp(cause), _) => store::park(tx, id, cause).await,
    })
    .await?;
    match verdict {
        Verdict::Done => tracing::debug!(kind, "job done"),
        Verdict::Retry(cause) => tracing::warn!(kind, cause, attempts, "a job is tried again later"),
        Verdict::GiveUp(cause) => tracing::error!(kind, cause, "a job was given up"),
    }
    Ok(Turn::Worked)
}

/// 1 s, 2 s, 4 s, .. an hour, each spread by up to half.
fn pause(attempts: i64) -> Duration {
    let shift = u32::try_from(attempts - 1).unwrap_or(0).min(12);
    let base = Duration::from_secs((1u64 << shift).min(LONGEST_PAUSE));
    let spread = random::<1>().map_or(0, |byte| u32::from(byte[0]));
    base + base * spread / 512
}
