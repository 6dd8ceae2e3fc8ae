//! `/api/v1/auth`: what one does in a session.

use crate::{
    account::http::{self as account, shape::User},
    app::App,
    error::Code,
    http::{
        Message, Routes,
        openapi::{Doc, Tag},
    },
    id::SessionId,
    login::http::{self as login, shape::TokenResponse},
    session::http::{self as session, Sessions},
};

const TAG: Tag = Tag { name: "Sessions", about: "One's sessions, and one's password." };

pub(super) fn routes() -> Routes<App> {
    Routes::new("/api/v1/auth", TAG)
        .post(
            "/logout",
            session::logout,
            Doc::new("logout", "End this session")
                .about(
                    "Ends the session of the bearer, also when the bearer has expired. Without one, or when it is refused, \
                     ends the session of the refresh token. Unknown tokens are fine.",
                )
                .says(200, "It has ended.")
                .refuses(&[Code::NotSignedIn, Code::Forbidden]),
        )
        .post(
            "/logout-all",
            session::logout_all,
            Doc::new("logoutAll", "End all my sessions")
                .says(200, "They have ended.")
                .signed_in()
                .refuses(&[Code::Forbidden]),
        )
        .get("/me", account::me, Doc::new("getAuthMe", "Who I am").gives::<User>(200, "The user.").with_etag())
        .post(
            "/change-password",
            login::change_password,
            Doc::new("changePassword", "Change my password")
                .about(
                    "With the access token of a session: every other session ends. With the `password_change_token` of \
                     a sign-in that was refused for it: needs no `current_password`, and signs in.",
                )
                .gives_either::<Message, TokenResponse>(200, "It was changed; or also: signed in.")
                .signed_in()
                .refuses(&[Code::WrongPassword, Code::TooManyAttempts, Code::InvalidCredentials])
                .refuses(&[Code::Forbidden]),
        )
        .post(
            "/password-reset-confirm",
            login::reset::confirm,
            Doc::new("confirmPasswordReset", "Choose a password by a mailed link")
                .about(
                    "The link is used up; every session ends, and none begins. It proves the address. A new password \
                     that is refused does not use it up. A token that is unknown, used or expired gets one and the same \
                     answer, and so does one whose account has changed since.",
                )
                .says(200, "The account has the new password.")
                .refuses(&[Code::InvalidToken, Code::Busy]),
        )
        .post(
            "/reauthenticate",
            login::reauthenticate,
            Doc::new("reauthenticate", "Prove myself again")
                .about("The session counts as fresh for 10 minutes.")
                .says(200, "It does.")
                .refuses(&[Code::WrongPassword, Code::TooManyAttempts]),
        )
        .get(
            "/sessions",
            session::list,
            Doc::new("listSessions", "My sessions").gives::<Sessions>(200, "All of them; they are not paged."),
        )
        .delete(
            "/sessions/{session_id}",
            session::revoke,
            Doc::new("revokeSession", "End one of my sessions")
                .path::<SessionId>("session_id", "The session, as listed.")
                .says(200, "It has ended."),
        )
}
