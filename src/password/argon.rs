//! Argon2 (RFC 9106): the hash that is made here, and every variant of it from elsewhere.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine;

use super::{
    Hash, Password, Rule,
    phc::{BASE64, Phc},
};
use crate::{
    error::{Code, Error, Result},
    secret,
};

/// Memory of a hash made here, in KiB. With [`PASSES`] and one lane it is one of the settings that the OWASP
/// Password Storage Cheat Sheet gives as equal, and the one Keycloak uses.
const MEMORY_KIB: u32 = 7_168;
const PASSES: u32 = 5;
const LANES: u32 = 1;
const SALT_LEN: usize = 16;
const TAG_LEN: usize = 32;

/// What every current hash begins with.
const CURRENT: &str = const_format::formatcp!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}$");

/// Ceilings of a hash from elsewhere: memory in KiB, memory times passes, lanes. Hashes run on as many
/// threads as there are cores, and each may hold this memory once.
const MAX_MEMORY_KIB: u32 = 256 * 1_024;
const MAX_WORK_KIB: u64 = 1_024 * 1_024;
const MAX_LANES: u32 = 64;
const CEILING: &str = "argon2 may use at most m=262144, m times t of 1048576, and p=64";

/// The working memory of one thread: 7 MiB, taken at the first hash and kept from then on. It is not
/// wiped in between: the next hash overwrites it, and wiping would slow every one down.
#[derive(Default)]
pub(super) struct Memory(Vec<Block>);

impl Memory {
    fn blocks(&mut self) -> &mut [Block] {
        self.0.resize(MEMORY_KIB as usize, Block::new());
        &mut self.0
    }
}

/// Hashes a password with today's setting and a random salt.
///
/// # Errors
/// `internal` when the random source fails.
pub(super) fn hash(password: &Password, memory: &mut Memory) -> Result<Hash> {
    let salt = secret::random::<SALT_LEN>()?;
    let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(TAG_LEN)).map_err(Error::internal)?;
    let mut tag = [0u8; TAG_LEN];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(password.expose().as_bytes(), &salt, &mut tag, memory.blocks())
        .map_err(Error::internal)?;
    Ok(Hash::stored(format!("{CURRENT}{}${}", BASE64.encode(salt), BASE64.encode(tag))))
}

/// Whether a hash has today's setting and lengths.
pub(super) fn is_current(text: &str) -> bool {
    let lengths = |rest: &str| rest.split_once('$').map(|(salt, tag)| (salt.len(), tag.len()));
    text.strip_prefix(CURRENT).and_then(lengths) == Some(((SALT_LEN * 4).div_ceil(3), (TAG_LEN * 4).div_ceil(3)))
}

/// An Argon2 hash, taken apart.
pub(super) struct Stored {
    algorithm: Algorithm,
    version: Version,
    params: Params,
    salt: Vec<u8>,
    tag: Vec<u8>,
}

impl Stored {
    /// Reads `$argon2{id,i,d}[$v={16,19}]$m=..,t=..,p=..$salt$tag`. Without `v` it is version 16, as in the reference.
    pub fn parse(text: &str) -> Result<Self, Rule> {
        let (phc, version, memory, passes, lanes) = Self::fields(text).ok_or(Rule::UnknownHash)?;
        if memory > MAX_MEMORY_KIB || u64::from(memory) * u64::from(passes) > MAX_WORK_KIB || lanes > MAX_LANES {
            return Err(Rule::CostlyHash(CEILING));
        }
        let params = Params::new(memory, passes, lanes, Some(phc.tag.len())).map_err(|_| Rule::UnknownHash)?;
        let algorithm = Algorithm::new(phc.id).map_err(|_| Rule::UnknownHash)?;
        if phc.salt.len() < argon2::MIN_SALT_LEN {
            return Err(Rule::UnknownHash);
        }
        Ok(Self { algorithm, version, params, salt: phc.salt, tag: phc.tag })
    }

    fn fields(text: &str) -> Option<(Phc<'_>, Version, u32, u32, u32)> {
        let phc = Phc::parse(text, &["m", "t", "p"])?;
        let version = phc.version.map_or(Ok(Version::V0x10), Version::try_from).ok()?;
        let (memory, passes, lanes) = (phc.number("m")?, phc.number("t")?, phc.number("p")?);
        Some((phc, version, memory, passes, lanes))
    }

