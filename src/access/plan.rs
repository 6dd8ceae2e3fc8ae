//! Plans, and what each adds to a role.

use super::{Permission, Permissions};

/// What somebody pays for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Nothing.
    Basic,
    /// More of others: search and profiles.
    Premium,
    /// The same for organisations.
    Enterprise,
}

impl Plan {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Basic, Self::Premium, Self::Enterprise];

    /// Its name: the `subscription_tier` of a user.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::Premium => "premium",
            Self::Enterprise => "enterprise",
        }
    }

    /// What it is, unless superadmins wrote something else.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::Basic => "What everybody has.",
            Self::Premium => "Search, and the profiles of others.",
            Self::Enterprise => "Premium for organisations.",
        }
    }

    /// The plan of this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|plan| plan.as_str() == text)
    }

    /// What the plan of this name adds, `stored` being what superadmins wrote down.
    #[must_use]
    pub fn adds(name: &str, stored: Option<&str>) -> Permissions {
        stored.map_or_else(|| Self::parse(name).map(Self::permissions).unwrap_or_default(), Permissions::stored)
    }

    /// What it adds, unless superadmins stored something else.
    #[must_use]
    pub fn permissions(self) -> Permissions {
        match self {
            Self::Basic => Permissions::default(),
            Self::Premium | Self::Enterprise => {
                Permissions::of(&[Permission::UsersSearch, Permission::UsersReadProfile])
            }
        }
    }
}
