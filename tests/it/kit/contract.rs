//! Every answer that a [`Client`](super::client::Client) receives is held against the documentation.
//!
//! The route's status, media type and promised headers must be documented, and the body must be of its schema: no
//! member missing, none more, each of its type. The checker knows the words of JSON Schema that the document uses, and
//! fails on any other.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::client::Reply;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| denizen::router::document("denizen"));

/// Fails when the documentation does not know this answer.
#[track_caller]
pub fn check(method: &str, path: &str, reply: &Reply) {
    let Some((name, operation)) = operation(method, path) else { return };
    if let Err(broken) = conforms(operation, reply) {
        panic!(
            "{method} {name} answers what its documentation does not know: {broken}\n{} {}",
            reply.status, reply.text
        );
    }
}

fn conforms(operation: &'static Value, reply: &Reply) -> Result<(), String> {
    let answer = operation["responses"].get(reply.status.to_string()).ok_or("this status")?;
    let answer = resolved(answer)?;
    for name in answer["headers"].as_object().into_iter().flatten().map(|(name, _)| name) {
        // A known device keeps its cookie.
        if reply.header(name).is_none() && name != "Set-Cookie" {
            return Err(format!("without the header {name}"));
        }
    }
    for name in ["etag", "retry-after"].iter().filter(|name| reply.status != 304 && reply.header(name).is_some()) {
        let told = answer["headers"].as_object().into_iter().flatten().any(|(own, _)| own.eq_ignore_ascii_case(name));
        told.then_some(()).ok_or(format!("the header {name}"))?;
    }
    let Some(content) = answer["content"].as_object() else {
        return reply.text.is_empty().then_some(()).ok_or_else(|| "a body".to_owned());
    };
    let kind = reply.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default();
    let schema = &content.get(kind).ok_or_else(|| format!("the media type '{kind}'"))?["schema"];
    if !kind.ends_with("json") {
        return Ok(());
    }
    fits(schema, &serde_json::from_str(&reply.text).map_err(|e| e.to_string())?, "")
}

/// The documented route of a path, unless there is none with this method.
fn operation(method: &str, path: &str) -> Option<(&'static str, &'static Value)> {
    let path = path.split(['?', '#']).next()?;
    let path = format!("/{}", path.trim_matches('/'));
    let parts: Vec<_> = path.split('/').collect();
    let is_it = |template: &str| {
        let own: Vec<_> = template.split('/').collect();
        own.len() == parts.len() && own.iter().zip(&parts).all(|(own, part)| own == part || own.starts_with('{'))
    };
    // A path without parameters is meant where both fit, as in the router.
    let mut found: Vec<_> = DOCUMENT["paths"].as_object()?.iter().filter(|(template, _)| is_it(template)).collect();
    found.sort_by_key(|(template, _)| template.contains('{'));
    let (template, item) = found.first()?;
    // Methods are told apart by case (RFC 9110, 9.1): `get` is not GET.
    let known = item.as_object()?.iter().find(|(known, _)| known.to_uppercase() == method)?;
    Some((template.as_str(), known.1))
}

fn resolved(value: &'static Value) -> Result<&'static Value, String> {
    let Some(reference) = value["$ref"].as_str() else { return Ok(value) };
    DOCUMENT.pointer(reference.trim_start_matches('#')).ok_or(format!("{reference} leads nowhere"))
}

/// Whether a value is of a schema; `place` is where it stands.
fn fits(schema: &'static Value, value: &Value, place: &str) -> Result<(), String> {
    if let Some(name) = schema["$ref"].as_str() {
        // A problem document may carry members for the next step (RFC 9457, 3.2).
        let is_open = name.ends_with("/Problem");
        return fits_object(resolved(schema)?, value, place, is_open);
    }
    fits_object(schema, value, place, schema.get("allOf").is_some())
}

fn fits_object(schema: &'static Value, value: &Value, place: &str, is_open: bool) -> Result<(), String> {
    let words = schema.as_object().ok_or("a schema is no object")?;
    for (word, rule) in words {
        match word.as_str() {
            "type" => kind(rule, value).ok_or_else(|| format!("{place} is not of type {rule}"))?,
            "enum" => {
                let known = rule.as_array().is_some_and(|known| known.contains(value));
                known.then_some(()).ok_or_else(|| format!("{place} is {value}, not one of {rule}"))?;
            }
            "anyOf" => {
                let ways: Vec<_> = rule.as_array().into_iter().flatten().map(|way| fits(way, value, place)).collect();
                if ways.iter().all(Result::is_err) {
                    return Err(format!("{place} is none of these: {ways:?}"));
                }
            }
            "allOf" => rule.as_array().into_iter().flatten().try_for_each(|part| fits(part, value, place))?,
            "items" => {
                value.as_array().into_iter().flatten().try_for_each(|item| fits(rule, item, &format!("{place}[]")))?;
            }
            "properties" => members(rule.as_object().ok_or("no properties")?, value, place, is_open)?,
            "required" => {
                let absent = rule
                    .as_array()
                    .into_iter()
                    .flatten()
                    .find(|name| value.is_object() && name.as_str().is_none_or(|name| value.get(name).is_none()));
                absent.map_or(Ok(()), |name| Err(format!("{place} has no {name}")))?;
            }
            "minimum" => {
                let high = value.is_null() || value.as_f64() >= rule.as_f64();
                high.then_some(()).ok_or_else(|| format!("{place} is under {rule}"))?;
            }
            "description"
            | "examples"
            | "format"
            | "maximum"
            | "minLength"
            | "maxLength"
            | "pattern"
            | "maxItems"
            | "oneOf"
            | "additionalProperties" => {}
            other => return Err(format!("the checker does not know '{other}'")),
        }
    }
    Ok(())
}

fn members(known: &'static Map<String, Value>, value: &Value, place: &str, is_open: bool) -> Result<(), String> {
    for (name, value) in value.as_object().into_iter().flatten() {
        match known.get(name) {
            Some(schema) => fits(schema, value, &format!("{place}.{name}"))?,
            None if is_open => {}
            None => return Err(format!("{place}.{name}")),
        }
    }
    Ok(())
}

fn kind(rule: &Value, value: &Value) -> Option<()> {
    let is = |kind: &str| match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        _ => value.is_object(),
    };
    let kinds = rule.as_array().map_or(std::slice::from_ref(rule), Vec::as_slice);
    kinds.iter().filter_map(Value::as_str).any(is).then_some(())
}

#[test]
fn a_lie_is_noticed() {
    let reply = |status: u16, kind: &str, text: &str| {
        let mut headers = reqwest::header::HeaderMap::new();
        headers.insert("content-type", kind.parse().unwrap());
        Reply { status, headers, text: text.to_owned() }
    };
    let json = "application/json";
    let told = |status, kind, text: &str| {
        let (_, operation) = operation("POST", "/api/v1/auth/logout/?x").unwrap();
        conforms(operation, &reply(status, kind, text)).err().unwrap_or_default()
    };
    let said = r#"{"success":true,"message":"x"}"#;
    assert_eq!(told(200, json, said), "");
    for (status, kind, text, expected) in [
        (201, json, said, "this status"),
        (200, "text/html", said, "the media type 'text/html'"),
        (200, json, r#"{"success":true}"#, " has no \"message\""),
        (200, json, r#"{"success":true,"message":"x","more":1}"#, ".more"),
        (200, json, r#"{"success":"yes","message":"x"}"#, ".success is not of type \"boolean\""),
        (401, "application/problem+json", "{}", "without the header WWW-Authenticate"),
    ] {
        assert_eq!(told(status, kind, text), expected);
    }
}
