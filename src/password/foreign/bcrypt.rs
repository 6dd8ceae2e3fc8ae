//! bcrypt: `$2b$cost$` and 53 characters of salt and tag. `$2a$` and `$2y$` name the same algorithm;
//! `$2x$`, made by a faulty implementation of 2011, is not taken.

use base64::{Engine, alphabet, engine::GeneralPurpose};
use zeroize::Zeroizing;

use crate::{
    password::{
        Rule,
        phc::{TOLERANT, number},
    },
    secret,
};

const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::BCRYPT, TOLERANT);

/// The longest password the algorithm sees, in bytes.
const MAX_PASSWORD_LEN: usize = 72;
const TAG_LEN: usize = 23;
const MIN_COST: u32 = 4;
const MAX_COST: u32 = 14;

/// A bcrypt hash, taken apart.
pub(in crate::password) struct Stored {
    cost: u32,
    salt: [u8; 16],
    tag: [u8; TAG_LEN],
}

impl Stored {
    pub fn parse(text: &str) -> Result<Self, Rule> {
        let stored = Self::read(text).ok_or(Rule::UnknownHash)?;
        if stored.cost > MAX_COST {
            return Err(Rule::CostlyHash("bcrypt may have a cost of at most 14"));
        }
        Ok(stored)
    }

    fn read(text: &str) -> Option<Self> {
        let (cost, rest) = text.get(4..)?.split_once('$')?;
        let cost = number(cost).filter(|cost| *cost >= MIN_COST)?;
        let (salt, tag) = rest.split_at_checked(22)?;
        let (salt, tag) = (BASE64.decode(salt).ok()?, BASE64.decode(tag).ok()?);
        Some(Self { cost, salt: salt.try_into().ok()?, tag: tag.try_into().ok()? })
    }

    pub fn verify(&self, password: &[u8]) -> bool {
        // The key is the password with its closing NUL, as far as that has room. A longer password costs
        // the same work, so that its time tells nothing, and never matches.
        let len = MAX_PASSWORD_LEN.min(password.len());
        let mut key = Zeroizing::new([0u8; MAX_PASSWORD_LEN + 1]);
        key[..len].copy_from_slice(&password[..len]);
        let tag = ::bcrypt::bcrypt(self.cost, self.salt, &key[..MAX_PASSWORD_LEN.min(len + 1)]);
        secret::equal(&tag[..TAG_LEN], &self.tag) && password.len() == len
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::password::{Format, foreign::assert_known};

    /// Made with bcrypt 4.0 for Python.
    #[test]
    fn known_answers() {
        for text in [
            "$2a$05$x38v3FHyiDDgsRtKPx1qgemqGmgi5qOmWpseTBOI5MbjwwdjpxI9i",
            "$2b$05$ZtTq7bPjNTa2MyQ2WSEVZefI4xNl5yRbtMiUecAhYU9o6sysp.6Z.",
            "$2y$05$bhLjMMO8cASXZ3bb5ciZWO40XSOVoVwBcRPzlxhQ9NEDWCCE9SKtG",
        ] {
            assert_known(text, Format::Bcrypt);
        }
    }

    #[test]
    fn a_password_over_72_bytes_never_matches_its_beginning() {
        let stored = Stored::parse("$2b$04$GAhbHJCjcpB/b3r.FF26KeEqDBvhPWH1VkyzgA2V91DDQaaEnv.l.").unwrap();
        assert!(stored.verify(&[b'x'; 72]));
        assert!(!stored.verify(&[b'x'; 73]));
        assert!(!stored.verify(&[b'x'; 71]));
    }

    #[test]
    fn odd_and_hostile_hashes_are_refused() {
        let rest = "GAhbHJCjcpB/b3r.FF26KeEqDBvhPWH1VkyzgA2V91DDQaaEnv.l.";
        assert!(matches!(Stored::parse(&format!("$2b$15${rest}")), Err(Rule::CostlyHash(_))));
        for cost in ["", "03", "+9", "4294967300"] {
            assert_eq!(Stored::parse(&format!("$2b${cost}${rest}")).err(), Some(Rule::UnknownHash), "{cost}");
        }
        assert_eq!(Stored::parse(&format!("$2b$04${}", &rest[1..])).err(), Some(Rule::UnknownHash));
        assert_eq!(Stored::parse("$2b$04$\u{e9}").err(), Some(Rule::UnknownHash));
    }
}
