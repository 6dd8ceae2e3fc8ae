//! The lead of the numbering, for who has it: what comes in thousands is numbered where it is recorded.
//!
//! An event waits in `events_pending` because another transaction may be committed before this one. Whoever moves the
//! head of the log in his own transaction is before all that move it later, so his events have their numbers at once,
//! behind those that waited until then. The row stays locked until his commit: that suits work that brings many, and
//! nobody else.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use super::{
    counters, order,
    seal::{self, Salted},
    store::{self, Head, Pending, Sealed},
};
use crate::{
    db::Tx,
    error::{Error, Result},
    secret::Keys,
};

/// So many that wait are numbered along with what is brought.
pub const MOST: i64 = 8_192;
/// No epoch: this process does not lead.
const NONE: i64 = 0;

/// Whether this process numbers the log.
pub struct Lead {
    keys: Arc<Keys>,
    epoch: AtomicI64,
}

impl Lead {
    pub(super) fn new(keys: Arc<Keys>) -> Self {
        Self { keys, epoch: AtomicI64::new(NONE) }
    }

    pub(super) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Leads from now on, until what is given is dropped.
    pub(super) fn begin(&self, epoch: i64) -> Leading<'_> {
        self.epoch.store(epoch, Ordering::Release);
        Leading(self)
    }

    /// Writes events with their numbers, and gives those that wait theirs before; or writes them without while another
    /// node numbers, or too many wait.
    pub(super) async fn insert(&self, tx: &mut Tx, events: Vec<(Pending, Salted)>) -> Result<()> {
        let epoch = self.epoch.load(Ordering::Acquire);
        let head = store::head_held(tx).await?.filter(|head| head.epoch == epoch && epoch != NONE);
        let Some(head) = head else { return store::insert_all(tx, events).await };
        let mut all = match store::waiting(tx, MOST + 1).await? {
            0 => Vec::new(),
            1..=MOST => order::next(tx, MOST + 1).await?,
            _ => return store::insert_all(tx, events).await,
        };
        let waited = all.iter().map(|(event, _)| event.id).collect();
        all.extend(events);
        let (new, sealed) = number(&self.keys, &head, all);
        if !append(tx, &head, &new, sealed).await? {
            return Err(Error::internal("a head that was held moved"));
        }
        store::take(tx, waited).await
    }
}

impl std::fmt::Debug for Lead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lead").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

/// That this process leads.
pub(super) struct Leading<'a>(&'a Lead);

impl Drop for Leading<'_> {
    fn drop(&mut self) {
        self.0.epoch.store(NONE, Ordering::Release);
    }
}

/// Numbers and seals these behind the head; gives where it stands then.
pub(super) fn number(keys: &Keys, head: &Head, events: Vec<(Pending, Salted)>) -> (Head, Vec<Sealed>) {
    let mut new = Head { beat: head.beat + 1, ..*head };
    let mut sealed = Vec::with_capacity(events.len());
    for (event, salted) in events {
        new.head += 1;
        let event = seal::seal(keys, event, salted, new.head, &new.seal);
        new.seal.copy_from_slice(&event.seal);
        sealed.push(event);
    }
    (new, sealed)
}

/// Moves the head, writes the events and adds them to the sums. False, and nothing is written, when the head stands
/// elsewhere by now.
pub(super) async fn append(tx: &mut Tx, head: &Head, new: &Head, sealed: Vec<Sealed>) -> Result<bool> {
    if !store::advance(tx, head, new).await? {
        return Ok(false);
    }
    let deltas = counters::deltas(&sealed);
    store::append(tx, sealed).await?;
    for (name, by) in deltas {
        store::count(tx, name, by).await?;
    }
    Ok(true)
}
