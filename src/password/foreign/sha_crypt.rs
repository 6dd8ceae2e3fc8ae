//! SHA-crypt, of crypt(3): `$5$[rounds=number$]salt$tag` with SHA-256, `$6$` with SHA-512. Without `rounds` it is 5 000.

use ::sha_crypt::{PasswordVerifier, ShaCrypt};

use crate::password::{Rule, phc::number};

const MIN_ROUNDS: u32 = 1_000;
const MAX_ROUNDS: u32 = 1_000_000;
const MAX_SALT_LEN: usize = 16;

/// The longest password that libxcrypt takes, in bytes. The work of a round grows with it, so it is what a
/// longer one costs too, which never matches.
const MAX_PASSWORD_LEN: usize = 511;

/// A SHA-crypt hash, checked; the library takes it apart.
pub(in crate::password) struct Stored(String);

impl Stored {
    pub fn parse(text: &str) -> Result<Self, Rule> {
        let (tag_len, rest) = match text.split_at_checked(3) {
            Some(("$5$", rest)) => (43, rest),
            Some(("$6$", rest)) => (86, rest),
            _ => return Err(Rule::UnknownHash),
        };
        let (rounds, rest) = match rest.strip_prefix("rounds=").and_then(|rest| rest.split_once('$')) {
            Some((rounds, rest)) => (number(rounds).ok_or(Rule::UnknownHash)?, rest),
            None => (5_000, rest),
        };
        let (salt, tag) = rest.split_once('$').ok_or(Rule::UnknownHash)?;
        let known = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '/';
        if rounds < MIN_ROUNDS
            || salt.len() > MAX_SALT_LEN
            || tag.len() != tag_len
            || !(salt.chars().chain(tag.chars()).all(known))
        {
            return Err(Rule::UnknownHash);
        }
        if rounds > MAX_ROUNDS {
            return Err(Rule::CostlyHash("SHA-crypt may have at most 1000000 rounds"));
        }
        Ok(Self(text.to_owned()))
    }

    pub fn verify(&self, password: &[u8]) -> bool {
        let len = MAX_PASSWORD_LEN.min(password.len());
        ShaCrypt::default().verify_password(&password[..len], self.0.as_str()).is_ok() && password.len() == len
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::password::{Format, foreign::assert_known};

    /// Made with passlib 1.7.4.
    #[test]
    fn known_answers() {
        for text in [
            "$5$rounds=1000$A4Qhg9IQ3TZjJr0u$kmXi1Ye5v0iGUKaXPtT3bW4Wh.lI2ur1QutJOdGZQG0",
            "$5$VqjU9rn6foeBuvpG$O8dzzM1bVLNWBlSXZyU.zIrNJQt.VUCcac4z6MORmu6",
            "$6$rounds=1234$uMonKqKDzEBeQu9e$8Kjp9VQcs.3dM2B6pzA0DOeO9bHvdr8/gDVoAnm4k2wHi.1sPjkJ8DQKW4AH25oynXRe2DkPG5.U6JQF8RVix0",
        ] {
            assert_known(text, Format::ShaCrypt);
        }
    }

    #[test]
    fn hostile_costs_and_damaged_texts_are_refused() {
        let rest = "A4Qhg9IQ3TZjJr0u$kmXi1Ye5v0iGUKaXPtT3bW4Wh.lI2ur1QutJOdGZQG0";
        assert!(matches!(Stored::parse(&format!("$5$rounds=1000001${rest}")), Err(Rule::CostlyHash(_))));
        for text in [
            format!("$5$rounds=999${rest}"),
            format!("$5$rounds=x${rest}"),
            format!("$6${rest}"),
            format!("$5${rest}$"),
        ] {
            assert_eq!(Stored::parse(&text).err(), Some(Rule::UnknownHash), "{text}");
        }
    }
}
