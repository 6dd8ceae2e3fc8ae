//! What somebody may do at an instant.
//!
//! It is the sum of his role, of his plan, of the custom roles that he was granted, and of what everybody may see.
//! A grant that has expired adds nothing from that second on: whoever remembers an [`Authority`] must ask
//! [`Authority::lasts`] each time.

use std::sync::Arc;

use super::{Permission, Permissions, Plan, Rank, Role};
use crate::{clock::Time, config::Directory};

/// What somebody may do, until something changes.
#[derive(Clone, Debug)]
pub struct Authority {
    /// The built-in role that counts.
    pub role: Role,
    /// The custom roles that count.
    pub granted: Arc<[String]>,
    /// Everything together.
    pub permissions: Permissions,
    /// When the first of the grants expires.
    pub until: Option<Time>,
}

/// What an account has without grants.
#[derive(Clone, Copy, Debug)]
pub struct Basis<'a> {
    /// Its built-in role.
    pub role: Role,
    /// Whether its address is proved.
    pub is_verified: bool,
    /// Its plan.
    pub tier: &'a str,
    /// What that plan adds, where it is stored.
    pub plan: Option<&'a str>,
}

/// A role that was granted: a custom one, or a built-in one that ends.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Its name.
    pub role: String,
    /// When it ends.
    pub expires_at: Option<Time>,
    /// What it allows, if it is a custom one.
    pub permissions: Option<String>,
}

impl Grant {
    fn lives(&self, now: Time) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

impl Authority {
    /// Sums it up.
    #[must_use]
    pub fn of(directory: Directory, basis: Basis<'_>, grants: &[Grant], now: Time) -> Self {
        let ended = grants.iter().any(|grant| grant.role == basis.role.as_str() && !grant.lives(now));
        let role = if ended { Role::User } else { basis.role };
        let living = || grants.iter().filter(|grant| grant.lives(now));
        let plan = Plan::adds(basis.tier, basis.plan);
        let custom = || living().filter_map(|grant| Some((grant, grant.permissions.as_deref()?)));
        let granted = custom().map(|(_, text)| Permissions::stored(text));
        let sum = role.permissions().and(plan).and(everybody(directory, basis.is_verified));
        Self {
            role,
            granted: custom().map(|(grant, _)| grant.role.clone()).collect(),
            permissions: granted.fold(sum, Permissions::and),
            until: living().filter_map(|grant| grant.expires_at).min(),
        }
    }

    /// That of a role alone, for whoever is no account.
    #[must_use]
    pub fn of_role(role: Role) -> Self {
        Self { role, granted: Arc::default(), permissions: role.permissions(), until: None }
    }

    /// Whether nothing has expired since it was summed up.
    #[must_use]
    pub fn lasts(&self, now: Time) -> bool {
        self.until.is_none_or(|end| now < end)
    }

    /// The rank that it gives.
    #[must_use]
    pub fn rank(&self) -> Rank {
        if self.granted.is_empty() { self.role.into() } else { Rank::from(self.role).max(Rank::Staff) }
    }

    /// The names of all its roles, the built-in one first.
    #[must_use]
    pub fn roles(&self) -> Vec<&str> {
        std::iter::once(self.role.as_str()).chain(self.granted.iter().map(String::as_str)).collect()
    }
}

/// What everybody may see of others, as `DIRECTORY` has it.
fn everybody(directory: Directory, is_verified: bool) -> Permissions {
    let may = match directory {
        Directory::Verified => is_verified,
        Directory::Open => true,
        Directory::Admins => false,
    };
    if may { Permissions::of(&[Permission::UsersList, Permission::UsersRead]) } else { Permissions::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(role: &str, end: Option<i64>, permissions: Option<&str>) -> Grant {
        Grant { role: role.into(), expires_at: end.map(Time::from_micros), permissions: permissions.map(Into::into) }
    }

    #[test]
    fn grants_end_at_their_microsecond() {
        let grants = [grant("admin", Some(10), None), grant("support", Some(20), Some("users.support no.such"))];
        let at = |now| {
            let basis = Basis { role: Role::Admin, is_verified: false, tier: "basic", plan: None };
            Authority::of(Directory::Verified, basis, &grants, Time::from_micros(now))
        };
        assert_eq!((at(9).role, at(9).rank(), at(9).until), (Role::Admin, Rank::Admin, Some(Time::from_micros(10))));
        assert!(at(9).lasts(Time::from_micros(9)) && !at(9).lasts(Time::from_micros(10)));
        assert_eq!((at(10).role, at(10).rank()), (Role::User, Rank::Staff));
        assert_eq!(at(10).permissions, Permissions::of(&[Permission::UsersSupport]));
        assert_eq!((at(20).permissions, at(20).rank(), at(20).until), (Permissions::default(), Rank::User, None));
    }

    #[test]
    fn plans_and_the_directory_add() {
        let of = |directory, is_verified, tier, plan| {
            let basis = Basis { role: Role::User, is_verified, tier, plan };
            Authority::of(directory, basis, &[], Time::from_micros(0)).permissions.to_text()
        };
        assert_eq!(of(Directory::Verified, false, "basic", None), "");
        assert_eq!(of(Directory::Verified, true, "basic", None), "users.list users.read");
        assert_eq!(of(Directory::Open, false, "basic", None), "users.list users.read");
        assert_eq!(of(Directory::Admins, true, "premium", None), "users.search users.read_profile");
        assert_eq!(of(Directory::Admins, true, "premium", Some("users.list")), "users.list");
    }
}
