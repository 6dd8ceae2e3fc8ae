//! What the arguments of a handler tell.

use axum::{
    extract::{Extension, State},
    http::{HeaderMap, Method, Uri},
};
use serde_json::json;

use super::{Access, Operation};
use crate::{
    error::{Code, Result},
    http::{Client, Form, IfMatch, Json, NoTimeLimit, Path, Query, RequestId, body::Body},
};

/// An argument of a handler.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say what it means for the documentation of a route",
    note = "implement `Takes` beside its `FromRequestParts`: what it adds to the operation, and what it refuses"
)]
pub trait Takes {
    /// Adds what a route with this argument takes, and how it refuses.
    fn taken(operation: &mut Operation);
}

/// A handler, all of whose arguments tell what they are.
pub trait Described<T> {
    /// Adds what each of them tells.
    fn describe(operation: &mut Operation);
}

macro_rules! described {
    ($([$($argument:ident)*])+) => {$(
        impl<F, Answer, M, $($argument: Takes),*> Described<(M, $($argument,)*)> for F
        where
            F: Fn($($argument),*) -> Answer,
        {
            fn describe(_operation: &mut Operation) {
                $($argument::taken(_operation);)*
            }
        }
    )+};
}

described! { [] [A] [A B] [A B C] [A B C D] [A B C D E] [A B C D E G] [A B C D E G H] }

macro_rules! silent {
    ($($kind:ty)+) => {$(
        impl Takes for $kind {
            fn taken(_: &mut Operation) {}
        }
    )+};
}

silent! { HeaderMap Method Uri Client RequestId NoTimeLimit }

impl<T> Takes for Extension<T> {
    fn taken(_: &mut Operation) {}
}

/// A route that has the application may ask its database.
impl<S> Takes for State<S> {
    fn taken(operation: &mut Operation) {
        operation.refuse(&[Code::DatabaseUnavailable]);
    }
}

impl<T: Body> Takes for Json<T> {
    fn taken(operation: &mut Operation) {
        operation.body("application/json", T::ABOUT, T::FIELDS, T::STRICT);
        operation.refuse(&[Code::MalformedJson]);
        body_refusals(operation);
    }
}

impl<T: Body> Takes for Form<T> {
    fn taken(operation: &mut Operation) {
        operation.body("application/x-www-form-urlencoded", T::ABOUT, T::FIELDS, T::STRICT);
        body_refusals(operation);
    }
}

fn body_refusals(operation: &mut Operation) {
    use Code::{BodyTooLarge, Invalid, Malformed, TooSlow, UnsupportedMediaType};
    operation.refuse(&[Malformed, TooSlow, BodyTooLarge, UnsupportedMediaType, Invalid]);
}

impl<T: Body> Takes for Query<T> {
    fn taken(operation: &mut Operation) {
        operation.query(T::FIELDS);
        operation.refuse(&[Code::Malformed, Code::Invalid]);
    }
}

/// The names and types stand in the route's [`Doc::path`](super::Doc::path).
impl<T> Takes for Path<T> {
    fn taken(operation: &mut Operation) {
        operation.refuse(&[Code::NotFound]);
    }
}

impl Takes for IfMatch {
    fn taken(operation: &mut Operation) {
        let about = "The `ETag` that the change is based on; the change is refused (412) when the record has another.";
        operation.header("If-Match", about, "\"v17\"");
        operation.narrow("If-Match", json!({"maxLength": Self::CHARS}));
        operation.refuse(&[Code::Malformed, Code::StaleVersion]);
    }
}

/// A body that may be left out.
impl<T: Takes> Takes for Option<T> {
    fn taken(operation: &mut Operation) {
        T::taken(operation);
        operation.body_is_optional();
    }
}

impl<T: Takes> Takes for Result<T> {
    fn taken(operation: &mut Operation) {
        T::taken(operation);
    }
}

/// What a sign-in adds: the kit does not know callers, but how they are refused.
impl Operation {
    /// Nobody may call who is not signed in.
    pub fn signed_in(&mut self) {
        self.access(Access::SignedIn);
        self.refuse(&[Code::NotSignedIn, Code::TokenRefused]);
    }
}
