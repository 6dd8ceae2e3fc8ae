//! `GET /.well-known/jwks.json`.

use axum::{extract::State, http::header::CACHE_CONTROL, response::IntoResponse};

use crate::{app::App, http::Json};

/// The verification keys (RFC 7517). A verifier that meets an unknown `kid` asks again.
pub(crate) async fn jwks(State(app): State<App>) -> impl IntoResponse {
    ([(CACHE_CONTROL, "public, max-age=300")], Json(app.tokens.set().jwks().clone()))
}
