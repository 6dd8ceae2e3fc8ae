//! What an account is named by: an e-mail address or a username.
//!
//! Each is kept as typed and matched by a folded key. The rules are narrow on purpose: an address has an ASCII
//! local part and a username is ASCII, so that case is all there is to fold there, and no look-alike letter,
//! blank of no width or composed form can make two accounts out of one name. A username holds no `@`, so it
//! never equals an address.

use unicode_normalization::UnicodeNormalization;

use crate::error::Rule;

const EMAIL_CHARS: usize = 254;
const LOCAL_CHARS: usize = 64;

/// An e-mail address (RFC 5321, 4.1.2, without quoted local parts and address literals).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    text: String,
    key: String,
}

impl Email {
    /// Reads an address. Blanks around it are dropped.
    ///
    /// # Errors
    /// The rule it breaks.
    pub fn parse(text: &str) -> Result<Self, Rule> {
        let text = text.trim_matches(|c: char| c == ' ' || c == '\t');
        let invalid = |message: &'static str| Rule::new("invalid_email", message);
        if text.len() > EMAIL_CHARS {
            return Err(Rule::new("too_long", "An e-mail address has at most 254 characters."));
        }
        let (local, domain) = text.split_once('@').ok_or_else(|| invalid("An e-mail address holds one '@'."))?;
        if domain.contains('@') {
            return Err(invalid("An e-mail address holds one '@'."));
        }
        if !local.is_ascii() {
            return Err(invalid("The part before the '@' is made of ASCII letters, digits and .!#$%&'*+/=?^_`{|}~-."));
        }
        let well_dotted = !local.starts_with('.') && !local.ends_with('.') && !local.contains("..");
        let fits = |c: u8| c.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&c);
        if local.is_empty() || local.len() > LOCAL_CHARS || !well_dotted || !local.bytes().all(fits) {
            return Err(invalid("The part before the '@' is 1 to 64 letters, digits, dots or .!#$%&'*+/=?^_`{|}~-."));
        }
        let folded =
            idna::domain_to_ascii_strict(domain).map_err(|_| invalid("The part after the '@' is no domain."))?;
        if !domain.eq_ignore_ascii_case(&folded) && canonical(domain) != idna::domain_to_unicode(&folded).0 {
            return Err(invalid("The part after the '@' holds a character that mail does not carry as it stands."));
        }
        let label = |label: &str| !label.is_empty() && label.len() <= 63;
        if !folded.contains('.')
            || !folded.split('.').all(label)
            || folded.bytes().all(|c| c == b'.' || c.is_ascii_digit())
        {
            return Err(invalid("The part after the '@' is no domain."));
        }
        Ok(Self { text: text.to_owned(), key: format!("{}@{folded}", local.to_ascii_lowercase()) })
    }

    /// As typed: where mail goes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Folded: what is matched.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

/// Folds case and composition, and nothing else: an address is stored as typed and mail goes there, so blanks of no
/// width and letters of another width, which IDNA would fold away (UTS 46), are refused.
fn canonical(domain: &str) -> String {
    domain.chars().flat_map(char::to_lowercase).nfc().collect()
}

/// A name to sign in with: 3 to 50 of `A-Za-z0-9_.-`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Username(String);

impl Username {
    /// Reads a username.
    ///
    /// # Errors
    /// The rule it breaks.
    pub fn parse(text: &str) -> Result<Self, Rule> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        if !(3..=50).contains(&text.chars().count()) {
            return Err(Rule::new("length", "A username has 3 to 50 characters."));
        }
        if !text.chars().all(fits) {
            return Err(Rule::new(
                "invalid_username",
                "A username is made of ASCII letters, digits, '_', '.' and '-'.",
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// As typed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Folded: what is matched.
    #[must_use]
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

/// What somebody signs in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identifier {
    /// An address.
    Email(Email),
    /// A username.
    Username(Username),
    /// Neither: nobody has it. It is treated like a name that nobody has, so that this cannot be told apart.
    Nobody(String),
}

impl Identifier {
    /// Reads what was typed into the one field of a sign-in.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let text = text.trim();
        if let Ok(email) = Email::parse(text) {
            return Self::Email(email);
        }
        Username::parse(text).map_or_else(|_| Self::Nobody(text.to_owned()), Self::Username)
    }

    /// Folded: the same for every way to type it.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Email(email) => email.key().to_owned(),
            Self::Username(username) => username.key(),
            Self::Nobody(text) => text.to_lowercase(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_mailbox_has_one_key() {
        let key = |text| Email::parse(text).unwrap().key().to_owned();
        assert_eq!(key("Ann.Lee@Example.COM"), key(" ann.lee@example.com "));
        assert_eq!(key("ann@bücher.example"), key("ann@xn--bcher-kva.example"));
        assert_eq!(key("ann@BÜCHER.example"), key("ann@bu\u{308}cher.example"));
        assert_eq!(Email::parse("Ann@Example.com").unwrap().as_str(), "Ann@Example.com");
    }

    #[test]
    fn look_alikes_are_refused() {
        for text in [
            "",
            "@",
            "ann",
            "ann@",
            "@example.com",
            "ann@@example.com",
            "ann@b@example.com",
            "ann@localhost",
            "m\u{131}ke@example.com",
            "\u{ff41}nn@example.com",
            "an\u{200b}n@example.com",
            "ann @example.com",
            "a..b@example.com",
            ".a@example.com",
            "ann@-example.com",
            "ann@exa_mple.com",
            "ann@1.2.3.4",
            "ann@example.com\n",
            "ann\0@example.com",
            "\"a b\"@example.com",
            "ann@\u{200b}example.com",
            "ann@exam\u{200b}ple.com",
            "ann@exam\u{ad}ple.com",
            "ann@\u{ff42}ücher.example",
            "ann@example\u{3002}com",
        ] {
            assert!(Email::parse(text).is_err(), "{text:?}");
        }
        for text in ["ab", "a b c", "ann@example.com", "\u{ff41}nn", "anné", &"x".repeat(51)] {
            assert!(Username::parse(text).is_err(), "{text:?}");
        }
    }
}
