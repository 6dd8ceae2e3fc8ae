//! `/api/v1/plans`.

use axum::extract::State;
use serde_json::{Value, json};

use super::{Change, Name, known, view};
use crate::{
    access::{Caller, Permission, Permissions},
    app::App,
    body,
    clock::Time,
    error::{Error, Result},
    http::{Json, Line, Path},
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
pub(crate) async fn list(State(app): State<App>, caller: Caller) -> Result<Json<Value>> {
    let plans = plan::list(&caller, &mut app.db.read()).await?;
    let views: Vec<_> = plans.iter().map(|plan| view("tier", plan)).collect();
    Ok(Json(json!({"total_count": views.len(), "plans": views})))
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
    /// Every plan.
    pub(crate) struct Plans {
        /// How many there are.
        total_count: u64,
        /// All of them, those in the program first.
        plans: Vec<PlanView>,
    }
}
