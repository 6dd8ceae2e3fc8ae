//! The span of a request, by OpenTelemetry's conventions for HTTP servers. `url.path` is deliberately absent: it may
//! hold an id or a token. So are the client's address and software.

use axum::{
    extract::{MatchedPath, Request},
    http::StatusCode,
};

use super::traffic::{UNMATCHED, word};
use crate::trace::{Attribute, Child, Tracer};

pub(super) fn begin(tracer: &Tracer, request: &Request, route: Option<&MatchedPath>) -> Option<Child> {
    let parent = request.headers().get("traceparent").and_then(|value| value.to_str().ok());
    let span = tracer.request(parent)?.with("http.request.method", word(request.method()));
    let template = route.map_or(UNMATCHED, MatchedPath::as_str);
    let span = span.named(format!("{} {template}", word(request.method())));
    Some(match route {
        Some(route) => span.with("http.route", Attribute::Route(route.as_str().to_owned())),
        None => span,
    })
}

/// Ends it and gives the id of its trace.
pub(super) fn end(span: Child, status: StatusCode) -> String {
    let span = span.with("http.response.status_code", u32::from(status.as_u16()));
    let span = if status.is_server_error() { span.failed() } else { span };
    let id = span.trace_id();
    span.end();
    id
}
