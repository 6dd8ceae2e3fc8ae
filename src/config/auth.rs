//! Accounts and sign-in: who may register, how long things last.

use std::time::Duration;

use super::{
    kind::{Days, Minutes, Switch, words},
    setting::settings,
};

settings! {
    /// Who may have an account, and how long what proves a sign-in lasts.
    Auth {
        /// How long an access token is valid.
        ACCESS_TOKEN_EXPIRE_MINUTES => access_token_lifetime: Duration as Minutes<1, 1440> = "30";
        /// How long a session may rest before its refresh token expires. Each use begins anew.
        REFRESH_TOKEN_EXPIRE_DAYS | SESSION_TOKEN_EXPIRE_DAYS => refresh_token_lifetime: Duration as Days<1, 365> = "7";
        /// Whether each use of a refresh token replaces it. Turn it off only for clients that cannot store the new
        /// one: a stolen token then goes unnoticed.
        REFRESH_ROTATION => refresh_rotation: Switch = "on";
        /// Whether people may register themselves, or only administrators make accounts.
        REGISTRATION => registration: Registration = "open";
        /// What a new password must be. `classic`: at least 8 characters with upper case, lower case and a digit.
        /// `nist`: at least 15 characters of any kind, as NIST SP 800-63B has it; advised for new installations.
        /// Both refuse common passwords.
        PASSWORD_POLICY => password_policy: PasswordPolicy = "classic";
        /// Who may list and read other users without further permissions. `verified`: whoever has proved his e-mail
        /// address. `open`: anyone signed in, who then sees the e-mail addresses too. `admins`: only those who were
        /// given the permission.
        DIRECTORY => directory: Directory = "verified";
        /// How long a deleted account can be restored before it is erased.
        DELETE_GRACE_DAYS => delete_grace: Duration as Days<0, 3650> = "30";
    }
}

words! {
    /// Who makes accounts.
    Registration {
        /// People themselves.
        Open = "open";
        /// Administrators only.
        Closed = "closed";
    }
}

words! {
    /// Who may list and read other users.
    Directory {
        /// Whoever has proved his e-mail address.
        Verified = "verified";
        /// Anyone signed in.
        Open = "open";
        /// Whoever was given the permission.
        Admins = "admins";
    }
}

words! {
    /// The rule for new passwords.
    PasswordPolicy {
        /// At least 8 characters with upper case, lower case and a digit.
        Classic = "classic";
        /// At least 15 characters without rules of composition (NIST SP 800-63B-4, section 3.1.1).
        Nist = "nist";
    }
}
