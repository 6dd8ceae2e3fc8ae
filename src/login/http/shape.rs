//! What the routes answer.

use crate::{account::http::shape::User, shape};

shape! {
    /// A session's tokens, and whose it is.
    pub(crate) struct TokenResponse {
        /// Goes into `Authorization: Bearer ..`.
        #[example("eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIwMTg5MGE1ZCJ9.c2lnbmF0dXJl")]
        access_token: String,
        /// Gives the next pair of tokens, once: `POST /api/v1/auth/refresh`.
        #[example("dzr_Zm9yIHRoZSBuZXh0IHBhaXIgb2YgdG9rZW5z")]
        refresh_token: String,
        /// Always `Bearer`.
        #[example("Bearer")]
        token_type: String,
        /// Seconds until the access token expires.
        #[example(1800)]
        expires_in: i64,
        /// Who is signed in.
        user: User,
    }
}

shape! {
    /// A refusal in OAuth's form (RFC 6749, 5.2).
    pub(crate) struct OAuthError {
        /// What happened, for programs.
        #[example("invalid_grant")]
        error: String,
        /// What happened, for people.
        #[example("The name or the password is not right.")]
        error_description: String,
    }
}
