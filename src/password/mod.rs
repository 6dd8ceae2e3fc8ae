//! Passwords: what one must be like, how it is hashed, and how hashes made elsewhere are verified.
//!
//! The invariants: no hash is computed outside the threads of a [`Pool`], and nobody reserves anything
//! before [`Pool::admit`] gave him a [`Ticket`]; what is hashed here is Argon2id with one fixed setting;
//! a hash from elsewhere is accepted only while its cost lies under the ceilings of its format.
//!
//! Begin with [`Password::parse`], then [`Policy::check`] for a new password, then [`Pool::admit`].
//! A hash that matched and is not [`Hash::is_current`] is replaced at that sign-in. For an unknown
//! identifier [`Decoys::pick`] gives a hash of the same cost.

use std::{collections::HashMap, fmt};

use secrecy::{ExposeSecret, SecretString};
use unicode_normalization::UnicodeNormalization;

use crate::{
    access::Caller,
    db::{Conn, Tx},
    error::Error,
    event::{self, Event, Kind},
    id::UserId,
    limit, proof,
};

mod argon;
mod blocklist;
mod decoy;
mod foreign;
mod format;
mod meters;
mod phc;
mod policy;
mod pool;
mod rule;
mod store;

pub use decoy::Decoys;
pub use format::Format;
pub use policy::Policy;
pub use pool::{Pool, Ticket};
pub use rule::Rule;
pub use store::Stored;

use format::Scheme;

/// The longest password, in code points (NIST SP 800-63B-4, section 3.1.1.2, counts so and asks for at least 64).
pub const MAX_CHARS: usize = 1_024;

/// The longest text of a stored hash, in bytes.
const MAX_HASH_LEN: usize = 1_024;

/// A password as a client sent it, in Unicode's form NFC.
///
/// NIST SP 800-63B-4, section 3.1.1.2, advises NFKC or NFKD. NFC is chosen instead, as RFC 8265,
/// section 4.2, does: it joins what keyboards type in different ways but keeps characters that people tell apart
/// (`²` and `2`), and almost every keyboard sends it already. So hashes that came from a system which
/// normalises nothing still match here, and hashes of ours match there. Blanks count, and nothing is trimmed.
#[derive(Clone, Debug)]
pub struct Password(SecretString);

impl Password {
    /// Reads a password. The policy is not asked: this is also how one is read at sign-in.
    ///
    /// # Errors
    /// The rule it breaks: [`Rule::Required`] when empty, [`Rule::TooLong`] over [`MAX_CHARS`],
    /// [`Rule::Nul`] with U+0000 in it, where other systems would end it.
    pub fn parse(text: &str) -> Result<Self, Rule> {
        if text.is_empty() {
            return Err(Rule::Required);
        }
        if text.contains('\0') {
            return Err(Rule::Nul);
        }
        // Growing would leave copies behind; NFC is longer than its source for rare scripts only.
        let mut normal = String::with_capacity(text.len());
        for (n, character) in text.nfc().enumerate() {
            if n == MAX_CHARS {
                return Err(Rule::TooLong);
            }
            normal.push(character);
        }
        Ok(Self(normal.into()))
    }

    /// The text, for what must have it: a hash, a policy, another system's sign-in.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// A stored hash: a PHC string or one of the foreign forms of [`Format`].
#[derive(Clone, PartialEq, Eq)]
pub struct Hash(Box<str>);

impl Hash {
    /// Reads a hash that was made elsewhere.
    ///
    /// # Errors
    /// [`Rule::UnknownHash`] when it is of no known format or damaged; [`Rule::CostlyHash`] when verifying it
    /// would cost more than its format's ceiling, which is near one second of one core and 256 MiB.
    pub fn parse(text: &str) -> Result<Self, Rule> {
        if text.len() > MAX_HASH_LEN {
            return Err(Rule::UnknownHash);
        }
        Scheme::parse(text)?;
        Ok(Self(text.into()))
    }

    /// A hash read back from the database, which holds only what [`Hash::parse`] accepted or the pool made.
    #[must_use]
    pub fn stored(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The text to store.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it was made with today's algorithm and cost, so that there is no need to replace it.
    #[must_use]
    pub fn is_current(&self) -> bool {
        argon::is_current(self.as_str())
    }
}

/// Says the format only: a hash is a secret as long as its password is weak.
impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({})", Format::of(self).map_or("unknown", Format::as_str))
    }
}

