//! Refusals in the document: for each status of a route, the codes that it may answer.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::error::{Code, Meaning};

/// The responses that operations share, by the codes that they tell of.
#[derive(Default)]
pub(super) struct Refusals(Map<String, Value>);

impl Refusals {
    /// A reference for each status.
    pub(super) fn responses<'a>(&mut self, codes: impl Iterator<Item = &'a Code>) -> Vec<(u16, Value)> {
        let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
        for code in codes {
            let own = by_status.entry(code.meaning().status()).or_default();
            if !own.contains(code) {
                own.push(*code);
            }
        }
        by_status.into_iter().map(|(status, codes)| (status, self.response(codes))).collect()
    }

    fn response(&mut self, mut codes: Vec<Code>) -> Value {
        let place = |code: &Code| Code::ALL.iter().position(|other| other == code);
        codes.sort_by_key(place);
        let words: Vec<_> = codes.iter().map(|code| code.as_str()).collect();
        let name = words.join(".");
        let reference = json!({"$ref": format!("#/components/responses/{name}")});
        self.0.entry(name).or_insert_with(|| object(&codes, &words));
        reference
    }

    pub(super) fn into_components(self) -> Map<String, Value> {
        self.0
    }
}

fn object(codes: &[Code], words: &[&str]) -> Value {
    let sentences: Vec<_> = codes.iter().map(|code| format!("`{}`: {}", code.as_str(), code.sentence())).collect();
    let schema = json!({
        "allOf": [{"$ref": "#/components/schemas/Problem"}],
        "properties": {"code": {"type": "string", "enum": words}},
    });
    let example = codes.first().map(|code| {
        json!({
            "type": format!("/problems/{}", code.as_str()),
            "title": code.meaning().title(),
            "status": code.meaning().status(),
            "detail": code.sentence(),
            "code": code.as_str(),
            "request_id": "01890a5d-ac96-774b-bcce-b302099a8057",
            "errors": [],
        })
    });
    let mut response = json!({
        "description": sentences.join("\n\n"),
        "content": {"application/problem+json": {"schema": schema, "example": example}},
    });
    let meaning = codes.first().map(|code| code.meaning());
    let (name, about) = match meaning {
        Some(Meaning::TooMany | Meaning::Unavailable) => ("Retry-After", "How many seconds to wait."),
        Some(Meaning::Unauthenticated) => ("WWW-Authenticate", "`Bearer`, with `error` when a token was shown."),
        _ => return response,
    };
    response["headers"] = json!({name: {"description": about, "schema": {"type": "string"}}});
    response
}
