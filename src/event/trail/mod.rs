//! The audit trail: numbered events, newest first, by any filters at once.
//!
//! The invariant: no question reads the log from end to end. Each filter has an index in the order of time; of several,
//! the one that fewest events pass drives the walk, and the others are asked of what it brings. A walk looks at
//! [`MOST`] events and then says where it was: a page may be short, or empty, and still not be the last.
//! Begin with [`list`].

mod store;
mod walk;

use std::net::IpAddr;

use serde_json::{Map, Value};

use super::{Kind, Outcome, store::head};
use crate::{
    access::{Caller, Permission},
    clock::Time,
    db::Conn,
    error::Result,
    id::{SessionId, UserId},
};

/// Events that one page looks at. Walks of several filters that hardly anything passes stop there.
pub const MOST: usize = 20_000;

/// What is asked of events; all of it must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// What happened.
    pub kind: Option<Kind>,
    /// Who acted.
    pub actor: Option<Who>,
    /// Whom it concerns.
    pub user: Option<UserId>,
    /// From where.
    pub ip: Option<IpAddr>,
    /// In which session, or which one it concerns.
    pub session: Option<SessionId>,
    /// Whether it took place.
    pub outcome: Option<Outcome>,
    /// At this time or later.
    pub after: Option<Time>,
    /// Before this time.
    pub before: Option<Time>,
}

/// Who acted: a person, also by an API key, or what has no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// A person.
    Person(UserId),
    /// `anonymous`, `operator` or `system`.
    Nobody(&'static str),
}

impl Who {
    /// The kinds of actors without an id.
    pub const NOBODY: [&'static str; 3] = ["anonymous", "operator", "system"];
}

/// A place in the order of the trail: the time of an event and its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// When it took place.
    pub at: Time,
    /// Its number.
    pub seq: i64,
}

/// An event as it is told.
#[derive(Clone, Debug)]
pub struct Told {
    /// Where it stands.
    pub place: Place,
    /// What happened.
    pub kind: String,
    /// Whether it took place.
    pub outcome: String,
    /// What kind of actor acted.
    pub actor_kind: String,
    /// Who acted.
    pub actor: Option<UserId>,
    /// Whom it concerns.
    pub user: Option<UserId>,
    /// Which session it concerns, or in which the actor acted.
    pub session: Option<SessionId>,
    /// From where.
    pub ip: Option<String>,
    /// Everything else; nothing once erased.
    pub data: Option<Map<String, Value>>,
}

/// Part of the trail, and where the next part begins.
#[derive(Debug)]
pub struct Part {
    /// The events, newest first.
    pub events: Vec<Told>,
    /// Behind which place to go on; nothing at the end.
    pub next: Option<Place>,
}

/// Up to `limit` events behind a place, newest first.
///
/// # Errors
/// `forbidden`.
pub async fn list(
    caller: &Caller,
    conn: &mut Conn,
    filter: &Filter,
    behind: Option<Place>,
    limit: usize,
) -> Result<Part> {
    caller.must(Permission::EventsRead)?;
    let (places, next) = walk::walk(conn, filter, behind, limit).await?;
    Ok(Part { events: store::told(conn, &places).await?, next })
}

/// What the log holds of the caller himself: up to `limit` events that concern him or that he caused, behind a place
/// and newest first.
///
/// # Errors
/// `not_signed_in`, `forbidden`.
pub async fn own(caller: &Caller, conn: &mut Conn, behind: Option<Place>, limit: usize) -> Result<Vec<Told>> {
    let (user, _) = caller.signed_in()?;
    store::own(conn, user, behind, limit).await
}

/// How the engine would answer: the lines of its plan, for every statement that a filter may lead to.
///
/// # Errors
/// Of the database.
pub async fn explain(conn: &mut Conn, filter: &Filter) -> Result<Vec<String>> {
    store::explain(conn, filter).await
}

/// How many events have a number.
///
/// # Errors
/// Of the database.
pub async fn count(conn: &mut Conn) -> Result<u64> {
    Ok(head(conn).await?.map_or(0, |head| head.head.unsigned_abs()))
}

/// Whether the log knows of somebody, though there may be no account of his any more.
///
/// # Errors
/// Of the database.
pub async fn knows(conn: &mut Conn, user: UserId) -> Result<bool> {
    store::knows(conn, user).await
}
