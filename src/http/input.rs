//! Typed values out of a request: one trait, and the types that most fields are.
//!
//! A room implements [`Input`] for its own types (`Email`, `Username`, ..), so that what reaches a verb
//! has already been checked.

use std::ops::Deref;

use secrecy::SecretString;
use serde_json::{Map, Value, json};

pub use crate::error::Rule;
use crate::{clock::Time, id::Id, patch::Patch};

/// A type that can be read from one field of a request.
pub trait Input: Sized {
    /// Whether a request without the field is refused.
    const REQUIRED: bool = true;

    /// Whether `null` is taken.
    const NULLABLE: bool = false;

    /// Reads a JSON value other than `null`.
    ///
    /// # Errors
    /// The first rule that the value breaks.
    fn read(value: &Value) -> Result<Self, Rule>;

    /// Reads the text of a form or query field. It is never empty: an empty one counts as absent
    /// (RFC 6749, 3.1).
    ///
    /// # Errors
    /// As [`Input::read`].
    fn parse(text: String) -> Result<Self, Rule> {
        Self::read(&Value::String(text))
    }

    /// The value when the field is not there.
    ///
    /// # Errors
    /// `required`, unless the type has a value for it.
    fn absent() -> Result<Self, Rule> {
        Err(Rule::required())
    }

    /// The value for `null`, which counts as absent everywhere but in a [`Patch`].
    ///
    /// # Errors
    /// As [`Input::absent`].
    fn null() -> Result<Self, Rule> {
        Self::absent()
    }

    /// What a right value looks like, as a JSON Schema (2020-12) for the `OpenAPI` document; with `examples` where
    /// one fits wherever the type is used, and a `description` of limits that a schema cannot say.
    #[must_use]
    fn schema() -> Value {
        json!({"type": "string"})
    }
}

impl<T: Input> Input for Option<T> {
    const REQUIRED: bool = false;
    const NULLABLE: bool = true;
    fn read(value: &Value) -> Result<Self, Rule> {
        T::read(value).map(Some)
    }
    fn parse(text: String) -> Result<Self, Rule> {
        T::parse(text).map(Some)
    }
    fn absent() -> Result<Self, Rule> {
        Ok(None)
    }
    fn schema() -> Value {
        T::schema()
    }
}

impl<T: Input> Input for Patch<T> {
    const REQUIRED: bool = false;
    const NULLABLE: bool = true;
    fn read(value: &Value) -> Result<Self, Rule> {
        T::read(value).map(Self::Set)
    }
    fn parse(text: String) -> Result<Self, Rule> {
        T::parse(text).map(Self::Set)
    }
    fn absent() -> Result<Self, Rule> {
        Ok(Self::Absent)
    }
    fn null() -> Result<Self, Rule> {
        Ok(Self::Clear)
    }
    fn schema() -> Value {
        T::schema()
    }
}

impl Input for bool {
    fn read(value: &Value) -> Result<Self, Rule> {
        value.as_bool().ok_or_else(|| Rule::wrong_type("true or false"))
    }
    fn parse(text: String) -> Result<Self, Rule> {
        text.parse().map_err(|_| Rule::wrong_type("true or false"))
    }
    fn schema() -> Value {
        json!({"type": "boolean"})
    }
}

/// A whole number from `MIN` to `MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Int<const MIN: i64, const MAX: i64>(i64);

impl<const MIN: i64, const MAX: i64> Int<MIN, MAX> {
    /// The number.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    fn within(number: i64) -> Result<Self, Rule> {
        if (MIN..=MAX).contains(&number) { Ok(Self(number)) } else { Err(Self::out_of_range()) }
    }

    fn out_of_range() -> Rule {
        Rule::new("out_of_range", format!("This must be from {MIN} to {MAX}."))
    }
}

impl<const MIN: i64, const MAX: i64> Input for Int<MIN, MAX> {
    fn read(value: &Value) -> Result<Self, Rule> {
        match value {
            Value::Number(number) if number.is_u64() && !number.is_i64() => Err(Self::out_of_range()),
            _ => value.as_i64().ok_or_else(|| Rule::wrong_type("a whole number")).and_then(Self::within),
        }
    }
    fn parse(text: String) -> Result<Self, Rule> {
        text.parse().map_err(|_| Rule::wrong_type("a whole number")).and_then(Self::within)
    }
    fn schema() -> Value {
        json!({"type": "integer", "minimum": MIN, "maximum": MAX})
    }
}

