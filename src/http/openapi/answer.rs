//! One answer of a route.

use serde_json::{Map, Value, json};

use super::Schemas;

/// Makes a schema; what has a name is put under it.
pub(super) type Make = fn(&mut Schemas) -> Value;

/// An answer with its media types.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) about: &'static str,
    pub(super) content: Vec<(&'static str, Make)>,
    pub(super) headers: Vec<(&'static str, &'static str)>,
}

impl Answer {
    /// The response object (`OpenAPI` 3.1, 4.8.17).
    pub(super) fn object(&self, schemas: &mut Schemas) -> Value {
        let mut object = json!({"description": self.about});
        let content: Map<String, Value> = self
            .content
            .iter()
            .map(|(kind, schema)| ((*kind).to_owned(), json!({"schema": schema(schemas)})))
            .collect();
        if !content.is_empty() {
            object["content"] = content.into();
        }
        for (name, about) in &self.headers {
            object["headers"][*name] = json!({"description": about, "schema": {"type": "string"}});
        }
        object
    }
}
