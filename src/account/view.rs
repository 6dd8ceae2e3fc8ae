//! A user as others see him.

use serde_json::{Map, Value, json};

use super::User;
use crate::access::{Authority, Caller, Role};

/// The whole record, as the log keeps it: every field that is not null.
#[must_use]
pub fn record(user: &User) -> Map<String, Value> {
    let stored = stored(user, user.role).into_iter().filter(|(_, value)| !value.is_null());
    stored.map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The user as he sees himself: `User` of the HTTP contract.
#[must_use]
pub fn own(user: &User, authority: &Authority) -> Map<String, Value> {
    let permissions: Vec<&str> = authority.permissions.names().collect();
    let more = [
        ("roles", json!(authority.roles())),
        ("permissions", json!(permissions)),
        ("synced", json!(if user.synced { "yes" } else { "no" })),
        ("last_login", json!(user.last_login)),
        ("last_activity", json!(user.last_activity)),
    ];
    let all = stored(user, authority.role).into_iter().chain(more);
    all.map(|(name, value)| (name.to_owned(), value)).collect()
}

/// What changes with the record alone.
fn stored(user: &User, role: Role) -> [(&'static str, Value); 30] {
    [
        ("id", json!(user.id)),
        ("email", json!(user.email)),
        ("username", json!(user.username)),
        ("full_name", json!(user.full_name)),
        ("first_name", json!(user.first_name)),
        ("last_name", json!(user.last_name)),
        ("phone", json!(user.phone)),
        ("gender", json!(user.gender)),
        ("ip_address", json!(user.ip_address)),
        ("avatar_url", json!(user.avatar_url)),
        ("bio", json!(user.bio)),
        ("current_title", json!(user.current_title)),
        ("experience_years", json!(user.experience_years)),
        ("education_level", json!(user.education_level)),
        ("current_role_level", json!(user.current_role_level)),
        ("location", json!(user.location)),
        ("timezone", json!(user.timezone)),
        ("user_metadata", json!(user.user_metadata)),
        ("app_metadata", json!(user.app_metadata)),
        ("role", json!(role.as_str())),
        ("is_active", json!(user.is_active)),
        ("is_verified", json!(user.is_verified)),
        ("is_premium", json!(user.is_premium)),
        ("subscription_tier", json!(user.subscription_tier)),
        ("subscription_status", json!(user.subscription_status)),
        ("external_id", json!(user.external_id)),
        ("must_change_password", json!(user.must_change_password)),
        ("mfa_enabled", json!(user.mfa_enabled)),
        ("created_at", json!(user.created_at)),
        ("updated_at", json!(user.updated_at)),
    ]
}

/// What nobody sees of others who may not change them.
pub const HIDDEN: &[&str] = &[
    "phone",
    "ip_address",
    "user_metadata",
    "app_metadata",
    "permissions",
    "mfa_enabled",
    "synced",
    "last_login",
    "last_activity",
];

/// Whether a caller sees the e-mail address of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contact {
    /// He does: the other shows it to everybody, or this deployment does.
    Shown,
    /// He does not.
    Hidden,
}

/// A user as this caller sees him.
#[must_use]
pub fn seen(caller: &Caller, user: &User, authority: &Authority, contact: Contact) -> Map<String, Value> {
    let mut view = own(user, authority);
    if caller.sees_everything() || super::rank::is_self(caller, user.id) {
        return view;
    }
    for field in HIDDEN {
        view.remove(*field);
    }
    if contact == Contact::Hidden {
        view.remove("email");
    }
    view
}
