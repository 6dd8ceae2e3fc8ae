//! Sessions: sign-ins that last, their refresh tokens, and who a bearer is.
//!
//! The invariant: what is revoked stays revoked. A session ends once, in the transaction of what ended it, and
//! nothing here brings it back. A refresh token is consumed by one conditional write.
//! Begin with [`start`], [`refresh::refresh`] and [`bearer::Bearers`].

pub mod bearer;
mod device;
pub mod http;
pub mod job;
pub mod refresh;
mod store;

use std::time::Duration;

pub use store::Session;

use crate::{
    access::Caller,
    clock::Time,
    db::{Conn, Tx},
    error::{Error, Result},
    event::{self, Event, Kind},
    id::{SessionId, UserId},
    secret::{Token, random},
};

/// How long a proof of identity counts as fresh.
pub const FRESH: Duration = Duration::from_secs(600);
/// Times of activity are written at most this often.
const ACTIVITY: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);
const ABSOLUTE_DAYS: u32 = 30;
/// A session that is remembered lives longer.
const REMEMBERED_IDLE_DAYS: u32 = 30;
const REMEMBERED_ABSOLUTE_DAYS: u32 = 90;

/// How long a session lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// Until it was idle for this long; 30 days at the most.
    Usual(Duration),
    /// 30 days idle, 90 days at the most ("remember me"); never shorter than the usual idle time, which it holds.
    Remembered(Duration),
}

/// Why a session ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Its person left.
    Logout,
    /// Its person ended it from another session, or all of them.
    Revoked,
    /// A used refresh token came back.
    RefreshReused,
    /// The password changed.
    PasswordChanged,
    /// The account was deactivated.
    Deactivated,
    /// The account was deleted.
    Deleted,
}

impl Reason {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::Revoked => "revoked",
            Self::RefreshReused => "refresh_reused",
            Self::PasswordChanged => "password_changed",
            Self::Deactivated => "deactivated",
            Self::Deleted => "deleted",
        }
    }
}

/// How the person proved himself: `amr` values of RFC 8176.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// A password.
    Password,
}

impl Method {
    /// Its `amr` value.
    #[must_use]
    pub const fn amr(self) -> &'static str {
        match self {
            Self::Password => "pwd",
        }
    }
}

/// A session that has just begun, and the first refresh token, which is never stored.
pub struct Started {
    /// The session.
    pub id: SessionId,
    /// Its refresh token.
    pub refresh_token: Token,
}

/// Begins a session for a person who has just proved himself.
///
/// Only `login` calls this, so that no way in can pass over a disabled account or a second factor.
///
/// # Errors
/// Of the database.
pub async fn start(
    tx: &mut Tx,
    caller: &Caller,
    user: UserId,
    method: Method,
    lifetime: Lifetime,
    scope: Option<&str>,
) -> Result<Started> {
    let (idle, absolute) = match lifetime {
        Lifetime::Usual(idle) => (idle, (DAY * ABSOLUTE_DAYS).max(idle)),
        Lifetime::Remembered(usual) => {
            let idle = usual.max(DAY * REMEMBERED_IDLE_DAYS);
            (idle, idle.max(DAY * REMEMBERED_ABSOLUTE_DAYS))
        }
    };
    let agent = device::describe(caller.origin.user_agent.as_deref());
    let (id, now) = (tx.new_id()?, tx.now());
    let session = Session {
        id,
        user_id: user,
        auth_time: now,
        amr: method.amr().to_owned(),
        scope: scope.map(Into::into),
        proved_at: now,
        ip_address: caller.origin.ip.map(|ip| ip.to_string()),
        user_agent: caller.origin.user_agent.clone(),
        device_type: agent.device_type,
        browser: agent.browser,
        os: agent.os,
        idle_seconds: i64::try_from(idle.as_secs()).unwrap_or(i64::MAX),
        created_at: now,
        last_activity: now,
        expires_at: now + absolute,
        ended_at: None,
        end_reason: None,
    };
    store::insert(tx, &session).await?;
    let refresh_token = Token::random(refresh::PREFIX)?;
    let expires_at = refresh_expiry(now, session.idle_seconds, session.expires_at);
    store::insert_token(tx, refresh_token.digest(), id, random::<16>()?, expires_at).await?;
    let event = Event::new(Kind::SessionCreated, caller).user(user).session(id);
    event::record(tx, event.with("amr", session.amr)).await?;
    Ok(Started { id, refresh_token })
}

