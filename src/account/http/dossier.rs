//! `GET /users/me/export`: everything that is held about the caller, as one JSON document.
//!
//! It is written piece by piece, so that a hundred thousand events cost no more memory than a thousand. The answer has
//! begun when a later piece fails: the connection is then broken off, and what the client has is no JSON.
//! What is not in it, and why, stands in `docs/api.md`; `tests/it/dossier.rs` asks it of every table.

pub(crate) mod shape;

use std::{collections::VecDeque, io};

use axum::{
    body::Body,
    extract::State,
    http::header::{CONTENT_DISPOSITION, CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;
use serde_json::{Value, json};

use crate::{
    access::Caller,
    account::{self, grant, view},
    app::App,
    error::{Code, Error, Result},
    event::{
        http::seen,
        trail::{self, Place},
    },
    id::{KeyId, SessionId, UserId},
    key, limit,
    login::device,
    password,
    profile::http as profile,
    session::{self, Session},
};

/// How much is read at once, and the place of its last entry.
const PAGE: i64 = 500;
const LAST: usize = 499;
/// Doors with failed tries, and devices: more are not told.
const MOST: i64 = 10_000;

/// `GET /users/me/export`.
pub(crate) async fn export(State(app): State<App>, caller: Caller) -> Result<Response> {
    let (user, current) = caller.signed_in()?;
    let mut dossier = Dossier { app, caller, user, current, rest: Rest::Begin };
    // What fails here is still refused in good order.
    let first = dossier.next().await?.unwrap_or_default();
    let body = stream::try_unfold((VecDeque::from([first]), dossier), async |(mut ready, mut dossier)| {
        let piece = match ready.pop_front() {
            Some(piece) => Some(piece),
            None => dossier.next().await.map_err(|error| io::Error::other(error.to_string()))?,
        };
        Ok::<_, io::Error>(piece.map(|piece| (Bytes::from(piece), (ready, dossier))))
    });
    let headers = [(CONTENT_TYPE, "application/json"), (CONTENT_DISPOSITION, "attachment; filename=\"account.json\"")];
    Ok((headers, Body::from_stream(body)).into_response())
}

/// A document that is being written.
struct Dossier {
    app: App,
    caller: Caller,
    user: UserId,
    current: SessionId,
    rest: Rest,
}

/// What is still to be written: of a list, what lies behind its last entry.
enum Rest {
    Begin,
    Sessions(Option<Box<Session>>),
    Keys(Option<KeyId>),
    Events(Option<Place>),
    Nothing,
}

impl Dossier {
    /// The next piece; nothing at the end.
    async fn next(&mut self) -> Result<Option<String>> {
        match std::mem::replace(&mut self.rest, Rest::Nothing) {
            Rest::Begin => self.begin().await.map(Some),
            Rest::Sessions(behind) => self.sessions(behind.as_deref()).await.map(Some),
            Rest::Keys(below) => self.keys(below).await.map(Some),
            Rest::Events(behind) => self.events(behind).await.map(Some),
            Rest::Nothing => Ok(None),
        }
    }

    /// All that is short.
    async fn begin(&mut self) -> Result<String> {
        let (id, now, conn) = (self.user, self.app.db.clock().now(), &mut self.app.db.read());
        let user = account::get(conn, id).await?.ok_or(Code::TokenRefused)?;
        let (profile, preferences) = profile::both(conn, id).await?;
        let identities = account::identities(conn, id).await?.into_iter();
        let grants = grant::held(conn, id).await?.into_iter();
        let failures = limit::of(conn, id, MOST).await?.into_iter();
        let parts = [
            ("exported_at", json!(now)),
            ("user", view::own(&user, self.caller.authority()).into()),
            ("profile", profile),
            ("preferences", preferences),
            (
                "identities",
                identities
                    .map(|(source, subject, since)| json!({"source": source, "subject": subject, "created_at": since}))
                    .collect(),
            ),
            (
                "grants",
                grants
                    .map(|(role, until, since)| json!({"role": role, "expires_at": until, "created_at": since}))
                    .collect(),
            ),
            ("password_changed_at", json!(password::get(conn, id).await?.map(|stored| stored.since))),
            (
                "failed_attempts",
                failures
                    .map(|(count, until, last)| json!({"count": count, "locked_until": until, "last_at": last}))
                    .collect(),
            ),
            ("devices", device::seen(conn, id, MOST).await?.into_iter().map(|at| json!({"seen_at": at})).collect()),
        ];
        self.rest = Rest::Sessions(None);
        let members: Result<Vec<_>> =
            parts.iter().map(|(name, value)| Ok(format!("\"{name}\":{}", text(value)?))).collect();
        Ok(format!("{{{},\"sessions\":[", members?.join(",")))
    }

    async fn sessions(&mut self, behind: Option<&Session>) -> Result<String> {
        let sessions = session::history(&mut self.app.db.read(), self.user, behind, PAGE).await?;
        let views = sessions.iter().map(|session| {
            let mut view = session::http::view(session, self.current);
            view["ended_at"] = json!(session.ended_at);
            view["end_reason"] = json!(session.end_reason);
            view["authenticated_at"] = json!(session.auth_time);
            view["methods"] = session.amr.split_whitespace().collect();
            view
        });
        let piece = list(behind.is_none(), views)?;
        if let Some(last) = sessions.into_iter().nth(LAST) {
            self.rest = Rest::Sessions(Some(Box::new(last)));
            return Ok(piece);
        }
        self.rest = Rest::Keys(None);
        Ok(piece + "],\"api_keys\":[")
    }

    async fn keys(&mut self, below: Option<KeyId>) -> Result<String> {
        let keys = key::made_by(&mut self.app.db.read(), self.user, below, PAGE).await?;
        let views = keys.iter().map(|(key, revoked_at)| {
            let mut view = key::http::view(key);
            view.insert("revoked_at".into(), json!(revoked_at));
            view.into()
        });
        let piece = list(below.is_none(), views)?;
        if let Some((last, _)) = keys.get(LAST) {
            self.rest = Rest::Keys(Some(last.id));
            return Ok(piece);
        }
        self.rest = Rest::Events(None);
        Ok(piece + "],\"events\":[")
    }

    async fn events(&mut self, behind: Option<Place>) -> Result<String> {
        let events = trail::own(&self.caller, &mut self.app.db.read(), behind, LAST + 1).await?;
        let last = events.get(LAST).map(|event| event.place);
        let views = events.into_iter().map(|event| Value::from(seen::own(&self.caller, event)));
        let piece = list(behind.is_none(), views)?;
        Ok(match last {
            Some(last) => {
                self.rest = Rest::Events(Some(last));
                piece
            }
            None => piece + "]}",
        })
    }
}

fn list(is_first: bool, entries: impl Iterator<Item = Value>) -> Result<String> {
    let mut piece = String::new();
    for (n, entry) in entries.enumerate() {
        if n > 0 || !is_first {
            piece.push(',');
        }
        piece.push_str(&text(&entry)?);
    }
    Ok(piece)
}

fn text(value: &Value) -> Result<String> {
    serde_json::to_string(value).map_err(Error::internal)
}
