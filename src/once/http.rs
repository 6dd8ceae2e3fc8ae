//! `Idempotency-Key`: who calls, and whether he asked the same before.

use axum::{
    extract::{FromRequestParts, MatchedPath},
    http::{HeaderValue, StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use serde_json::json;
use uuid::Uuid;

use super::{Answer, Repeat, Run, claim, find, keep};
use crate::{
    access::{Actor, Caller},
    app::App,
    db::Tx,
    error::{Code, Error, Result},
    http::{
        Asked, ETag, IDEMPOTENCY_KEY, Json,
        openapi::{Operation, Takes},
    },
    secret::Purpose,
};

/// The longest key.
const KEY_CHARS: usize = 255;

/// The key that a request names, before it is known whose it is.
pub(crate) struct Key(Option<Named>);

/// A key, the route it is for, and the digest of what is asked.
struct Named {
    key: HeaderValue,
    route: String,
    asked: [u8; 32],
}

/// Whoever is signed in, and his key if he names one. What was answered before is answered again in place of the route.
pub(crate) struct Once {
    /// Who calls.
    pub(crate) caller: Caller,
    repeat: Option<(Repeat, Run)>,
}

/// How a request begins.
pub(crate) enum Begun {
    /// It is new, or names no key.
    First(Box<Once>),
    /// It was done; this was the answer.
    Again(Answer),
}

impl Once {
    /// Begins the request of a caller, for routes that learn late who calls. Others take [`Once`] as an argument.
    ///
    /// # Errors
    /// `malformed`, `idempotency_in_progress`, and those of [`find`].
    pub(crate) async fn begin(app: &App, caller: Caller, key: &Key) -> Result<Begun> {
        let who = match caller.actor {
            Actor::User(user, _) => Some(user.uuid()),
            Actor::Key(_, key) => Some(key.uuid()),
            Actor::Anonymous | Actor::System | Actor::Operator => None,
        };
        let Some(repeat) = who.map(|who| key.of(app, who)).transpose()?.flatten() else {
            return Ok(Begun::First(Box::new(Self { caller, repeat: None })));
        };
        let run = app.running.begin(&repeat)?;
        Ok(match find(&mut app.db.read(), &repeat, app.db.clock().now()).await? {
            None => Begun::First(Box::new(Self { caller, repeat: Some((repeat, run)) })),
            Some(answer) => Begun::Again(answer),
        })
    }

    /// What was answered meanwhile, on another node, to the same request; otherwise the refusal. For work before the
    /// transaction that fails when the request was done already.
    ///
    /// # Errors
    /// The refusal.
    pub(crate) async fn or_again(&self, app: &App, refusal: Error) -> Result<Answer> {
        let Some((repeat, _)) = &self.repeat else { return Err(refusal) };
        find(&mut app.db.read(), repeat, app.db.clock().now()).await?.ok_or(refusal)
    }

    /// Does the work in one transaction with the key and the answer.
    ///
    /// # Errors
    /// Those of the work, of the database and of [`claim`].
    pub(crate) fn write(
        &self,
        app: &App,
        work: impl AsyncFnOnce(&mut Tx) -> Result<Answer> + Clone,
    ) -> impl Future<Output = Result<Answer>> {
        app.db.write(async move |tx| self.take_effect(tx, work).await)
    }

    /// The same for what takes something away: see [`Db::withdraw`](crate::db::Db::withdraw).
    ///
    /// # Errors
    /// As [`Once::write`].
    pub(crate) fn withdraw(
        &self,
        app: &App,
        work: impl AsyncFnOnce(&mut Tx) -> Result<Answer> + Clone,
    ) -> impl Future<Output = Result<Answer>> {
        app.db.withdraw(async move |tx| self.take_effect(tx, work).await)
    }

    async fn take_effect(&self, tx: &mut Tx, work: impl AsyncFnOnce(&mut Tx) -> Result<Answer>) -> Result<Answer> {
        let Some((repeat, _)) = &self.repeat else { return work(tx).await };
        if let Some(answer) = claim(tx, repeat).await? {
            return Ok(answer);
        }
        let answer = work(tx).await?;
        keep(tx, repeat, &answer).await?;
        Ok(answer)
    }
}

impl Key {
    fn from(parts: &Parts) -> Self {
        let (Some(Asked(asked)), Some(key)) = (parts.extensions.get(), parts.headers.get(IDEMPOTENCY_KEY)) else {
            return Self(None);
        };
        let path = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
        Self(Some(Named { key: key.clone(), route: format!("{} {path}", parts.method), asked: *asked }))
    }

    /// Which request it is when this one asks: a person, or an API key.
    ///
    /// # Errors
    /// `malformed`.
    pub(crate) fn of(&self, app: &App, caller: Uuid) -> Result<Option<Repeat>> {
        let Some(Named { key, route, asked }) = &self.0 else { return Ok(None) };
        let is_right = |key: &&str| (1..=KEY_CHARS).contains(&key.len()) && key.bytes().all(|c| c.is_ascii_graphic());
        let key = key.to_str().ok().filter(is_right).ok_or_else(|| {
            Error::new(Code::Malformed).detail("Idempotency-Key has 1 to 255 visible ASCII characters without blanks.")
        })?;
        let mac = app.keys.mac(Purpose::Idempotency, &[asked]);
        Ok(Some(Repeat { caller, route: route.clone(), key: key.to_owned(), mac }))
    }
}

impl FromRequestParts<App> for Key {
    type Rejection = Error;
    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self> {
        Ok(Self::from(parts))
    }
}

impl FromRequestParts<App> for Once {
    type Rejection = Response;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let caller = Caller::from_request_parts(parts, app).await.map_err(IntoResponse::into_response)?;
        match Self::begin(app, caller, &Key::from(parts)).await {
            Ok(Begun::First(once)) => Ok(*once),
            Ok(Begun::Again(answer)) => Err(answer.into_response()),
            Err(error) => Err(error.into_response()),
        }
    }
}

impl Takes for Key {
    fn taken(operation: &mut Operation) {
        use Code::{BodyTooLarge, IdempotencyDone, IdempotencyInProgress, IdempotencyMismatch, Malformed, TooSlow};
        if ["post", "put"].contains(&operation.method()) {
            let about = "Any text that is new for each request: sent again with the same body within 24 hours, the \
                         request takes effect once, and its first answer is given again.";
            operation.header("Idempotency-Key", about, "8e03978e-40d5-43dd-bc93-6894a57f9324");
            // Visible ASCII: `!` is the first such character, `~` the last.
            let limits = json!({"pattern": "^[!-~]+$", "minLength": 1, "maxLength": KEY_CHARS});
            operation.narrow("Idempotency-Key", limits);
            operation.refuse(&[Malformed, TooSlow, BodyTooLarge]);
            operation.refuse(&[IdempotencyMismatch, IdempotencyInProgress, IdempotencyDone]);
        }
    }
}

impl Takes for Once {
    fn taken(operation: &mut Operation) {
        Caller::taken(operation);
        Key::taken(operation);
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        match self.etag {
            Some(version) => (status, ETag(version), Json(self.body)).into_response(),
            None => (status, Json(self.body)).into_response(),
        }
    }
}
