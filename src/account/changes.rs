//! Changes to a person's data: for each field nothing, a new value, or none.

use serde_json::{Map, Value};

use super::{Names, User, Username};
use crate::patch::Patch;

/// What a person changes of his own data.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the fields are those of the user, under the same names")]
pub struct Changes {
    pub username: Patch<Username>,
    pub full_name: Patch<String>,
    pub first_name: Patch<String>,
    pub last_name: Patch<String>,
    pub phone: Patch<String>,
    pub gender: Patch<String>,
    pub avatar_url: Patch<String>,
    pub bio: Patch<String>,
    pub current_title: Patch<String>,
    pub experience_years: Patch<i64>,
    pub education_level: Patch<String>,
    pub current_role_level: Patch<String>,
    pub location: Patch<String>,
    pub timezone: Patch<String>,
    pub user_metadata: Patch<Map<String, Value>>,
}

impl Changes {
    /// The record as it is after them.
    pub(super) fn apply(self, user: User) -> User {
        let names = self.names(&user);
        User {
            username: self.username.map(|name| name.as_str().to_owned()).apply(user.username),
            full_name: names.full,
            first_name: names.first,
            last_name: names.last,
            phone: self.phone.apply(user.phone),
            gender: self.gender.apply(user.gender),
            avatar_url: self.avatar_url.apply(user.avatar_url),
            bio: self.bio.apply(user.bio),
            current_title: self.current_title.apply(user.current_title),
            experience_years: self.experience_years.apply(user.experience_years),
            education_level: self.education_level.apply(user.education_level),
            current_role_level: self.current_role_level.apply(user.current_role_level),
            location: self.location.apply(user.location),
            timezone: self.timezone.apply(user.timezone),
            user_metadata: self.user_metadata.apply(Some(user.user_metadata)).unwrap_or_default(),
            ..user
        }
    }

    /// The whole follows its parts when only they are given, and the parts the whole.
    fn names(&self, user: &User) -> Names {
        let parts = !self.first_name.is_absent() || !self.last_name.is_absent();
        let first = self.first_name.clone().apply(user.first_name.clone());
        let last = self.last_name.clone().apply(user.last_name.clone());
        match (&self.full_name, parts) {
            (Patch::Absent, true) => Names::complete(None, first, last),
            (Patch::Set(full), false) => Names::complete(Some(full.clone()), None, None),
            (full, _) => Names { full: full.clone().apply(user.full_name.clone()), first, last },
        }
    }
}
