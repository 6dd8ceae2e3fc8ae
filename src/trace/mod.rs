//! Traces: what a request did and how long each part took, sent to a collector (OpenTelemetry, OTLP over HTTP).
//!
//! A [`Tracer`] that is off does nothing and costs nothing. One that is on begins a span for each sampled request; what
//! runs inside finds it by its task, so that no verb has to carry it, and adds children with [`child`] and [`past`].
//! The invariants: a span holds words of ours (a route, a method, a status, an outcome) and nothing that came from
//! outside or from the database; a collector that is slow or away costs spans, which are counted, and never a request.
//! `docs/decisions/` says why this is not the SDK. Begin with [`Tracer::request`].

mod export;
mod parent;
mod span;

use std::sync::{Arc, Mutex, PoisonError};

pub use span::{Attribute, Child, child, past};

use self::{parent::Parent, span::Span};
use crate::{
    clock::Clock,
    config::Telemetry,
    metrics::{Family, Tally, Text},
    secret::random,
};

/// How many spans may wait for the collector. Each is a few hundred bytes.
const QUEUE: usize = 4_096;

/// Where spans go. Copies share it; the default is off.
#[derive(Clone, Default)]
pub struct Tracer(Option<Arc<Shared>>);

struct Shared {
    clock: Clock,
    ratio: f64,
    waiting: Mutex<Vec<Span>>,
    spans: Tally<3>,
}

impl Tracer {
    /// A tracer of these settings; off without an endpoint. Nothing is sent before [`Tracer::export`].
    #[must_use]
    pub fn new(settings: &Telemetry, clock: &Clock) -> Self {
        let shared = || Shared {
            clock: clock.clone(),
            ratio: settings.ratio,
            waiting: Mutex::default(),
            spans: Tally::new(["exported", "failed", "dropped"]),
        };
        Self(settings.endpoint.as_ref().map(|_| Arc::new(shared())))
    }

    /// The span of a request; nothing when this one is not traced. `parent` is the caller's `traceparent`.
    #[must_use]
    pub fn request(&self, parent: Option<&str>) -> Option<Child> {
        let shared = self.0.as_ref()?;
        let parent = parent.and_then(Parent::parse);
        let trace = parent.as_ref().map_or_else(random::<16>, |parent| Ok(parent.trace)).ok()?;
        let is_sampled = parent.as_ref().map_or_else(|| is_chosen(&trace, shared.ratio), |parent| parent.is_sampled);
        if !is_sampled {
            return None;
        }
        Child::begin(shared, trace, parent.map(|parent| parent.span), span::Kind::Server, "")
    }

    /// Tells what became of the spans.
    pub fn tell(&self, text: &mut Text) {
        for (outcome, count) in self.0.iter().flat_map(|shared| shared.spans.all()) {
            text.sample(Family::Spans, &[outcome], count);
        }
    }
}

impl Shared {
    /// Takes a span in, or drops it when too many wait.
    fn keep(&self, span: Span) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < QUEUE {
            waiting.push(span);
        } else {
            drop(waiting);
            self.spans.count("dropped");
        }
    }
}

/// The last bytes of a trace's id are random (W3C Trace Context Level 2, 3.2.2.3): all nodes choose the same traces.
fn is_chosen(trace: &[u8; 16], ratio: f64) -> bool {
    let mut last = [0; 4];
    last.copy_from_slice(&trace[12..]);
    f64::from(u32::from_be_bytes(last)) / 4_294_967_296.0 < ratio
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Source};

    fn tracer(ratio: &'static str) -> Tracer {
        let settings = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:1"), ("OTEL_TRACES_SAMPLER_ARG", ratio)];
        let (config, _) = Config::load(&Source::of(settings)).unwrap();
        Tracer::new(&config.telemetry, &Clock::default())
    }

    #[test]
    fn the_ratio_counts_unless_the_caller_decided() {
        let chosen =
            |tracer: &Tracer, parent: Option<&str>| (0..400).filter(|_| tracer.request(parent).is_some()).count();
        assert_eq!(
            (chosen(&Tracer::default(), None), chosen(&tracer("0"), None), chosen(&tracer("1"), None)),
            (0, 0, 400)
        );
        assert!((60..340).contains(&chosen(&tracer("0.5"), None)));
        let caller = |flags: &str| format!("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-{flags}");
        let (never, always) = (tracer("0"), tracer("1"));
        assert_eq!(chosen(&never, Some(&*caller("01"))), 400);
        assert_eq!(chosen(&always, Some(&*caller("00"))), 0);
    }

    #[test]
    fn no_more_spans_wait_than_there_is_room_for() {
        let tracer = tracer("1");
        for _ in 0..QUEUE + 100 {
            drop(tracer.request(None));
        }
        let shared = tracer.0.unwrap();
        assert_eq!(shared.waiting.lock().unwrap().len(), QUEUE);
        assert_eq!(shared.spans.all().find(|(word, _)| *word == "dropped"), Some(("dropped", 100)));
    }
}
