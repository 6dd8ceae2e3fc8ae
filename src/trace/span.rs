//! Spans, and how what runs inside of one finds it.

use std::{borrow::Cow, future::Future, sync::Arc, time::Instant};

use super::Shared;
use crate::secret::random;

tokio::task_local! {
    /// The span that the present task works for, if it is traced. It belongs to the task, not to the process.
    static CURRENT: Context;
}

struct Context {
    shared: Arc<Shared>,
    trace: [u8; 16],
    span: [u8; 8],
}

/// What a span is to its caller, by its number in OTLP.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Internal = 1,
    Server = 2,
}

/// A span that has ended. Instants are nanoseconds since 1970.
pub(super) struct Span {
    pub trace: [u8; 16],
    pub id: [u8; 8],
    pub parent: Option<[u8; 8]>,
    pub kind: Kind,
    pub name: Cow<'static, str>,
    pub begin: u64,
    pub end: u64,
    pub attributes: Vec<(&'static str, Attribute)>,
    pub has_failed: bool,
}

/// A fact about a span: a word of ours or a number.
#[derive(Clone, Debug)]
pub enum Attribute {
    /// A word. Static, so that nothing from outside can become one.
    Word(&'static str),
    /// The template of a route.
    Route(String),
    /// A number.
    Number(u32),
}

impl From<&'static str> for Attribute {
    fn from(word: &'static str) -> Self {
        Self::Word(word)
    }
}

impl From<u32> for Attribute {
    fn from(number: u32) -> Self {
        Self::Number(number)
    }
}

/// A span under way. It ends when it is dropped.
pub struct Child {
    shared: Arc<Shared>,
    begun: Instant,
    span: Option<Span>,
}

/// A span inside of the one that this task works for; nothing when that is not traced.
#[must_use]
pub fn child(name: &'static str) -> Option<Child> {
    CURRENT.try_with(|own| Child::begin(&own.shared, own.trace, Some(own.span), Kind::Internal, name)).ok()?
}

/// A span that is over already, from `begun` to `ended`.
pub fn past(name: &'static str, begun: Instant, ended: Instant) {
    if let Some(mut child) = child(name) {
        child.begun = begun;
        child.finish(ended);
    }
}

impl Child {
    pub(super) fn begin(
        shared: &Arc<Shared>,
        trace: [u8; 16],
        parent: Option<[u8; 8]>,
        kind: Kind,
        name: &'static str,
    ) -> Option<Self> {
        let (id, attributes) = (random::<8>().ok()?, Vec::new());
        let name = name.into();
        let span = Span { trace, id, parent, kind, name, begin: 0, end: 0, attributes, has_failed: false };
        Some(Self { shared: Arc::clone(shared), begun: Instant::now(), span: Some(span) })
    }

    /// Adds a fact.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl Into<Attribute>) -> Self {
        if let Some(span) = &mut self.span {
            span.attributes.push((key, value.into()));
        }
        self
    }

    /// Names it.
    #[must_use]
    pub fn named(mut self, name: String) -> Self {
        if let Some(span) = &mut self.span {
            span.name = name.into();
        }
        self
    }

    /// Says that it failed.
    #[must_use]
    pub fn failed(mut self) -> Self {
        if let Some(span) = &mut self.span {
            span.has_failed = true;
        }
        self
    }

    /// The trace's id, as logs quote it.
    #[must_use]
    pub fn trace_id(&self) -> String {
        self.span.as_ref().map(|span| hex(&span.trace)).unwrap_or_default()
    }

    /// Runs `work` inside of it.
    pub async fn around<T>(&self, work: impl Future<Output = T>) -> T {
        let Some(span) = &self.span else { return work.await };
        let context = Context { shared: Arc::clone(&self.shared), trace: span.trace, span: span.id };
        CURRENT.scope(context, work).await
    }

    /// It ends.
    pub fn end(self) {}

    fn finish(&mut self, ended: Instant) {
        let Some(mut span) = self.span.take() else { return };
        let ago = |instant: Instant| u64::try_from(instant.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let now = u64::try_from(self.shared.clock.now().micros()).unwrap_or_default().saturating_mul(1_000);
        (span.begin, span.end) = (now.saturating_sub(ago(self.begun)), now.saturating_sub(ago(ended)));
        self.shared.keep(span);
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.finish(Instant::now());
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
