//! What the routes take, but for registration.

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::{
    body,
    error::{Error, Result, Rule},
    http::{Input, Line, input::text},
    password::{MAX_CHARS, Password},
};

impl Input for Password {
    fn read(value: &Value) -> Result<Self, Rule> {
        Self::parse(text(value)?).map_err(|rule| Rule::new(rule.code(), rule.sentence()))
    }
    fn schema() -> Value {
        json!({"type": "string", "format": "password", "minLength": 1, "maxLength": MAX_CHARS})
    }
}

body! {
    /// What `POST /login` takes: one of `email` and `username`.
    pub(crate) struct Login {
        /// The e-mail address; a username is taken here too.
        #[example("ann@example.com")]
        pub(super) email: Option<Line<1, 320>>,
        /// The username; an e-mail address is taken here too.
        #[example("ann.lee")]
        pub(super) username: Option<Line<1, 320>>,
        /// The password.
        #[example("Correct-Horse-7-Battery")]
        pub(super) password: Password,
        /// Whether the session is to last for 30 days of idleness and 90 days in all.
        pub(super) remember_me: Option<bool>,
    }
}

body! {
    /// What `POST /refresh` takes.
    pub(crate) struct Refresh {
        /// The refresh token of the last answer.
        #[example("dzr_Zm9yIHRoZSBuZXh0IHBhaXIgb2YgdG9rZW5z")]
        pub(super) refresh_token: SecretString,
    }
}

body! {
    /// What `POST /change-password` takes.
    pub(crate) struct ChangePassword {
        /// The password as it is; not with a `password_change_token`.
        #[example("Correct-Horse-7-Battery")]
        pub(super) current_password: Option<Password>,
        /// The password as it is to be.
        #[example("Better-Horse-8-Battery")]
        pub(super) new_password: Password,
        /// The new password once more.
        #[example("Better-Horse-8-Battery")]
        pub(super) confirm_password: Option<SecretString>,
    }
}

body! {
    /// What `POST /reauthenticate` takes.
    pub(crate) struct Reauthenticate {
        /// The password.
        #[example("Correct-Horse-7-Battery")]
        pub(super) password: Password,
    }
}

/// Refuses a confirmation that is not the password once more. It may be left out.
pub(crate) fn confirmed(password: &Password, confirmation: Option<&SecretString>) -> Result<()> {
    let same =
        |other: &SecretString| Password::parse(other.expose_secret()).is_ok_and(|p| p.expose() == password.expose());
    if confirmation.is_none_or(same) {
        return Ok(());
    }
    Err(Error::invalid("confirm_password", "mismatch", "The two passwords differ."))
}
