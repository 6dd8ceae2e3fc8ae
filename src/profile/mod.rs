//! What a person tells of himself beside the account: an extended profile, and preferences.
//!
//! Both are documents of many small fields that nothing in here depends on, so each is one JSON object, kept by
//! field: a change names fields, and the others stay. What a field may hold is decided at the edge
//! ([`http`]). The invariant: a change is one event, and no change is none.

pub mod http;
mod store;

use std::collections::HashSet;

use serde_json::{Map, Value};

pub use store::Document;

use crate::{
    access::Caller,
    db::{Conn, Tx},
    error::{Code, Result},
    event::{self, Event},
    id::UserId,
    patch::Patch,
};

/// Which document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What others may see.
    Profile,
    /// What the person wishes, for himself alone.
    Preferences,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::Preferences => "preferences",
        }
    }

    const fn event(self) -> event::Kind {
        match self {
            Self::Profile => event::Kind::ProfileUpdated,
            Self::Preferences => event::Kind::PreferencesUpdated,
        }
    }
}

/// The document of a person, unless he never set one.
///
/// # Errors
/// Of the database.
pub async fn get(conn: &mut Conn, user: UserId, kind: Kind) -> Result<Option<Document>> {
    store::get(conn, user, kind.as_str()).await
}

/// Those of these people who show how to reach them to everybody.
///
/// # Errors
/// Of the database.
pub async fn public_contacts(conn: &mut Conn, users: &[UserId]) -> Result<HashSet<UserId>> {
    if users.is_empty() {
        return Ok(HashSet::new());
    }
    let documents = store::of(conn, users, Kind::Profile.as_str()).await?;
    let shows = |data: &Map<String, Value>| data.get("contact_visibility").is_some_and(|value| value == "public");
    Ok(documents.into_iter().filter(|(_, data)| shows(data)).map(|(user, _)| user).collect())
}

/// Whether a person shows his documents to everybody who may read profiles. One who never said so does.
///
/// # Errors
/// Of the database.
pub async fn is_public(conn: &mut Conn, user: UserId) -> Result<bool> {
    let profile = get(conn, user, Kind::Profile).await?;
    let chosen = profile.and_then(|profile| profile.data.get("profile_visibility").cloned());
    Ok(chosen.is_none_or(|visibility| visibility == "public"))
}

/// Changes one's own document: only the fields given; `null` takes one away.
///
/// # Errors
/// `token_refused` when the account is gone.
pub async fn update(
    tx: &mut Tx,
    caller: &Caller,
    kind: Kind,
    changes: &[(&'static str, Patch<Value>)],
) -> Result<Document> {
    let (user, _) = caller.signed_in()?;
    // The account's row is what two writers of one document wait for.
    crate::account::lock(tx, user).await?.ok_or(Code::TokenRefused)?;
    let stored = store::get(tx, user, kind.as_str()).await?;
    let mut data = stored.as_ref().map_or_else(Map::new, |document| document.data.clone());
    let mut before = Map::new();
    for (name, change) in changes {
        let old = data.get(*name).cloned();
        let new = change.clone().apply(old.clone());
        if old == new {
            continue;
        }
        before.insert((*name).to_owned(), old.unwrap_or(Value::Null));
        match new {
            Some(value) => data.insert((*name).to_owned(), value),
            None => data.remove(*name),
        };
    }
    if let (Some(document), true) = (&stored, before.is_empty()) {
        return Ok(document.clone());
    }
    let document = store::set(tx, user, kind.as_str(), data).await?;
    let event = Event::new(kind.event(), caller).user(user);
    event::record(tx, event.with(kind.as_str(), document.data.clone()).with("before", before)).await?;
    Ok(document)
}
