//! Mail: what a person is to be told, as a job in the transaction of what there is to tell.
//!
//! The invariants: there is a mail if and only if its cause is committed. The token of a link is sealed in it, for this
//! person and kind, so no copy of the database opens an account. A job holds no address: a mail goes to the one that is
//! stored when it is sent, and a link to the one that its proof names ([`crate::proof::find`]), if it still stands.
//!
//! Nothing sends mail yet. Its jobs are of kinds that no worker takes, so they wait without being tried, and are removed
//! when they are too old to be worth sending. Begin with [`queue`]; whoever will send begins with [`Mail::read`].

pub mod job;
mod kind;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

pub use kind::{Kind, LINK, Link, Notice};

use crate::{
    config::PublicUrl,
    db::{Conn, Tx},
    error::{Error, Result},
    id::UserId,
    job::{Job, enqueue, forget, waiting as count},
    secret::{Keys, Token},
};

/// The page of an application, below `PUBLIC_URL`, that takes a token and a new password. The token stands in the
/// fragment, which browsers send to nobody: neither a log nor a `Referer` has it.
const PAGE: &str = "/reset-password#token=";

/// A mail, to be sent or read back.
#[derive(Clone, Debug)]
pub struct Mail {
    kind: Kind,
    to: UserId,
    /// The token of a link, sealed.
    sealed: Option<Vec<u8>>,
}

impl Mail {
    /// One that only tells something.
    #[must_use]
    pub const fn notice(notice: Notice, to: UserId) -> Self {
        Self { kind: Kind::Notice(notice), to, sealed: None }
    }

    /// One with a link.
    ///
    /// # Errors
    /// `internal` when the random source fails.
    pub fn link(link: Link, to: UserId, keys: &Keys, token: &Token) -> Result<Self> {
        let kind = Kind::Link(link);
        Ok(Self { kind, to, sealed: Some(keys.seal(&label(kind, to), token.expose().as_bytes())?) })
    }

    /// Reads one from its job.
    ///
    /// # Errors
    /// `internal` when the job is no mail.
    pub fn read(job: &Job) -> Result<Self> {
        let broken = || Error::internal(format!("the job {} is no mail", job.id));
        let text = |name: &str| job.payload.get(name).and_then(Value::as_str);
        let kind = Kind::parse(&job.kind).ok_or_else(broken)?;
        let to = text("to").and_then(|id| id.parse().ok()).ok_or_else(broken)?;
        let sealed = text("sealed").map(|sealed| STANDARD.decode(sealed)).transpose().map_err(|_| broken())?;
        Ok(Self { kind, to, sealed })
    }

    /// What it tells.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Whom.
    #[must_use]
    pub const fn to(&self) -> UserId {
        self.to
    }

    /// The token of its link, if it has one.
    ///
    /// # Errors
    /// `internal` when it was sealed under another master key, for somebody else or for another kind of mail.
    pub fn token(&self, keys: &Keys) -> Result<Option<Token>> {
        let Some(sealed) = &self.sealed else { return Ok(None) };
        let plain = keys.open(&label(self.kind, self.to), sealed)?;
        let text = std::str::from_utf8(plain.expose_secret()).map_err(Error::internal)?;
        Ok(Some(Token::received(text)))
    }

    /// Its link, if it has one: below `PUBLIC_URL`, whatever host a request named.
    ///
    /// # Errors
    /// Those of [`Mail::token`].
    pub fn url(&self, keys: &Keys, base: &PublicUrl) -> Result<Option<SecretString>> {
        Ok(self.token(keys)?.map(|token| format!("{base}{PAGE}{}", token.expose()).into()))
    }
}

/// Queues a mail: it is sent once the transaction is committed.
///
/// # Errors
/// Of the database.
pub async fn queue(tx: &mut Tx, mail: &Mail) -> Result<()> {
    let mut payload = Map::new();
    payload.insert("to".to_owned(), mail.to.to_string().into());
    if let Some(sealed) = &mail.sealed {
        payload.insert("sealed".to_owned(), STANDARD.encode(sealed).into());
    }
    enqueue(tx, mail.kind.as_str(), payload).await
}

/// How many mails wait, counted up to 10 000.
///
/// # Errors
/// Of the database.
pub async fn waiting(conn: &mut Conn) -> Result<i64> {
    count(conn, Kind::NAMES).await
}

/// Removes up to `limit` mails of each kind that are not worth sending any more. Gives how many.
///
/// # Errors
/// Of the database.
pub async fn sweep(tx: &mut Tx, limit: i64) -> Result<u64> {
    let mut removed = 0;
    for kind in Kind::ALL {
        let before = tx.now() - kind.life();
        removed += forget(tx, kind.as_str(), before, limit).await?;
    }
    Ok(removed)
}

/// What a token is sealed under: moved to another mail, it does not open.
fn label(kind: Kind, to: UserId) -> String {
    format!("{} {to}", kind.as_str())
}
