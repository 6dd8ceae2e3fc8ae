//! Sums that the sequencer keeps as it numbers, so that nobody has to count tables.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    Kind,
    store::{self, Sealed},
};
use crate::{db::Conn, error::Result};

/// A sum that is kept: its name, and what of a user's record adds to it.
const USER_FLAGS: [(&str, &str); 3] =
    [("active_users", "is_active"), ("premium_users", "is_premium"), ("verified_users", "is_verified")];
const TOTAL_USERS: &str = "total_users";
const ACTIVE_SESSIONS: &str = "active_sessions";

/// How many there are of what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counters {
    /// Accounts that are not deleted.
    pub total_users: i64,
    /// Of these, those that may sign in.
    pub active_users: i64,
    /// Of these, those with a premium plan.
    pub premium_users: i64,
    /// Of these, those with a proved e-mail address.
    pub verified_users: i64,
    /// Sessions that can be used. What ended by itself counts until it is swept, for a minute.
    pub active_sessions: i64,
    /// Refresh tokens that can be used: each session has one.
    pub active_refresh_tokens: i64,
}

/// Reads the sums, as of the last numbered event.
///
/// # Errors
/// Of the database.
pub async fn read(conn: &mut Conn) -> Result<Counters> {
    let mut counters = Counters::default();
    for (name, value) in store::counters(conn).await? {
        let place = match name.as_str() {
            TOTAL_USERS => &mut counters.total_users,
            "active_users" => &mut counters.active_users,
            "premium_users" => &mut counters.premium_users,
            "verified_users" => &mut counters.verified_users,
            ACTIVE_SESSIONS => {
                counters.active_refresh_tokens = value;
                &mut counters.active_sessions
            }
            _ => continue,
        };
        *place = value;
    }
    Ok(counters)
}

/// What these events add to the sums.
pub(super) fn deltas(events: &[Sealed]) -> BTreeMap<&'static str, i64> {
    let mut deltas = BTreeMap::new();
    let mut add = |name, by| *deltas.entry(name).or_insert(0) += by;
    for event in events.iter().filter(|event| event.outcome == "success") {
        match Kind::parse(&event.kind) {
            Some(Kind::SessionCreated) => add(ACTIVE_SESSIONS, 1),
            Some(Kind::SessionRevoked | Kind::SessionExpired) => add(ACTIVE_SESSIONS, -1),
            Some(
                kind @ (Kind::UserCreated
                | Kind::UserUpdated
                | Kind::UserVerified
                | Kind::UserEmailChanged
                | Kind::UserPlanChanged
                | Kind::UserRestored
                | Kind::UserActivated
                | Kind::UserDeactivated
                | Kind::UserDeleted),
            ) => {
                let data: Map<String, Value> =
                    event.data.as_deref().and_then(|data| serde_json::from_str(data).ok()).unwrap_or_default();
                user(kind, &data, &mut add);
            }
            _ => {}
        }
    }
    deltas.retain(|_, by| *by != 0);
    deltas
}

fn user(kind: Kind, data: &Map<String, Value>, add: &mut impl FnMut(&'static str, i64)) {
    let flag = |part: &str, name: &str| data.get(part).and_then(|part| part.get(name)).and_then(Value::as_bool);
    match kind {
        Kind::UserCreated | Kind::UserRestored => add(TOTAL_USERS, 1),
        Kind::UserDeleted => add(TOTAL_USERS, -1),
        _ => {}
    }
    for (counter, name) in USER_FLAGS {
        // `user` is the record after the event, or, for a deletion, as it was; `before` holds what changed.
        let after = flag("user", name).unwrap_or(false);
        let by = match kind {
            Kind::UserCreated | Kind::UserRestored => i64::from(after),
            Kind::UserDeleted => -i64::from(after),
            _ => i64::from(after) - i64::from(flag("before", name).unwrap_or(after)),
        };
        add(counter, by);
    }
}
