//! The fields of few values, packed into one number: a mask and a value answer for any number of them at once.

use crate::access::Role;

/// The plans in the order of their codes; any other has the next code.
pub const TIERS: [&str; 3] = ["basic", "premium", "enterprise"];

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
        Self { mask: 0b1100, value: i64::try_from(code).unwrap_or(0) << 2 }
    }

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
