//! JSON, read strictly (RFC 8259, with the cautions of I-JSON, RFC 7493).
//!
//! What two readers could understand differently is refused: repeated keys, NUL, lone surrogates, numbers
//! that would be rounded to fit. So is what only costs: deep nesting. The time is linear in the length but
//! for the look-up of keys, which is logarithmic.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value, map::Entry};

use crate::error::{Code, Error, Result};

/// How many arrays and objects may lie in each other.
pub const MAX_DEPTH: usize = 32;

/// Reads one document.
///
/// # Errors
/// `malformed_json`, with a detail that says what is wrong and where.
pub fn read(bytes: &[u8]) -> Result<Value> {
    let text =
        std::str::from_utf8(bytes).map_err(|e| malformed(format_args!("not UTF-8 at byte {}", e.valid_up_to())))?;
    let mut document = serde_json::Deserializer::from_str(text);
    let value = Strict { depth_left: MAX_DEPTH }.deserialize(&mut document).map_err(malformed)?;
    document.end().map_err(malformed)?;
    Ok(value)
}

fn malformed(what: impl fmt::Display) -> Error {
    Error::new(Code::MalformedJson).detail(format!("The body is not valid JSON: {what}."))
}

#[derive(Clone, Copy)]
struct Strict {
    depth_left: usize,
}

impl Strict {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        let depth_left = self.depth_left.checked_sub(1);
        depth_left.map(|depth_left| Self { depth_left }).ok_or_else(|| E::custom("nested deeper than 32"))
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    /// An integer beyond 64 bits arrives here already rounded. It cannot be told from a fraction of that
    /// size, so both are refused.
    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        const TOO_LOW: f64 = -9_223_372_036_854_775_808.0;
        const TOO_HIGH: f64 = 18_446_744_073_709_551_616.0;
        if value > TOO_LOW && value < TOO_HIGH { Ok(value.into()) } else { Err(E::custom("number out of range")) }
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        self.visit_string(value.to_owned())
    }

    fn visit_string<E: serde::de::Error>(self, value: String) -> Result<Value, E> {
        without_nul(value).map(Value::String)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut given: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = given.next_element_seed(inner)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut given: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut members = Map::new();
        while let Some(key) = given.next_key::<String>()? {
            match members.entry(without_nul(key)?) {
                Entry::Vacant(place) => place.insert(given.next_value_seed(inner)?),
                Entry::Occupied(_) => return Err(A::Error::custom("repeated key")),
            };
        }
        Ok(Value::Object(members))
    }
}

/// `PostgreSQL` cannot store U+0000, and C readers end a text at it.
fn without_nul<E: serde::de::Error>(text: String) -> Result<String, E> {
    if text.contains('\0') { Err(E::custom("a text contains U+0000")) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_what_is_unambiguous() {
        let text = r#" {"a":[1,-2,1.5,true,null,"\u00e9\ud83d\ude00"],"b":{}} "#;
        assert_eq!(read(text.as_bytes()).unwrap(), json!({"a": [1, -2, 1.5, true, null, "é😀"], "b": {}}));
        assert_eq!(read(b"[18446744073709551615,-9223372036854775808]").unwrap(), json!([u64::MAX, i64::MIN]));
    }

    #[test]
    fn refuses_what_is_not_and_says_where() {
        for (bytes, told) in [
            (br#"{"a":1,"a":1}"#.as_slice(), "repeated key at line 1 column 10"),
            (br#"{"a":{"b":1,"\u0062":1}}"#, "repeated key"),
            (b"{\"a\":\"\xff\"}", "not UTF-8 at byte 6"),
            (br#""\u0000""#, "U+0000"),
            (br#"{"\u0000":1}"#, "U+0000"),
            (br#""\ud800""#, "escape"),
            (br#""\udc00x""#, "surrogate"),
            (b"18446744073709551616", "out of range"),
            (b"-9223372036854775809", "out of range"),
            (b"1e999", "out of range"),
            (b"NaN", "expected"),
            (b"{} {}", "trailing"),
            (b"", "EOF"),
            (b"{\"a\":1,}", "trailing comma"),
        ] {
            let error = read(bytes).unwrap_err();
            assert_eq!(error.code(), Code::MalformedJson);
            assert!(error.text().contains(told), "{told:?} is not told in {:?}", error.text());
        }
    }

    #[test]
    fn nesting_ends_at_32() {
        let nested = |depth: usize| read(format!("{}{}", "[".repeat(depth), "]".repeat(depth)).as_bytes());
        assert!(nested(MAX_DEPTH).is_ok());
        assert!(nested(MAX_DEPTH + 1).unwrap_err().text().contains("deeper"));
        assert!(read("[".repeat(65_536).as_bytes()).is_err());
    }
}
