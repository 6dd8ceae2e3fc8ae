//! Routes with their documentation: neither is added without the other.

use std::sync::Arc;

use axum::{Extension, handler::Handler, middleware, routing};
use serde_json::Value;

use super::{
    openapi::{Described, Doc, Operation, Tag, document},
    repeat::repeat,
};

/// Routes as a server takes them.
pub type Router = axum::Router;

/// Some routes under one prefix, and what is said of them.
///
/// ```ignore
/// Routes::new("/api/v1/things", Tag { name: "Things", about: "What there is." })
///     .get("/{id}", thing::http::get, Doc::new("getThing", "Read a thing")
///         .path::<ThingId>("id", "The thing.")
///         .gives::<Thing>(200, "The thing.").with_etag())
/// ```
pub struct Routes<S> {
    router: axum::Router<S>,
    prefix: &'static str,
    tags: Vec<Tag>,
    operations: Vec<Operation>,
}

macro_rules! methods {
    ($($method:ident)+) => {$(
        #[doc = concat!("Adds a route for this method. The path goes on from the prefix.")]
        #[must_use]
        pub fn $method<H, T>(self, path: &str, handler: H, doc: Doc) -> Self
        where
            H: Handler<T, S> + Described<T>,
            T: 'static,
        {
            self.route(stringify!($method), path, routing::$method(handler), doc, H::describe)
        }
    )+};
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// No routes yet.
    #[must_use]
    pub fn new(prefix: &'static str, tag: Tag) -> Self {
        Self { router: axum::Router::new(), prefix, tags: vec![tag], operations: Vec::new() }
    }

    methods! { get post put patch delete }

    fn route(
        mut self,
        method: &'static str,
        path: &str,
        handler: routing::MethodRouter<S>,
        doc: Doc,
        describe: fn(&mut Operation),
    ) -> Self {
        let path = format!("{}{path}", self.prefix);
        let tag = self.tags.first().map_or("", |tag| tag.name);
        let mut operation = Operation::new(method, path.clone(), tag, doc);
        describe(&mut operation);
        self.operations.push(operation);
        self.router = self.router.route(&path, handler);
        self
    }

    /// These and the others.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.router = self.router.merge(others.router);
        // One subject may have several lists of routes.
        let new = others.tags.into_iter().filter(|tag| !self.tags.iter().any(|own| own.name == tag.name));
        let new: Vec<_> = new.collect();
        self.tags.extend(new);
        self.operations.extend(others.operations);
        self
    }

    /// The `OpenAPI` document. `token_url` is where a password is exchanged for a token.
    #[must_use]
    pub fn document(&self, title: &str, about: &str, token_url: &str) -> Value {
        document(title, about, token_url, &self.tags, &self.operations)
    }

    /// The routes for the server. Handlers have `shared` as an [`Extension`](axum::Extension).
    pub fn into_router<T: Send + Sync + 'static>(self, state: S, shared: T) -> Router {
        self.router.layer(middleware::from_fn(repeat)).layer(Extension(Arc::new(shared))).with_state(state)
    }
}
