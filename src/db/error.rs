//! What a failed statement means for its transaction, and for the client.

use std::fmt;

use crate::error::{Code, Error};

/// Unique indexes that a client can run into, and what he is told.
const CONFLICTS: &[(&str, Code, &str)] = &[
    ("users_email_key", Code::EmailTaken, "email"),
    ("users_username_key", Code::UsernameTaken, "username"),
    ("identities_source_subject", Code::ExternalIdTaken, "external_id"),
];

/// A failed statement.
pub(super) struct Failure {
    pub fate: Fate,
    pub error: Error,
}

/// What becomes of the transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Another one was in the way (40001, 40P01, BUSY), or the connection was lost before the commit:
    /// run the transaction again.
    Retry,
    /// The server ended the session. Before the commit that is [`Fate::Retry`]; at the commit nobody knows.
    Lost,
    /// There was no space on the disk: it stays failed, unless space can be made for it.
    Full,
    /// It stays failed.
    Final,
}

/// What a transaction may take of a full disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// Nothing.
    Usual,
    /// What is held in reserve.
    Reserve,
}

impl Failure {
    pub fn retry(cause: impl fmt::Display) -> Self {
        Self { fate: Fate::Retry, error: Error::unavailable(cause) }
    }

    pub fn full(cause: impl fmt::Display) -> Self {
        Self { fate: Fate::Full, error: Error::unavailable(cause) }
    }

    pub fn unavailable(cause: impl fmt::Display) -> Self {
        Self { fate: Fate::Final, error: Error::unavailable(cause) }
    }

    pub fn internal(cause: impl fmt::Display) -> Self {
        Self { fate: Fate::Final, error: Error::internal(cause) }
    }

    /// A unique index, by its name, was hit.
    pub fn unique(index: &str) -> Self {
        let known = CONFLICTS.iter().find(|(name, ..)| *name == index);
        let error = known.map_or_else(
            || Error::new(Code::Conflict).because(index),
            |&(_, code, field)| Error::new(code).field(field),
        );
        Self { fate: Fate::Final, error }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}
