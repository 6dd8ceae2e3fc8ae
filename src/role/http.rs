//! `/api/v1/roles` and `/api/v1/permissions`; plans are in the file beside it.

pub(crate) mod plan;

use axum::extract::State;
use serde_json::{Value, json};

use super::Custom;
use crate::{
    access::{Caller, Permission, Permissions, Role},
    app::App,
    body,
    clock::Time,
    error::{Error, Result, Rule},
    http::{Input, Json, Kept, Line, Page, Part, Patch, Path, Query, input::text},
    once::{Answer, http::Once},
    shape,
};

impl Input for Permission {
    fn read(value: &Value) -> Result<Self, Rule> {
        let found = Self::parse(text(value)?);
        found.ok_or_else(|| Rule::new("unknown_permission", "See GET /api/v1/permissions for what there is."))
    }
    fn schema() -> Value {
        json!({"type": "string", "enum": Self::ALL.iter().map(|permission| permission.as_str()).collect::<Vec<_>>()})
    }
}

/// The name of a custom role or plan.
pub(crate) struct Name(String);

impl Input for Name {
    fn schema() -> Value {
        json!({"type": "string", "pattern": "^[a-z0-9_-]{1,50}$", "maxLength": 50, "examples": ["support"]})
    }
    fn read(value: &Value) -> Result<Self, Rule> {
        let text = text(value)?;
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
        if (1..=50).contains(&text.len()) && text.chars().all(fits) {
            return Ok(Self(text.to_owned()));
        }
        Err(Rule::new("invalid_name", "A name is 1 to 50 of a-z, 0-9, '_' and '-'."))
    }
}

body! {
    /// What `POST /roles` takes.
    pub(crate) struct Create {
        /// Its name.
        name: Name,
        /// What it is for.
        #[example("The support desk")]
        description: Option<Line<0, 255>>,
        /// What it allows; nothing that the caller lacks.
        #[example(["users.read"])]
        permissions: Vec<Permission>,
    }
}

body! {
    /// What `PUT /roles/{name}` and `PUT /plans/{tier}` take: only what is given changes.
    pub(crate) struct Change {
        /// What it is for.
        #[example("The support desk")]
        description: Patch<Line<0, 255>>,
        /// What it allows; nothing that the caller lacks.
        #[example(["users.read"])]
        permissions: Kept<Vec<Permission>>,
    }
}

/// `GET /permissions`: every permission, with a sentence.
pub(crate) async fn permissions(_: Caller, query: Result<Query<Part>>) -> Result<Json<Page<Value>>> {
    let told = |p: &Permission| (p.as_str().to_owned(), json!({"name": p.as_str(), "description": p.sentence()}));
    let all: Vec<_> = Permission::ALL.iter().map(told).collect();
    let fixed = all.len();
    Ok(Json(query?.0.paging()?.cut(all, fixed)))
}

/// `GET /roles`.
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    query: Result<Query<Part>>,
) -> Result<Json<Page<Value>>> {
    caller.must(Permission::RolesRead)?;
    let paging = query?.0.paging()?;
    let roles = super::list(&caller, &mut app.db.read()).await?;
    Ok(Json(paging.cut(views("name", &roles), Role::ALL.len())))
}

/// `POST /roles`.
pub(crate) async fn create(State(app): State<App>, once: Once, body: Result<Json<Create>>) -> Result<Answer> {
    let caller = &once.caller;
    caller.must(Permission::RolesWrite)?;
    let Json(body) = body?;
    let role = Custom {
        name: body.name.0,
        description: body.description.map(Line::into_string).unwrap_or_default(),
        permissions: Permissions::of(&body.permissions),
        created_at: None,
    };
    once.write(&app, async |tx| Ok(Answer::created(view("name", &super::create(tx, caller, role).await?)))).await
}

