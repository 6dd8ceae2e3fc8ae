//! `POST /password-reset-confirm`.

use axum::extract::State;
use secrecy::{ExposeSecret, SecretString};

use super::confirmed;
use crate::{
    app::{Anybody, App},
    body,
    error::Result,
    http::{Json, Message},
    login::link,
    password::Password,
    secret::Token,
};

body! {
    /// What `POST /password-reset-confirm` takes.
    pub(crate) struct ResetConfirm {
        /// The token of the link.
        #[example("dzp_Zm9yIHRoZSBwYXNzd29yZCBvZiBvbmUgdXNlcg")]
        token: SecretString,
        /// The password as it is to be.
        #[example("Better-Horse-8-Battery")]
        new_password: Password,
        /// The new password once more.
        #[example("Better-Horse-8-Battery")]
        confirm_password: Option<SecretString>,
    }
}

/// Anybody's who holds a link.
pub(crate) async fn confirm(
    State(app): State<App>,
    Anybody(caller): Anybody,
    Json(body): Json<ResetConfirm>,
) -> Result<Message> {
    confirmed(&body.new_password, body.confirm_password.as_ref())?;
    let token = Token::received(body.token.expose_secret());
    link::confirm(&app, &caller, &token, &body.new_password).await?;
    Ok(Message::new("The password was changed; sign in with it"))
}
