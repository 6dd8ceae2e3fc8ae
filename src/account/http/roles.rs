//! `/api/v1/users/{id}/role` and `/roles`.

use axum::extract::State;
use serde_json::{Value, json};

use super::{others::other, seen};
use crate::{
    access::{Permission, Role},
    account::grant,
    app::App,
    body,
    clock::Time,
    error::{Error, Result, Rule},
    http::{IfMatch, Input, Json, Line, Path, input::text},
    once::{Answer, http::Once},
};

impl Input for Role {
    fn read(value: &Value) -> Result<Self, Rule> {
        let role = Self::parse(text(value)?);
        role.ok_or_else(|| Rule::new("unknown_role", "This must be 'user', 'admin' or 'superadmin'."))
    }
    fn schema() -> Value {
        json!({"type": "string", "enum": Self::ALL.map(Self::as_str)})
    }
}

body! {
    /// What `PUT /users/{id}/role` takes.
    pub(crate) struct SetRole {
        /// The built-in role.
        role: Role,
        /// When it ends; never, unless it is given. Only `admin` can end.
        expires_at: Option<Time>,
    }
}

body! {
    /// What `POST /users/{id}/roles` takes.
    pub(crate) struct AddRole {
        /// The name of a custom role.
        #[example("support")]
        role: Line<1, 50>,
        /// When it ends; never, unless it is given.
        expires_at: Option<Time>,
    }
}

/// `PUT /users/{id}/role`: sets the built-in role.
pub(crate) async fn set(
    State(app): State<App>,
    expected: IfMatch,
    once: Once,
    Path(name): Path<String>,
    body: Result<Json<SetRole>>,
) -> Result<Answer> {
    let (app, caller) = (&app, &once.caller);
    let id = other(app, caller, &name, Permission::UsersGrant).await?;
    let Json(SetRole { role, expires_at }) = body?;
    let expected = |version| expected.check(version);
    once.write(app, async |tx| {
        let user = grant::set_role_until(tx, caller, id, role, expires_at, expected).await?;
        seen::answer(app, tx, caller, &user).await
    })
    .await
}

/// `POST /users/{id}/roles`: grants a custom role.
pub(crate) async fn add(
    State(app): State<App>,
    once: Once,
    Path(name): Path<String>,
    body: Result<Json<AddRole>>,
) -> Result<Answer> {
    let (app, caller) = (&app, &once.caller);
    let id = other(app, caller, &name, Permission::UsersGrant).await?;
    let Json(AddRole { role, expires_at }) = body?;
    let role = &*role;
    once.write(app, async |tx| {
        let user = grant::add(tx, caller, id, role, expires_at).await?;
        seen::answer(app, tx, caller, &user).await
    })
    .await
}

/// `DELETE /users/{id}/roles/{role}`: takes a custom role back.
pub(crate) async fn remove(
    State(app): State<App>,
    expected: IfMatch,
    once: Once,
    Path((name, role)): Path<(String, String)>,
) -> Result<Answer> {
    let (app, caller) = (&app, &once.caller);
    let id = other(app, caller, &name, Permission::UsersGrant).await?;
    if role.contains('\0') {
        return Err(Error::not_found());
    }
    let role = role.as_str();
    let expected = |version| expected.check(version);
    once.write(app, async |tx| {
        let user = grant::remove(tx, caller, id, role, expected).await?;
        seen::answer(app, tx, caller, &user).await
    })
    .await
}