    /// Whether it is the hash of `password`. A hash that needs more than the thread's memory takes its own
    /// for as long as it runs.
    pub fn verify(&self, password: &[u8], memory: &mut Memory) -> Result<bool> {
        let argon = Argon2::new(self.algorithm, self.version, self.params.clone());
        let mut tag = vec![0u8; self.tag.len()];
        if self.params.m_cost() <= MEMORY_KIB {
            argon.hash_password_into_with_memory(password, &self.salt, &mut tag, memory.blocks())
        } else {
            argon.hash_password_into(password, &self.salt, &mut tag)
        }
        .map_err(|error| match error {
            argon2::Error::OutOfMemory => Error::from(Code::Busy).because(error),
            other => Error::internal(other),
        })?;
        Ok(secret::equal(&tag, &self.tag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with argon2-cffi 25 from "Très-Sûr 42".
    const KNOWN: [&str; 5] = [
        "$argon2id$v=19$m=7168,t=5,p=1$c2l4dGVlbiBieXRlIHNsdA$t8ukL4bvwAsDtxFclJYrcoOilsM3JAtGboCLWczd36I",
        "$argon2id$v=19$m=256,t=2,p=2$c2l4dGVlbiBieXRlIHNsdA$6OjTV+3ktYY+WCh4carJgGl1fGs28JOTK0H7ZnRGoNM",
        "$argon2i$v=19$m=256,t=2,p=2$c2l4dGVlbiBieXRlIHNsdA$5DUzVYXH0hYmn61p6rED8T1cP7H+TpXsmXufqvfbxAY",
        "$argon2d$v=19$m=256,t=2,p=2$c2l4dGVlbiBieXRlIHNsdA$QIlpdjnkT+mxxrdStxrPOpUIIddd8suyTj+RRBXWN+4",
        "$argon2id$m=256,t=2,p=2$c2l4dGVlbiBieXRlIHNsdA$jznDXHRaeIpYzvtN7/1uX2xs4EFNpBcm",
    ];

    #[test]
    fn known_answers_in_a_used_memory() {
        let mut memory = Memory::default();
        for text in KNOWN {
            let stored = Stored::parse(text).unwrap();
            assert!(stored.verify("Tr\u{e8}s-S\u{fb}r 42".as_bytes(), &mut memory).unwrap(), "{text}");
            assert!(!stored.verify(b"Tres-Sur 42", &mut memory).unwrap(), "{text}");
        }
    }

    #[test]
    fn what_is_made_here_is_current_and_salted() {
        let (password, mut memory) = (Password::parse("violets are blue").unwrap(), Memory::default());
        let (one, two) = (hash(&password, &mut memory).unwrap(), hash(&password, &mut memory).unwrap());
        assert_ne!(one, two);
        assert!(one.is_current() && Hash::stored(KNOWN[0]).is_current() && !Hash::stored(KNOWN[1]).is_current());
        assert!(Stored::parse(one.as_str()).unwrap().verify(b"violets are blue", &mut memory).unwrap());
    }

    #[test]
    fn hostile_costs_are_refused_before_any_work() {
        for cost in ["m=262145,t=1,p=1", "m=65536,t=17,p=1", "m=8,t=4294967295,p=1", "m=1024,t=1,p=65"] {
            let text = format!("$argon2id$v=19${cost}$c2l4dGVlbiBieXRlIHNsdA$jznDXHRaeIpYzvtN7/1uX2xs4EFNpBcm");
            assert_eq!(Hash::parse(&text).unwrap_err(), Rule::CostlyHash(CEILING), "{cost}");
        }
        for text in [
            "$argon2id$v=19$m=256,t=2,p=2$c2l4$jznDXHRaeIpYzvtN7/1uX2xs4EFNpBcm",
            "$argon2id$v=19$m=256,t=2,p=2$c2l4dGVlbiBieXRlIHNsdA$jznD",
            "$argon2id$v=18$m=256,t=2,p=2$c2l4dGVlbiBieXRlIHNsdA$jznDXHRaeIpYzvtN7/1uX2xs4EFNpBcm",
            "$argon2id$v=19$m=256,t=0,p=2$c2l4dGVlbiBieXRlIHNsdA$jznDXHRaeIpYzvtN7/1uX2xs4EFNpBcm",
            "$argon2id$v=19$m=256,t=2,p=2,keyid=aa$c2l4dGVlbiBieXRlIHNsdA$jznDXHRaeIpYzvtN7/1uX2xs4EFNpBcm",
        ] {
            assert_eq!(Hash::parse(text).unwrap_err(), Rule::UnknownHash, "{text}");
        }
    }
}
