//! The answer of an endpoint that has nothing to return.

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::Json;

/// `{"success":true,"message":".."}`.
pub struct Message(pub Cow<'static, str>);

impl Message {
    /// A fixed or composed sentence.
    #[must_use]
    pub fn new(text: impl Into<Cow<'static, str>>) -> Self {
        Self(text.into())
    }
}

impl IntoResponse for Message {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Body<'a> {
            success: bool,
            message: &'a str,
        }
        Json(Body { success: true, message: &self.0 }).into_response()
    }
}
