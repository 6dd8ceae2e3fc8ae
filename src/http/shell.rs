//! What every request meets before a route does, and every answer after it.
//!
//! From the outside in:
//! 1. the trailing slash is taken off, before the router looks at the path;
//! 2. the edge names the request and its client, writes refusals as problem documents, adds the security
//!    headers and the access line - outermost, so that nothing below answers without them;
//! 3. CORS, outside the guard, so that a browser may read a 503 too;
//! 4. the guard: time limit and panics;
//! 5. the route.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::HttpBody,
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, Method, header},
    middleware::{Next, from_fn_with_state},
    response::Response,
};
use ipnet::IpNet;
use tokio::time::Instant;
use tower_http::{
    cors::{AllowOrigin, CorsLayer},
    normalize_path::NormalizePath,
};
use tracing::Instrument;

use super::{
    Client, RequestId, Traffic, guard::guard, headers, problem, request_id::X_REQUEST_ID, span, unread::Unread,
};
use crate::{clock::Clock, trace::Tracer};

/// Settings of the shell.
#[derive(Clone)]
pub struct Shell {
    /// Origins whose scripts may call: none by default; `*` is any, and then without credentials.
    pub origins: Vec<HeaderValue>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// How long a request may take, from its last header to the first byte of its answer.
    pub request_timeout: Duration,
    /// Whether each request makes a line in the log, target `access`.
    pub access_log: bool,
    /// Whether the public address is https, so that browsers are told to insist on it.
    pub https: bool,
    /// The clock that request ids are made by.
    pub clock: Clock,
    /// What requests are counted by.
    pub traffic: Arc<Traffic>,
    /// Where spans of requests go.
    pub tracer: Tracer,
}

impl Default for Shell {
    fn default() -> Self {
        Self {
            origins: Vec::new(),
            trusted_proxies: Vec::new(),
            request_timeout: Duration::from_secs(30),
            access_log: true,
            https: false,
            clock: Clock::default(),
            traffic: Arc::default(),
            tracer: Tracer::default(),
        }
    }
}

/// Wraps the routes.
#[must_use]
pub fn shell(routes: Router, settings: &Shell) -> NormalizePath<Router> {
    let mut routes = routes.layer(from_fn_with_state(settings.request_timeout, guard));
    if !settings.origins.is_empty() {
        routes = routes.layer(cors(&settings.origins));
    }
    let routes = routes.layer(from_fn_with_state(Arc::new(settings.clone()), edge));
    NormalizePath::trim_trailing_slash(routes)
}

async fn edge(State(settings): State<Arc<Shell>>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let flight = settings.traffic.begin();
    let id = RequestId::of(request.headers(), &settings.clock);
    let client = Client::of(&request, &settings.trusted_proxies);
    let route = request.extensions().get::<MatchedPath>().cloned();
    let method = request.method().clone();
    let ip = client.ip;
    request.extensions_mut().insert(id.clone());
    request.extensions_mut().insert(client);

    let span = span::begin(&settings.tracer, &request, route.as_ref());
    let unread = Unread::lend(&mut request);
    // Of the highest level, so that no line of the request goes without its id, whatever LOG_LEVEL is.
    let named = tracing::error_span!("request", request_id = id.as_str());
    let answer = match &span {
        Some(span) => span.around(next.run(request)).instrument(named).await,
        None => next.run(request).instrument(named).await,
    };
    let mut response = problem::render(answer, &method, &id);
    if let Some(unread) = unread {
        unread.finish(&mut response).await;
    }
    response.headers_mut().insert(X_REQUEST_ID, id.header());
    headers::add(response.headers_mut(), settings.https);
    flight.land(&method, route.as_ref(), response.status(), started.elapsed());
    let trace_id = span.map(|span| span::end(span, response.status()));

    if settings.access_log {
        // The route, not the path, and never the query: either may hold a token.
        tracing::info!(
            target: "access",
            %method,
            route = route.as_ref().map_or("-", MatchedPath::as_str),
            status = response.status().as_u16(),
            ms = started.elapsed().as_secs_f64() * 1_000.0,
            bytes = response.body().size_hint().exact(),
            %ip,
            request_id = id.as_str(),
            trace_id,
        );
    }
    response
}

fn cors(origins: &[HeaderValue]) -> CorsLayer {
    let any = origins.iter().any(|origin| origin == "*");
    let origins = if any { AllowOrigin::any() } else { AllowOrigin::list(origins.iter().cloned()) };
    CorsLayer::new()
        .allow_origin(origins)
        .allow_credentials(!any)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_MATCH,
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static("last-event-id"),
            HeaderName::from_static("x-api-key"),
            X_REQUEST_ID,
        ])
        .expose_headers([header::ETAG, header::RETRY_AFTER, header::WWW_AUTHENTICATE, X_REQUEST_ID])
        .max_age(Duration::from_secs(600))
}

