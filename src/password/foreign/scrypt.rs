//! scrypt (RFC 7914) as a PHC string, which is also what passlib writes: `$scrypt$ln=16,r=8,p=1$salt$tag`.

use crate::{
    error::{Error, Result},
    password::{Rule, phc::Phc},
    secret,
};

/// The most memory, in bytes (128 times N times r), and the most memory times lanes.
const MAX_MEMORY: u64 = 256 << 20;
const MAX_WORK: u64 = 512 << 20;

/// A scrypt hash, taken apart.
pub(in crate::password) struct Stored {
    cost: Cost,
    salt: Vec<u8>,
    tag: Vec<u8>,
}

impl Stored {
    pub fn parse(text: &str) -> Result<Self, Rule> {
        let phc = Phc::parse(text, &["ln", "r", "p"]).filter(|phc| phc.version.is_none()).ok_or(Rule::UnknownHash)?;
        let [ln, r, p] = ["ln", "r", "p"].map(|name| phc.number(name));
        let (Some(ln), Some(r), Some(p)) = (ln, r, p) else { return Err(Rule::UnknownHash) };
        Ok(Self { cost: Cost::new(ln, r, p)?, salt: phc.salt, tag: phc.tag })
    }

    pub fn verify(&self, password: &[u8]) -> Result<bool> {
        let mut tag = vec![0u8; self.tag.len()];
        self.cost.derive(password, &self.salt, &mut tag)?;
        Ok(secret::equal(&tag, &self.tag))
    }
}

/// The cost of an scrypt hash, within the ceilings.
pub(super) struct Cost(::scrypt::Params);

impl Cost {
    /// From the logarithm of N, the block size and the lanes.
    pub fn new(ln: u32, r: u32, p: u32) -> Result<Self, Rule> {
        if ln == 0 || r == 0 || p == 0 {
            return Err(Rule::UnknownHash);
        }
        let memory = 1u64.checked_shl(ln).unwrap_or(u64::MAX).saturating_mul(128).saturating_mul(r.into());
        if memory > MAX_MEMORY || memory.saturating_mul(p.into()) > MAX_WORK {
            return Err(Rule::CostlyHash("scrypt may use at most 256 MiB (128 N r), and 512 MiB times p"));
        }
        let ln = u8::try_from(ln).map_err(|_| Rule::UnknownHash)?;
        ::scrypt::Params::new(ln, r, p).map(Self).map_err(|_| Rule::UnknownHash)
    }

    /// Fills `key`.
    ///
    /// # Errors
    /// `internal` when the key has no length.
    pub fn derive(&self, password: &[u8], salt: &[u8], key: &mut [u8]) -> Result<()> {
        ::scrypt::scrypt(password, salt, &self.0, key).map_err(Error::internal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::password::{Format, foreign::assert_known};

    /// Made with passlib 1.7.4.
    #[test]
    fn known_answer() {
        assert_known(
            "$scrypt$ln=10,r=8,p=2$TEnpPSeklBKiNIbQ2rsXwg$ljBJq1t+ATydLD1J8s32GLDDNupelY+NMHKmm68TMd8",
            Format::Scrypt,
        );
    }

    #[test]
    fn hostile_costs_are_refused() {
        for (ln, r, p) in [(19, 8, 1), (64, 8, 1), (200, 1, 1), (17, 8, 5), (1, u32::MAX, u32::MAX), (1, 1, u32::MAX)] {
            assert!(matches!(Cost::new(ln, r, p), Err(Rule::CostlyHash(_))), "{ln} {r} {p}");
        }
        assert!(Cost::new(18, 8, 2).is_ok());
        assert_eq!(Cost::new(10, 0, 1).err(), Some(Rule::UnknownHash));
    }
}
