//! A field of an update that nobody can clear.

use serde_json::Value;

use super::input::{Input, Rule};

/// A field of an update that always holds something: left alone, or set. `null`, which would clear it, is refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept<T>(pub Option<T>);

impl<T: Input> Input for Kept<T> {
    const REQUIRED: bool = false;
    fn read(value: &Value) -> Result<Self, Rule> {
        T::read(value).map(|value| Self(Some(value)))
    }
    fn parse(text: String) -> Result<Self, Rule> {
        T::parse(text).map(|value| Self(Some(value)))
    }
    fn absent() -> Result<Self, Rule> {
        Ok(Self(None))
    }
    fn null() -> Result<Self, Rule> {
        Err(Rule::new("required", "This cannot be cleared: give it a value, or leave the field out."))
    }
    fn schema() -> Value {
        T::schema()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        body,
        http::body::{Body, Given},
    };

    body! {
        /// A change.
        struct Change {
            /// It is always there.
            name: Kept<String>,
        }
    }

    #[test]
    fn null_is_refused_and_absence_is_not() {
        let read = |text: &str| Change::read(Given::json(text.as_bytes()).unwrap());
        assert_eq!(read("{}").unwrap().name, Kept(None));
        assert_eq!(read(r#"{"name":"a"}"#).unwrap().name, Kept(Some("a".to_owned())));
        let refused = read(r#"{"name":null}"#).err().unwrap();
        assert_eq!((&*refused.broken()[0].field, refused.broken()[0].code), ("name", "required"));
        let field = &Change::FIELDS[0];
        assert!(!field.required && !field.nullable);
    }
}
