//! `/api/v1/auth`: registration, sign-in, refresh, and one's password.

mod body;
mod oauth;
mod registration;
pub(crate) mod reset;
pub(crate) mod shape;

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

use self::body::{ChangePassword, Login, Reauthenticate, Refresh};
use super::{
    Attempt, Device, Outcome, SignedIn, Wish, change_password, reauthenticate, register, reserve, with_password,
};
use crate::{
    access::{Authority, Caller},
    account::{self, Identifier, User, grant, view},
    app::{Anybody, App, Bearer},
    error::{Code, Error, Result, Rule},
    http::Json,
    limit::{self, Subject},
    once::{
        Answer, Repeat, find,
        http::{Begun, Key, Once},
    },
    secret::Token,
    session::{
        Lifetime,
        refresh::{self, Refreshed},
    },
    token::Use,
};

pub(crate) use body::confirmed;
pub(crate) use oauth::token;
pub(crate) use registration::{Address, Register, SignUp, names};

/// Keeps the device known; it opens nothing.
const COOKIE: &str = "denizen_device";

// Registration, sign-in and refresh ask for no `Idempotency-Key`. Nobody is signed in yet, so there is nobody whose key it
// could be, and one stranger's key would be another's; and an answer that holds tokens is not kept anyway. An address
// registers once, a session that nobody heard of ends by itself, and a refresh that is repeated gives the same pair.

/// `POST /register`.
pub(crate) async fn register(
    State(app): State<App>,
    Anybody(caller): Anybody,
    headers: HeaderMap,
    Json(body): Json<Register>,
) -> Result<Response> {
    let wish = wish(&app, &headers, None, None);
    let outcome = register::register(&app, &caller, body.applicant(None)?, wish).await?;
    entered(&app, outcome, StatusCode::CREATED).await
}

/// `POST /sign-up`.
pub(crate) async fn sign_up(
    State(app): State<App>,
    Anybody(caller): Anybody,
    Json(body): Json<SignUp>,
) -> Result<(StatusCode, Json<Map<String, Value>>)> {
    let (body, ip_address) = body.split();
    let user = register::sign_up(&app, &caller, body.applicant(ip_address)?).await?;
    let authority = authority(&app, &user).await?;
    Ok((StatusCode::CREATED, Json(view::own(&user, &authority))))
}

/// `POST /login`.
pub(crate) async fn login(
    State(app): State<App>,
    Anybody(caller): Anybody,
    headers: HeaderMap,
    Json(body): Json<Login>,
) -> Result<Response> {
    let ((Some(name), None) | (None, Some(name))) = (body.email, body.username) else {
        return Err(Error::invalid("email", "required", "Give one of email and username."));
    };
    let wish = wish(&app, &headers, body.remember_me, None);
    let attempt = Attempt { identifier: Identifier::parse(&name), password: body.password, wish };
    let outcome = with_password(&app, &caller, attempt).await?;
    entered(&app, outcome, StatusCode::OK).await
}

/// `POST /refresh`.
pub(crate) async fn refresh(
    State(app): State<App>,
    Anybody(caller): Anybody,
    Json(body): Json<Refresh>,
) -> Result<Json<Value>> {
    let token = Token::received(body.refresh_token.expose_secret());
    let rotation = app.rotation();
    let refreshed = app.db.write(async |tx| refresh::refresh(tx, &caller, &app.keys, rotation, &token).await).await;
    app.meters.refreshes.count(match &refreshed {
        Ok(Refreshed::Continued { .. }) => "ok",
        Ok(Refreshed::Refused(Code::RefreshExpired)) => "expired",
        Ok(Refreshed::Refused(Code::RefreshReused)) => "reused",
        Err(error) if error.code() == Code::DatabaseUnavailable => "unavailable",
        _ => "error",
    });
    match refreshed? {
        Refreshed::Refused(code) => Err(code.into()),
        Refreshed::Continued { session, user, authority_version, token } => {
            let user = account::get(&mut app.db.read(), user).await?.ok_or(Code::RefreshExpired)?;
            let (access, expires_in) = app.tokens.issue(Use::Access, user.id, session, authority_version)?;
            let authority = authority(&app, &user).await?;
            Ok(Json(tokens(&access, token.expose(), expires_in, &user, &authority)))
        }
    }
}

