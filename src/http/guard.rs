//! The guard around every handler: it answers in time, and it answers when the handler panics.

use std::{
    panic::AssertUnwindSafe,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderValue, Version, header::CONNECTION, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;

use crate::error::{Code, Error, Result};

/// Runs the handler for at most `limit`.
///
/// A request whose body did not arrive is the client's: 408, and the connection closes, since the rest of
/// the body may still come (RFC 9110, 15.5.9). An answer that did not come is ours: 503. What the handler
/// was doing is dropped at its next await; a transaction of its then rolls back.
pub(super) async fn guard(State(limit): State<Duration>, mut request: Request, next: Next) -> Response {
    let pace = Pace::default();
    request.extensions_mut().insert(pace.clone());
    let keeps_connections = request.version() < Version::HTTP_2;
    let mut answer = pin!(AssertUnwindSafe(next.run(request)).catch_unwind());
    let answer = match tokio::time::timeout(limit, &mut answer).await {
        Ok(answer) => answer,
        Err(_) if pace.is(UNLIMITED) => answer.await,
        Err(_) if pace.is(READING) => return too_slow(keeps_connections),
        Err(_) => return too_busy(),
    };
    answer.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
        Error::internal(format_args!("panic: {text}")).into_response()
    })
}

fn too_slow(keeps_connections: bool) -> Response {
    let mut response = Error::new(Code::TooSlow).detail("The body took too long to arrive.").into_response();
    if keeps_connections {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn too_busy() -> Response {
    let detail = "The answer took too long and was given up. Wait, then try again.";
    Error::new(Code::Busy).detail(detail).after(Duration::from_secs(2)).because("time limit").into_response()
}

/// Lifts the time limit of the route that takes it as an argument, for long streams of input.
pub struct NoTimeLimit;

impl<S: Sync> FromRequestParts<S> for NoTimeLimit {
    type Rejection = Error;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        if let Some(pace) = parts.extensions.get::<Pace>() {
            pace.0.store(UNLIMITED, Ordering::Relaxed);
        }
        Ok(Self)
    }
}

/// What a request is busy with; shared by the guard and the extractors inside it.
#[derive(Clone, Default)]
pub(super) struct Pace(Arc<AtomicU8>);

const WORKING: u8 = 0;
const READING: u8 = 1;
const UNLIMITED: u8 = 2;

impl Pace {
    /// Until the value is dropped, the body is being read.
    pub(super) fn reading(&self) -> Reading {
        let _ = self.0.compare_exchange(WORKING, READING, Ordering::Relaxed, Ordering::Relaxed);
        Reading(self.clone())
    }

    fn is(&self, state: u8) -> bool {
        self.0.load(Ordering::Relaxed) == state
    }
}

pub(super) struct Reading(Pace);

impl Drop for Reading {
    fn drop(&mut self) {
        let _ = self.0.0.compare_exchange(READING, WORKING, Ordering::Relaxed, Ordering::Relaxed);
    }
}