/// The text of a value, for types that are read from one.
///
/// # Errors
/// `wrong_type`.
pub fn text(value: &Value) -> Result<&str, Rule> {
    value.as_str().ok_or_else(|| Rule::wrong_type("a text"))
}

/// The most characters of a text with no limit of its own: more than the longest cursor has, and few enough that one
/// over it still fits into the head of a request, where it can be refused by name.
const TEXT_CHARS: usize = 1_024;

impl Input for String {
    fn read(value: &Value) -> Result<Self, Rule> {
        Self::parse(text(value)?.to_owned())
    }
    fn parse(text: String) -> Result<Self, Rule> {
        if text.chars().count() > TEXT_CHARS {
            return Err(Rule::new("too_long", format!("This takes at most {TEXT_CHARS} characters.")));
        }
        Ok(text)
    }
    fn schema() -> Value {
        json!({"type": "string", "maxLength": TEXT_CHARS})
    }
}

/// A password or token: taken as it is, blanks included.
impl Input for SecretString {
    fn read(value: &Value) -> Result<Self, Rule> {
        text(value).map(Self::from)
    }
    fn parse(text: String) -> Result<Self, Rule> {
        Ok(text.into())
    }
    fn schema() -> Value {
        json!({"type": "string", "format": "password"})
    }
}

