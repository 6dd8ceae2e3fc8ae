//! The whole document.

use serde_json::{Map, Value, json};

use super::{Operation, Schemas, Shape, refusal::Refusals};

/// A chapter of the document.
#[derive(Clone, Copy)]
pub struct Tag {
    /// Its heading.
    pub name: &'static str,
    /// What its routes have in common.
    pub about: &'static str,
}

crate::shape! {
    /// A refusal (RFC 9457).
    struct Problem {
        /// What sort of refusal this is, as a reference.
        #[example("/problems/invalid")]
        r#type: String,
        /// The sort in a few words; the same for every refusal of its status.
        #[example("A field is invalid")]
        title: String,
        /// The HTTP status.
        #[example(422)]
        status: i64,
        /// What happened, and what to do next. For people: it may change.
        #[example("A field is invalid; see 'errors'.")]
        detail: String,
        /// What happened, for programs: it stays.
        #[example("invalid")]
        code: String,
        /// Finds the request in the log. It is also in the header `X-Request-Id`.
        #[example("01890a5d-ac96-774b-bcce-b302099a8057")]
        request_id: String,
        /// Every broken rule of every field; empty unless fields are at fault.
        errors: Vec<Fault>,
    }
}

crate::shape! {
    /// One broken rule of one field.
    struct Fault {
        /// The field, dotted when nested.
        #[example("email")]
        field: String,
        /// The rule, for programs.
        #[example("required")]
        code: String,
        /// The rule, for people.
        #[example("This field is required.")]
        message: String,
    }
}

/// The document of these operations. `token_url` is where a password is exchanged for a token.
#[must_use]
pub fn document(title: &str, about: &str, token_url: &str, tags: &[Tag], operations: &[Operation]) -> Value {
    let (mut schemas, mut refusals) = (Schemas::new(), Refusals::default());
    Problem::schema(&mut schemas);
    let mut paths = Map::new();
    for operation in operations {
        let path = paths.entry(operation.path.clone()).or_insert_with(|| json!({}));
        path[operation.method] = operation.object(&mut schemas, &mut refusals);
    }
    let tags: Vec<_> = tags.iter().map(|tag| json!({"name": tag.name, "description": tag.about})).collect();
    json!({
        "openapi": "3.1.0",
        "info": {"title": title, "version": env!("CARGO_PKG_VERSION"), "description": about},
        "servers": [{"url": "/"}],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": refusals.into_components(),
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "An access token.",
                },
                "password": {
                    "type": "oauth2",
                    "description": "Sign in with the e-mail address or username, and the password. The other fields \
                        stay empty.",
                    "flows": {"password": {"tokenUrl": token_url, "scopes": {}}},
                },
            },
        },
    })
}
