//! What operators and programs ask: health, figures, keys, the documentation.

use serde_json::{Map, Value};

use crate::{
    app::App,
    error::Code,
    http::{
        Line, Routes,
        openapi::{Doc, Tag},
    },
    system::http::{
        self as system, docs,
        shape::{DbStatus, Health, Live, Metrics, Root, Unhealthy},
    },
    token::http::{self as token, KeySet},
};

const TAG: Tag = Tag { name: "System", about: "Health, figures, keys and documentation." };

/// Browsers keep the answer and ask whether it is still good.
fn kept(doc: Doc) -> Doc {
    doc.with_header("ETag", "For `If-None-Match`.").gives_nothing(304, "You have it.")
}

fn page(id: &'static str, summary: &'static str) -> Doc {
    kept(Doc::new(id, summary).gives_text("text/html", 200, "The page."))
}

pub(super) fn routes() -> Routes<App> {
    Routes::new("", TAG)
        .get(
            "/",
            system::root,
            Doc::new("root", "What this is").gives::<Root>(200, "The service and where things are."),
        )
        .get(
            "/health",
            system::health,
            Doc::new("health", "Health")
                .gives::<Health>(200, "The database answers.")
                .gives::<Unhealthy>(503, "It does not.")
                .with_header("Retry-After", "How many seconds to wait."),
        )
        .get("/health/live", system::live, Doc::new("live", "Alive").gives::<Live>(200, "This process answers."))
        .get("/health/ready", system::ready, Doc::new("ready", "Ready").gives::<Live>(200, "It can serve."))
        .get(
            "/metrics",
            system::metrics,
            Doc::new("metrics", "Figures")
                .about(
                    "For Prometheus; as JSON with `Accept: application/json`. `METRICS` says who may ask: everybody, \
                     those with the permission `system.read`, or nobody (404).",
                )
                .gives_text("text/plain", 200, "The figures.")
                .gives::<Metrics>(200, "")
                .refuses(&[Code::NotSignedIn, Code::TokenRefused, Code::Forbidden, Code::NotFound]),
        )
        .get(
            "/db/status",
            system::db_status,
            Doc::new("dbStatus", "The database")
                .about("The figures are for those with the permission `system.read`.")
                .gives::<DbStatus>(200, "How it stands."),
        )
        .get(
            "/openapi.json",
            docs::document,
            kept(Doc::new("openapi", "This document").gives::<Map<String, Value>>(200, "As OpenAPI 3.1.")),
        )
        .get("/docs", docs::docs, page("docs", "This documentation, to try out"))
        .get("/redoc", docs::redoc, page("redoc", "This documentation, to read"))
        .get(
            "/assets/{file}",
            docs::asset,
            kept(
                Doc::new("asset", "The files of both pages")
                    .path::<Line<1, 64>>("file", "The name of the file.")
                    .such_as("swagger-ui.js")
                    .gives_text("text/javascript", 200, "The file.")
                    .gives_text("text/css", 200, ""),
            ),
        )
        .get(
            "/.well-known/jwks.json",
            token::jwks,
            Doc::new("jwks", "The keys that verify access tokens")
                .about("RFC 7517. Who meets an unknown `kid` asks again.")
                .gives::<KeySet>(200, "Every key that may have signed a token that is still good."),
        )
}
