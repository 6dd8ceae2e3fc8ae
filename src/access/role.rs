//! Roles, and what each may do.

use super::{Permission, Permissions};
use crate::text_column;

/// A built-in role: a set of permissions with a rank. The order is the rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Everybody.
    User,
    /// Looks after users.
    Admin,
    /// May do everything.
    Superadmin,
}

impl Role {
    /// All of them, in ascending rank.
    pub const ALL: [Self; 3] = [Self::User, Self::Admin, Self::Superadmin];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Admin => "admin",
            Self::Superadmin => "superadmin",
        }
    }

    /// The role of this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }

    /// What it allows.
    #[must_use]
    pub fn permissions(self) -> Permissions {
        use Permission::{UsersDeactivate, UsersGrant, UsersList, UsersRead, UsersSupport, UsersUpdate};
        match self {
            Self::User => Permissions::of(&[UsersList, UsersRead]),
            Self::Admin => {
                Permissions::of(&[UsersList, UsersRead, UsersUpdate, UsersGrant, UsersDeactivate, UsersSupport])
            }
            Self::Superadmin => Permissions::of(Permission::ALL),
        }
    }
}

text_column!(Role, |role: &Role| role.as_str(), Role::parse);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rank_and_permissions_grow_together() {
        for pair in Role::ALL.windows(2) {
            assert!(pair[0] < pair[1]);
            let (low, high) = (pair[0].permissions(), pair[1].permissions());
            assert!(Permission::ALL.iter().all(|p| !low.contains(*p) || high.contains(*p)));
        }
    }
}
