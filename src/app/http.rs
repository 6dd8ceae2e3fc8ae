//! Who calls, as an argument of a route.

use axum::{
    extract::{FromRequestParts, MatchedPath, Request, State},
    http::{Method, header::AUTHORIZATION, request::Parts},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};

use super::App;
use crate::{
    access::{Caller, Origin, Permission},
    error::{Code, Error, Meaning, Result},
    event::{self, Event, Kind},
    http::{
        Client, Router,
        openapi::{Access, Operation, Takes},
        problem::carried,
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

/// A request as it came, for the trace of its refusal.
struct Asked {
    method: Method,
    route: Option<MatchedPath>,
    client: Option<Client>,
    token: String,
}

/// The routes, each of which leaves a trace of a 403 to somebody signed in: who asked for what, and what he lacked.
///
/// A verb that refuses rolls back, so the trace is a transaction of its own, after that and before the answer. It is summed
/// up, since 403s are to be had for nothing.
pub(crate) fn traced(app: &App, routes: Router) -> Router {
    routes.layer(from_fn_with_state(app.clone(), trace_refusals))
}

async fn trace_refusals(State(app): State<App>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let asked = bearer(&parts).map(|token| Asked {
        method: parts.method.clone(),
        route: parts.extensions.get().cloned(),
        client: parts.extensions.get().cloned(),
        token: token.to_owned(),
    });
    let response = next.run(Request::from_parts(parts, body)).await;
    let refusal = carried(&response).filter(|error| error.code().meaning() == Meaning::Forbidden);
    let (Some(asked), Some(refusal)) = (asked, refusal) else { return response };
    match trace(&app, asked, refusal).await {
        Ok(()) => response,
        Err(error) => error.into_response(),
    }
}

async fn trace(app: &App, asked: Asked, refusal: &Error) -> Result<()> {
    let origin = asked.client.map(Origin::from).unwrap_or_default();
    let caller = match app.bearers.caller(&app.watch, &asked.token, origin).await {
        Ok(caller) => caller,
        // What he was refused, he was refused as a stranger.
        Err(error) if error.code() == Code::TokenRefused => return Ok(()),
        Err(error) => return Err(error),
    };
    let caller = &caller;
    let route = format!("{} {}", asked.method, asked.route.as_ref().map_or("", MatchedPath::as_str));
    let lacked = match refusal.cause().and_then(Permission::parse) {
        Some(permission) => ("permission", permission.as_str()),
        None => ("code", refusal.code().as_str()),
    };
    app.db
        .write(async |tx| {
            let event = Event::new(Kind::AccessRefused, caller).user(caller.person());
            event::tally(tx, event.with("route", route.as_str()).with(lacked.0, lacked.1)).await
        })
        .await
}
