//! One field of what a route takes or gives, as documentation sees it.

use serde_json::{Map, Value, json};

use super::shape::nullable;

/// A field of a [`Body`](crate::http::body::Body).
pub struct Field {
    /// Its name on the wire.
    pub name: &'static str,
    /// Its doc comment.
    pub doc: &'static str,
    /// Whether a request without it is refused.
    pub required: bool,
    /// Whether `null` is taken, as absence or to clear.
    pub nullable: bool,
    /// What a right value looks like, as a JSON Schema.
    pub schema: fn() -> Value,
    /// A right value, where the type alone gives none.
    pub example: fn() -> Option<Value>,
}

impl Field {
    /// Its schema with what is said of it. A form or query cannot carry `null`.
    pub(super) fn described(&self, in_json: bool) -> Value {
        let mut schema = told((self.schema)(), self.doc, (self.example)());
        if in_json && self.nullable {
            schema = nullable(schema);
        }
        schema
    }
}

/// A schema with a description and an example. Its own of either give way.
pub(super) fn told(schema: Value, doc: &str, example: Option<Value>) -> Value {
    let Value::Object(mut schema) = schema else { return schema };
    let example = example.or_else(|| usual(&schema));
    if let Some(example) = example {
        schema.insert("examples".into(), json!([example]));
    }
    if !doc.is_empty() {
        let limit = schema.get("description").and_then(Value::as_str).map_or(String::new(), |own| format!(" {own}"));
        schema.insert("description".into(), format!("{doc}{limit}").into());
    }
    schema.into()
}

/// The example that a type has by itself.
fn usual(schema: &Map<String, Value>) -> Option<Value> {
    if let Some(example) = schema.get("examples").and_then(|examples| examples.get(0)) {
        return Some(example.clone());
    }
    if let Some(word) = schema.get("enum").and_then(|words| words.get(0)) {
        return Some(word.clone());
    }
    let kind = schema.get("type")?;
    // One that may be null names its kind first.
    match (kind.as_str().or_else(|| kind.get(0)?.as_str())?, schema.get("format").and_then(Value::as_str)) {
        ("boolean", _) => Some(json!(true)),
        ("integer", _) => Some(schema.get("minimum").cloned().unwrap_or(json!(1))),
        ("string", Some("uuid")) => Some(json!("01890a5d-ac96-774b-bcce-b302099a8057")),
        ("string", Some("date-time")) => Some(json!("2026-01-31T12:00:00Z")),
        _ => None,
    }
}
