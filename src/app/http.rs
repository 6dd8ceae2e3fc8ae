//! Who calls, as an argument of a route.

use axum::{
    extract::FromRequestParts,
    http::{header::AUTHORIZATION, request::Parts},
};

use super::App;
use crate::{
    access::{Caller, Origin},
    error::{Code, Error, Result},
    http::{
        Client,
        openapi::{Access, Operation, Takes},
    },
    session::bearer::KEY_PREFIX,
};

impl From<Client> for Origin {
    fn from(client: Client) -> Self {
        Self { ip: Some(client.ip), user_agent: client.user_agent }
    }
}

/// Somebody signed in; otherwise 401.
impl FromRequestParts<App> for Caller {
    type Rejection = Error;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let origin = Client::from_request_parts(parts, app).await?.into();
        let token = bearer(parts).ok_or(Code::NotSignedIn)?;
        app.bearers.caller(&app.watch, token, origin).await
    }
}

impl Takes for Caller {
    fn taken(operation: &mut Operation) {
        operation.signed_in();
        // An API key where the person himself is needed.
        operation.refuse(&[Code::Forbidden]);
    }
}

/// Anybody: what he may have shown is not looked at.
pub struct Anybody(pub Caller);

impl FromRequestParts<App> for Anybody {
    type Rejection = Error;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        Ok(Self(Caller::anonymous(Client::from_request_parts(parts, app).await?.into())))
    }
}

impl Takes for Anybody {
    fn taken(_: &mut Operation) {}
}

/// The bearer token of a request, whatever it is worth.
pub struct Bearer(pub Option<String>);

impl<S: Sync> FromRequestParts<S> for Bearer {
    type Rejection = Error;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        Ok(Self(bearer(parts).map(ToOwned::to_owned)))
    }
}

impl Takes for Bearer {
    fn taken(operation: &mut Operation) {
        operation.access(Access::Optional);
    }
}

/// `X-API-Key`, or RFC 6750, 2.1. The scheme's case does not matter (RFC 9110, 11.1).
fn bearer(parts: &Parts) -> Option<&str> {
    if let Some(key) = parts.headers.get("x-api-key") {
        // What stands there is an API key and nothing else.
        return key.to_str().ok().map(str::trim).filter(|key| key.starts_with(KEY_PREFIX));
    }
    let value = parts.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()).filter(|token| !token.is_empty())
}
