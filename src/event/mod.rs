//! The log: every change to a user is one event, written in the transaction that makes the change.
//!
//! [`record`] puts an event beside the change. The [`sequencer`] numbers committed events without gaps and
//! seals each with an HMAC over the seal before it; the number is the cursor of every reader. [`watch`]
//! tells this process what others changed. [`verify`] proves that what was numbered was not altered
//! or taken away. [`trail`] is how people ask it. `docs/events.md` writes down the framing, and what the proof does not cover.
//!
//! The invariant: an event exists if and only if its change is committed, exactly once.

pub mod counters;
pub mod http;
mod kind;
mod lead;
mod order;
mod seal;
pub mod sequencer;
mod store;
mod tally;
pub mod trail;
pub mod verify;
pub mod watch;

use serde_json::{Map, Value};

pub use kind::Kind;
pub use lead::{Lead, MOST};
use seal::Salted;
pub use tally::{tally, tell_tally};

use crate::{
    access::{Actor, Caller},
    clock::Time,
    db::{Conn, Note, Tx},
    error::{Error, Result},
    id::{SessionId, UserId},
};

/// The version of the shape of `data`.
pub const SCHEMA_VERSION: i64 = 1;

/// Whether what was tried took place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It did.
    Success,
    /// It was refused.
    Refused,
}

impl Outcome {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Success, Self::Refused];

    /// Its name in the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Refused => "refused",
        }
    }
}

/// What happened, before it is written down.
#[derive(Debug)]
pub struct Event {
    kind: Kind,
    outcome: Outcome,
    actor: Actor,
    user: Option<UserId>,
    user_version: Option<i64>,
    session: Option<SessionId>,
    data: Map<String, Value>,
}

impl Event {
    /// Something that `caller` did. His address and user agent go into the data.
    #[must_use]
    pub fn new(kind: Kind, caller: &Caller) -> Self {
        let session = match caller.actor {
            Actor::User(_, session) => Some(session),
            _ => None,
        };
        let event = Self {
            kind,
            outcome: Outcome::Success,
            actor: caller.actor,
            user: None,
            user_version: None,
            session,
            data: Map::new(),
        };
        let event = event.with("ip", caller.origin.ip.map(|ip| ip.to_string()));
        let event = match caller.actor {
            Actor::Key(_, key) => event.with("key", key.to_string()),
            _ => event,
        };
        event.with("user_agent", caller.origin.user_agent.clone())
    }

    /// Says that it was refused.
    #[must_use]
    pub fn refused(mut self) -> Self {
        self.outcome = Outcome::Refused;
        self
    }

    /// The user it concerns; nobody when there is none.
    #[must_use]
    pub fn user(mut self, user: impl Into<Option<UserId>>) -> Self {
        self.user = user.into();
        self
    }

    /// The version of the user's record after it. The events of one user ascend by it.
    #[must_use]
    pub fn version(mut self, version: i64) -> Self {
        self.user_version = Some(version);
        self
    }

    /// The session it concerns.
    #[must_use]
    pub fn session(mut self, session: SessionId) -> Self {
        self.session = Some(session);
        self
    }

    /// Adds a fact; nothing when it is null.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        if !value.is_null() {
            self.data.insert(name.to_owned(), value);
        }
        self
    }
}

/// Writes an event into the transaction of its change.
///
/// # Errors
/// Of the database.
pub async fn record(tx: &mut Tx, event: Event) -> Result<()> {
    if cfg!(feature = "without-log") {
        return Ok(());
    }
    tx.note(Note {
        kind: event.kind.as_str(),
        user: event.user.map(UserId::uuid),
        session: event.session.map(SessionId::uuid),
    });
    store::insert(tx, event).await
}

/// Many events on the way to be written: [`record_all`] does it.
#[must_use]
pub struct Prepared(std::thread::JoinHandle<Result<Vec<(Event, String, Salted)>>>);

/// Puts many events into words on a thread of its own, while the changes that they tell of are written.
pub fn prepare(events: impl FnOnce() -> Vec<Event> + Send + 'static) -> Prepared {
    let with_words = |event: Event| {
        let words = store::words(&event)?;
        let salted = Salted::of(&words)?;
        Ok((event, words, salted))
    };
    Prepared(std::thread::spawn(move || events().into_iter().map(with_words).collect()))
}

/// Writes many events into the transaction of their changes; where this process has the `lead`, with their numbers.
///
/// # Errors
/// Of the database.
pub async fn record_all(tx: &mut Tx, prepared: Prepared, lead: Option<&Lead>) -> Result<()> {
    let events = prepared.0.join().map_err(|_| Error::internal("the events could not be put into words"))??;
    let mut pending = Vec::with_capacity(events.len());
    for (event, words, salted) in events {
        tx.note(Note { kind: event.kind.as_str(), user: event.user.map(UserId::uuid), session: None });
        pending.push((store::pending_as(tx, &event, words)?, salted));
    }
    match lead {
        Some(lead) => lead.insert(tx, pending).await,
        None => store::insert_all(tx, pending).await,
    }
}

/// Whether more than `most` committed events wait for their numbers.
///
/// # Errors
/// Of the database.
pub async fn backlog_is_over(conn: &mut Conn, most: i64) -> Result<bool> {
    Ok(store::waiting(conn, most + 1).await? > most)
}

/// Takes the personal data out of everything the log holds of a user, and records that it did.
/// What is left proves that the events took place, and nothing more.
///
/// # Errors
/// Of the database.
pub async fn erase(tx: &mut Tx, caller: &Caller, user: UserId) -> Result<()> {
    let erased = store::erase(tx, user).await?;
    record(tx, Event::new(Kind::UserErased, caller).user(user).with("events", erased)).await
}

/// How far the numbering of the log is behind.
#[derive(Clone, Copy, Debug)]
pub struct Backlog {
    /// The number of the last event.
    pub head: i64,
    /// Events without a number, counted up to 10 000.
    pub pending: i64,
    /// When the oldest of them took place.
    pub oldest: Option<Time>,
}

/// Reads how far the numbering is behind, at a bounded cost.
///
/// # Errors
/// Of the database.
pub async fn backlog(conn: &mut Conn) -> Result<Backlog> {
    let head = store::head(conn).await?.map_or(0, |head| head.head);
    let (pending, oldest) = store::backlog(conn).await?;
    Ok(Backlog { head, pending, oldest })
}

/// The newest instant in the log, below which the clock must not fall.
///
/// # Errors
/// Of the database.
pub async fn newest(conn: &mut Conn) -> Result<Option<Time>> {
    store::newest(conn).await
}
