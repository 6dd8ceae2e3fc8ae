//! Sums that the sequencer keeps as it numbers, so that nobody has to count tables.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    Kind,
    store::{self, Sealed},
};
use crate::{db::Conn, error::Result};

/// What the sums go by of an event's data. There is much more in it, which is passed over unread.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Data {
    /// The record after the event or, for a deletion, as it was.
    user: Flags,
    /// What changed, as it was before.
    before: Flags,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Flags {
    is_active: Option<bool>,
    is_premium: Option<bool>,
    is_verified: Option<bool>,
}

impl Flags {
    /// Each with the sum that it adds to.
    const fn each(&self) -> [(&'static str, Option<bool>); 3] {
        [("active_users", self.is_active), ("premium_users", self.is_premium), ("verified_users", self.is_verified)]
    }
}

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
                let data = event.data.as_deref().and_then(|data| serde_json::from_str(data).ok()).unwrap_or_default();
                user(kind, &data, &mut add);
            }
            _ => {}
        }
    }
    deltas.retain(|_, by| *by != 0);
    deltas
}

fn user(kind: Kind, data: &Data, add: &mut impl FnMut(&'static str, i64)) {
    match kind {
        Kind::UserCreated | Kind::UserRestored => add(TOTAL_USERS, 1),
        Kind::UserDeleted => add(TOTAL_USERS, -1),
        _ => {}
    }
    for ((counter, after), (_, before)) in data.user.each().into_iter().zip(data.before.each()) {
        let after = after.unwrap_or(false);
        let by = match kind {
            Kind::UserCreated | Kind::UserRestored => i64::from(after),
            Kind::UserDeleted => -i64::from(after),
            _ => i64::from(after) - i64::from(before.unwrap_or(after)),
        };
        add(counter, by);
    }
}