/// `POST /change-password`: in a session, or with the token of a change that is required.
pub(crate) async fn change_password(
    State(app): State<App>,
    Anybody(stranger): Anybody,
    Bearer(bearer): Bearer,
    key: Key,
    headers: HeaderMap,
    body: Result<Json<ChangePassword>>,
) -> Result<Response> {
    let bearer = bearer.ok_or(Code::NotSignedIn)?;
    if let Some(claims) = app.tokens.verify(Use::PasswordChange, &bearer).await? {
        // The token is good once, and its answer is not kept. What the body says is not compared: whoever has a spent
        // token could try guesses at the new password by it.
        let repeat = key.of(&app, claims.sub.uuid())?.map(|repeat| Repeat { mac: [0; 32], ..repeat });
        if let Some(repeat) = &repeat {
            find(&mut app.db.read(), repeat, app.db.clock().now()).await?;
        }
        let Json(body) = body?;
        confirmed(&body.new_password, body.confirm_password.as_ref())?;
        let (new, device) = (&body.new_password, device(&headers));
        let outcome = change_password::required(&app, &stranger, &claims, new, device, repeat.as_ref()).await?;
        return entered(&app, outcome, StatusCode::OK).await;
    }
    let caller = app.bearers.caller(&app.watch, &bearer, stranger.origin).await?;
    let once = match begin(&app, caller, &key).await? {
        Begun::First(once) => once,
        Begun::Again(answer) => return Ok(answer.into_response()),
    };
    let Json(body) = body?;
    confirmed(&body.new_password, body.confirm_password.as_ref())?;
    let current = body.current_password.ok_or_else(|| Error::faults(vec![Rule::required().of("current_password")]))?;
    let caller = &once.caller;
    let proved = match change_password::prove(&app, caller, &current, &body.new_password).await {
        Ok(proved) => proved,
        Err(refusal) => return Ok(once.or_again(&app, refusal).await?.into_response()),
    };
    let proved = &proved;
    let done = once.write(&app, async |tx| {
        change_password::in_session(tx, caller, proved).await?;
        Ok(Answer::message("The password was changed"))
    });
    Ok(done.await?.into_response())
}

/// `POST /reauthenticate`.
pub(crate) async fn reauthenticate(
    State(app): State<App>,
    caller: Caller,
    key: Key,
    body: Result<Json<Reauthenticate>>,
) -> Result<Answer> {
    let once = match begin(&app, caller, &key).await? {
        Begun::First(once) => once,
        Begun::Again(answer) => return Ok(answer),
    };
    let Json(body) = body?;
    let caller = &once.caller;
    reauthenticate::verify(&app, caller, &body.password).await?;
    once.write(&app, async |tx| {
        reauthenticate::proved(tx, caller).await?;
        Ok(Answer::message("You proved yourself; this holds for 10 minutes"))
    })
    .await
}

/// Begins a request whose body holds a password. Whether a known key comes with the body that it came with before tells
/// whether the password in it is the one from then: it is counted as a try before that is told.
async fn begin(app: &App, caller: Caller, key: &Key) -> Result<Begun> {
    let (user, session) = caller.signed_in()?;
    let subject = Subject::session(user, session);
    let begun = Once::begin(app, caller.clone(), key).await;
    match &begun {
        Ok(Begun::Again(_)) => {
            reserve(app, &caller, subject).await?;
            app.db.write(async |tx| limit::clear(tx, subject).await).await?;
        }
        Err(error) if error.code() == Code::IdempotencyMismatch => reserve(app, &caller, subject).await?,
        _ => {}
    }
    begun
}

fn wish(app: &App, headers: &HeaderMap, remember_me: Option<bool>, scope: Option<String>) -> Wish {
    let usual = app.config.auth.refresh_token_lifetime;
    let lifetime = if remember_me == Some(true) { Lifetime::Remembered(usual) } else { Lifetime::Usual(usual) };
    Wish { lifetime, device: device(headers), scope }
}

fn device(headers: &HeaderMap) -> Device {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    Device::received(pairs.find(|(name, _)| *name == COOKIE).map(|(_, value)| value))
}

async fn entered(app: &App, outcome: Outcome, status: StatusCode) -> Result<Response> {
    match outcome {
        Outcome::SignedIn(signed_in) => answer(app, &signed_in, status).await,
        Outcome::Refused => Err(Code::InvalidCredentials.into()),
        Outcome::ChangePassword(token) => {
            let token = Value::from(token.expose_secret());
            Err(Error::new(Code::PasswordChangeRequired).member("password_change_token", token))
        }
    }
}

/// A `TokenResponse`, and the cookie by which this device is known the next time.
async fn answer(app: &App, signed_in: &SignedIn, status: StatusCode) -> Result<Response> {
    let authority = authority(app, &signed_in.user).await?;
    let body = tokens(
        signed_in.access_token.expose_secret(),
        signed_in.refresh_token.expose(),
        signed_in.expires_in,
        &signed_in.user,
        &authority,
    );
    let mut response = (status, Json(body)).into_response();
    if let Some(value) = signed_in.device.value() {
        let secure = if app.config.app.public_url.as_str().starts_with("https:") { "; Secure" } else { "" };
        let cookie = format!("{COOKIE}={value}; Path=/api/v1/auth; Max-Age=31536000; HttpOnly; SameSite=Lax{secure}");
        let cookie = HeaderValue::from_str(&cookie).map_err(Error::internal)?;
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

async fn authority(app: &App, user: &User) -> Result<Authority> {
    grant::authority(&mut app.db.read(), app.config.auth.directory, user, app.db.clock().now()).await
}

fn tokens(access: &str, refresh: &str, expires_in: i64, user: &User, authority: &Authority) -> Value {
    json!({
        "access_token": access,
        "refresh_token": refresh,
        "token_type": "Bearer",
        "expires_in": expires_in,
        "user": view::own(user, authority),
    })
}
