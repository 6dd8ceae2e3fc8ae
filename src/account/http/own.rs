//! `/api/v1/users/me`: figures, everything that is held, and the plan.

use axum::extract::State;
use serde_json::{Value, json};

use super::seen;
use crate::{
    access::{Caller, Plan},
    account::{self, plan},
    app::App,
    error::{Code, Result},
    http::Json,
    once::{Answer, http::Once},
    session,
};

/// `GET /users/me/stats`.
pub(crate) async fn stats(State(app): State<App>, caller: Caller) -> Result<Json<Value>> {
    let (id, _) = caller.signed_in()?;
    let (conn, now) = (&mut app.db.read(), app.db.clock().now());
    let user = account::get(conn, id).await?.ok_or(Code::TokenRefused)?;
    let sessions = session::list(conn, id, now).await?.len();
    Ok(Json(json!({
        "user_id": id,
        "account_age_days": now.since(user.created_at).as_secs() / 86_400,
        "active_sessions": sessions,
        // Each session has one that can be used.
        "refresh_tokens": sessions,
        "is_verified": user.is_verified,
        "is_premium": user.is_premium,
        "subscription_tier": user.subscription_tier,
        "last_login": user.last_login,
        "last_activity": user.last_activity,
    })))
}

/// `POST /users/me/upgrade`.
pub(crate) async fn upgrade(State(app): State<App>, once: Once) -> Result<Answer> {
    match paid(&app, &once.caller).await {
        Ok(()) => change_plan(&app, &once, Plan::Premium).await,
        Err(refusal) => once.or_again(&app, refusal).await,
    }
}

/// Asks whether the caller has paid for premium, where somebody knows, unless he cannot have it anyway.
async fn paid(app: &App, caller: &Caller) -> Result<()> {
    let Some(payment) = &app.payment else { return Ok(()) };
    let (id, _) = caller.signed_in()?;
    let user = account::get(&mut app.db.read(), id).await?.ok_or(Code::TokenRefused)?;
    plan::may_have(&user, Plan::Premium)?;
    payment.ask(&user, Plan::Premium).await
}

/// `POST /users/me/downgrade`.
pub(crate) async fn downgrade(State(app): State<App>, once: Once) -> Result<Answer> {
    change_plan(&app, &once, Plan::Basic).await
}

async fn change_plan(app: &App, once: &Once, to: Plan) -> Result<Answer> {
    let caller = &once.caller;
    once.write(app, async |tx| {
        let user = plan::change(tx, caller, to).await?;
        seen::answer(app, tx, caller, &user).await
    })
    .await
}
