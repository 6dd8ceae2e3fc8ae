//! Refresh tokens: opaque, rotated at each use (RFC 9700, 4.14.2), and kind to honest clients.
//!
//! The successor of a token is `HMAC(key, token || nonce of its row)`: whoever presents the same token in
//! parallel, or again because the answer was lost, gets the *same* successor. That is benign until the successor
//! itself is presented, and for at most 60 s; a parent that comes later is stolen, or its child is, so the whole
//! session ends. Only the digests of tokens are stored, and without the master key none can be derived.

use std::time::Duration;

use super::{ACTIVITY, Reason, store};
use crate::{
    access::Caller,
    clock::Time,
    db::{Conn, Tx},
    error::{Code, Result},
    event::{self, Event, Kind},
    id::{SessionId, UserId},
    secret::{Keys, Purpose, Token, random},
};

/// What a refresh token begins with.
pub const PREFIX: &str = "dzr_";

/// How long a used token still answers with its successor.
const GRACE: Duration = Duration::from_secs(60);

/// Whether a refresh token is replaced at each use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// At each use.
    On,
    /// Never: for clients that keep the first one. A stolen token then works unseen until it expires.
    Off,
}

/// What a refresh gave.
pub enum Refreshed {
    /// The session goes on.
    Continued {
        /// The session.
        session: SessionId,
        /// Its person.
        user: UserId,
        /// The version of what he may do.
        authority_version: i64,
        /// The token to use next.
        token: Token,
    },
    /// It does not. What this left behind (its trace, a session that was ended) is to be committed.
    Refused(Code),
}

/// Uses a refresh token.
///
/// # Errors
/// Of the database. A token that is not accepted is a value, since its refusal may end a session.
pub async fn refresh(
    tx: &mut Tx,
    caller: &Caller,
    keys: &Keys,
    rotation: Rotation,
    token: &Token,
) -> Result<Refreshed> {
    let digest = token.digest();
    let Some(found) = store::find_token(tx, digest).await? else {
        return refused(tx, caller, None, Code::RefreshExpired).await;
    };
    if found.is_over(tx.now()) {
        return refused(tx, caller, Some(&found), Code::RefreshExpired).await;
    }
    if rotation == Rotation::Off {
        continued(tx, caller, &found).await?;
        return Ok(found.with(token.clone()));
    }
    let successor = Token::of(PREFIX, &keys.mac(Purpose::Refresh, &[token.expose().as_bytes(), &found.nonce]));
    if found.used_at.is_none() && store::use_token(tx, digest).await? {
        let expires_at = super::refresh_expiry(tx.now(), found.idle_seconds, found.expires_at);
        store::insert_token(tx, successor.digest(), found.session_id, random::<16>()?, expires_at).await?;
        continued(tx, caller, &found).await?;
        return Ok(found.with(successor));
    }
    if is_benign(tx, &successor, digest).await? {
        return Ok(found.with(successor));
    }
    super::revoke(tx, caller, found.user_id, found.session_id, Reason::RefreshReused).await?;
    refused(tx, caller, Some(&found), Code::RefreshReused).await
}

/// Leaves a trace of a refusal. It is summed up: whoever has a token that is over may send it as often as he likes.
async fn refused(tx: &mut Tx, caller: &Caller, found: Option<&store::Found>, code: Code) -> Result<Refreshed> {
    let event = Event::new(Kind::SessionRefreshed, caller).with("reason", code.as_str());
    let event = match found {
        Some(found) => event.user(found.user_id).session(found.session_id),
        None => event,
    };
    event::tally(tx, event).await?;
    Ok(Refreshed::Refused(code))
}

/// Whether a used token comes back in time, and before its successor was ever presented.
async fn is_benign(conn: &mut Tx, successor: &Token, digest: [u8; 32]) -> Result<bool> {
    let used_at = store::used_at(conn, digest).await?.flatten();
    let in_time = used_at.is_some_and(|used_at| conn.now() <= used_at + GRACE);
    Ok(in_time && store::used_at(conn, successor.digest()).await? == Some(None))
}

async fn continued(tx: &mut Tx, caller: &Caller, found: &store::Found) -> Result<()> {
    if tx.now() >= found.last_activity + ACTIVITY {
        store::touch(tx, found.session_id, caller.origin.ip.map(|ip| ip.to_string())).await?;
    }
    event::record(tx, Event::new(Kind::SessionRefreshed, caller).user(found.user_id).session(found.session_id)).await
}

/// The session and person that a refresh token belongs to, whatever became of it.
///
/// # Errors
/// Of the database.
pub async fn owner(conn: &mut Conn, token: &Token) -> Result<Option<(UserId, SessionId)>> {
    Ok(store::find_token(conn, token.digest()).await?.map(|found| (found.user_id, found.session_id)))
}

impl store::Found {
    fn is_over(&self, now: Time) -> bool {
        self.ended_at.is_some()
            || self.deleted_at.is_some()
            || !self.is_active
            || self.must_change_password
            || self.token_expires_at <= now
            || self.expires_at <= now
    }

    fn with(&self, token: Token) -> Refreshed {
        Refreshed::Continued {
            session: self.session_id,
            user: self.user_id,
            authority_version: self.authority_version,
            token,
        }
    }
}
