//! Permissions: the one table of them, and sets of them.

macro_rules! permissions {
    ($($name:ident $text:literal $sentence:literal)+) => {
        /// One thing that a caller may do.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Permission { $(#[doc = $sentence] $name),+ }

        impl Permission {
            /// All of them, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Its name, dotted.
            #[must_use]
            pub const fn as_str(self) -> &'static str { match self { $(Self::$name => $text),+ } }

            /// What it allows.
            #[must_use]
            pub const fn sentence(self) -> &'static str { match self { $(Self::$name => $sentence),+ } }
        }
    };
}

permissions! {
    UsersList "users.list" "List users."
    UsersRead "users.read" "Read another user."
    UsersUpdate "users.update" "Change another user's data."
    UsersCreate "users.create" "Create users."
    UsersDelete "users.delete" "Delete and restore users."
    UsersGrant "users.grant" "Grant roles, never more than one's own."
    UsersDeactivate "users.deactivate" "Deactivate and activate users."
    UsersSupport "users.support" "Unlock users, set or force a new password."
    SystemRead "system.read" "See the state of the system."
}

/// A set of permissions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Permissions(u64);

impl Permissions {
    /// The set of these.
    #[must_use]
    pub fn of(permissions: &[Permission]) -> Self {
        Self(permissions.iter().fold(0, |set, permission| set | 1 << *permission as u8))
    }

    /// Whether it holds this one.
    #[must_use]
    pub fn contains(self, permission: Permission) -> bool {
        self.0 & (1 << permission as u8) != 0
    }

    /// Their names, in the order of the table.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Permission::ALL.iter().filter(move |permission| self.contains(**permission)).map(|p| p.as_str())
    }
}