/// `GET /roles/{name}`.
pub(crate) async fn get(State(app): State<App>, caller: Caller, Path(name): Path<String>) -> Result<Json<Value>> {
    caller.must(Permission::RolesRead)?;
    Ok(Json(view("name", &super::get(&caller, &mut app.db.read(), known(&name)?).await?)))
}

/// `PUT /roles/{name}`.
pub(crate) async fn update(
    State(app): State<App>,
    once: Once,
    Path(name): Path<String>,
    body: Result<Json<Change>>,
) -> Result<Answer> {
    let caller = &once.caller;
    caller.must(Permission::RolesWrite)?;
    let name = known(&name)?;
    let (description, permissions) = body?.0.split();
    once.write(&app, async |tx| {
        Ok(Answer::ok(view("name", &super::update(tx, caller, name, description, permissions).await?)))
    })
    .await
}

/// `DELETE /roles/{name}`.
pub(crate) async fn delete(State(app): State<App>, once: Once, Path(name): Path<String>) -> Result<Answer> {
    let caller = &once.caller;
    caller.must(Permission::RolesWrite)?;
    let name = known(&name)?;
    once.write(&app, async |tx| {
        super::delete(tx, caller, name).await?;
        Ok(Answer::message("The role was deleted"))
    })
    .await
}

impl Change {
    fn split(self) -> (Option<String>, Option<Permissions>) {
        // A description that was cleared is empty, as it is where none was given.
        let description = match self.description {
            Patch::Absent => None,
            Patch::Clear => Some(String::new()),
            Patch::Set(text) => Some(text.into_string()),
        };
        (description, self.permissions.0.map(|list| Permissions::of(&list)))
    }
}

/// A name that a role or plan can have: what cannot be one names nothing.
fn known(name: &str) -> Result<&str> {
    Name::read(&Value::from(name)).map(|_| name).map_err(|_| Error::not_found())
}

/// Each under its name.
fn views(named: &str, roles: &[Custom]) -> Vec<(String, Value)> {
    roles.iter().map(|role| (role.name.clone(), view(named, role))).collect()
}

fn view(named: &str, role: &Custom) -> Value {
    let mut view = json!({
        "description": role.description,
        "permissions": role.permissions.names().collect::<Vec<_>>(),
        "is_built_in": role.created_at.is_none(),
        "created_at": role.created_at,
    });
    view[named] = role.name.as_str().into();
    view
}

shape! {
    /// A role: a set of permissions.
    pub(crate) struct RoleView {
        /// Its name.
        #[example("support")]
        name: String,
        /// What it is for.
        #[example("The support desk")]
        description: String,
        /// What it allows.
        #[example(["users.support"])]
        permissions: Vec<String>,
        /// Whether it is in the program, and cannot be changed.
        is_built_in: bool,
        /// When it was made; null for a built-in one.
        created_at: Option<Time>,
    }
}

shape! {
    /// A page of roles.
    pub(crate) struct Roles {
        /// The built-in ones first.
        items: Vec<RoleView>,
        /// How many there are in all.
        total: u64,
        /// The number of this page.
        page: u64,
        /// How many a page holds.
        size: u64,
        /// How many pages there are.
        pages: u64,
        /// Where the next page begins; null on the last one.
        #[example("support")]
        next_cursor: Option<String>,
    }
}

shape! {
    /// A permission.
    pub(crate) struct PermissionView {
        /// Its name.
        #[example("users.read")]
        name: String,
        /// What it allows.
        #[example("Read another user.")]
        description: String,
    }
}

shape! {
    /// A page of permissions.
    pub(crate) struct AllPermissions {
        /// In the order of the table.
        items: Vec<PermissionView>,
        /// How many there are in all.
        total: u64,
        /// The number of this page.
        page: u64,
        /// How many a page holds.
        size: u64,
        /// How many pages there are.
        pages: u64,
        /// Where the next page begins; null on the last one.
        #[example("users.read")]
        next_cursor: Option<String>,
    }
}
