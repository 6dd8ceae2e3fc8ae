//! The support desk: `/api/v1/users/{id}/sessions`, `/unlock`, `/force-password-change`, `/password`.

use axum::extract::State;
use serde_json::Value;

use super::others::other;
use crate::{
    access::{Caller, Permission},
    account::oversight,
    app::App,
    body,
    error::Result,
    http::{Json, Message, Path},
    login::{change_password, link},
    once::{Answer, http::Once},
    password::Password,
    session,
};

/// `GET /users/{id}/sessions`.
pub(crate) async fn sessions(State(app): State<App>, caller: Caller, Path(name): Path<String>) -> Result<Json<Value>> {
    let id = other(&app, &caller, &name, Permission::UsersSessions).await?;
    session::http::told(&app, &caller, id).await
}

/// `DELETE /users/{id}/sessions`: ends all of them.
pub(crate) async fn end_sessions(State(app): State<App>, caller: Caller, Path(name): Path<String>) -> Result<Message> {
    let id = other(&app, &caller, &name, Permission::UsersSessions).await?;
    app.db.withdraw(async |tx| oversight::end_sessions(tx, &caller, id).await).await?;
    Ok(Message::new("All sessions of the user were ended"))
}

/// `POST /users/{id}/force-password-change`.
pub(crate) async fn force_password_change(
    State(app): State<App>,
    once: Once,
    Path(name): Path<String>,
) -> Result<Answer> {
    let caller = &once.caller;
    let id = other(&app, caller, &name, Permission::UsersSupport).await?;
    once.write(&app, async |tx| {
        oversight::force_password_change(tx, caller, id).await?;
        Ok(Answer::message("The user must change the password at the next sign-in"))
    })
    .await
}

/// `POST /users/{id}/unlock`.
pub(crate) async fn unlock(State(app): State<App>, once: Once, Path(name): Path<String>) -> Result<Answer> {
    let caller = &once.caller;
    let id = other(&app, caller, &name, Permission::UsersSupport).await?;
    once.write(&app, async |tx| {
        oversight::unlock(tx, caller, id).await?;
        Ok(Answer::message("Failed attempts are forgiven"))
    })
    .await
}

body! {
    /// What `POST /users/{id}/password` takes.
    pub(crate) struct SetPassword {
        /// The new password. Without it a one-time link goes to the user by mail.
        #[example("Correct-Horse-7-Battery")]
        password: Option<Password>,
    }
}

/// `POST /users/{id}/password`: every session of the user ends; or he gets a link, and they end when he uses it.
pub(crate) async fn set_password(
    State(app): State<App>,
    once: Once,
    Path(name): Path<String>,
    body: Result<Option<Json<SetPassword>>>,
) -> Result<Answer> {
    let (app, caller) = (&app, &once.caller);
    let id = other(app, caller, &name, Permission::UsersSupport).await?;
    let Some(password) = body?.and_then(|body| body.0.password) else {
        return once
            .write(app, async |tx| {
                link::send_to_other(tx, caller, &app.keys, id).await?;
                Ok(Answer::message("A one-time link goes to the user by mail"))
            })
            .await;
    };
    let hash = &change_password::for_other(app, caller, id, &password).await?;
    once.write(app, async |tx| {
        change_password::set_for_other(tx, app, caller, id, hash).await?;
        Ok(Answer::message("The user has a new password"))
    })
    .await
}
