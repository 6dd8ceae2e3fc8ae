//! Every route of every room.

use axum::{
    Router,
    routing::{delete, get, post},
};

use crate::{account, app::App, login, profile, session, system, token};

/// The routes. What every request meets before them is in [`crate::http::shell`].
pub fn router(app: App) -> Router {
    Router::new()
        .route("/", get(system::http::root))
        .route("/health", get(system::http::health))
        .route("/health/live", get(system::http::live))
        .route("/health/ready", get(system::http::ready))
        .route("/metrics", get(system::http::metrics))
        .route("/db/status", get(system::http::db_status))
        .route("/.well-known/jwks.json", get(token::http::jwks))
        .nest("/api/v1/auth", auth())
        .nest("/api/v1/users", users())
        .with_state(app)
}

fn auth() -> Router<App> {
    Router::new()
        .route("/register", post(login::http::register))
        .route("/sign-up", post(login::http::sign_up))
        .route("/login", post(login::http::login))
        .route("/token", post(login::http::token))
        .route("/refresh", post(login::http::refresh))
        .route("/logout", post(session::http::logout))
        .route("/logout-all", post(session::http::logout_all))
        .route("/me", get(account::http::me))
        .route("/change-password", post(login::http::change_password))
        .route("/reauthenticate", post(login::http::reauthenticate))
        .route("/sessions", get(session::http::list))
        .route("/sessions/{session_id}", delete(session::http::revoke))
}

fn users() -> Router<App> {
    let me =
        get(account::http::me).put(account::http::update).patch(account::http::update).delete(account::http::delete);
    Router::new()
        .route("/me", me)
        .route("/me/profile", get(profile::http::profile).put(profile::http::set_profile))
        .route("/me/preferences", get(profile::http::preferences).put(profile::http::set_preferences))
}
