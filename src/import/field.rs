//! What a column can be: the one table of fields, and the names under which they usually come.

macro_rules! fields {
    ($($name:ident $text:literal [$($alias:literal)*] $sentence:literal)+) => {
        /// What a column holds.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Field { $(#[doc = $sentence] $name),+ }

        impl Field {
            /// All of them, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Its name.
            #[must_use]
            pub const fn as_str(self) -> &'static str { match self { $(Self::$name => $text),+ } }

            /// Other names that it is known by.
            #[must_use]
            pub const fn aliases(self) -> &'static [&'static str] { match self { $(Self::$name => &[$($alias),*]),+ } }

            /// What it becomes.
            #[must_use]
            pub const fn sentence(self) -> &'static str { match self { $(Self::$name => $sentence),+ } }
        }
    };
}

fields! {
    Email "email" ["e_mail" "mail" "email_address" "emailaddress"] "The address. Every row has one; it counts as proved."
    Username "username" ["user_name" "login" "nickname" "preferred_username"] "The name to sign in with, beside the address."
    FullName "full_name" ["name" "fullname" "display_name"] "The whole name; made of the parts when only they are given."
    FirstName "first_name" ["firstname" "given_name" "forename"] "The first name or names."
    LastName "last_name" ["lastname" "family_name" "surname"] "The last name."
    Phone "phone" ["phone_number" "telephone" "mobile" "tel"] "A telephone number, at most 20 characters."
    Gender "gender" ["sex"] "The gender, as told."
    IpAddress "ip_address" ["ip" "last_ip"] "The address in the network."
    AvatarUrl "avatar_url" ["avatar" "picture" "photo_url" "image_url"] "The address of a picture, http or https."
    Bio "bio" ["about"] "A few words, at most 1 000 characters."
    CurrentTitle "current_title" ["title" "job_title" "position"] "The title at work."
    ExperienceYears "experience_years" ["years_of_experience" "experience"] "Years of experience, 0 to 50."
    EducationLevel "education_level" ["education"] "The level of education."
    CurrentRoleLevel "current_role_level" ["role_level" "seniority"] "The level of the present role."
    Location "location" ["city"] "Where one lives."
    Timezone "timezone" ["time_zone" "tz" "zoneinfo"] "The time zone's name."
    ExternalId "external_id" ["id" "user_id" "uid" "legacy_id" "sub"] "The id in the system the person comes from; it works wherever an id does."
    Role "role" ["user_role"] "`user`, or with `--allow-roles` what the importer may grant."
    IsActive "is_active" ["active" "enabled" "is_enabled"] "Whether the person may sign in; yes unless it says no."
    IsVerified "is_verified" ["verified" "email_verified"] "Whether the address is proved; yes unless it says no."
    IsPremium "is_premium" ["premium"] "Whether the plan is a premium one, for whoever has no `subscription_tier`."
    SubscriptionTier "subscription_tier" ["plan" "tier"] "The plan: `basic`, `premium`, `enterprise` or one of your own, as far as the importer holds what it adds."
    SubscriptionStatus "subscription_status" [] "`active`, `canceled` or `past_due`."
    UserMetadata "user_metadata" ["metadata"] "A JSON object of at most 16 KiB."
    AppMetadata "app_metadata" [] "A JSON object of at most 16 KiB, for administrators."
    MustChangePassword "must_change_password" ["force_password_change"] "Whether the password must be changed at the first sign-in."
    CreatedAt "created_at" ["created" "date_joined" "registered_at"] "When the account was made: RFC 3339, or `2024-01-31 12:00:00` in UTC."
    LastLogin "last_login" ["last_login_at" "last_sign_in_at"] "The last sign-in."
    Password "password" ["plain_password"] "A password to be hashed, or a hash that was made elsewhere: told apart by its form."
    PasswordHash "password_hash" ["hashed_password" "password_digest" "encrypted_password" "hash"] "A hash that was made elsewhere."
}

impl Field {
    /// The field of this name or alias, however its words are joined: `First Name`, `firstName` and `first-name` are
    /// one.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        let name = folded(text);
        let same = |field: &&Self| field.as_str() == name || field.aliases().contains(&name.as_str());
        Self::ALL.iter().find(same).copied()
    }

    /// Whether it must not be shown.
    #[must_use]
    pub const fn is_secret(self) -> bool {
        matches!(self, Self::Password | Self::PasswordHash)
    }
}

fn folded(text: &str) -> String {
    let mut name = String::new();
    let mut was_small = false;
    for c in text.trim().chars() {
        if c.is_uppercase() && was_small {
            name.push('_');
        }
        was_small = c.is_lowercase() || c.is_ascii_digit();
        if matches!(c, ' ' | '-' | '.' | '_') { name.push('_') } else { name.extend(c.to_lowercase()) }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_names_are_known_however_their_words_are_joined() {
        for name in ["first_name", "First Name", "firstName", "FIRST-NAME", " givenName "] {
            assert_eq!(Field::named(name), Some(Field::FirstName), "{name}");
        }
        assert_eq!((Field::named("id"), Field::named("shoe size")), (Some(Field::ExternalId), None));
    }
}
