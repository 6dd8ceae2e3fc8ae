//! `/api/v1/auth/sessions`, `/logout`, `/logout-all`.

use axum::extract::State;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::{Reason, Session, refresh};
use crate::{
    access::{Caller, Origin, Role},
    app::{Anybody, App, Bearer},
    body,
    clock::Time,
    error::{Code, Error, Result},
    http::{Json, Message, Path},
    id::{SessionId, UserId},
    once::{
        Answer, find,
        http::{Begun, Key, Once},
    },
    secret::Token,
    shape,
    token::Use,
};

body! {
    /// What `POST /logout` takes when no bearer token is sent, or one that may be refused by now.
    pub(crate) struct Logout {
        /// The session's refresh token.
        #[example("dzr_Zm9yIHRoZSBuZXh0IHBhaXIgb2YgdG9rZW5z")]
        refresh_token: Option<SecretString>,
    }
}

/// `POST /logout`: ends the session of the bearer, or of the refresh token. What is unknown has nothing to end.
///
/// Whoever leaves may have been away for longer than his bearer lived: that is ours all the same, and names the session.
///
/// It asks for no `Idempotency-Key`: a repetition comes with a token that is refused by then, ends nothing, and is
/// answered alike.
pub(crate) async fn logout(
    State(app): State<App>,
    Anybody(stranger): Anybody,
    Bearer(bearer): Bearer,
    body: Option<Json<Logout>>,
) -> Result<Message> {
    let token = body.and_then(|body| body.0.refresh_token);
    if bearer.is_none() && token.is_none() {
        return Err(Code::NotSignedIn.into());
    }
    for caller in leaving(&app, bearer.as_deref(), token.as_ref(), stranger.origin).await? {
        let (user, session) = caller.signed_in()?;
        app.db.withdraw(async |tx| super::revoke(tx, &caller, user, session, Reason::Logout).await).await?;
    }
    Ok(Message::new("User logged out successfully"))
}

/// Who leaves: whoever the bearer speaks for. Of a bearer that is refused, whoever it spoke for, and whose the refresh
/// token is.
async fn leaving(app: &App, bearer: Option<&str>, token: Option<&SecretString>, origin: Origin) -> Result<Vec<Caller>> {
    let mut sessions = Vec::new();
    if let Some(bearer) = bearer {
        match app.bearers.caller(&app.watch, bearer, origin.clone()).await {
            Ok(caller) => return Ok(vec![caller]),
            Err(error) if error.code() == Code::TokenRefused => {
                let claims = app.tokens.genuine(Use::Access, bearer).await?;
                sessions.extend(claims.map(|claims| (claims.sub, claims.sid)));
            }
            Err(error) => return Err(error),
        }
    }
    if let Some(token) = token {
        sessions.extend(refresh::owner(&mut app.db.read(), &Token::received(token.expose_secret())).await?);
    }
    let caller = |(user, session)| Caller::user(user, session, Role::User, origin.clone());
    Ok(sessions.into_iter().map(caller).collect())
}

/// `POST /logout-all`: ends every session of the caller, this one too.
///
/// So whoever repeats the request comes with a token that is refused. His key is asked all the same, as long as the
/// token is genuine: what he gets is the sentence that he got, or should have got, before.
pub(crate) async fn logout_all(
    State(app): State<App>,
    Anybody(stranger): Anybody,
    Bearer(bearer): Bearer,
    key: Key,
) -> Result<Answer> {
    let bearer = bearer.ok_or(Code::NotSignedIn)?;
    let caller = match app.bearers.caller(&app.watch, &bearer, stranger.origin).await {
        Ok(caller) => caller,
        Err(error) if error.code() == Code::TokenRefused => return again(&app, &bearer, &key).await?.ok_or(error),
        Err(error) => return Err(error),
    };
    let (user, _) = caller.signed_in()?;
    let once = match Once::begin(&app, caller, &key).await? {
        Begun::First(once) => once,
        Begun::Again(answer) => return Ok(answer),
    };
    let caller = &once.caller;
    once.withdraw(&app, async |tx| {
        super::revoke_all(tx, caller, user, None, Reason::Logout).await?;
        Ok(Answer::message("All sessions were ended"))
    })
    .await
}

