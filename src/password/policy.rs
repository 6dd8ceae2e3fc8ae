//! What a new password must be like.

use zeroize::Zeroizing;

use super::{Password, Rule, blocklist};

/// The rules for new passwords. Both refuse common passwords and the account's own names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// At least 8 characters with upper case, lower case and a digit.
    #[default]
    Classic,
    /// At least 15 characters and no rule of composition (NIST SP 800-63B-4, section 3.1.1.2, for a password
    /// that may be the only factor; OWASP ASVS 5.0, 6.2.5).
    Nist,
}

impl Policy {
    /// Checks a new password. `context` holds what an attacker would try first for this account: its
    /// e-mail address, username and names.
    ///
    /// # Errors
    /// The first rule it breaks.
    pub fn check(self, password: &Password, context: &[&str]) -> Result<(), Rule> {
        let text = password.expose();
        let least = self.least();
        if text.chars().count() < least {
            return Err(Rule::TooShort(least));
        }
        if self == Self::Classic {
            compose(text)?;
        }
        let folded = Zeroizing::new(text.to_lowercase());
        if blocklist::is_common(&folded) {
            return Err(Rule::TooCommon);
        }
        if context.iter().any(|identity| blocklist::is_identity(&folded, &identity.to_lowercase())) {
            return Err(Rule::ContainsIdentity);
        }
        Ok(())
    }

    const fn least(self) -> usize {
        match self {
            Self::Classic => 8,
            Self::Nist => 15,
        }
    }
}

fn compose(text: &str) -> Result<(), Rule> {
    if !text.chars().any(char::is_uppercase) {
        return Err(Rule::NoUpperCase);
    }
    if !text.chars().any(char::is_lowercase) {
        return Err(Rule::NoLowerCase);
    }
    if !text.chars().any(char::is_numeric) {
        return Err(Rule::NoDigit);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(policy: Policy, text: &str) -> Result<(), Rule> {
        policy.check(&Password::parse(text).unwrap(), &["ada.lovelace@example.com", "countess"])
    }

    #[test]
    fn classic_names_the_rule() {
        for (text, rule) in [
            ("Sh0rt!x", Rule::TooShort(8)),
            ("violets-are-4", Rule::NoUpperCase),
            ("VIOLETS-ARE-4", Rule::NoLowerCase),
            ("Violets-are-four", Rule::NoDigit),
            ("Password1", Rule::TooCommon),
            ("Passw0rd!", Rule::TooCommon),
            ("P@$$w0rd1!", Rule::TooCommon),
            ("Qwerty123", Rule::TooCommon),
            ("Summer2026!", Rule::TooCommon),
            ("We1c0me!", Rule::TooCommon),
            ("Abcdef123456", Rule::TooCommon),
            ("Aa1!Aa1!Aa1!", Rule::TooCommon),
            ("Lovelace1!", Rule::ContainsIdentity),
            ("Ada.Lovelace7", Rule::ContainsIdentity),
            ("Ada.Lovelace@example.com1", Rule::ContainsIdentity),
            ("Countess2026", Rule::ContainsIdentity),
        ] {
            assert_eq!(check(Policy::Classic, text), Err(rule), "{text}");
        }
        let five_characters_in_more_bytes = "\u{c9}\u{e9}1\u{fc}\u{fc}";
        assert_eq!(check(Policy::Classic, five_characters_in_more_bytes), Err(Rule::TooShort(8)));
    }

    #[test]
    fn classic_lets_pass_what_is_good_enough() {
        for text in [
            "ChangeMe123!",
            "Str0ng-Enough-1",
            "Lovelace-likes-4-engines",
            "Dragon!73914482-x",
            "\u{c9}t\u{e9}-\u{e0}-la-mer-9",
        ] {
            assert_eq!(check(Policy::Classic, text), Ok(()), "{text}");
        }
    }

    #[test]
    fn nist_asks_for_length_and_no_composition() {
        assert_eq!(check(Policy::Nist, "Str0ng-Enough-"), Err(Rule::TooShort(15)));
        assert_eq!(check(Policy::Nist, "violets are blue"), Ok(()));
        for text in ["passwordpassword1", "123456789012345", "aaaaaaaaaaaaaaaaaaaa", "ada.lovelace@example.com"] {
            assert!(matches!(check(Policy::Nist, text), Err(Rule::TooCommon | Rule::ContainsIdentity)), "{text}");
        }
    }
}
