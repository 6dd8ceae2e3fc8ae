//! `/api/v1/users/{id}`: the id is a UUID or an external id.

use axum::extract::State;
use serde_json::{Map, Value};

use super::{Delete, seen, update::Unread};
use crate::{
    access::{Caller, Permission},
    account::{self, Changes, oversight, rank::is_self, restore},
    app::App,
    body,
    db::Tx,
    error::{Error, Result},
    http::{ETag, IfMatch, Json, Message, Path},
    id::UserId,
    login::change_password,
    once::{Answer, http::Once},
};

/// Whom a path names, if the caller has the permission; himself without it. Whoever has not learns nothing of whether
/// there is such a user.
pub(crate) async fn target(app: &App, caller: &Caller, name: &str, permission: Permission) -> Result<UserId> {
    if caller.may(permission) {
        return account::resolve(&mut app.db.read(), name).await;
    }
    if let Ok((own, _)) = caller.signed_in() {
        if name.parse::<UserId>().is_ok_and(|id| id == own) {
            return Ok(own);
        }
        let conn = &mut app.db.read();
        let external = account::get(conn, own).await?.and_then(|user| user.external_id);
        // His external id may be the id of somebody else, and an id wins.
        if external.is_some_and(|external| external == name) && account::resolve(conn, name).await? == own {
            return Ok(own);
        }
    }
    caller.must(permission)?;
    Err(Error::not_found())
}

/// The same, but never himself without the permission.
pub(super) async fn other(app: &App, caller: &Caller, name: &str, permission: Permission) -> Result<UserId> {
    caller.must(permission)?;
    account::resolve(&mut app.db.read(), name).await
}

/// `GET /users/{id}`.
pub(crate) async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<(ETag, Json<Map<String, Value>>)> {
    let id = target(&app, &caller, &name, Permission::UsersRead).await?;
    let conn = &mut app.db.read();
    let user = account::get(conn, id).await?.ok_or_else(Error::not_found)?;
    Ok((ETag(user.version), Json(seen::view(&app, conn, &caller, &user).await?)))
}

/// `PUT` and `PATCH /users/{id}`: of oneself the same as `/users/me`. What a request insists on is read before it is
/// looked up whether it was answered already, so that what cannot be read is refused each time.
pub(crate) async fn update(
    State(app): State<App>,
    expected: IfMatch,
    once: Once,
    Path(name): Path<String>,
    body: Result<Json<Unread>>,
) -> Result<Answer> {
    let caller = &once.caller;
    let id = target(&app, caller, &name, Permission::UsersUpdate).await?;
    let Json(unread) = body?;
    let expected = |version| expected.check(version);
    let app = &app;
    if is_self(caller, id) {
        let changes = Changes::from(unread.own()?);
        return once
            .write(app, async |tx| {
                let user = account::update(tx, caller, id, changes, expected).await?;
                seen::answer(app, tx, caller, &user).await
            })
            .await;
    }
    let (changes, oversight, password) = unread.other()?.split();
    let hash = match password {
        Some(password) => Some(change_password::for_other(app, caller, id, &password).await?),
        None => None,
    };
    let hash = hash.as_ref();
    let work = once.write(app, async |tx| {
        // A hash took its time: then the other fields need what the caller may do now, too.
        let caller = &if hash.is_some() { app.bearers.again(tx, caller).await? } else { caller.clone() };
        oversight::update(tx, caller, id, changes, oversight, expected).await?;
        if let Some(hash) = hash {
            change_password::set_for_other(tx, app, caller, id, hash).await?;
        }
        let user = account::lock(tx, id).await?.ok_or_else(Error::not_found)?;
        seen::answer(app, tx, caller, &user).await
    });
    Box::pin(work).await
}

/// `DELETE /users/{id}`: of oneself the same as `/users/me`.
pub(crate) async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    expected: IfMatch,
    body: Option<Json<Delete>>,
) -> Result<Message> {
    let id = other(&app, &caller, &name, Permission::UsersDelete).await?;
    if is_self(&caller, id) {
        return super::delete(State(app), caller, expected, body).await;
    }
    let grace = app.config.auth.delete_grace;
    let expected = |version| expected.check(version);
    app.db.write(async |tx| account::delete(tx, &caller, id, grace, expected).await).await?;
    Ok(Message::new("The account was deleted"))
}

body! {
    /// What `PUT /users/{id}/status` takes.
    pub(crate) struct Status {
        /// Whether the user may sign in.
        is_active: bool,
    }
}

/// `PUT /users/{id}/status`.
pub(crate) async fn set_status(
    State(app): State<App>,
    expected: IfMatch,
    once: Once,
    Path(name): Path<String>,
    body: Result<Json<Status>>,
) -> Result<Answer> {
    let (app, caller) = (&app, &once.caller);
    let id = other(app, caller, &name, Permission::UsersDeactivate).await?;
    let is_active = body?.0.is_active;
    let expected = |version| expected.check(version);
    if is_active {
        let activate = async |tx: &mut Tx| {
            let user = account::activate(tx, caller, id, expected).await?;
            seen::answer(app, tx, caller, &user).await
        };
        return once.write(app, activate).await;
    }
    let deactivate = async |tx: &mut Tx| {
        let user = account::deactivate(tx, caller, id, expected).await?;
        seen::answer(app, tx, caller, &user).await
    };
    once.withdraw(app, deactivate).await
}

/// `POST /users/{id}/restore`: here the id is a UUID, since whoever is deleted has no other.
pub(crate) async fn restore(State(app): State<App>, once: Once, Path(name): Path<String>) -> Result<Answer> {
    let (app, caller) = (&app, &once.caller);
    caller.must(Permission::UsersDelete)?;
    let id = name.parse().map_err(|_| Error::not_found())?;
    once.write(app, async |tx| {
        let user = restore::restore(tx, caller, id).await?;
        seen::answer(app, tx, caller, &user).await
    })
    .await
}
