//! Refusals on the wire: problem documents (RFC 9457).
//!
//! An [`Error`] that leaves a handler becomes an empty response that carries it; `render` writes the
//! document further out, where the request's id is known. In between, a room whose clients expect another
//! form (OAuth, RFC 6749, 5.2) may look at [`carried`] and write its own body: a refusal that has one,
//! other than plain text, is left as it is.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{
        HeaderMap, HeaderValue, Method, StatusCode,
        header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
    },
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::request_id::RequestId;
use crate::error::{Code, Error, Fault, Meaning};

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        let meaning = self.code().meaning();
        *response.status_mut() = StatusCode::from_u16(meaning.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if let Some(wait) = self.retry_after() {
            response.headers_mut().insert(RETRY_AFTER, whole_seconds(wait).into());
        }
        if meaning == Meaning::Unauthenticated {
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge(self.code()));
        }
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

/// Rounded up and at least 1: RFC 9110, 10.2.3 knows no fractions, and 0 would ask for a busy loop.
fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

/// RFC 6750, 3: `error` only when a token was shown. The scheme needs a parameter, hence the realm.
fn challenge(code: Code) -> HeaderValue {
    HeaderValue::from_static(match code {
        Code::TokenRefused => r#"Bearer realm="denizen", error="invalid_token""#,
        _ => r#"Bearer realm="denizen""#,
    })
}

/// The error that a response carries, if it is a refusal of ours.
#[must_use]
pub fn carried(response: &Response) -> Option<&Arc<Error>> {
    response.extensions().get()
}

/// Writes the document of a refusal, whoever refused: a handler, the router (404, 405) or a library.
/// A cause goes to the log under the request's id; the client sees the id only.
pub(super) fn render(mut response: Response, method: &Method, id: &RequestId) -> Response {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let carried = carried(&response).cloned();
    if let Some(cause) = carried.as_ref().filter(|_| status.is_server_error()).and_then(|error| error.cause()) {
        tracing::error!(request_id = id.as_str(), status = status.as_u16(), cause, "request failed");
    }
    if has_own_body(response.headers()) {
        return response;
    }
    let error = carried.unwrap_or_else(|| Arc::new(code(status).into()));
    let document = document(&error, status, id);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(CONTENT_LENGTH, document.len().into());
    *response.body_mut() = if method == Method::HEAD { Body::empty() } else { document.into() };
    response
}

/// Plain text is how libraries explain themselves; whoever writes another kind means it.
fn has_own_body(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| !kind.as_bytes().starts_with(b"text/plain"))
}

/// The nearest code for a status that came without one.
fn code(status: StatusCode) -> Code {
    match status.as_u16() {
        401 => Code::NotSignedIn,
        403 => Code::Forbidden,
        404 => Code::NotFound,
        405 => Code::MethodNotAllowed,
        408 => Code::TooSlow,
        409 => Code::Conflict,
        412 => Code::StaleVersion,
        413 => Code::BodyTooLarge,
        415 => Code::UnsupportedMediaType,
        422 => Code::Invalid,
        429 => Code::TooManyAttempts,
        503 => Code::Busy,
        500..=599 => Code::Internal,
        _ => Code::Malformed,
    }
}

#[derive(Serialize)]
struct Document<'a> {
    /// Relative to the server, with its full path (RFC 9457, 3.1.1), so it needs no configuration.
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: &'static str,
    request_id: &'a str,
    errors: Vec<Broken<'a>>,
    #[serde(flatten)]
    members: &'a serde_json::Map<String, serde_json::Value>,
}

#[derive(Serialize)]
struct Broken<'a> {
    field: &'a str,
    code: &'a str,
    message: &'a str,
}

impl<'a> From<&'a Fault> for Broken<'a> {
    fn from(Fault { field, code, message }: &'a Fault) -> Self {
        Self { field, code, message }
    }
}

fn document(error: &Error, status: StatusCode, id: &RequestId) -> Vec<u8> {
    let document = Document {
        r#type: format!("/problems/{}", error.code().as_str()),
        title: error.code().meaning().title(),
        status: status.as_u16(),
        detail: error.text(),
        code: error.code().as_str(),
        request_id: id.as_str(),
        errors: error.broken().iter().map(Broken::from).collect(),
        members: error.members(),
    };
    serde_json::to_vec(&document).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_whole_seconds_and_never_zero() {
        let waits = [0, 1, 1_000, 1_001].map(|millis| whole_seconds(Duration::from_millis(millis)));
        assert_eq!(waits, [1, 1, 1, 2]);
    }

    #[test]
    fn a_challenge_names_the_error_only_when_a_token_was_shown() {
        let challenge =
            |code| Error::new(code).into_response().headers()[WWW_AUTHENTICATE].to_str().unwrap().to_owned();
        assert_eq!(challenge(Code::NotSignedIn), r#"Bearer realm="denizen""#);
        assert_eq!(challenge(Code::TokenRefused), r#"Bearer realm="denizen", error="invalid_token""#);
    }
}
