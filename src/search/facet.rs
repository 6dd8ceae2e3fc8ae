//! The fields of few values, packed into one number: a mask and a value answer for any number of them at once.

use crate::access::Role;

/// The plans of the program in the order of their codes; any other has the next code, and a hash of its name beside it.
pub const TIERS: [&str; 3] = ["basic", "premium", "enterprise"];

/// Where the hash of a plan's name begins, and how long it is. Two of the few plans that somebody makes share one about
/// as often as two random ids do.
const HASH_AT: u32 = 16;
const HASH: i64 = (1 << 46) - 1;

/// FNV-1a of 64 bit, cut off. It is stored, so it never changes.
fn hash(name: &str) -> i64 {
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325, mix);
    i64::try_from(hash >> 18).unwrap_or(0) & HASH
}

/// A field that is yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the user, under the same names")]
pub enum Flag {
    Active,
    Verified,
    Premium,
    Mfa,
    Synced,
}

impl Flag {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Active, Self::Verified, Self::Premium, Self::Mfa, Self::Synced];
}

/// What some of the fields are: `facet & mask = value`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facet {
    /// The bits that are asked for.
    pub mask: i64,
    /// What they are.
    pub value: i64,
}

impl Facet {
    /// This flag is so.
    #[must_use]
    pub fn flag(flag: Flag, is: bool) -> Self {
        let bit = 1 << (4 + flag as i64);
        Self { mask: bit, value: if is { bit } else { 0 } }
    }

    /// This role.
    #[must_use]
    pub fn role(role: Role) -> Self {
        Self { mask: 0b11, value: rank(role) }
    }

    /// This plan.
    #[must_use]
    pub fn tier(tier: &str) -> Self {
        let code = TIERS.iter().position(|known| *known == tier).unwrap_or(TIERS.len());
        let name = if code == TIERS.len() { hash(tier) << HASH_AT } else { 0 };
        Self { mask: Self::TIER, value: i64::try_from(code).unwrap_or(0) << 2 | name }
    }

    /// The bit of a premium plan.
    pub const PREMIUM: i64 = 1 << (4 + Flag::Premium as i64);
    /// The bits of the plan.
    pub const TIER: i64 = 0b1100 | HASH << HASH_AT;

    /// Both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self { mask: self.mask | other.mask, value: self.value | other.value }
    }

    /// Whether somebody's fields are so.
    #[must_use]
    pub const fn matches(self, facet: i64) -> bool {
        facet & self.mask == self.value
    }
}

/// The place of a role in their order.
#[must_use]
pub fn rank(role: Role) -> i64 {
    Role::ALL.iter().position(|known| *known == role).and_then(|place| i64::try_from(place).ok()).unwrap_or(0)
}