macro_rules! measured_text {
    ($(#[$doc:meta])* $name:ident, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name<const MIN: usize, const MAX: usize>(String);

        impl<const MIN: usize, const MAX: usize> $name<MIN, MAX> {
            /// The text, to keep.
            #[must_use]
            pub fn into_string(self) -> String {
                self.0
            }
        }

        impl<const MIN: usize, const MAX: usize> Deref for $name<MIN, MAX> {
            type Target = str;
            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl<const MIN: usize, const MAX: usize> Input for $name<MIN, MAX> {
            fn read(value: &Value) -> Result<Self, Rule> {
                let text = text(value)?.trim();
                let length = text.chars().count();
                if length < MIN {
                    return Err(Rule::new("too_short", format!("This needs at least {MIN} characters.")));
                }
                if length > MAX {
                    return Err(Rule::new("too_long", format!("This takes at most {MAX} characters.")));
                }
                if text.chars().any(|c| c.is_control() && !$allowed.contains(&c)) {
                    return Err(Rule::new("control_character", "This contains a control character."));
                }
                Ok(Self(text.to_owned()))
            }
            fn schema() -> Value {
                json!({"type": "string", "minLength": MIN, "maxLength": MAX})
            }
        }
    };
}

measured_text! {
    /// A text of `MIN` to `MAX` characters (Unicode scalar values), trimmed, without control characters.
    Line, []
}
measured_text! {
    /// As [`Line`], but line ends and tabs are allowed.
    Text, ['\n', '\r', '\t']
}

/// A JSON object of at most `MAX` bytes, measured as it would be written without blanks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JsonObject<const MAX: usize>(Map<String, Value>);

impl<const MAX: usize> JsonObject<MAX> {
    /// Its members, to keep.
    #[must_use]
    pub fn into_map(self) -> Map<String, Value> {
        self.0
    }
}

impl<const MAX: usize> Input for JsonObject<MAX> {
    fn read(value: &Value) -> Result<Self, Rule> {
        let members = value.as_object().ok_or_else(|| Rule::wrong_type("an object"))?;
        if value.to_string().len() > MAX {
            return Err(Rule::new("too_large", format!("This takes at most {MAX} bytes of JSON.")));
        }
        Ok(Self(members.clone()))
    }
    fn schema() -> Value {
        json!({
            "type": "object",
            "description": format!("At most {MAX} bytes of JSON."),
            "examples": [{"theme": "dark"}],
        })
    }
}

impl<const MIN: i64, const MAX: i64> From<Int<MIN, MAX>> for Value {
    fn from(number: Int<MIN, MAX>) -> Self {
        number.0.into()
    }
}

impl<const MIN: usize, const MAX: usize> From<Line<MIN, MAX>> for Value {
    fn from(line: Line<MIN, MAX>) -> Self {
        line.0.into()
    }
}

impl<const MAX: usize> From<JsonObject<MAX>> for Value {
    fn from(object: JsonObject<MAX>) -> Self {
        object.0.into()
    }
}

/// A list; in a form or query the items stand between commas.
impl<T: Input> Input for Vec<T> {
    fn read(value: &Value) -> Result<Self, Rule> {
        let items = value.as_array().ok_or_else(|| Rule::wrong_type("a list"))?;
        numbered(items, |item| if item.is_null() { T::null() } else { T::read(item) })
    }
    fn parse(text: String) -> Result<Self, Rule> {
        numbered(text.split(','), |item| T::parse(item.to_owned()))
    }
    fn schema() -> Value {
        json!({"type": "array", "items": T::schema()})
    }
}

/// Reads each item; the first that is refused says which it is, counted from 1.
fn numbered<I, T>(items: impl IntoIterator<Item = I>, read: impl Fn(I) -> Result<T, Rule>) -> Result<Vec<T>, Rule> {
    let place = |n: usize, rule: Rule| Rule::new(rule.code, format!("Item {}: {}", n + 1, rule.message));
    items.into_iter().enumerate().map(|(n, item)| read(item).map_err(|rule| place(n, rule))).collect()
}

/// Any JSON value but `null`.
impl Input for Value {
    fn read(value: &Value) -> Result<Self, Rule> {
        Ok(value.clone())
    }
    fn schema() -> Value {
        json!({})
    }
}

impl<T> Input for Id<T> {
    fn read(value: &Value) -> Result<Self, Rule> {
        text(value)?.parse().map_err(|_| Rule::new("invalid_id", "This must be a UUID."))
    }
    fn schema() -> Value {
        json!({"type": "string", "format": "uuid"})
    }
}

impl Input for Time {
    fn read(value: &Value) -> Result<Self, Rule> {
        let example = "This must be an RFC 3339 time, such as 2026-01-31T12:00:00Z.";
        Self::parse(text(value)?).ok_or_else(|| Rule::new("invalid_time", example))
    }
    fn schema() -> Value {
        json!({"type": "string", "format": "date-time"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code<T: Input>(value: &Value) -> &'static str {
        T::read(value).err().map_or("ok", |rule| rule.code)
    }

    #[test]
    fn numbers_are_whole_and_in_range() {
        type Years = Int<0, 50>;
        for (value, expected) in [
            (json!(50), "ok"),
            (json!(51), "out_of_range"),
            (json!(u64::MAX), "out_of_range"),
            (json!(-1), "out_of_range"),
            (json!(1.5), "wrong_type"),
            (json!("1"), "wrong_type"),
        ] {
            assert_eq!(code::<Years>(&value), expected, "{value}");
        }
        assert_eq!(Years::parse("7".into()).unwrap().get(), 7);
        assert!(Years::parse("7 ".into()).is_err());
    }

    #[test]
    fn texts_are_trimmed_and_counted_in_characters() {
        assert_eq!(&*Line::<1, 3>::read(&json!(" äöü ")).unwrap(), "äöü");
        for (value, line, text) in [
            ("", "too_short", "too_short"),
            (" \u{3000} ", "too_short", "too_short"),
            ("abcd", "too_long", "too_long"),
            ("a\nb", "control_character", "ok"),
            ("a\u{7}", "control_character", "control_character"),
            ("a\u{85}b", "control_character", "control_character"),
        ] {
            assert_eq!(code::<Line<1, 3>>(&json!(value)), line, "{value:?}");
            assert_eq!(code::<Text<1, 3>>(&json!(value)), text, "{value:?}");
        }
    }

    #[test]
    fn no_text_is_of_any_length() {
        assert_eq!(code::<String>(&json!("ä".repeat(TEXT_CHARS))), "ok");
        assert_eq!(code::<String>(&json!("a".repeat(TEXT_CHARS + 1))), "too_long");
        assert_eq!(String::parse("a".repeat(TEXT_CHARS + 1)).unwrap_err().code, "too_long");
    }

    #[test]
    fn lists_say_which_item_is_wrong() {
        let rule = Vec::<Line<1, 9>>::read(&json!(["a", 1])).unwrap_err();
        assert_eq!((rule.code, &*rule.message), ("wrong_type", "Item 2: This must be a text."));
        assert_eq!(code::<Vec<String>>(&json!([null])), "required");
        assert_eq!(Vec::<Int<1, 9>>::parse("1,2".into()).unwrap().len(), 2);
    }

    #[test]
    fn objects_are_measured() {
        assert_eq!(code::<JsonObject<7>>(&json!({"a": 1})), "ok");
        assert_eq!(code::<JsonObject<6>>(&json!({"a": 1})), "too_large");
        assert_eq!(code::<JsonObject<6>>(&json!([])), "wrong_type");
    }
}
