//! Every route of every room, with its documentation.

mod access;
mod audit;
mod auth;
mod people;
mod session;
mod system;
mod users;

use serde_json::Value;

use crate::{
    app::{App, traced},
    http::{Router, Routes},
    system::http::docs::Pages,
};

/// The routes, ready to be served. What every request meets before them is in [`crate::http::shell`].
pub fn router(app: &App) -> Router {
    let name = app.config.app.name.clone();
    traced(app, routes().into_router(app.clone(), Pages::new(move || document(&name))))
}

/// The `OpenAPI` document of a service with this name.
#[must_use]
pub fn document(name: &str) -> Value {
    routes().document(name, include_str!("router/about.md"), "/api/v1/auth/token")
}

fn routes() -> Routes<App> {
    auth::routes()
        .and(session::routes())
        .and(users::routes())
        .and(people::routes())
        .and(access::routes())
        .and(audit::routes())
        .and(system::routes())
}
