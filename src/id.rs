//! Ids: `UUIDv7` (RFC 9562), typed by what they name.
//!
//! An id carries its millisecond in front and the microseconds within it in the next 12 bits (method 3
//! of section 6.2). No two ids of one clock share a microsecond, so those of one process ascend. The other 62 bits
//! are random. Ids name things; they are never a secret.

use std::{fmt, hash, marker::PhantomData, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

use crate::{
    clock::Clock,
    error::{Error, Result},
};

/// What ids name. The types have no values; they keep one kind of id from standing in for another.
pub mod kind {
    /// A person's account.
    pub enum User {}
    /// A sign-in that lasts.
    pub enum Session {}
    /// An entry of the log.
    pub enum Event {}
    /// A piece of work to be done later.
    pub enum Job {}
    /// A way to prove who one is.
    pub enum Credential {}
    /// An API key.
    pub enum Key {}
}

/// The id of an account.
pub type UserId = Id<kind::User>;
/// The id of a session.
pub type SessionId = Id<kind::Session>;
/// The id of an API key.
pub type KeyId = Id<kind::Key>;
/// The id of an event.
pub type EventId = Id<kind::Event>;
/// The id of a job.
pub type JobId = Id<kind::Job>;

/// The id of a `T`.
pub struct Id<T>(Uuid, PhantomData<fn() -> T>);

impl<T> Id<T> {
    /// A new id, greater than any that was made by this clock before.
    ///
    /// # Errors
    /// `internal` when the system's random source fails.
    pub fn new(clock: &Clock) -> Result<Self> {
        let mut bytes = [0u8; 16];
        getrandom::fill(&mut bytes).map_err(Error::internal)?;
        let micros = u64::try_from(clock.tick().micros()).unwrap_or(0);
        let fraction = u16::try_from((micros % 1_000) * 4_096 / 1_000).unwrap_or(0);
        bytes[..6].copy_from_slice(&(micros / 1_000).to_be_bytes()[2..]);
        bytes[6..8].copy_from_slice(&(0x7000 | fraction).to_be_bytes());
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Ok(Self::from_uuid(Uuid::from_bytes(bytes)))
    }

    /// The id with this value.
    #[must_use]
    pub const fn from_uuid(value: Uuid) -> Self {
        Self(value, PhantomData)
    }

    /// Its value.
    #[must_use]
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Id<T> {}
impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<T> Eq for Id<T> {}
impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}
impl<T> hash::Hash for Id<T> {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<T> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
impl<T> FromStr for Id<T> {
    type Err = uuid::Error;
    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        Uuid::try_parse(text).map(Self::from_uuid)
    }
}
impl<T> Serialize for Id<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}
impl<'de, T> Deserialize<'de> for Id<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_ids_are_greater() {
        let clock = Clock::default();
        let ids: Vec<_> = (0..50_000).map(|_| Id::<()>::new(&clock).unwrap()).collect();
        assert!(ids.is_sorted());
        assert_eq!(ids[0].uuid().get_version_num(), 7);
    }
}
