//! Requests that may be repeated: `Idempotency-Key`, and what the request asked for.

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderName, Method},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::extract::collect;
use crate::secret::sha256;

/// The header.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The digest of the path, query and body of a request that names a key.
#[derive(Clone, Copy)]
pub struct Asked(pub [u8; 32]);

/// Reads the body of a `POST` or `PUT` that names a key before anything else does, so that a repetition can be told
/// from another request. Imports resume by themselves, and are not read.
pub async fn repeat(request: Request, next: Next) -> Response {
    let path = request.uri().path().trim_end_matches('/');
    let names_one = request.headers().contains_key(IDEMPOTENCY_KEY);
    let counts = request.method() == Method::POST || request.method() == Method::PUT;
    if !names_one || !counts || path.ends_with("/import") {
        return next.run(request).await;
    }
    // The slash at the end is no part of the path. What names the host is none of the request: HTTP/2 puts it here.
    let place = format!("{path}?{}", request.uri().query().unwrap_or_default());
    let (mut parts, body) = request.into_parts();
    let mut reading = Request::new(body);
    *reading.extensions_mut() = parts.extensions.clone();
    let bytes = match collect(reading).await {
        Ok(bytes) => bytes,
        Err(error) => return error.into_response(),
    };
    parts.extensions.insert(Asked(sha256(&[place.as_bytes(), b"\n", &bytes])));
    next.run(Request::from_parts(parts, Body::from(bytes))).await
}