#[cfg(test)]
mod tests {
    use axum::{
        body::Body,
        http::{StatusCode, response::Parts},
        response::IntoResponse,
        routing::{get, post},
    };
    use http_body_util::BodyExt;
    use serde_json::Value;
    use tower::ServiceExt;

    use super::*;
    use crate::{
        error::{Code, Error, Result},
        http::{BODY_LIMIT, ETag, Form, IfMatch, Json, Message, NoTimeLimit, Path, Query},
        id::Id,
    };

    crate::body! {
        /// One field.
        struct Named {
            /// The name.
            name: crate::http::Line<2, 9>,
        }
    }

    async fn slow() {
        tokio::time::sleep(Duration::from_millis(300)).await;
    }

    fn routes() -> Router {
        Router::new()
            .route("/", get(|| async { Message::new("root") }))
            .route("/named", post(async |Json(body): Json<Named>| Message::new(body.name.into_string())))
            .route(
                "/maybe",
                post(async |body: Option<Json<Named>>| Message::new(if body.is_some() { "some" } else { "none" })),
            )
            .route("/form", post(async |Form(body): Form<Named>| Message::new(body.name.into_string())))
            .route("/query", get(async |Query(query): Query<Named>| Message::new(query.name.into_string())))
            .route("/things/{id}", get(async |Path(_): Path<Id<()>>| (ETag(17), Message::new("thing"))))
            .route(
                "/write",
                post(async |tag: IfMatch| -> Result<Message> { tag.check(17).map(|()| Message::new("ok")) }),
            )
            .route("/panic", get(async || -> Message { panic!("secret") }))
            .route("/slow", get(slow))
            .route("/unlimited", get(async |_: NoTimeLimit| slow().await))
            .route("/busy", get(async || Error::unavailable("secret").into_response()))
            .route("/token", get(async || Error::new(Code::TokenRefused).into_response()))
            .route("/own", get(async || (StatusCode::BAD_REQUEST, Json("own"))))
            .route("/cached", get(async || ([(header::CACHE_CONTROL, "max-age=60")], "x")))
    }

    fn settings() -> Shell {
        Shell {
            request_timeout: Duration::from_millis(100),
            origins: vec![HeaderValue::from_static("https://app.example")],
            ..Shell::default()
        }
    }

