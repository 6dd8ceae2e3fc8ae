//! Extractors: a route's path, query and body, read strictly.
//!
//! They refuse in our own words, so no library's rejection reaches a client from here.

use axum::{
    extract::{FromRequest, FromRequestParts, OptionalFromRequest, Request},
    http::{HeaderValue, header::CONTENT_TYPE, request::Parts},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body as _;
use serde::{Serialize, de::DeserializeOwned};

use super::{
    body::{Body, Given},
    guard::Pace,
};
use crate::error::{Code, Error, Result};

/// The most bytes that a body may have. Streams (imports) take [`axum::body::Body`] and count themselves.
pub const BODY_LIMIT: usize = 64 * 1024;

/// A JSON body, either way.
///
/// As an argument it is an object read into a [`Body`]: 415 `unsupported_media_type`, 413 `body_too_large`,
/// 400 `malformed_json` (also when empty), 422 `invalid`. `Option<Json<T>>` is `None` without a body.
/// As an answer it is whatever serialises.
pub struct Json<T>(pub T);

impl<S: Sync, T: Body> FromRequest<S> for Json<T> {
    type Rejection = Error;
    async fn from_request(request: Request, _: &S) -> Result<Self> {
        expect_kind(&request, "application/json", is_json)?;
        T::read(Given::json(&collect(request).await?)?).map(Self)
    }
}

impl<S: Sync, T: Body> OptionalFromRequest<S> for Json<T> {
    type Rejection = Error;
    async fn from_request(request: Request, _: &S) -> Result<Option<Self>> {
        if request.body().is_end_stream() {
            return Ok(None);
        }
        let kind = expect_kind(&request, "application/json", is_json);
        let bytes = collect(request).await?;
        if bytes.is_empty() {
            return Ok(None);
        }
        kind?;
        T::read(Given::json(&bytes)?).map(|body| Some(Self(body)))
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(text) => ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], text).into_response(),
            Err(e) => Error::internal(e).into_response(),
        }
    }
}

/// A form body: 415, 413, 400 `malformed`, 422 `invalid`.
pub struct Form<T>(pub T);

impl<S: Sync, T: Body> FromRequest<S> for Form<T> {
    type Rejection = Error;
    async fn from_request(request: Request, _: &S) -> Result<Self> {
        let form = "application/x-www-form-urlencoded";
        expect_kind(&request, form, |kind| kind == form)?;
        T::read(Given::pairs(&collect(request).await?)?).map(Self)
    }
}

/// The query: 400 `malformed`, 422 `invalid`. A name that the route does not know is refused.
pub struct Query<T>(pub T);

impl<S: Sync, T: Body> FromRequestParts<S> for Query<T> {
    type Rejection = Error;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        T::read(Given::query(parts.uri.query().unwrap_or_default().as_bytes())?).map(Self)
    }
}

/// The path's parameters, such as `Path<Id<Session>>`. What cannot be read names nothing: 404.
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Error;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let path = axum::extract::Path::from_request_parts(parts, state).await;
        path.map(|axum::extract::Path(value)| Self(value)).map_err(|_| Error::not_found())
    }
}

/// Compares the media type without its parameters; upper and lower case are the same (RFC 9110, 8.3.1).
fn expect_kind(request: &Request, expected: &str, is_right: impl Fn(&str) -> bool) -> Result<()> {
    let given = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if is_right(&kind) {
        return Ok(());
    }
    Err(Error::new(Code::UnsupportedMediaType).detail(format!("Send the body with 'Content-Type: {expected}'.")))
}

fn is_json(kind: &str) -> bool {
    kind.strip_prefix("application/").is_some_and(|kind| kind == "json" || kind.ends_with("+json"))
}

/// The whole body. One that announces too much is refused before a byte of it is read.
pub(super) async fn collect(request: Request) -> Result<Bytes> {
    let too_large = || Error::new(Code::BodyTooLarge).detail(format!("A body has at most {BODY_LIMIT} bytes here."));
    if request.body().size_hint().lower() > BODY_LIMIT as u64 {
        return Err(too_large());
    }
    let _reading = request.extensions().get::<Pace>().map(Pace::reading);
    match Limited::new(request.into_body(), BODY_LIMIT).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(e) if e.is::<LengthLimitError>() => Err(too_large()),
        Err(e) => Err(Error::new(Code::Malformed).detail("The body broke off.").because(e)),
    }
}
