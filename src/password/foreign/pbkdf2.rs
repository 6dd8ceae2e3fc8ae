//! PBKDF2 (RFC 8018), in the three forms it is found in:
//!
//! | form | text | salt | tag |
//! |---|---|---|---|
//! | PHC | `$pbkdf2-sha256$i=600000,l=32$salt$tag` | base64 | base64 |
//! | passlib | `$pbkdf2-sha256$29000$salt$tag` | base64 with `.` for `+` | likewise |
//! | Django | `pbkdf2_sha256$1000000$salt$tag` | the text itself | base64, padded |
//!
//! Each with `sha1`, `sha256` or `sha512`; the first two also write `pbkdf2` for SHA-1.

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2::{self, PBKDF2_HMAC_SHA1, PBKDF2_HMAC_SHA256, PBKDF2_HMAC_SHA512};
use base64::Engine;

use crate::password::{
    Rule,
    phc::{BASE64, MIN_TAG_LEN, Phc, number},
};

/// The most iterations, times the blocks of output.
const MAX_WORK: u64 = 3_000_000;

/// A PBKDF2 hash, taken apart.
pub(in crate::password) struct Stored {
    digest: Digest,
    iterations: NonZeroU32,
    salt: Vec<u8>,
    tag: Vec<u8>,
}

#[derive(Clone, Copy)]
enum Digest {
    Sha1,
    Sha256,
    Sha512,
}

impl Digest {
    fn named(name: &str) -> Option<Self> {
        match name {
            "pbkdf2" | "pbkdf2-sha1" | "pbkdf2_sha1" => Some(Self::Sha1),
            "pbkdf2-sha256" | "pbkdf2_sha256" => Some(Self::Sha256),
            "pbkdf2-sha512" | "pbkdf2_sha512" => Some(Self::Sha512),
            _ => None,
        }
    }

    /// Length of its output, in bytes.
    const fn len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

impl Stored {
    pub fn parse(text: &str) -> Result<Self, Rule> {
        let stored = match text.strip_prefix('$') {
            None => Self::django(text),
            Some(_) if text.contains('=') => Self::phc(text),
            Some(rest) => Self::passlib(rest),
        }
        .filter(|stored| stored.tag.len() >= MIN_TAG_LEN)
        .ok_or(Rule::UnknownHash)?;
        let blocks = stored.tag.len().div_ceil(stored.digest.len()) as u64;
        if u64::from(stored.iterations.get()) * blocks > MAX_WORK {
            return Err(Rule::CostlyHash("pbkdf2 may have at most 3000000 iterations, over all blocks of its output"));
        }
        Ok(stored)
    }

    fn phc(text: &str) -> Option<Self> {
        let phc = Phc::parse(text, &["i", "l"])?;
        if phc.version.is_some() || usize::try_from(phc.number("l")?).ok()? != phc.tag.len() {
            return None;
        }
        let (digest, iterations) = (Digest::named(phc.id)?, NonZeroU32::new(phc.number("i")?)?);
        Some(Self { digest, iterations, salt: phc.salt, tag: phc.tag })
    }

    fn passlib(text: &str) -> Option<Self> {
        let bytes = |field: &str| BASE64.decode(field.replace('.', "+")).ok();
        let [name, iterations, salt, tag] = fields(text)?;
        Some(Self {
            digest: Digest::named(name)?,
            iterations: number(iterations)?,
            salt: bytes(salt)?,
            tag: bytes(tag)?,
        })
    }

    fn django(text: &str) -> Option<Self> {
        let [name, iterations, salt, tag] = fields(text)?;
        let (salt, tag) = (salt.as_bytes().to_vec(), BASE64.decode(tag).ok()?);
        Some(Self { digest: Digest::named(name)?, iterations: number(iterations)?, salt, tag })
    }

    pub fn verify(&self, password: &[u8]) -> bool {
        let algorithm = match self.digest {
            Digest::Sha1 => PBKDF2_HMAC_SHA1,
            Digest::Sha256 => PBKDF2_HMAC_SHA256,
            Digest::Sha512 => PBKDF2_HMAC_SHA512,
        };
        pbkdf2::verify(algorithm, self.iterations, &self.salt, password, &self.tag).is_ok()
    }
}

fn fields(text: &str) -> Option<[&str; 4]> {
    text.split('$').collect::<Vec<_>>().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::password::{Format, foreign::assert_known};

    /// Made with passlib 1.7.4 and Python's hashlib.
    #[test]
    fn known_answers() {
        for text in [
            "$pbkdf2-sha256$1000$.//.IHNhbHQgYnl0ZXMh$jhBqd6m.r5KuZXt2TOU2NnhEUU5vWTriavSt3QaMJWw",
            "$pbkdf2-sha512$1000$FOJ8j/F.711rDYHw/n9PyQ$kYTWQHJ2x0/pNVKVLfL.ucIcKwiNgrizYy8P6N90yYT1Lxj2wTNkKe1f3wjPKhPQtTdNeqMdfhge45VfKO10BQ",
            "$pbkdf2$1000$KOX8f681RmhNCaGUkjLG.A$.rjhoHg5T6qn6n6IDp0u3YIJM78",
            "$pbkdf2-sha1$i=1000,l=32$+/8gc2l4dGVlbiBieXRlcw$P5YVLp3Gd/NPYSGiV956uEfKbpX/8vf0OCbmsDDgwVw",
            "$pbkdf2-sha256$i=1000,l=32$+/8gc2l4dGVlbiBieXRlcw$lqRu2zWPif9lYavd1B7/FiNfv5E1T/m9FS2wuXpfydc",
            "$pbkdf2-sha512$i=1000,l=32$+/8gc2l4dGVlbiBieXRlcw$mo6+lga79jDCjSMLz/SvDaB7c6aEJ/i4R7Fh3hhO+qA",
            "pbkdf2_sha1$1000$exHwvTlJV0cy$yGSgX950r4RBw+ujIMayix+fNC0=",
            "pbkdf2_sha256$1000$e55n9mj4mr4d$EZC3U3WUnwV+q0W77dSBXGG5pK6RdsVQWnTejAqc7ZU=",
            "pbkdf2_sha512$1000$NaClForDjango$vtQk5GyQ/+r22HElm46fb2DW1LVRWxGJRP1c35iAo1OeuW+Y81/V5U+hOHkqtBR4srnchDaGJEcCD/UNXbhz/w==",
        ] {
            assert_known(text, Format::Pbkdf2);
        }
    }

    #[test]
    fn hostile_costs_and_damaged_texts_are_refused() {
        let tag = "ZxOVHjUEgV8HS/IiIWFnZUai9pLMTViv6ROguBbelus";
        for text in [
            format!("pbkdf2_sha256$3000001$salt${tag}"),
            format!("pbkdf2_sha1$1500001$salt${tag}"),
            format!("$pbkdf2-sha256$i=4294967295,l=32$c2FsdA${tag}"),
        ] {
            assert!(matches!(Stored::parse(&text), Err(Rule::CostlyHash(_))), "{text}");
        }
        for text in [
            format!("pbkdf2_sha256$0$salt${tag}"),
            format!("pbkdf2_sha256$99999999999$salt${tag}"),
            format!("pbkdf2_md5$1000$salt${tag}"),
            format!("pbkdf2_sha256$1000$salt${tag}$more"),
            format!("$pbkdf2-sha256$i=1000,l=31$c2FsdA${tag}"),
            "pbkdf2_sha256$1000$salt$".to_owned(),
        ] {
            assert_eq!(Stored::parse(&text).err(), Some(Rule::UnknownHash), "{text}");
        }
    }
}
