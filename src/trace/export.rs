//! Sending spans: OTLP/HTTP with JSON (OpenTelemetry Protocol 1.x, "OTLP/HTTP", "JSON Protobuf Encoding").

use std::{mem, sync::PoisonError, time::Duration};

use serde_json::{Value, json};

use super::{
    Tracer,
    span::{Attribute, Span, hex},
};
use crate::{client::Client, config::Telemetry, error::Result};

/// How long spans are gathered.
const PAUSE: Duration = Duration::from_secs(1);
/// How many are sent at once.
const BATCH: usize = 512;

impl Tracer {
    /// Sends spans to the collector until the future is dropped. Ends at once when this tracer is off.
    ///
    /// # Errors
    /// `internal` when TLS cannot be set up.
    pub async fn export(self, settings: &Telemetry) -> Result<()> {
        let Some(endpoint) = &settings.endpoint else { return Ok(()) };
        let collector = Client::new(endpoint, "/v1/traces", settings.headers.as_ref())?;
        let mut has_failed = false;
        loop {
            tokio::time::sleep(PAUSE).await;
            has_failed = self.send(&collector, &settings.service_name, has_failed).await;
        }
    }

    /// Sends what waits. What the collector does not take is counted and forgotten: no request waits for it, and
    /// memory is not the place to keep it. Whether it failed, so that the log says so once.
    async fn send(&self, collector: &Client, service: &str, mut has_failed: bool) -> bool {
        let Some(shared) = &self.0 else { return false };
        let spans = mem::take(&mut *shared.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        for batch in spans.chunks(BATCH) {
            let outcome = match collector.post(document(service, batch).to_string()).await {
                Ok(status) if status.is_success() => Ok(()),
                Ok(status) => Err(format!("it answered {status}")),
                Err(cause) => Err(cause),
            };
            let word = if outcome.is_ok() { "exported" } else { "failed" };
            for _ in batch {
                shared.spans.count(word);
            }
            match &outcome {
                Ok(()) if has_failed => tracing::info!("the collector takes traces again"),
                Err(cause) if !has_failed => tracing::warn!(cause, "the collector takes no traces; they are dropped"),
                _ => {}
            }
            has_failed = outcome.is_err();
        }
        has_failed
    }
}

/// An `ExportTraceServiceRequest`.
fn document(service: &str, spans: &[Span]) -> Value {
    let version = env!("CARGO_PKG_VERSION");
    let resource = json!([
        {"key": "service.name", "value": {"stringValue": service}},
        {"key": "service.version", "value": {"stringValue": version}},
    ]);
    let spans: Vec<_> = spans.iter().map(one).collect();
    json!({"resourceSpans": [{
        "resource": {"attributes": resource},
        "scopeSpans": [{"scope": {"name": "denizen", "version": version}, "spans": spans}],
    }]})
}

fn one(span: &Span) -> Value {
    let attributes = span.attributes.iter().map(|(key, value)| {
        let value = match value {
            Attribute::Word(word) => json!({"stringValue": word}),
            Attribute::Route(route) => json!({"stringValue": route}),
            // 64-bit numbers are texts in this encoding.
            Attribute::Number(number) => json!({"intValue": number.to_string()}),
        };
        json!({"key": key, "value": value})
    });
    json!({
        "traceId": hex(&span.trace),
        "spanId": hex(&span.id),
        "parentSpanId": span.parent.as_ref().map(|id| hex(id)).unwrap_or_default(),
        "name": span.name,
        "kind": span.kind as u8,
        "startTimeUnixNano": span.begin.to_string(),
        "endTimeUnixNano": span.end.to_string(),
        "attributes": attributes.collect::<Vec<_>>(),
        "status": if span.has_failed { json!({"code": 2}) } else { json!({}) },
    })
}
