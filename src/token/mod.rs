//! Access tokens and the keys that sign them.
//!
//! An access token is a JWT of RFC 9068 (`typ` is `at+jwt`), signed by the newest key of the configured
//! algorithm and verified by any published one. The algorithm comes from the key that `kid` names, never from
//! the token; `jku`, `x5u` and `jwk` headers are not looked at. A token is only a claim: whether its session
//! still stands is asked elsewhere, on every request. Begin with [`Tokens`].

pub mod http;
mod keyset;
mod store;

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use jsonwebtoken::Header;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

pub use keyset::{Algorithm, KeySet};
pub use store::SigningKey;

use crate::{
    access::Caller,
    clock::{Clock, Time},
    db::{Db, Tx},
    error::{Error, Result},
    event::{self, Event, Kind},
    id::{SessionId, UserId},
    secret::{Keys, hex, random},
};

/// How long the token that opens a forced change of password lives.
const PASSWORD_CHANGE: Duration = Duration::from_secs(600);

/// What tokens are made with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `iss` and `aud`: the public URL.
    pub issuer: String,
    /// How new keys sign.
    pub algorithm: Algorithm,
    /// The shared secret of HS256.
    pub secret: Option<SecretString>,
    /// How long an access token lives.
    pub ttl: Duration,
}

/// Makes and reads access tokens.
pub struct Tokens {
    db: Db,
    keys: Arc<Keys>,
    clock: Clock,
    settings: Settings,
    current: RwLock<Arc<KeySet>>,
    /// One reads at a time, so that nobody puts what he read earlier in the place of what another read later.
    reading: Mutex<()>,
}

/// What a token is for: its `typ` header (RFC 8725, 3.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Calls in the name of a session.
    Access,
    /// Opens only the change of a password that must be changed.
    PasswordChange,
}

impl Use {
    const fn typ(self) -> &'static str {
        match self {
            Self::Access => "at+jwt",
            Self::PasswordChange => "password-change+jwt",
        }
    }
}

/// The claims of our tokens. Every one is required, and of its exact type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    iss: String,
    aud: String,
    /// The account.
    pub sub: UserId,
    /// The session; for a password change, the nil id.
    pub sid: SessionId,
    /// The id of this token.
    pub jti: String,
    iat: i64,
    /// Seconds since 1970 after which it is void.
    pub exp: i64,
    /// The version of what the account may do (access), or of its password (password change).
    pub ver: i64,
}

impl Tokens {
    /// Reads the signing keys, making the first one.
    ///
    /// # Errors
    /// `database_unavailable`; `internal` when a stored key does not open.
    pub async fn load(db: Db, keys: Arc<Keys>, settings: Settings) -> Result<Self> {
        let first = keyset::is_missing(&mut db.read(), &settings).await?;
        if first {
            db.write(async |tx| rotate(tx, &Caller::system(), &keys, settings.algorithm).await).await?;
        }
        let set = KeySet::load(&mut db.read(), &keys, &settings).await?;
        let clock = db.clock().clone();
        Ok(Self { db, keys, clock, settings, current: RwLock::new(Arc::new(set)), reading: Mutex::default() })
    }

    /// A signed token; gives it with its life in seconds.
    ///
    /// # Errors
    /// `internal` when signing fails.
    pub fn issue(&self, purpose: Use, user: UserId, session: SessionId, version: i64) -> Result<(String, i64)> {
        let ttl = match purpose {
            Use::Access => self.settings.ttl,
            Use::PasswordChange => PASSWORD_CHANGE,
        };
        let (now, ttl) = (self.clock.now(), i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX));
        let claims = Claims {
            iss: self.settings.issuer.clone(),
            aud: self.settings.issuer.clone(),
            sub: user,
            sid: session,
            jti: hex(&random::<16>()?),
            iat: now.seconds(),
            exp: now.seconds() + ttl,
            ver: version,
        };
        let set = self.set();
        let mut header = Header::new(set.signer.algorithm);
        header.typ = Some(purpose.typ().to_owned());
        header.kid = Some(set.signer.id.clone());
        let token = jsonwebtoken::encode(&header, &claims, &set.signer.encoding).map_err(Error::internal)?;
        Ok((token, ttl))
    }

    /// The claims of a token that is ours, of this use and not expired.
    ///
    /// # Errors
    /// `database_unavailable` when an unknown key cannot be looked up.
    pub async fn verify(&self, purpose: Use, token: &str) -> Result<Option<Claims>> {
        Ok(self.genuine(purpose, token).await?.filter(|claims| claims.exp > self.clock.now().seconds()))
    }

    /// The claims of a token that is ours and of this use, also when its time is over: it opens nothing then, but it
    /// tells whose session is meant.
    ///
    /// # Errors
    /// As [`Tokens::verify`].
    pub async fn genuine(&self, purpose: Use, token: &str) -> Result<Option<Claims>> {
        let Ok(header) = jsonwebtoken::decode_header(token) else { return Ok(None) };
        let (Some(kid), Some(typ)) = (header.kid, header.typ) else { return Ok(None) };
        if !typ.eq_ignore_ascii_case(purpose.typ()) {
            return Ok(None);
        }
        let mut set = self.set();
        if !set.knows(&kid) && keyset::is_stored(&mut self.db.read(), &kid).await? {
            self.reload().await?;
            set = self.set();
        }
        Ok(set.verify(&kid, token, &self.settings))
    }

    /// Reads the signing keys again, as after a rotation elsewhere.
    ///
    /// # Errors
    /// As [`Tokens::load`].
    pub async fn reload(&self) -> Result<()> {
        let _turn = self.reading.lock().await;
        let set = KeySet::load(&mut self.db.read(), &self.keys, &self.settings).await?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(set);
        Ok(())
    }

    /// The keys in force.
    #[must_use]
    pub fn set(&self) -> Arc<KeySet> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The settings in force.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}

/// Makes a new key, which signs from now on, and retires the others. They verify until their tokens are over.
///
/// # Errors
/// Of the database; `internal` when key generation fails.
pub async fn rotate(tx: &mut Tx, caller: &Caller, keys: &Keys, algorithm: Algorithm) -> Result<String> {
    let key = keyset::generate(keys, algorithm, tx.now())?;
    store::retire(tx).await?;
    let id = store::insert(tx, key).await?;
    event::record(tx, Event::new(Kind::SigningKeyRotated, caller).with("kid", id.clone())).await?;
    Ok(id)
}

/// Every signing key that is kept.
///
/// # Errors
/// Of the database.
pub async fn list(conn: &mut crate::db::Conn) -> Result<Vec<SigningKey>> {
    store::all(conn).await
}

/// The ids of the keys whose private halves do not open under these keys.
///
/// # Errors
/// Of the database.
pub async fn unopened(conn: &mut crate::db::Conn, keys: &Keys) -> Result<Vec<String>> {
    let stored = store::all(conn).await?;
    Ok(stored.into_iter().filter(|key| !keyset::opens(keys, key)).map(|key| key.id).collect())
}

/// Removes keys retired before `before`, when no token of theirs can be alive. Gives how many.
///
/// # Errors
/// Of the database.
pub async fn forget(tx: &mut Tx, before: Time) -> Result<u64> {
    store::forget(tx, before).await
}
