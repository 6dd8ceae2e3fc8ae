//! `Idempotency-Key`: who calls, and whether he asked the same before.

use axum::{
    extract::{FromRequestParts, MatchedPath},
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Response},
};

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

/// Whoever is signed in, and his key if he names one. What was answered before is answered again in place of the route.
pub(crate) struct Once {
    /// Who calls.
    pub(crate) caller: Caller,
    repeat: Option<(Repeat, Run)>,
}

impl Once {
    /// Does the work in one transaction with the key and the answer.
    ///
    /// # Errors
    /// Those of the work, of the database and of [`claim`].
    pub(crate) async fn write(
        &self,
        app: &App,
        work: impl AsyncFnOnce(&mut Tx) -> Result<Answer> + Clone,
    ) -> Result<Answer> {
        let repeat = self.repeat.as_ref().map(|(repeat, _)| repeat);
        app.db
            .write(async |tx| {
                let Some(repeat) = repeat else { return work(tx).await };
                if let Some(answer) = claim(tx, repeat).await? {
                    return Ok(answer);
                }
                let answer = work(tx).await?;
                keep(tx, repeat, &answer).await?;
                Ok(answer)
            })
            .await
    }
}

impl FromRequestParts<App> for Once {
    type Rejection = Response;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let caller = Caller::from_request_parts(parts, app).await.map_err(IntoResponse::into_response)?;
        let repeat = repeat(parts, app, &caller).map_err(IntoResponse::into_response)?;
        let Some(repeat) = repeat else { return Ok(Self { caller, repeat: None }) };
        let run = app.running.begin(&repeat).map_err(IntoResponse::into_response)?;
        match find(&mut app.db.read(), &repeat, app.db.clock().now()).await {
            Ok(None) => Ok(Self { caller, repeat: Some((repeat, run)) }),
            Ok(Some(answer)) => Err(answer.into_response()),
            Err(error) => Err(error.into_response()),
        }
    }
}

impl Takes for Once {
    fn taken(operation: &mut Operation) {
        use Code::{BodyTooLarge, IdempotencyDone, IdempotencyInProgress, IdempotencyMismatch, Malformed, TooSlow};
        Caller::taken(operation);
        if ["post", "put"].contains(&operation.method()) {
            let about = "Any text that is new for each request: sent again with the same body within 24 hours, the \
                         request takes effect once, and its first answer is given again.";
            operation.header("Idempotency-Key", about, "8e03978e-40d5-43dd-bc93-6894a57f9324");
            operation.refuse(&[Malformed, TooSlow, BodyTooLarge]);
            operation.refuse(&[IdempotencyMismatch, IdempotencyInProgress, IdempotencyDone]);
        }
    }
}

/// The key that a request names, and what it asks for. Nothing for methods that need none.
fn repeat(parts: &Parts, app: &App, caller: &Caller) -> Result<Option<Repeat>> {
    let (Some(Asked(asked)), Some(key)) = (parts.extensions.get(), parts.headers.get(IDEMPOTENCY_KEY)) else {
        return Ok(None);
    };
    let is_right = |key: &&str| !key.is_empty() && key.len() <= KEY_CHARS && key.bytes().all(|c| c.is_ascii_graphic());
    let key = key.to_str().ok().filter(is_right).ok_or_else(|| {
        Error::new(Code::Malformed).detail("Idempotency-Key has 1 to 255 visible ASCII characters without blanks.")
    })?;
    let caller = match caller.actor {
        Actor::User(user, _) => user.uuid(),
        Actor::Key(_, key) => key.uuid(),
        Actor::Anonymous | Actor::System | Actor::Operator => return Ok(None),
    };
    let path = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let route = format!("{} {path}", parts.method);
    let mac = app.keys.mac(Purpose::Idempotency, &[asked]);
    Ok(Some(Repeat { caller, route, key: key.to_owned(), mac }))
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
