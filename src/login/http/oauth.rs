//! `POST /api/v1/auth/token`: the password grant of OAuth 2.0 (RFC 6749, 4.3), and refusals in its form (5.2).

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{answer, wish};
use crate::{
    access::Caller,
    account::Identifier,
    app::{Anybody, App},
    body,
    error::{Code, Error, Result, Rule},
    http::{Form, Input, Json, Line},
    login::{Attempt, Outcome, with_password},
    password::Password,
};

/// The one grant of `POST /token`.
pub(crate) struct PasswordGrant;

const UNSUPPORTED_GRANT: &str = "unsupported_grant_type";

impl Input for PasswordGrant {
    fn read(value: &Value) -> Result<Self, Rule> {
        if value == "password" {
            Ok(Self)
        } else {
            Err(Rule::new(UNSUPPORTED_GRANT, "Only 'password' is granted here."))
        }
    }
    fn schema() -> Value {
        json!({"type": "string", "enum": ["password"]})
    }
}

body! {
    /// What `POST /token` takes: the password grant of RFC 6749, 4.3.
    #[ignore_unknown]
    pub(crate) struct TokenRequest {
        /// The e-mail address or username.
        #[example("ann@example.com")]
        username: Line<1, 320>,
        /// The password.
        #[example("Correct-Horse-7-Battery")]
        password: Password,
        /// `password`, when given.
        grant_type: Option<PasswordGrant>,
        /// What the client asks for.
        #[example("openid")]
        scope: Option<Line<0, 255>>,
    }
}

/// `POST /token`. Refusals have OAuth's form (RFC 6749, 5.2).
pub(crate) async fn token(
    State(app): State<App>,
    Anybody(caller): Anybody,
    headers: HeaderMap,
    form: Result<Form<TokenRequest>>,
) -> Response {
    match grant(&app, &caller, &headers, form).await {
        Ok(response) => response,
        Err(error) => oauth(error),
    }
}

async fn grant(app: &App, caller: &Caller, headers: &HeaderMap, form: Result<Form<TokenRequest>>) -> Result<Response> {
    let Form(TokenRequest { grant_type: None | Some(PasswordGrant), username, password, scope }) = form?;
    let wish = wish(app, headers, None, scope.map(Line::into_string));
    let attempt = Attempt { identifier: Identifier::parse(&username), password, wish };
    match with_password(app, caller, attempt).await? {
        Outcome::SignedIn(signed_in) => answer(app, &signed_in, StatusCode::OK).await,
        Outcome::Refused => {
            let text = Code::InvalidCredentials.sentence();
            Ok(oauth_error(StatusCode::BAD_REQUEST, "invalid_grant", text))
        }
        Outcome::ChangePassword(_) => {
            let text = "The password must be changed first: sign in at /api/v1/auth/login to do so.";
            Ok(oauth_error(StatusCode::BAD_REQUEST, "invalid_grant", text))
        }
    }
}

/// A refusal in OAuth's form. Waits and faults of ours keep their status and headers.
fn oauth(error: Error) -> Response {
    let grant = error.broken().iter().find(|fault| fault.code == UNSUPPORTED_GRANT);
    if let Some(fault) = grant {
        return oauth_error(StatusCode::BAD_REQUEST, UNSUPPORTED_GRANT, &fault.message);
    }
    let advice = error.advice();
    let mut response = error.into_response();
    let (status, word) = match response.status() {
        status @ StatusCode::TOO_MANY_REQUESTS => (status, "invalid_grant"),
        status if status.is_server_error() => (status, "temporarily_unavailable"),
        _ => (StatusCode::BAD_REQUEST, "invalid_request"),
    };
    let (parts, body) = oauth_error(status, word, &advice).into_parts();
    response.headers_mut().extend(parts.headers);
    *response.status_mut() = status;
    *response.body_mut() = body;
    response
}

fn oauth_error(status: StatusCode, error: &str, description: &str) -> Response {
    (status, Json(json!({"error": error, "error_description": description}))).into_response()
}
