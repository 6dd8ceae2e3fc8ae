//! `/api/v1/plans`.

use axum::extract::State;
use serde_json::Value;

use super::{Change, Name, known, view, views};
use crate::{
    access::{Caller, Permission, Permissions, Plan},
    app::App,
    body,
    clock::Time,
    error::{Error, Result},
    http::{Json, Line, Page, Part, Path, Query},
    once::{Answer, http::Once},
    role::{Custom, plan},
    shape,
};

body! {
    /// What `POST /plans` takes.
    pub(crate) struct Create {
        /// Its name.
        #[example("gold")]
        tier: Name,
        /// What it is for.
        #[example("Premium, and the audit trail")]
        description: Option<Line<0, 255>>,
        /// What it adds; nothing that the caller lacks.
        #[example(["users.search"])]
        permissions: Vec<Permission>,
    }
}

/// `GET /plans`.
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    query: Result<Query<Part>>,
) -> Result<Json<Page<Value>>> {
    caller.must(Permission::RolesRead)?;
    let paging = query?.0.paging()?;
    let plans = plan::list(&caller, &mut app.db.read()).await?;
    Ok(Json(paging.cut(views("tier", &plans), Plan::ALL.len())))
}

/// `POST /plans`.
pub(crate) async fn create(State(app): State<App>, once: Once, body: Result<Json<Create>>) -> Result<Answer> {
    let caller = &once.caller;
    caller.must(Permission::RolesWrite)?;
    let Json(body) = body?;
    let made = Custom {
        name: body.tier.0,
        description: body.description.map(Line::into_string).unwrap_or_default(),
        permissions: Permissions::of(&body.permissions),
        created_at: None,
    };
    once.write(&app, async |tx| Ok(Answer::created(view("tier", &plan::create(tx, caller, made).await?)))).await
}

/// `GET /plans/{tier}`.
pub(crate) async fn get(State(app): State<App>, caller: Caller, Path(tier): Path<String>) -> Result<Json<Value>> {
    let plans = plan::list(&caller, &mut app.db.read()).await?;
    let plan = plans.iter().find(|plan| plan.name == tier).ok_or_else(Error::not_found)?;
    Ok(Json(view("tier", plan)))
}

/// `PUT /plans/{tier}`.
pub(crate) async fn update(
    State(app): State<App>,
    once: Once,
    Path(tier): Path<String>,
    body: Result<Json<Change>>,
) -> Result<Answer> {
    let caller = &once.caller;
    caller.must(Permission::RolesWrite)?;
    let tier = known(&tier)?;
    let (description, permissions) = body?.0.split();
    once.write(&app, async |tx| {
        Ok(Answer::ok(view("tier", &plan::update(tx, caller, tier, description, permissions).await?)))
    })
    .await
}

/// `DELETE /plans/{tier}`.
pub(crate) async fn delete(State(app): State<App>, once: Once, Path(tier): Path<String>) -> Result<Answer> {
    let caller = &once.caller;
    caller.must(Permission::RolesWrite)?;
    let tier = known(&tier)?;
    once.write(&app, async |tx| {
        plan::delete(tx, caller, tier).await?;
        Ok(Answer::message("The plan was deleted"))
    })
    .await
}

shape! {
    /// A plan: what it adds to a role.
    pub(crate) struct PlanView {
        /// Its name: the `subscription_tier` of a user.
        #[example("premium")]
        tier: String,
        /// What it is for.
        #[example("Search, and the profiles of others.")]
        description: String,
        /// What it adds.
        #[example(["users.search"])]
        permissions: Vec<String>,
        /// Whether it is in the program, and nobody has changed it.
        is_built_in: bool,
        /// When it was made or, of one in the program, first changed.
        created_at: Option<Time>,
    }
}

shape! {
    /// A page of plans.
    pub(crate) struct Plans {
        /// Those in the program first.
        items: Vec<PlanView>,
        /// How many there are in all.
        total: u64,
        /// The number of this page.
        page: u64,
        /// How many a page holds.
        size: u64,
        /// How many pages there are.
        pages: u64,
        /// Where the next page begins; null on the last one.
        #[example("premium")]
        next_cursor: Option<String>,
    }
}
