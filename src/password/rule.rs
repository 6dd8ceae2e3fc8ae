//! The rules a password or an imported hash can break.

use std::borrow::Cow;

use crate::error::{Error, Fault};

/// A broken rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Nothing was sent.
    Required,
    /// Fewer characters than the policy asks; it carries the least number.
    TooShort(usize),
    /// More than [`super::MAX_CHARS`] characters.
    TooLong,
    /// It holds U+0000.
    Nul,
    /// No upper-case letter.
    NoUpperCase,
    /// No lower-case letter.
    NoLowerCase,
    /// No digit.
    NoDigit,
    /// Among the first that an attacker tries.
    TooCommon,
    /// The name or address of the account, at most decorated.
    ContainsIdentity,
    /// A hash of no known format, or a damaged one.
    UnknownHash,
    /// A hash over its format's ceiling; it carries the ceiling in words.
    CostlyHash(&'static str),
}

impl Rule {
    /// The word a client matches on.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::TooShort(_) => "too_short",
            Self::TooLong => "too_long",
            Self::Nul => "invalid_character",
            Self::NoUpperCase => "no_upper_case",
            Self::NoLowerCase => "no_lower_case",
            Self::NoDigit => "no_digit",
            Self::TooCommon => "too_common",
            Self::ContainsIdentity => "contains_identity",
            Self::UnknownHash => "unknown_hash",
            Self::CostlyHash(_) => "costly_hash",
        }
    }

    /// The sentence for people. It never repeats the password.
    #[must_use]
    pub fn sentence(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Required => "A password is required.",
            Self::TooShort(least) => return format!("Use at least {least} characters.").into(),
            Self::TooLong => return format!("Use at most {} characters.", super::MAX_CHARS).into(),
            Self::Nul => "Leave out the character U+0000.",
            Self::NoUpperCase => "Use at least one upper-case letter.",
            Self::NoLowerCase => "Use at least one lower-case letter.",
            Self::NoDigit => "Use at least one digit.",
            Self::TooCommon => "This password is among the first that are guessed. Choose a less common one.",
            Self::ContainsIdentity => "Do not use your name or address as the password.",
            Self::UnknownHash => {
                "This is no hash of a known format (argon2, bcrypt, pbkdf2, scrypt, firebase_scrypt, sha_crypt)."
            }
            Self::CostlyHash(ceiling) => return format!("Verifying this hash costs too much: {ceiling}.").into(),
        })
    }

    /// The broken rule as an element of `errors`, on the field that held the text.
    #[must_use]
    pub fn on(self, field: impl Into<Cow<'static, str>>) -> Fault {
        Fault { field: field.into(), code: self.code(), message: self.sentence() }
    }

    /// 422 with this rule alone.
    #[must_use]
    pub fn error(self, field: impl Into<Cow<'static, str>>) -> Error {
        Error::faults(vec![self.on(field)])
    }
}