/// The password of an account, if it has one.
///
/// # Errors
/// Of the database.
pub async fn get(conn: &mut Conn, user: UserId) -> Result<Option<Stored>, Error> {
    store::get(conn, user).await
}

/// Gives an account its password, or another one. Every failed try is forgiven, and links by mail open it no more.
///
/// # Errors
/// Of the database.
pub async fn set(tx: &mut Tx, caller: &Caller, user: UserId, hash: &Hash) -> Result<(), Error> {
    store::set(tx, user, hash).await?;
    limit::unlock(tx, user).await?;
    proof::void(tx, user).await?;
    event::record(tx, Event::new(Kind::PasswordChanged, caller).user(user)).await
}

/// Gives new accounts the passwords that they begin with. No event tells of it but that of the account itself.
///
/// # Errors
/// Of the database.
pub async fn begin_with(tx: &mut Tx, hashes: &[(UserId, &Hash)]) -> Result<(), Error> {
    store::insert_all(tx, hashes).await
}

/// The hashes of everybody from the first to the last of these ids.
///
/// # Errors
/// Of the database.
pub async fn between(conn: &mut Conn, first: UserId, last: UserId) -> Result<HashMap<UserId, String>, Error> {
    store::between(conn, first, last).await
}

/// Renews the hash of a password that matched. Nothing happens when the password changed meanwhile.
///
/// # Errors
/// Of the database.
pub async fn upgrade(tx: &mut Tx, user: UserId, old: &Hash, new: &Hash) -> Result<(), Error> {
    if store::replace(tx, user, old, new).await? {
        event::record(tx, Event::new(Kind::PasswordUpgraded, &Caller::system()).user(user)).await?;
    }
    Ok(())
}

/// How exactly the hashes are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Care {
    /// Up to ten thousand of each format and cost: at once in a store of any size, and exact in one of fewer.
    Quick,
    /// All of them, where there are more than that: for the background. Until then, and where `PostgreSQL` does not count
    /// them within its limit, a frequent kind is drawn as if there were ten thousand of it.
    Whole,
}

/// What unknown identifiers are verified against: hashes in the store's own proportions.
///
/// # Errors
/// Of the database.
pub async fn decoys(conn: &mut Conn, care: Care) -> Result<Decoys, Error> {
    let samples = store::sample(conn).await?;
    let is_exact = samples.iter().all(|(_, count, _)| *count < store::MOST);
    let whole = if care == Care::Quick || is_exact { HashMap::new() } else { store::count(conn).await? };
    // What is no password's has a format of its own.
    let weighed = samples.into_iter().filter_map(|(kind, quick, secret)| {
        let count = whole.get(&kind).copied().unwrap_or(quick);
        Some((u64::try_from(count).ok()?, Hash::parse(&secret).ok()?))
    });
    Ok(Decoys::new(weighed.collect()))
}

/// The engine's plan for drawing decoys quickly.
///
/// # Errors
/// Of the database.
pub async fn explain(conn: &mut Conn) -> Result<Vec<String>, Error> {
    store::explain(conn).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_text_typed_in_two_ways_is_one_password() {
        let (composed, decomposed) = (Password::parse("Tr\u{e8}s"), Password::parse("Tre\u{300}s"));
        assert_eq!(composed.unwrap().expose(), decomposed.unwrap().expose());
        assert_ne!(Password::parse("m\u{b2}").unwrap().expose(), "m2");
        assert_eq!(Password::parse(" a ").unwrap().expose(), " a ");
    }

    #[test]
    fn unfit_texts_are_refused() {
        assert_eq!(Password::parse("").unwrap_err(), Rule::Required);
        assert_eq!(Password::parse("a\0b").unwrap_err(), Rule::Nul);
        assert!(Password::parse(&"\u{e8}".repeat(MAX_CHARS)).is_ok());
        assert_eq!(Password::parse(&"a".repeat(MAX_CHARS + 1)).unwrap_err(), Rule::TooLong);
    }

    #[test]
    fn neither_prints_what_it_holds() {
        assert!(!format!("{:?}", Password::parse("hunter2").unwrap()).contains("hunter2"));
        assert_eq!(format!("{:?}", Hash::stored("$2b$04$secret")), "Hash(unknown)");
    }
}
