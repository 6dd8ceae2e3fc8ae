//! Hears what other nodes changed, so that memory never outlives a revocation.
//!
//! Every 150 ms it reads the changes of authority that came since, numbered or not: events still waiting for a
//! number count, so a dead sequencer delays nobody's revocation. [`Watch::is_fresh`] says whether that succeeded
//! within the last 500 ms; what a node remembers counts only while it does.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::task::JoinHandle;

use super::{Kind, store};
use crate::{
    db::{Conn, Db, Note},
    error::Result,
    id::{SessionId, UserId},
};

const POLL: Duration = Duration::from_millis(150);
const FRESH: Duration = Duration::from_millis(500);

/// How recently this node heard everything.
#[derive(Clone)]
pub struct Watch(Arc<Shared>);

struct Shared {
    begun: Instant,
    /// Milliseconds after `begun` at which the last complete reading began; 0 for never.
    heard: AtomicU64,
}

impl Default for Watch {
    /// Has heard nothing yet.
    fn default() -> Self {
        Self(Arc::new(Shared { begun: Instant::now(), heard: AtomicU64::new(0) }))
    }
}

impl Watch {
    /// Starts listening; `hear` gets what changed from now on, sometimes twice. What this node remembers it must have
    /// read after this returned: a change between that and a later beginning would never be heard.
    ///
    /// # Errors
    /// Of the database.
    pub async fn listen(&self, db: Db, hear: impl Fn(&[Note]) + Send + 'static) -> Result<JoinHandle<()>> {
        let shared = Arc::clone(&self.0);
        let mut cursor = head(&mut db.read()).await?;
        Ok(tokio::spawn(async move {
            loop {
                let began = shared.begun.elapsed();
                match listen(&db, &mut cursor).await {
                    Ok(notes) => {
                        hear(&notes);
                        let began = u64::try_from(began.as_millis()).unwrap_or(0).max(1);
                        shared.heard.store(began, Ordering::Release);
                    }
                    Err(error) => tracing::debug!(%error, "the log cannot be heard for now"),
                }
                tokio::time::sleep(POLL).await;
            }
        }))
    }

    /// Whether this node has ever heard everything, so that it hears of every change from here on.
    #[must_use]
    pub fn has_heard(&self) -> bool {
        self.0.heard.load(Ordering::Acquire) > 0
    }

    /// Whether what this node remembers may be relied upon.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        let heard = self.0.heard.load(Ordering::Acquire);
        heard > 0 && self.0.begun.elapsed() < Duration::from_millis(heard) + FRESH
    }
}

async fn head(conn: &mut Conn) -> Result<i64> {
    Ok(store::head(conn).await?.map_or(0, |head| head.head))
}

/// The order matters: an event that moves from pending to numbered in between is read in the second place.
async fn listen(db: &Db, cursor: &mut i64) -> Result<Vec<Note>> {
    let mut conn = db.read();
    let head = head(&mut conn).await?;
    let mut found = store::heard_pending(&mut conn).await?;
    found.extend(store::heard_after(&mut conn, *cursor).await?);
    *cursor = head;
    let notes = found.into_iter().filter_map(|heard| {
        Some(Note {
            kind: Kind::parse(&heard.kind)?.as_str(),
            user: heard.user_id.map(UserId::uuid),
            session: heard.session_id.map(SessionId::uuid),
        })
    });
    Ok(notes.collect())
}