/// What was answered to a request with this key in a session that has ended.
async fn again(app: &App, bearer: &str, key: &Key) -> Result<Option<Answer>> {
    let Some(claims) = app.tokens.verify(Use::Access, bearer).await? else { return Ok(None) };
    match key.of(app, claims.sub.uuid())? {
        Some(repeat) => find(&mut app.db.read(), &repeat, app.db.clock().now()).await,
        None => Ok(None),
    }
}

/// `GET /sessions`: the caller's own.
pub(crate) async fn list(State(app): State<App>, caller: Caller) -> Result<Json<Value>> {
    let (user, _) = caller.signed_in()?;
    told(&app, &caller, user).await
}

/// The sessions of a user as this caller sees them: where others come from is for those who see everything of them.
pub(crate) async fn told(app: &App, caller: &Caller, user: UserId) -> Result<Json<Value>> {
    let (own, current) = caller.signed_in().map_or((None, super::none()), |(own, session)| (Some(own), session));
    let sees_origin = own == Some(user) || caller.sees_everything();
    let sessions = super::list(&mut app.db.read(), user, app.db.clock().now()).await?;
    let seen = |mut session: Session| {
        if !sees_origin {
            (session.ip_address, session.user_agent) = (None, None);
        }
        view(&session, current)
    };
    let views: Vec<Value> = sessions.into_iter().map(seen).collect();
    Ok(Json(json!({"total_count": views.len(), "sessions": views})))
}

/// `DELETE /sessions/{session_id}`: one of the caller's own.
pub(crate) async fn revoke(State(app): State<App>, caller: Caller, Path(id): Path<SessionId>) -> Result<Message> {
    let (user, _) = caller.signed_in()?;
    let ended = app.db.withdraw(async |tx| super::revoke(tx, &caller, user, id, Reason::Revoked).await).await?;
    if ended { Ok(Message::new("The session was ended")) } else { Err(Error::not_found()) }
}

shape! {
    /// The caller's sessions that can still be used.
    pub(crate) struct Sessions {
        /// How many there are.
        total_count: u64,
        /// All of them.
        sessions: Vec<SessionView>,
    }
}

shape! {
    /// A sign-in that lasts.
    pub(crate) struct SessionView {
        /// Ends it: `DELETE /api/v1/auth/sessions/{session_id}`.
        id: SessionId,
        /// Where it began, or was refreshed since after a minute of rest; null of others, unless one sees all of them.
        #[example("192.0.2.7")]
        ip_address: Option<String>,
        /// What the browser or program called itself; null of others, unless one sees all of them.
        #[example("Mozilla/5.0 (X11; Linux x86_64) Firefox/150.0")]
        user_agent: Option<String>,
        /// The kind of device, as far as that tells.
        #[example("desktop")]
        device_type: Option<String>,
        /// The browser.
        #[example("Firefox")]
        browser: Option<String>,
        /// The operating system.
        #[example("Linux")]
        os: Option<String>,
        /// Whether it can be used.
        is_active: bool,
        /// Whether this request was made in it.
        is_current: bool,
        /// When it began.
        created_at: Time,
        /// When it ends at the latest. It ends before that when it is not refreshed for `REFRESH_TOKEN_EXPIRE_DAYS`, or
        /// for 30 days where it began with `remember_me`.
        expires_at: Time,
        /// The last request, to the minute.
        last_activity: Time,
    }
}

pub(crate) fn view(session: &Session, current: SessionId) -> Value {
    json!({
        "id": session.id,
        "ip_address": session.ip_address,
        "user_agent": session.user_agent,
        "device_type": session.device_type,
        "browser": session.browser,
        "os": session.os,
        "is_active": session.ended_at.is_none(),
        "is_current": session.id == current,
        "created_at": session.created_at,
        "expires_at": session.expires_at,
        "last_activity": session.last_activity,
    })
}
