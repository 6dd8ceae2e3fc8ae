//! `/api/v1/auth`: the ways in.

use crate::{
    account::http::shape::User,
    app::App,
    error::Code,
    http::{
        Routes,
        openapi::{Doc, Tag},
    },
    login::http::{
        self as login,
        shape::{OAuthError, TokenResponse},
    },
};

const TAG: Tag = Tag {
    name: "Sign-in",
    about: "The ways in. Failed tries are counted for each account over every \
        door: from the sixth on, each costs a wait (429 with `Retry-After`).",
};

/// The cookie by which a device is known the next time; it opens nothing.
const COOKIE: (&str, &str) = ("Set-Cookie", "`denizen_device`: tells known devices from strangers; it opens nothing.");

pub(super) fn routes() -> Routes<App> {
    let signed_in = |id, summary, status| {
        Doc::new(id, summary).gives::<TokenResponse>(status, "Signed in.").with_header(COOKIE.0, COOKIE.1)
    };
    Routes::new("/api/v1/auth", TAG)
        .post(
            "/register",
            login::register,
            signed_in("register", "Register and sign in", 201)
                .about("Makes an account with the role `user`. `full_name` may be given, or both of its parts.")
                .refuses(&[Code::EmailTaken, Code::UsernameTaken, Code::RegistrationClosed]),
        )
        .post(
            "/sign-up",
            login::sign_up,
            Doc::new("signUp", "Register without signing in").gives::<User>(201, "The new account.").refuses(&[
                Code::EmailTaken,
                Code::UsernameTaken,
                Code::RegistrationClosed,
            ]),
        )
        .post(
            "/login",
            login::login,
            signed_in("login", "Sign in", 200)
                .about(
                    "With one of `email` and `username`. An unknown name and a wrong password get the same answer. \
                     `password_change_required` carries a `password_change_token`: the bearer of the one call to \
                     `change-password` that is then needed.",
                )
                .refuses(&[Code::InvalidCredentials, Code::PasswordChangeRequired, Code::TooManyAttempts]),
        )
        .post(
            "/token",
            login::token,
            signed_in("token", "Sign in by OAuth's password grant", 200)
                .about(
                    "RFC 6749, 4.3: a form with `username` (or the e-mail address) and `password`. Refusals have \
                     OAuth's form (5.2); a field that is not known is ignored.",
                )
                .refuses_itself()
                .gives::<OAuthError>(400, "`invalid_request`, `invalid_grant` or `unsupported_grant_type`.")
                .gives::<OAuthError>(429, "`invalid_grant`: too many failed tries; wait.")
                .with_header("Retry-After", "How many seconds to wait.")
                .gives::<OAuthError>(500, "`temporarily_unavailable`: our mistake.")
                .gives::<OAuthError>(503, "`temporarily_unavailable`: wait, then try again.")
                .with_header("Retry-After", "How many seconds to wait.")
                .refuses(&[Code::TooSlow]),
        )
        .post(
            "/refresh",
            login::refresh,
            Doc::new("refresh", "Renew the tokens")
                .about(
                    "The answer's refresh token takes the place of the one that was sent. Sending one again \
                     within a minute gives the same pair, so an answer that was lost can be asked for again; when \
                     its successor was used, or later, it ends the session (`refresh_reused`).",
                )
                .gives::<TokenResponse>(200, "The next pair of tokens.")
                .refuses(&[Code::RefreshExpired, Code::RefreshReused]),
        )
}
