//! Proves the log: dense, in order, sealed, and nothing blanked unseen.

use std::collections::HashMap;

use super::{
    Kind, seal,
    store::{self, Sealed},
};
use crate::{
    db::Db,
    error::Result,
    id::UserId,
    secret::{Keys, equal},
};

const CHUNK: i64 = 1_000;
/// More are counted, not listed.
const LISTED: usize = 20;

/// What the proof found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Events read.
    pub events: i64,
    /// Of these, events whose personal data was erased.
    pub erased: i64,
    /// The number of the last event, as the head has it.
    pub head: i64,
    /// What is wrong, at most 20 of them.
    pub faults: Vec<String>,
    /// How much is wrong.
    pub fault_count: usize,
}

impl Report {
    /// Whether the log is as it was written.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.fault_count == 0
    }

    fn fault(&mut self, text: String) {
        self.fault_count += 1;
        if self.faults.len() < LISTED {
            self.faults.push(text);
        }
    }
}

/// Reads the whole log; `progress` is told how far it is: `(read, of)`.
///
/// Someone who writes to the database and holds no master key can neither alter a sealed event nor seal one. He can
/// put an older state in place, which only a head noted elsewhere shows; and he can put an event among those that wait
/// for their numbers, which are sealed as they stand.
///
/// # Errors
/// Of the database. A broken log is a report, not an error.
pub async fn verify(db: &Db, keys: &Keys, mut progress: impl FnMut(i64, i64)) -> Result<Report> {
    let mut report = Report::default();
    // In this order, so that events which a server numbers meanwhile are never taken for ones beyond the head.
    let newest = store::last(&mut db.read()).await?;
    let Some(end) = store::head(&mut db.read()).await? else {
        if newest > 0 {
            report.fault(format!("the head is gone: {newest} events, and nothing says where the log ends"));
        }
        return Ok(report);
    };
    report.head = end.head;
    if newest > end.head {
        report.fault(format!("events {} to {newest} lie beyond the head", end.head + 1));
    }
    let mut seal = [0u8; 32];
    // Users with blanked events, until the event that says they were erased.
    let mut blanked: HashMap<Option<UserId>, i64> = HashMap::new();
    let mut versions: HashMap<UserId, i64> = HashMap::new();
    let mut last = 0;
    while last < end.head {
        let events = store::after(&mut db.read(), last, CHUNK.min(end.head - last)).await?;
        if events.is_empty() {
            report.fault(format!("events {} to {} are missing", last + 1, end.head));
            return Ok(report);
        }
        for event in &events {
            if event.seq != last + 1 {
                report.fault(format!("events {} to {} are missing", last + 1, event.seq - 1));
            }
            last = event.seq;
            report.events += 1;
            one(keys, event, &seal, &mut report);
            seal.copy_from_slice(event.seal.get(..32).unwrap_or(&[0; 32]));
            match (&event.data, Kind::parse(&event.kind)) {
                (None, _) => {
                    report.erased += 1;
                    blanked.entry(event.user_id).or_insert(event.seq);
                }
                (Some(_), Some(Kind::UserErased)) => {
                    blanked.remove(&event.user_id);
                }
                _ => {}
            }
            order(event, &mut versions, &mut report);
        }
        progress(last, end.head);
    }
    if seal != end.seal {
        report.fault(format!("the head's seal is not that of event {}", end.head));
    }
    for (user, seq) in blanked {
        let user = user.map_or_else(|| "nobody".to_owned(), |user| user.to_string());
        report.fault(format!("event {seq} of user {user} was blanked, but no event says that he was erased"));
    }
    Ok(report)
}

fn one(keys: &Keys, event: &Sealed, previous: &[u8; 32], report: &mut Report) {
    if event.key_id != keys.id() {
        report.fault(format!("event {} was sealed under another master key ({})", event.seq, event.key_id));
    } else if !equal(&event.seal, &seal::expected(keys, event, previous)) {
        report.fault(format!("the seal of event {} does not fit: it or its predecessor was altered", event.seq));
    }
    match (&event.salt, &event.data) {
        (Some(salt), Some(data)) if equal(&event.digest, &seal::digest(salt, data)) => {}
        (None, None) => {}
        _ => report.fault(format!("the data of event {} was altered", event.seq)),
    }
    if event.ip != event.data.as_deref().and_then(seal::ip) {
        report.fault(format!("the address of event {} is not the one in its data", event.seq));
    }
}

fn order(event: &Sealed, versions: &mut HashMap<UserId, i64>, report: &mut Report) {
    let (Some(user), Some(version)) = (event.user_id, event.user_version) else { return };
    let before = versions.insert(user, version).unwrap_or(0);
    if version <= before {
        report.fault(format!("event {} takes user {user} from version {before} to {version}", event.seq));
    }
}
