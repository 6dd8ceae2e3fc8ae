//! Proofs: one-time links by mail. Whoever holds the token of one reads the mailbox it was sent to.
//!
//! The invariants: the database keeps a token's SHA-256 alone. A person has one proof of a kind, so the next one takes
//! the place of the one before. It is consumed by one conditional write, and goes when what it opens changes: whoever
//! changes a password or an address, deactivates or deletes an account says [`void`] in the same transaction, so nothing
//! that is undone later brings it back. What a proof opens is for its caller, who has locked the account, to see to.
//! Begin with [`issue`].

pub mod job;
mod store;

use std::time::Duration;

pub use store::Proof;

use crate::{
    clock::Time,
    db::{Conn, Tx},
    error::Result,
    id::UserId,
    mail,
    secret::Token,
};

/// What a token begins with.
pub const PREFIX: &str = "dzp_";
/// How long a link opens something. Its mail is not worth sending for any longer.
pub const LIFE: Duration = mail::LINK;

/// What a link opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The choice of a password.
    Password,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
        }
    }
}

/// A new token for this person and address. Those of the same kind that he has open nothing any more.
///
/// # Errors
/// Of the database.
pub async fn issue(tx: &mut Tx, kind: Kind, user: UserId, email: &str) -> Result<Token> {
    let token = Token::random(PREFIX)?;
    let expires_at = tx.now() + LIFE;
    store::put(tx, kind.as_str(), user, token.digest(), email, expires_at).await?;
    Ok(token)
}

/// The proof of a token, if it stands. Nothing is used up.
///
/// # Errors
/// Of the database.
pub async fn find(conn: &mut Conn, kind: Kind, token: &Token, now: Time) -> Result<Option<Proof>> {
    store::get(conn, kind.as_str(), token.digest(), now).await
}

/// Uses a token up. Of any number who try at once, one gets the proof.
///
/// # Errors
/// Of the database.
pub async fn consume(tx: &mut Tx, kind: Kind, token: &Token) -> Result<Option<Proof>> {
    store::take(tx, kind.as_str(), token.digest()).await
}

/// Makes every link of a person useless.
///
/// # Errors
/// Of the database.
pub async fn void(tx: &mut Tx, user: UserId) -> Result<()> {
    store::void(tx, user).await
}

/// Removes up to `limit` proofs that are over. Gives how many.
///
/// # Errors
/// Of the database.
pub async fn sweep(tx: &mut Tx, limit: i64) -> Result<u64> {
    store::remove_over(tx, limit).await
}