    async fn send(request: Request) -> (Parts, Value) {
        let (parts, body) = shell(routes(), &settings()).oneshot(request).await.unwrap().into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        (parts, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    fn get_of(path: &str) -> Request {
        Request::get(path).body(Body::empty()).unwrap()
    }

    fn post_of(path: &str, kind: &str, body: impl Into<Body>) -> Request {
        Request::post(path).header(header::CONTENT_TYPE, kind).body(body.into()).unwrap()
    }

    #[tokio::test]
    async fn every_refusal_is_a_problem_document() {
        let json = "application/json";
        for (request, status, code) in [
            (get_of("/nowhere"), 404, "not_found"),
            (get_of("/named"), 405, "method_not_allowed"),
            (get_of("/things/7"), 404, "not_found"),
            (get_of("/things/%ff"), 404, "not_found"),
            (get_of("/panic"), 500, "internal"),
            (get_of("/slow"), 503, "busy"),
            (get_of("/busy"), 503, "database_unavailable"),
            (get_of("/token"), 401, "token_refused"),
            (get_of("/query?name=Ada&x=1"), 422, "invalid"),
            (get_of("/query?name=%ff"), 400, "malformed"),
            (post_of("/named", "text/plain", "{}"), 415, "unsupported_media_type"),
            (post_of("/named", json, ""), 400, "malformed_json"),
            (post_of("/named", json, "[]"), 400, "malformed_json"),
            (post_of("/named", json, "{}"), 422, "invalid"),
            (post_of("/named", json, vec![b' '; BODY_LIMIT + 1]), 413, "body_too_large"),
            (post_of("/form", json, "name=Ada"), 415, "unsupported_media_type"),
            (post_of("/maybe", "text/plain", "{}"), 415, "unsupported_media_type"),
            (Request::post("/write").header("if-match", "\"v1\"").body(Body::empty()).unwrap(), 412, "stale_version"),
            (Request::post("/write").header("if-match", "v1").body(Body::empty()).unwrap(), 400, "malformed"),
        ] {
            let told = format!("{} {}", request.method(), request.uri());
            let (parts, problem) = send(request).await;
            assert_eq!((parts.status.as_u16(), problem["code"].as_str()), (status, Some(code)), "{told}");
            assert_eq!(parts.headers[header::CONTENT_TYPE], "application/problem+json", "{told}");
            assert_eq!(parts.headers[X_REQUEST_ID], problem["request_id"].as_str().unwrap(), "{told}");
            assert_eq!(problem["type"], format!("/problems/{code}"));
            assert_eq!(problem["status"], status);
            assert!(problem["errors"].is_array() && problem["title"].is_string() && problem["detail"].is_string());
            assert!(!problem.to_string().contains("secret"), "{told} shows its cause");
            assert_eq!(parts.headers.contains_key(header::RETRY_AFTER), status == 503, "{told}");
            assert_eq!(parts.headers.contains_key(header::ALLOW), status == 405, "{told}");
        }
    }

    #[tokio::test]
    async fn streamed_bodies_are_counted_too() {
        let chunks = futures_util::stream::iter((0..65).map(|_| Ok::<_, std::io::Error>([b' '; 1_024].as_slice())));
        let (parts, _) = send(post_of("/named", "application/json", Body::from_stream(chunks))).await;
        assert_eq!(parts.status, 413);
    }

    #[tokio::test]
    async fn a_body_that_never_comes_is_the_clients_fault() {
        let never = futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>();
        let (parts, problem) = send(post_of("/named", "application/json", Body::from_stream(never))).await;
        assert_eq!((parts.status.as_u16(), problem["code"].as_str()), (408, Some("too_slow")));
        assert_eq!(parts.headers[header::CONNECTION], "close");
    }

    #[tokio::test]
    async fn good_requests_pass() {
        let json = "application/merge-patch+json; charset=utf-8";
        for (request, message) in [
            (get_of("/"), "root"),
            (get_of("/things/01890a5d-ac96-774b-bcce-b302099a8057/"), "thing"),
            (get_of("/query/?name=Ada"), "Ada"),
            (post_of("/named///", json, r#"{"name":"Ada"}"#), "Ada"),
            (post_of("/form", "Application/X-WWW-Form-Urlencoded", "name=Ada"), "Ada"),
            (post_of("/maybe", json, r#"{"name":"Ada"}"#), "some"),
            (post_of("/maybe", json, ""), "none"),
            (Request::post("/write").header("if-match", "\"v17\"").body(Body::empty()).unwrap(), "ok"),
        ] {
            let told = request.uri().to_string();
            let (parts, body) = send(request).await;
            assert_eq!((parts.status.as_u16(), body["message"].as_str()), (200, Some(message)), "{told}");
            assert_eq!(parts.headers.contains_key(header::ETAG), message == "thing");
        }
        assert_eq!(send(get_of("/unlimited")).await.0.status, 200);
    }

    #[tokio::test]
    async fn rooms_may_refuse_in_their_own_form() {
        let (parts, body) = send(get_of("/own")).await;
        assert_eq!((parts.status.as_u16(), body.as_str()), (400, Some("own")));
    }

    #[tokio::test]
    async fn every_answer_has_the_security_headers() {
        for path in ["/", "/nowhere", "/panic", "/slow"] {
            let (parts, _) = send(get_of(path)).await;
            for (name, value) in [
                ("x-content-type-options", "nosniff"),
                ("x-frame-options", "DENY"),
                ("cache-control", "no-store"),
                ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
            ] {
                assert_eq!(parts.headers[name], value, "{path}");
            }
            assert!(!parts.headers.contains_key(header::SERVER));
        }
        assert_eq!(send(get_of("/cached")).await.0.headers[header::CACHE_CONTROL], "max-age=60");
    }

    #[tokio::test]
    async fn only_listed_origins_may_read() {
        for (origin, allowed) in [("https://app.example", true), ("https://evil.example", false), ("null", false)] {
            for path in ["/", "/slow", "/nowhere"] {
                let mut request = get_of(path);
                request.headers_mut().insert(header::ORIGIN, HeaderValue::from_static(origin));
                let (parts, _) = send(request).await;
                let given = parts.headers.get(header::ACCESS_CONTROL_ALLOW_ORIGIN);
                assert_eq!(given.is_some_and(|given| given == origin), allowed, "{origin} {path}");
                assert_eq!(given.is_some(), allowed, "{origin} {path}");
            }
        }
        let any = Shell { origins: vec![HeaderValue::from_static("*")], ..settings() };
        let mut request = get_of("/");
        request.headers_mut().insert(header::ORIGIN, HeaderValue::from_static("https://evil.example"));
        let response = shell(routes(), &any).oneshot(request).await.unwrap();
        assert_eq!(response.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert!(!response.headers().contains_key(header::ACCESS_CONTROL_ALLOW_CREDENTIALS));
    }
}
