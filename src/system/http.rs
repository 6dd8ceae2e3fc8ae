//! `/`, `/health`, `/metrics`, `/db/status`.

pub mod docs;
pub(crate) mod shape;

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{scrape, store};
use crate::{
    access::{Caller, Permission},
    app::{App, Bearer},
    config::Metrics,
    db::{Engine, Figures},
    error::{Code, Result},
    event::counters,
    http::{Client, Json},
};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What a client may look for here.
const FEATURES: &[&str] = &[
    "accounts",
    "sessions",
    "refresh_rotation",
    "roles",
    "plans",
    "api_keys",
    "search",
    "import",
    "export",
    "idempotency",
    "event_log",
    "audit",
    "signing_key_rotation",
];

/// `GET /`.
pub(crate) async fn root(State(app): State<App>) -> Json<Value> {
    Json(json!({
        "message": super::GREETING,
        "service": app.config.app.name,
        "version": VERSION,
        "status": "running",
        "uptime": app.begun.elapsed().as_secs(),
        "endpoints": {
            "auth": "/api/v1/auth",
            "users": "/api/v1/users",
            "jwks": "/.well-known/jwks.json",
            "health": "/health",
            "metrics": "/metrics",
            "docs": "/docs",
            "redoc": "/redoc",
            "openapi": "/openapi.json",
        },
        "features": FEATURES,
    }))
}

/// `GET /health`: 503 when the database cannot be reached.
pub(crate) async fn health(State(app): State<App>) -> Response {
    let reached = store::ping(&mut app.db.read()).await;
    if let Err(error) = reached {
        let body = json!({"status": "unhealthy", "error": error.text()});
        return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "2")], Json(body)).into_response();
    }
    let body = json!({
        "status": "healthy",
        "service": app.config.app.name,
        "version": VERSION,
        "uptime": app.begun.elapsed().as_secs(),
        "database": {"status": "connected", "engine": engine(&app)},
        "keycloak_connected": false,
        "realm": null,
    });
    Json(body).into_response()
}

/// `GET /health/live`: this process answers.
pub(crate) async fn live() -> Json<Value> {
    Json(json!({"status": "live"}))
}

/// `GET /health/ready`: it can serve, which it cannot without its database.
pub(crate) async fn ready(State(app): State<App>) -> Result<Json<Value>> {
    store::ping(&mut app.db.read()).await?;
    Ok(Json(json!({"status": "ready"})))
}

/// `GET /metrics`: Prometheus text, or JSON for those who ask for it.
pub(crate) async fn metrics(
    State(app): State<App>,
    client: Client,
    Bearer(bearer): Bearer,
    headers: HeaderMap,
) -> Result<Response> {
    match app.config.server.metrics {
        Metrics::Open => {}
        Metrics::Off => return Err(Code::NotFound.into()),
        Metrics::Token => {
            let bearer = bearer.ok_or(Code::NotSignedIn)?;
            app.bearers.caller(&app.watch, &bearer, client.into()).await?.must(Permission::SystemRead)?;
        }
    }
    let wants_json = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    if wants_json.is_some_and(|value| value.contains("application/json")) {
        let (counters, uptime) = (counters::read(&mut app.db.read()).await?, app.begun.elapsed().as_secs());
        let body = json!({"metrics": counters, "uptime": uptime, "timestamp": app.db.clock().now()});
        return Ok(Json(body).into_response());
    }
    let text = scrape::page(&app).await;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

/// `GET /db/status`: the figures of the engine are for those who may see the system.
pub(crate) async fn db_status(State(app): State<App>, client: Client, Bearer(bearer): Bearer) -> Result<Json<Value>> {
    let connected = store::ping(&mut app.db.read()).await.is_ok();
    let status = if connected { "connected" } else { "disconnected" };
    let caller = match bearer {
        Some(bearer) => app.bearers.caller(&app.watch, &bearer, client.into()).await.ok(),
        None => None,
    };
    if caller.is_none_or(|caller: Caller| caller.must(Permission::SystemRead).is_err()) {
        return Ok(Json(json!({"database": {"status": status}})));
    }
    let figures = match app.db.figures() {
        Figures::Sqlite { transactions, commits } => json!({"transactions": transactions, "commits": commits}),
        Figures::Postgres { busy, open, allowed, .. } => json!({"busy": busy, "open": open, "allowed": allowed}),
    };
    Ok(Json(json!({"database": {"status": status, "connection": connected, "pool_stats": figures}})))
}

fn engine(app: &App) -> &'static str {
    match app.db.engine() {
        Engine::Sqlite => "sqlite",
        Engine::Postgres => "postgresql",
    }
}