/// When a refresh token given at `now` expires: after the idle time of its session, and never later than that.
fn refresh_expiry(now: Time, idle_seconds: i64, session_ends: Time) -> Time {
    session_ends.min(now + Duration::from_secs(u64::try_from(idle_seconds).unwrap_or(0)))
}

/// The id of no session, for tokens that belong to none.
#[must_use]
pub fn none() -> SessionId {
    SessionId::from_uuid(uuid::Uuid::nil())
}

/// The sessions of a user that can still be used, newest first.
///
/// # Errors
/// Of the database.
pub async fn list(conn: &mut Conn, user: UserId, now: Time) -> Result<Vec<Session>> {
    store::active(conn, user, now).await
}

/// All that is held of a user's sessions, ended ones too: up to `limit`, the newest first, behind one.
///
/// # Errors
/// Of the database.
pub async fn history(conn: &mut Conn, user: UserId, behind: Option<&Session>, limit: i64) -> Result<Vec<Session>> {
    store::history(conn, user, behind.map(|session| (session.created_at, session.id)), limit).await
}

/// Ends one session of a user. False when there is none such, or it has ended already.
///
/// # Errors
/// Of the database.
pub async fn revoke(tx: &mut Tx, caller: &Caller, user: UserId, id: SessionId, reason: Reason) -> Result<bool> {
    if !store::end(tx, user, id, reason).await? {
        return Ok(false);
    }
    ended(tx, caller, user, id, reason).await?;
    Ok(true)
}

/// Ends every session of a user, save the one named. Gives how many.
///
/// # Errors
/// Of the database.
pub async fn revoke_all(
    tx: &mut Tx,
    caller: &Caller,
    user: UserId,
    save: Option<SessionId>,
    reason: Reason,
) -> Result<usize> {
    let sessions = store::end_all(tx, user, save, reason).await?;
    for id in &sessions {
        ended(tx, caller, user, *id, reason).await?;
    }
    Ok(sessions.len())
}

/// Ends up to `limit` sessions, whosesoever, that began before `before`. Gives how many: none when all have ended.
///
/// # Errors
/// Of the database.
pub async fn revoke_some(tx: &mut Tx, caller: &Caller, before: Time, limit: i64, reason: Reason) -> Result<usize> {
    let sessions = store::end_some(tx, before, limit, reason).await?;
    for (id, user) in &sessions {
        ended(tx, caller, *user, *id, reason).await?;
    }
    Ok(sessions.len())
}

async fn ended(tx: &mut Tx, caller: &Caller, user: UserId, id: SessionId, reason: Reason) -> Result<()> {
    let event = Event::new(Kind::SessionRevoked, caller).user(user).session(id);
    event::record(tx, event.with("reason", reason.as_str())).await
}

/// Marks that the person of a session proved himself again just now.
///
/// # Errors
/// `token_refused` when the session has ended meanwhile.
pub async fn proved(tx: &mut Tx, caller: &Caller, user: UserId, id: SessionId) -> Result<()> {
    if !store::proved(tx, id).await? {
        return Err(Error::new(crate::error::Code::TokenRefused));
    }
    event::record(tx, Event::new(Kind::SessionProved, caller).user(user).session(id)).await
}

/// Removes up to `limit` sessions that are over, with their tokens. Gives how many.
///
/// # Errors
/// Of the database.
pub async fn sweep(tx: &mut Tx, limit: i64) -> Result<usize> {
    let over = store::remove_over(tx, limit).await?;
    for (id, user, ended_at) in &over {
        if ended_at.is_none() {
            expired(tx, *user, *id).await?;
        }
    }
    Ok(over.len())
}

/// Removes up to `limit` refresh tokens that are over. Gives how many.
///
/// A session has one that was not used. With it goes the session, which nobody can refresh any more.
///
/// # Errors
/// Of the database.
pub async fn sweep_tokens(tx: &mut Tx, limit: i64) -> Result<usize> {
    let over = store::remove_tokens(tx, limit).await?;
    let idle: Vec<_> = over.iter().filter(|(_, used_at)| used_at.is_none()).map(|(session, _)| *session).collect();
    if !idle.is_empty() {
        for (id, user) in store::remove_idle(tx, &idle).await? {
            expired(tx, user, id).await?;
        }
    }
    Ok(over.len())
}

async fn expired(tx: &mut Tx, user: UserId, id: SessionId) -> Result<()> {
    event::record(tx, Event::new(Kind::SessionExpired, &Caller::system()).user(user).session(id)).await
}
