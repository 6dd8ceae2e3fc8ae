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
    app::App,
    error::Result,
    http::{Router, Routes},
    system::http::docs::Pages,
};

/// The routes, ready to be served. What every request meets before them is in [`crate::http::shell`].
///
/// # Errors
/// `internal`, which memory alone can cause.
pub fn router(app: App) -> Result<Router> {
    let routes = routes();
    let pages = Pages::new(&document_of(&routes, &app.config.app.name))?;
    Ok(routes.into_router(app, pages))
}

/// The `OpenAPI` document of a service with this name.
#[must_use]
pub fn document(name: &str) -> Value {
    document_of(&routes(), name)
}

fn document_of(routes: &Routes<App>, name: &str) -> Value {
    routes.document(name, include_str!("router/about.md"), "/api/v1/auth/token")
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
