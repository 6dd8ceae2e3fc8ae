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

    /// What it allows. What everybody may see of others is not in here: see [`super::Authority`].
    #[must_use]
    pub fn permissions(self) -> Permissions {
        match self {
            Self::User => Permissions::default(),
            Self::Admin => Permissions::of(ADMIN),
            Self::Superadmin => Permissions::of(Permission::ALL),
        }
    }
}

/// What an admin may do.
const ADMIN: &[Permission] = &[
    Permission::UsersList,
    Permission::UsersRead,
    Permission::UsersSearch,
    Permission::UsersReadProfile,
    Permission::UsersUpdate,
    Permission::UsersGrant,
    Permission::UsersDeactivate,
    Permission::UsersSupport,
    Permission::UsersSessions,
    Permission::UsersExport,
    Permission::EventsRead,
    Permission::RolesRead,
    Permission::KeysRead,
];

/// Who may act on whom: nobody on his own rank or above, except a superadmin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// Everybody.
    User,
    /// Whoever was granted a custom role: it lets him act on plain users, and on none of his kind.
    Staff,
    /// An admin.
    Admin,
    /// A superadmin.
    Superadmin,
}

impl From<Role> for Rank {
    fn from(role: Role) -> Self {
        match role {
            Role::User => Self::User,
            Role::Admin => Self::Admin,
            Role::Superadmin => Self::Superadmin,
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
