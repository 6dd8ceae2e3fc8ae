//! A user as others see him.

use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::User;
use crate::{
    access::{Authority, Caller, Role},
    clock::Time,
    id::UserId,
};

/// The whole record, as the log keeps it: every field that is not null.
#[must_use]
pub fn record(user: &User) -> Map<String, Value> {
    map(stored(user, user.role)).into_iter().filter(|(_, value)| !value.is_null()).collect()
}

/// The user as he sees himself: `User` of the HTTP contract.
#[must_use]
pub fn own(user: &User, authority: &Authority) -> Map<String, Value> {
    map(whole(user, authority))
}

/// The same or [`seen`], for one who writes it down at once: a map costs more than to read the user.
pub struct Written {
    user: User,
    authority: Authority,
    sight: Sight,
}

impl Written {
    /// The user as he sees himself.
    #[must_use]
    pub fn own(user: User, authority: Authority) -> Self {
        Self { user, authority, sight: Sight::Whole }
    }

    /// The user as this caller sees him.
    #[must_use]
    pub fn seen(caller: &Caller, user: User, authority: Authority, contact: Contact) -> Self {
        Self { sight: Sight::of(caller, user.id, contact), user, authority }
    }
}

impl Serialize for Written {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = whole(&self.user, &self.authority).filter(|(name, _)| self.sight.shows(name));
        serializer.collect_map(fields)
    }
}

/// A field's value.
#[derive(Serialize)]
#[serde(untagged)]
enum Field<'a> {
    Id(UserId),
    Text(&'a str),
    Maybe(Option<&'a str>),
    Number(Option<i64>),
    Flag(bool),
    Time(Option<Time>),
    Words(Vec<&'a str>),
    Object(&'a Map<String, Value>),
}

fn map<'a>(fields: impl IntoIterator<Item = (&'static str, Field<'a>)>) -> Map<String, Value> {
    fields.into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect()
}

fn whole<'a>(user: &'a User, authority: &'a Authority) -> impl Iterator<Item = (&'static str, Field<'a>)> {
    let more = [
        ("roles", Field::Words(authority.roles())),
        ("permissions", Field::Words(authority.permissions.names().collect())),
        ("synced", Field::Text(if user.synced { "yes" } else { "no" })),
        ("last_login", Field::Time(user.last_login)),
        ("last_activity", Field::Time(user.last_activity)),
    ];
    stored(user, authority.role).into_iter().chain(more)
}

/// What changes with the record alone.
fn stored(user: &User, role: Role) -> [(&'static str, Field<'_>); 30] {
    [
        ("id", Field::Id(user.id)),
        ("email", Field::Text(&user.email)),
        ("username", Field::Maybe(user.username.as_deref())),
        ("full_name", Field::Maybe(user.full_name.as_deref())),
        ("first_name", Field::Maybe(user.first_name.as_deref())),
        ("last_name", Field::Maybe(user.last_name.as_deref())),
        ("phone", Field::Maybe(user.phone.as_deref())),
        ("gender", Field::Maybe(user.gender.as_deref())),
        ("ip_address", Field::Maybe(user.ip_address.as_deref())),
        ("avatar_url", Field::Maybe(user.avatar_url.as_deref())),
        ("bio", Field::Maybe(user.bio.as_deref())),
        ("current_title", Field::Maybe(user.current_title.as_deref())),
        ("experience_years", Field::Number(user.experience_years)),
        ("education_level", Field::Maybe(user.education_level.as_deref())),
        ("current_role_level", Field::Maybe(user.current_role_level.as_deref())),
        ("location", Field::Maybe(user.location.as_deref())),
        ("timezone", Field::Maybe(user.timezone.as_deref())),
        ("user_metadata", Field::Object(&user.user_metadata)),
        ("app_metadata", Field::Object(&user.app_metadata)),
        ("role", Field::Text(role.as_str())),
        ("is_active", Field::Flag(user.is_active)),
        ("is_verified", Field::Flag(user.is_verified)),
        ("is_premium", Field::Flag(user.is_premium)),
        ("subscription_tier", Field::Text(&user.subscription_tier)),
        ("subscription_status", Field::Text(&user.subscription_status)),
        ("external_id", Field::Maybe(user.external_id.as_deref())),
        ("must_change_password", Field::Flag(user.must_change_password)),
        ("mfa_enabled", Field::Flag(user.mfa_enabled)),
        ("created_at", Field::Time(Some(user.created_at))),
        ("updated_at", Field::Time(Some(user.updated_at))),
    ]
}

/// What nobody sees of others who may not change them.
const HIDDEN: &[&str] = &[
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

impl Contact {
    /// Whether a field of others is hidden from who may not change them.
    #[must_use]
    pub fn hides(self, field: &str) -> bool {
        HIDDEN.contains(&field) || (self == Self::Hidden && field == "email")
    }
}

/// What of a user is seen.
#[derive(Clone, Copy)]
enum Sight {
    Whole,
    Others(Contact),
}

impl Sight {
    fn of(caller: &Caller, user: UserId, contact: Contact) -> Self {
        if caller.sees_everything() || super::rank::is_self(caller, user) {
            return Self::Whole;
        }
        Self::Others(contact)
    }

    fn shows(self, field: &str) -> bool {
        match self {
            Self::Whole => true,
            Self::Others(contact) => !contact.hides(field),
        }
    }
}

/// A user as this caller sees him.
#[must_use]
pub fn seen(caller: &Caller, user: &User, authority: &Authority, contact: Contact) -> Map<String, Value> {
    let sight = Sight::of(caller, user.id, contact);
    map(whole(user, authority).filter(|(name, _)| sight.shows(name)))
}
