//! Failed proofs: one counter for each account, over every door.
//!
//! The invariant: a try is counted before it is made. [`reserve`] counts it as failed and commits; only then may
//! the hash be computed, and a success takes the count back. So of any number of parallel guesses only those
//! that got a reservation cost a hash, and a crash in between forgives nobody.
//!
//! Five failures are free; then each costs a wait that doubles from 1 s to 1 h (NIST SP 800-63B-4, 3.2.2).
//! A device from which the account was entered before has a counter of its own, so that a stranger cannot lock
//! the owner out. Identifiers that nobody has are counted in the same way.

mod store;

use std::time::Duration;

use crate::{
    clock::Time,
    db::{Conn, Tx},
    error::{Code, Error, Result},
    id::{SessionId, UserId},
    secret::sha256,
};

/// Failures that cost no wait.
pub const FREE: i64 = 5;
/// Counters that nobody touched for this long are forgotten.
const FORGET: Duration = Duration::from_secs(24 * 3_600);

/// What failures are counted against. It is a digest: an identifier that nobody has is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    key: [u8; 32],
    user: Option<UserId>,
}

impl Subject {
    /// An account, from anywhere.
    #[must_use]
    pub fn account(user: UserId) -> Self {
        Self { key: sha256(&[b"account", user.uuid().as_bytes()]), user: Some(user) }
    }

    /// An account, from a device that it knows.
    #[must_use]
    pub fn device(user: UserId, device: &[u8; 32]) -> Self {
        Self { key: sha256(&[b"device", user.uuid().as_bytes(), device]), user: Some(user) }
    }

    /// An account, from a session that goes on.
    #[must_use]
    pub fn session(user: UserId, session: SessionId) -> Self {
        Self::device(user, &sha256(&[b"session", session.uuid().as_bytes()]))
    }

    /// Whose failures these are, where there is an account.
    #[must_use]
    pub const fn user(&self) -> Option<UserId> {
        self.user
    }

    /// An identifier that nobody has, by its mac.
    #[must_use]
    pub fn unknown(mac: &[u8; 32]) -> Self {
        Self { key: sha256(&[b"unknown", mac]), user: None }
    }
}

/// Whether a try may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reservation {
    /// It may; it counts as failed until [`clear`] says otherwise.
    Granted,
    /// It may not, before this instant.
    Locked(Time),
}

impl Reservation {
    /// The refusal of a locked subject.
    #[must_use]
    pub fn refusal(until: Time, now: Time) -> Error {
        Error::new(Code::TooManyAttempts).after(until.since(now))
    }
}

/// Counts a try as failed, in advance.
///
/// # Errors
/// Of the database.
pub async fn reserve(tx: &mut Tx, subject: Subject) -> Result<Reservation> {
    if store::count(tx, subject.key, subject.user).await? {
        return Ok(Reservation::Granted);
    }
    Ok(Reservation::Locked(store::not_before(tx, subject.key).await?))
}

/// The failed tries of one account: how many at each door, until when it is closed, and when the last was. At most
/// `most` doors.
///
/// # Errors
/// Of the database.
pub async fn of(conn: &mut Conn, user: UserId, most: i64) -> Result<Vec<(i64, Time, Time)>> {
    let rows = store::of(conn, user, most).await?;
    Ok(rows.into_iter().map(|(count, until, last)| (count, Time::from_micros(until), last)).collect())
}

/// Forgives a subject, after a success.
///
/// # Errors
/// Of the database.
pub async fn clear(tx: &mut Tx, subject: Subject) -> Result<()> {
    store::clear(tx, subject.key).await
}

/// Forgives an account everywhere: after a new password, or by an operator.
///
/// # Errors
/// Of the database.
pub async fn unlock(tx: &mut Tx, user: UserId) -> Result<()> {
    store::unlock(tx, user).await
}

/// Removes up to `limit` counters that nobody touched for a day. Gives how many.
///
/// # Errors
/// Of the database.
pub async fn sweep(tx: &mut Tx, limit: i64) -> Result<u64> {
    let before = tx.now() - FORGET;
    store::remove(tx, before, limit).await
}
