//! One route as the document tells it, while it is put together.

use serde_json::{Map, Value, json};

use super::{Doc, Field, Schemas, refusal::Refusals};
use crate::error::Code;

/// Who may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Open,
    /// Anybody; who is signed in gets more.
    Optional,
    /// Whoever is signed in.
    SignedIn,
}

/// One method of one path.
pub struct Operation {
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) tag: &'static str,
    pub(super) doc: Doc,
    parameters: Vec<Value>,
    body: Option<Value>,
    access: Access,
    refusals: Vec<Code>,
}

impl Operation {
    /// An operation that takes nothing. Whatever a route does can take too long or go wrong.
    pub(in crate::http) fn new(method: &'static str, path: String, tag: &'static str, doc: Doc) -> Self {
        let refusals = vec![Code::Internal, Code::Busy];
        Self { method, path, tag, doc, parameters: Vec::new(), body: None, access: Access::Open, refusals }
    }

    /// Its method, in lower case.
    #[must_use]
    pub fn method(&self) -> &'static str {
        self.method
    }

    /// Codes that it may answer.
    pub fn refuse(&mut self, codes: &[Code]) {
        self.refusals.extend_from_slice(codes);
    }

    /// Says who may call.
    pub fn access(&mut self, access: Access) {
        self.access = access;
    }

    /// A header that it reads.
    pub fn header(&mut self, name: &str, about: &str, example: &str) {
        let schema = json!({"type": "string"});
        let parameter =
            json!({"name": name, "in": "header", "description": about, "schema": schema, "example": example});
        self.parameters.push(parameter);
    }

    /// As [`Doc::narrows`].
    pub fn narrow(&mut self, name: &'static str, keywords: Value) {
        self.doc.narrowed.push((name, keywords));
    }

    /// The fields of a query.
    pub fn query(&mut self, fields: &[Field]) {
        self.parameters.extend(fields.iter().map(|field| {
            let mut schema = field.described(false);
            let about = schema.as_object_mut().and_then(|schema| schema.remove("description"));
            let mut parameter =
                json!({"name": field.name, "in": "query", "required": field.required, "schema": schema});
            parameter["description"] = about.unwrap_or_default();
            parameter
        }));
    }

    /// A body that is a text of this media type.
    pub fn text_body(&mut self, kind: &str, about: &str) {
        let content = json!({kind: {"schema": {"type": "string"}}});
        self.body = Some(json!({"description": about, "required": true, "content": content}));
    }

    /// The body, of this media type.
    pub fn body(&mut self, kind: &str, about: &str, fields: &[Field], is_strict: bool) {
        let in_json = kind == "application/json";
        let described = fields.iter().map(|field| (field.name.to_owned(), field.described(in_json)));
        let properties: Map<String, Value> = described.collect();
        let required: Vec<_> = fields.iter().filter(|field| field.required).map(|field| field.name).collect();
        let mut schema = json!({"type": "object", "properties": properties, "required": required});
        if is_strict {
            schema["additionalProperties"] = json!(false);
        }
        self.body = Some(json!({"description": about, "required": true, "content": {kind: {"schema": schema}}}));
    }

    /// Says that the body may be left out.
    pub fn body_is_optional(&mut self) {
        if let Some(body) = &mut self.body {
            body["required"] = json!(false);
        }
    }

    /// The operation object (`OpenAPI` 3.1, 4.8.10).
    pub(super) fn object(&self, schemas: &mut Schemas, refusals: &mut Refusals) -> Value {
        let doc = &self.doc;
        let (mut parameters, mut body) =
            ([doc.parameters.clone(), self.parameters.clone()].concat(), self.body.clone());
        for (name, keywords) in &doc.narrowed {
            let named = parameters.iter_mut().filter(|parameter| parameter["name"] == *name);
            named.for_each(|parameter| extend(&mut parameter["schema"], keywords));
            let kinds = body.iter_mut().filter_map(|body| body["content"].as_object_mut());
            let fields = kinds.flat_map(|kinds| kinds.values_mut().filter_map(|kind| field(kind, name)));
            fields.for_each(|field| extend(field, keywords));
        }
        let mut answers: Map<String, Value> =
            doc.answers.iter().map(|answer| (answer.status.to_string(), answer.object(schemas))).collect();
        let own = doc.answers.iter().map(|answer| answer.status).collect::<Vec<_>>();
        let codes = if doc.refuses_itself { &[Code::Internal, Code::Busy] } else { self.refusals.as_slice() };
        for (status, response) in refusals.responses(codes.iter().chain(&doc.refusals)) {
            if own.contains(&status) {
                // Beside the route's own form: the time limit and a fault of ours are told as everywhere.
                let content = &mut answers[&status.to_string()]["content"];
                content["application/problem+json"] = json!({"schema": {"$ref": "#/components/schemas/Problem"}});
            } else {
                answers.insert(status.to_string(), response);
            }
        }
        let mut object = json!({
            "operationId": doc.id,
            "tags": [self.tag],
            "summary": doc.summary,
            "description": doc.description(),
            "responses": answers,
        });
        if !parameters.is_empty() {
            object["parameters"] = json!(parameters);
        }
        if let Some(body) = body {
            object["requestBody"] = body;
        }
        object["security"] = match doc.access.unwrap_or(self.access) {
            Access::Open => json!([]),
            Access::Optional => json!([{}, {"bearer": []}, {"password": []}]),
            Access::SignedIn => json!([{"bearer": []}, {"password": []}]),
        };
        object
    }
}

/// The schema of a field of a body.
fn field<'a>(kind: &'a mut Value, name: &str) -> Option<&'a mut Value> {
    kind.get_mut("schema")?.get_mut("properties")?.get_mut(name)
}

/// Adds keywords to a schema.
fn extend(schema: &mut Value, keywords: &Value) {
    if let (Some(schema), Some(keywords)) = (schema.as_object_mut(), keywords.as_object()) {
        schema.extend(keywords.clone());
    }
}
