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

            /// The permission of this name.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|permission| permission.as_str() == text)
            }

            /// What it allows.
            #[must_use]
            pub const fn sentence(self) -> &'static str { match self { $(Self::$name => $sentence),+ } }
        }
    };
}

permissions! {
    UsersList "users.list" "List users."
    UsersRead "users.read" "Read another user."
    UsersSearch "users.search" "Search users."
    UsersReadProfile "users.read_profile" "Read another user's profile and preferences, as far as he shows them."
    UsersUpdate "users.update" "Change another user's data, and see all of it."
    UsersCreate "users.create" "Create users."
    UsersDelete "users.delete" "Delete and restore users."
    UsersGrant "users.grant" "Grant roles, never more than one's own."
    UsersDeactivate "users.deactivate" "Deactivate and activate users."
    UsersSupport "users.support" "Unlock users, set or force a new password."
    UsersSessions "users.sessions" "See and end another user's sessions."
    UsersImport "users.import" "Import users."
    UsersExport "users.export" "Export users, as far as one sees them."
    EventsRead "events.read" "Read the audit trail."
    RolesRead "roles.read" "See roles and plans."
    RolesWrite "roles.write" "Make and change roles and plans, never beyond one's own permissions."
    KeysRead "keys.read" "See API keys."
    KeysWrite "keys.write" "Make and revoke API keys, never beyond one's own permissions."
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

    /// The set that a text names. Names that this version does not know allow nothing.
    #[must_use]
    pub fn stored(text: &str) -> Self {
        Self::of(&text.split_whitespace().filter_map(Permission::parse).collect::<Vec<_>>())
    }

    /// The text that [`Permissions::stored`] reads.
    #[must_use]
    pub fn to_text(self) -> String {
        self.names().collect::<Vec<_>>().join(" ")
    }

    /// What either holds.
    #[must_use]
    pub const fn and(self, more: Self) -> Self {
        Self(self.0 | more.0)
    }

    /// What both hold.
    #[must_use]
    pub const fn within(self, limit: Self) -> Self {
        Self(self.0 & limit.0)
    }

    /// What it holds beside these.
    #[must_use]
    pub const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// Whether it holds all of these.
    #[must_use]
    pub const fn covers(self, others: Self) -> bool {
        self.0 & others.0 == others.0
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
