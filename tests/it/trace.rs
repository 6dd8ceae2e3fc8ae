//! Traces: what reaches a collector, what never does, and what becomes of requests when it is away.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    each_engine,
    kit::{
        TestApp,
        client::PASSWORD,
        collector::{Collector, Mood},
        eventually,
        exposition::Page,
    },
};

const ME: &str = "/api/v1/users/me";
const LOGIN: &str = "POST /api/v1/auth/login";

async fn traced(app: &TestApp, collector: &Collector, more: &[(&str, &str)]) -> TestApp {
    let own = [("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url.as_str())];
    app.with_settings(&own.iter().chain(more).copied().collect::<Vec<_>>()).await
}

/// The values of a span's attributes, as text.
fn fact(span: &Value, key: &str) -> Option<String> {
    let fact = span["attributes"].as_array()?.iter().find(|fact| fact["key"] == key)?;
    let value = fact["value"]["stringValue"].as_str().or_else(|| fact["value"]["intValue"].as_str())?;
    Some(value.to_owned())
}

async fn spans(app: &TestApp, outcome: &str) -> f64 {
    Page::read(&app.get("/metrics").await.text).sum("denizen_trace_spans_total", &[("outcome", outcome)])
}

each_engine! {
    async fn a_request_and_its_parts_reach_the_collector(app) {
        let collector = Collector::start(Mood::Willing).await;
        let more = [("OTEL_SERVICE_NAME", "people"), ("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=a%20b")];
        let app = traced(&app, &collector, &more).await;
        let ann = app.register("ann").await;
        app.login(&ann.email).await.expect(200);
        app.get("/nowhere").await.expect(404);
        eventually("no span came", async || !collector.named("GET unmatched").is_empty()).await;
        let login = collector.named(LOGIN).remove(0);
        assert_eq!((&login["kind"], login["parentSpanId"].as_str()), (&json!(2), Some("")));
        for (key, value) in [
            ("http.request.method", "POST"),
            ("http.route", "/api/v1/auth/login"),
            ("http.response.status_code", "200"),
        ] {
            assert_eq!(fact(&login, key).as_deref(), Some(value), "{login}");
        }
        let children = |name: &str| {
            let own = |span: &Value| span["parentSpanId"] == login["spanId"] && span["traceId"] == login["traceId"];
            collector.named(name).into_iter().filter(own).collect::<Vec<_>>()
        };
        assert_eq!((children("hash").len(), children("hash.wait").len()), (1, 1));
        let transactions = children("db.transaction");
        assert!(transactions.len() >= 2, "one counts the try, one begins the session");
        let engine = if app.database.engine() == denizen::db::Engine::Sqlite { "sqlite" } else { "postgresql" };
        assert!(transactions.iter().all(|span| fact(span, "db.system.name").as_deref() == Some(engine)));
        let nanos = |span: &Value, key: &str| span[key].as_str().unwrap().parse::<u64>().unwrap();
        for span in children("hash").iter().chain(&transactions) {
            assert!(nanos(span, "startTimeUnixNano") < nanos(span, "endTimeUnixNano"), "{span}");
            assert!(nanos(span, "startTimeUnixNano") + 5_000_000 >= nanos(&login, "startTimeUnixNano"), "{span}");
            assert!(nanos(span, "endTimeUnixNano") <= nanos(&login, "endTimeUnixNano") + 5_000_000, "{span}");
        }
        assert_eq!(fact(&collector.named("GET unmatched")[0], "http.route"), None);
        for request in collector.requests() {
            let (head, body) = request.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with("POST /v1/traces HTTP/1.1\r\n") && head.contains("x-tenant: a b"), "{head}");
            assert!(head.contains("content-type: application/json"), "{head}");
            let body: Value = serde_json::from_str(body).unwrap();
            let name = &body["resourceSpans"][0]["resource"]["attributes"][0];
            assert_eq!(name, &json!({"key": "service.name", "value": {"stringValue": "people"}}));
        }
        assert!(spans(&app, "exported").await >= 5.0);
    }

    async fn a_callers_trace_is_continued_or_left_alone(app) {
        let collector = Collector::start(Mood::Willing).await;
        let app = traced(&app, &collector, &[("OTEL_TRACES_SAMPLER_ARG", "0")]).await;
        let (trace, span) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
        app.get("/health/live").await.expect(200);
        app.with("traceparent", &format!("00-{trace}-{span}-00")).get("/health/ready").await.expect(200);
        app.with("traceparent", "00-nonsense-01").get("/health/ready").await.expect(200);
        app.with("traceparent", &format!("00-{trace}-{span}-01")).get("/health").await.expect(200);
        eventually("no span came", async || !collector.spans().is_empty()).await;
        let found = collector.spans();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0]["traceId"].as_str(), found[0]["parentSpanId"].as_str()), (Some(trace), Some(span)));
        assert_eq!(found[0]["name"], "GET /health");
    }

    async fn nothing_from_outside_is_in_a_span(app) {
        let collector = Collector::start(Mood::Willing).await;
        let app = traced(&app, &collector, &[]).await;
        let ann = app.register("canary").await;
        let session = app.bearer(&ann.access).get("/api/v1/auth/sessions").await.json()["sessions"][0]["id"].clone();
        let client = app
            .bearer(&ann.access)
            .with("user-agent", "canary-agent")
            .with("x-request-id", "canary-request")
            .with("tracestate", "canary=state")
            .with("baggage", "canary=baggage")
            .with("cookie", "canary=cookie")
            .with("referer", "http://canary.example/");
        client.patch(ME, json!({"full_name": "Canary Bird"})).await.expect(200);
        client.patch(ME, json!({"canary_field": 1})).await.expect(422);
        client.get(&format!("{ME}?token=canary-query")).await.expect(200);
        client.get("/canary-path/canary@example.com").await.expect(404);
        client.login_with("canary@example.com", "Canary-Password-7").await.expect(401);
        client.login("canary@example.com").await.expect(200);
        client.refresh(&ann.refresh).await.expect(200);
        client.delete(&format!("/api/v1/auth/sessions/{}", session.as_str().unwrap())).await;
        app.get("/health/live").await.expect(200);
        eventually("the last span did not come", async || !collector.named("GET /health/live").is_empty()).await;
        let sent = collector.requests().join("\n").to_lowercase();
        let secrets = [ann.id.as_str(), &ann.access, &ann.refresh, PASSWORD, session.as_str().unwrap()];
        for word in ["canary", "bird", "127.0.0.1", "insert into", "select "].iter().chain(&secrets) {
            let body = sent.replace("host: 127.0.0.1", "");
            assert!(!body.contains(&word.to_lowercase()), "{word} is in a span");
        }
        assert!(collector.spans().len() >= 10);
    }

    async fn a_collector_that_is_away_or_deaf_holds_nobody_up(app) {
        let deaf = Collector::start(Mood::Deaf).await;
        let away = Collector { url: "http://127.0.0.1:9".to_owned(), ..Collector::start(Mood::Deaf).await };
        for collector in [deaf, away] {
            let app = traced(&app, &collector, &[]).await;
            let begun = Instant::now();
            for _ in 0..50 {
                app.get("/health/live").await.expect(200);
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "requests wait for the collector");
            eventually("no span was given up", async || spans(&app, "failed").await >= 50.0).await;
            assert!(spans(&app, "exported").await < 0.5);
        }
    }

    async fn without_an_endpoint_nothing_is_traced(app) {
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        app.with("traceparent", parent).get(ME).await.expect(401);
        let page = app.get("/metrics").await.text;
        assert!(!page.contains("denizen_trace_spans_total"));
    }
}
