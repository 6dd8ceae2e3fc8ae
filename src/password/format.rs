//! The formats of stored hashes, told apart by how they begin.

use super::{
    Hash, Password, Rule,
    argon::{self, Memory},
    foreign::{bcrypt, firebase, pbkdf2, scrypt, sha_crypt},
};
use crate::error::{Error, Result};

/// The family of a stored hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// `$argon2id$`, `$argon2i$`, `$argon2d$` as PHC strings.
    Argon2,
    /// `$2a$`, `$2b$`, `$2y$`.
    Bcrypt,
    /// PBKDF2 with SHA-1, SHA-256 or SHA-512, as a PHC string or as passlib or Django write it.
    Pbkdf2,
    /// `$scrypt$` as a PHC string.
    Scrypt,
    /// Firebase's scrypt, as a PHC string `$firebase-scrypt$ln=..,r=..,sep=..,key=..$salt$tag`.
    FirebaseScrypt,
    /// `$5$` and `$6$` of crypt(3).
    ShaCrypt,
}

impl Format {
    /// The format of a stored hash, if it can be read at all.
    #[must_use]
    pub fn of(hash: &Hash) -> Option<Self> {
        Scheme::parse(hash.as_str()).ok().map(|scheme| scheme.format())
    }

    /// Its name, in metrics and messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Argon2 => "argon2",
            Self::Bcrypt => "bcrypt",
            Self::Pbkdf2 => "pbkdf2",
            Self::Scrypt => "scrypt",
            Self::FirebaseScrypt => "firebase_scrypt",
            Self::ShaCrypt => "sha_crypt",
        }
    }
}

/// What stands in front of the salt: the format and the cost, so that hashes with one of these take equally long.
pub(super) fn kind(hash: &Hash) -> &str {
    let text = hash.as_str();
    if text.starts_with("$2") {
        return text.get(..7).unwrap_or(text);
    }
    // Firebase's secret key stands there too.
    let text = text.split_once(",sep=").map_or(text, |(kind, _)| kind);
    text.rsplitn(3, '$').nth(2).unwrap_or(text)
}

/// A stored hash, read.
pub(super) enum Scheme {
    Argon2(argon::Stored),
    Bcrypt(bcrypt::Stored),
    Pbkdf2(pbkdf2::Stored),
    Scrypt(scrypt::Stored),
    FirebaseScrypt(firebase::Stored),
    ShaCrypt(sha_crypt::Stored),
}

impl Scheme {
    /// Reads a hash of any format, within its ceilings.
    pub fn parse(text: &str) -> Result<Self, Rule> {
        let begins = |with: &[&str]| with.iter().any(|prefix| text.starts_with(prefix));
        if begins(&["$argon2"]) {
            argon::Stored::parse(text).map(Self::Argon2)
        } else if begins(&["$2a$", "$2b$", "$2y$"]) {
            bcrypt::Stored::parse(text).map(Self::Bcrypt)
        } else if begins(&["$pbkdf2", "pbkdf2_"]) {
            pbkdf2::Stored::parse(text).map(Self::Pbkdf2)
        } else if begins(&["$scrypt$"]) {
            scrypt::Stored::parse(text).map(Self::Scrypt)
        } else if begins(&["$firebase-scrypt$"]) {
            firebase::Stored::parse(text).map(Self::FirebaseScrypt)
        } else if begins(&["$5$", "$6$"]) {
            sha_crypt::Stored::parse(text).map(Self::ShaCrypt)
        } else {
            Err(Rule::UnknownHash)
        }
    }

    fn format(&self) -> Format {
        match self {
            Self::Argon2(_) => Format::Argon2,
            Self::Bcrypt(_) => Format::Bcrypt,
            Self::Pbkdf2(_) => Format::Pbkdf2,
            Self::Scrypt(_) => Format::Scrypt,
            Self::FirebaseScrypt(_) => Format::FirebaseScrypt,
            Self::ShaCrypt(_) => Format::ShaCrypt,
        }
    }
}

/// Whether `hash` is the hash of `password`.
///
/// # Errors
/// `internal` when the stored hash cannot be read; `busy` when there is no memory for it.
pub(super) fn verify(password: &Password, hash: &Hash, memory: &mut Memory) -> Result<bool> {
    let bytes = password.expose().as_bytes();
    match Scheme::parse(hash.as_str()).map_err(|rule| Error::internal(rule.sentence()))? {
        Scheme::Argon2(stored) => stored.verify(bytes, memory),
        Scheme::Bcrypt(stored) => Ok(stored.verify(bytes)),
        Scheme::Pbkdf2(stored) => Ok(stored.verify(bytes)),
        Scheme::Scrypt(stored) => stored.verify(bytes),
        Scheme::FirebaseScrypt(stored) => stored.verify(bytes),
        Scheme::ShaCrypt(stored) => Ok(stored.verify(bytes)),
    }
}
