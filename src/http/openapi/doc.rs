//! What a route's types do not tell.

use serde_json::{Value, json};

use super::{Access, Schemas, Shape, answer::Answer, field::told};
use crate::{
    error::Code,
    http::{Input, Message},
};

/// The documentation of one route, written beside its path and handler.
pub struct Doc {
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    pub(super) about: &'static str,
    pub(super) permission: Option<&'static str>,
    pub(super) access: Option<Access>,
    pub(super) parameters: Vec<Value>,
    pub(super) narrowed: Vec<(&'static str, Value)>,
    pub(super) answers: Vec<Answer>,
    pub(super) refusals: Vec<Code>,
    pub(super) refuses_itself: bool,
}

impl Doc {
    /// A name for programs, unique and in camel case, and a few words for people.
    #[must_use]
    pub fn new(id: &'static str, summary: &'static str) -> Self {
        Self {
            id,
            summary,
            about: "",
            permission: None,
            access: None,
            parameters: Vec::new(),
            narrowed: Vec::new(),
            answers: Vec::new(),
            refusals: Vec::new(),
            refuses_itself: false,
        }
    }

    /// What there is to know before calling it, in Markdown.
    #[must_use]
    pub fn about(mut self, text: &'static str) -> Self {
        self.about = text;
        self
    }

    /// The permission that it asks for, by its name.
    #[must_use]
    pub fn needs(mut self, permission: &'static str) -> Self {
        self.permission = Some(permission);
        self.refuses(&[Code::Forbidden])
    }

    /// Asks for a bearer, though its types do not say so.
    #[must_use]
    pub fn signed_in(mut self) -> Self {
        self.access = Some(Access::SignedIn);
        self.refuses(&[Code::NotSignedIn, Code::TokenRefused])
    }

    /// A parameter of its path: what stands in braces.
    #[must_use]
    pub fn path<T: Input>(mut self, name: &str, about: &str) -> Self {
        let schema = told(T::schema(), "", None);
        let parameter = json!({"name": name, "in": "path", "required": true, "description": about, "schema": schema});
        self.parameters.push(parameter);
        self
    }

    /// An example of the parameter declared last, where its type gives none.
    #[must_use]
    pub fn such_as(mut self, example: &str) -> Self {
        if let Some(parameter) = self.parameters.last_mut() {
            parameter["schema"]["examples"] = json!([example]);
        }
        self
    }

    /// What holds of a parameter, or of a field of the body, beyond what its type tells: keywords of JSON Schema.
    #[must_use]
    pub fn narrows(mut self, name: &'static str, keywords: Value) -> Self {
        self.narrowed.push((name, keywords));
        self
    }

    /// What it answers as JSON when all goes well.
    #[must_use]
    pub fn gives<T: Shape>(self, status: u16, about: &'static str) -> Self {
        self.gives_as("application/json", T::schema, status, about)
    }

    /// One of two things as JSON.
    #[must_use]
    pub fn gives_either<A: Shape, B: Shape>(self, status: u16, about: &'static str) -> Self {
        let either = |schemas: &mut Schemas| json!({"anyOf": [A::schema(schemas), B::schema(schemas)]});
        self.gives_as("application/json", either, status, about)
    }

    /// A sentence for people, since there is nothing else to tell.
    #[must_use]
    pub fn says(self, status: u16, about: &'static str) -> Self {
        self.gives::<Message>(status, about)
    }

    /// An answer of any media type. A second one for a status is another form of it.
    #[must_use]
    pub fn gives_as(
        mut self,
        kind: &'static str,
        schema: fn(&mut Schemas) -> Value,
        status: u16,
        about: &'static str,
    ) -> Self {
        match self.answers.iter_mut().find(|answer| answer.status == status) {
            Some(answer) => answer.content.push((kind, schema)),
            None => self.answers.push(Answer { status, about, content: vec![(kind, schema)], headers: Vec::new() }),
        }
        self
    }

    /// A text that is no JSON.
    #[must_use]
    pub fn gives_text(self, kind: &'static str, status: u16, about: &'static str) -> Self {
        self.gives_as(kind, <String as Shape>::schema, status, about)
    }

    /// An answer without a body.
    #[must_use]
    pub fn gives_nothing(mut self, status: u16, about: &'static str) -> Self {
        self.answers.push(Answer { status, about, content: Vec::new(), headers: Vec::new() });
        self
    }

    /// A header of the answer declared last.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, about: &'static str) -> Self {
        if let Some(answer) = self.answers.last_mut() {
            answer.headers.push((name, about));
        }
        self
    }

    /// The answer declared last carries the record's version, for `If-Match`.
    #[must_use]
    pub fn with_etag(self) -> Self {
        self.with_header("ETag", "The version of the record, for `If-Match`.")
    }

    /// Refusals that its types do not tell.
    #[must_use]
    pub fn refuses(mut self, codes: &[Code]) -> Self {
        self.refusals.extend_from_slice(codes);
        self
    }

    /// Refusals have a form of their own here, given as answers; those that the types tell are made into it.
    #[must_use]
    pub fn refuses_itself(mut self) -> Self {
        self.refuses_itself = true;
        self
    }

    pub(super) fn description(&self) -> String {
        let needs = self.permission.map(|name| format!("Needs the permission `{name}`."));
        let parts = [Some(self.about.to_owned()).filter(|text| !text.is_empty()), needs];
        parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n")
    }
}

crate::shape! {
    /// There is nothing else to tell.
    struct Said {
        /// Always true.
        success: bool,
        /// A sentence for people.
        #[example("User logged out successfully")]
        message: String,
    }
}

impl Shape for Message {
    fn schema(schemas: &mut Schemas) -> Value {
        Said::schema(schemas)
    }
}
