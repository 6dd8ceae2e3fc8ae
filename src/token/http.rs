//! `GET /.well-known/jwks.json`.

use axum::{extract::State, http::header::CACHE_CONTROL, response::IntoResponse};
use serde_json::{Map, Value};

use crate::{app::App, http::Json, shape};

shape! {
    /// Verification keys (RFC 7517, 5).
    pub(crate) struct KeySet {
        /// The keys.
        #[example([{"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": "k1", "x": "11qYAYKx"}])]
        keys: Vec<Map<String, Value>>,
    }
}

/// The verification keys (RFC 7517). A verifier that meets an unknown `kid` asks again.
pub(crate) async fn jwks(State(app): State<App>) -> impl IntoResponse {
    ([(CACHE_CONTROL, "public, max-age=300")], Json(app.tokens.set().jwks().clone()))
}
