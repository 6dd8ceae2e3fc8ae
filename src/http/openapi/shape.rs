//! What an answer looks like: [`shape!`](crate::shape) declares it field by field.
//!
//! A shape describes and is never built. The test kit holds every answer that any test receives against its shape, so
//! a shape that lies fails there.

use std::{collections::BTreeMap, marker::PhantomData};

use serde_json::{Map, Value, json};

use crate::{clock::Time, http::Input, id::Id};

/// The shapes that have a name, by it.
pub type Schemas = BTreeMap<String, Value>;

/// Part of an answer.
pub trait Shape {
    /// Whether it is always there, be it as `null`.
    const REQUIRED: bool = true;

    /// Its JSON Schema (2020-12): a reference when it has a name, under which it is put into `schemas`.
    fn schema(schemas: &mut Schemas) -> Value;
}

/// A member that may be left out.
pub struct Maybe<T>(PhantomData<T>);

impl<T: Shape> Shape for Maybe<T> {
    const REQUIRED: bool = false;
    fn schema(schemas: &mut Schemas) -> Value {
        T::schema(schemas)
    }
}

/// A member that is answered as it was taken.
pub struct Taken<T>(PhantomData<T>);

impl<T: Input> Shape for Taken<T> {
    fn schema(_: &mut Schemas) -> Value {
        T::schema()
    }
}

impl<T: Shape> Shape for Option<T> {
    fn schema(schemas: &mut Schemas) -> Value {
        nullable(T::schema(schemas))
    }
}

impl<T: Shape> Shape for Vec<T> {
    fn schema(schemas: &mut Schemas) -> Value {
        json!({"type": "array", "items": T::schema(schemas)})
    }
}

macro_rules! plain {
    ($($kind:ty => $schema:tt)+) => {$(
        impl Shape for $kind {
            fn schema(_: &mut Schemas) -> Value {
                json!($schema)
            }
        }
    )+};
}

plain! {
    bool => {"type": "boolean"}
    i64 => {"type": "integer"}
    u64 => {"type": "integer", "minimum": 0}
    f64 => {"type": "number"}
    String => {"type": "string"}
    Time => {"type": "string", "format": "date-time"}
    Map<String, Value> => {"type": "object"}
    Value => {}
}

impl<T> Shape for Id<T> {
    fn schema(_: &mut Schemas) -> Value {
        json!({"type": "string", "format": "uuid"})
    }
}

/// The same or `null`.
#[must_use]
pub fn nullable(mut schema: Value) -> Value {
    if schema == json!({}) {
        return schema;
    }
    match schema.get_mut("type") {
        Some(Value::Array(kinds)) => kinds.push("null".into()),
        Some(kind) if kind.is_string() => *kind = json!([kind, "null"]),
        _ => return json!({"anyOf": [schema, {"type": "null"}]}),
    }
    if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        words.push(Value::Null);
    }
    schema
}

/// Declares what an answer looks like. Each field's type is a [`Shape`]; an example stands before the field where its
/// type gives none.
///
/// ```
/// # use denizen::shape;
/// shape! {
///     /// Where something is.
///     pub struct Place {
///         /// The name of the town.
///         #[example("Lisbon")]
///         town: String,
///         /// Metres above the sea, where known.
///         height: Option<i64>,
///     }
/// }
/// ```
#[macro_export]
macro_rules! shape {
    ($(#[doc = $about:literal])* $vis:vis struct $name:ident {
        $($(#[doc = $doc:literal])* $(#[example($($example:tt)+)])? $field:ident : $kind:ty),* $(,)?
    }) => {
        $(#[doc = $about])*
        $vis struct $name;

        impl $crate::http::openapi::Shape for $name {
            fn schema(schemas: &mut $crate::http::openapi::Schemas) -> serde_json::Value {
                let fields = [$((
                    stringify!($field),
                    concat!($($doc),*).trim_ascii(),
                    <$kind as $crate::http::openapi::Shape>::REQUIRED,
                    <$kind as $crate::http::openapi::Shape>::schema(schemas),
                    $crate::body!(@example $($($example)+)?),
                )),*];
                $crate::http::openapi::named(schemas, stringify!($name), concat!($($about),*).trim_ascii(), &fields)
            }
        }
    };
}

/// Puts an object under its name; gives the reference to it. A test sees to it that no two shapes have one name.
#[doc(hidden)]
#[must_use]
pub fn named<const N: usize>(
    schemas: &mut Schemas,
    name: &str,
    about: &str,
    fields: &[(&'static str, &'static str, bool, Value, Option<Value>); N],
) -> Value {
    let wire = |name: &'static str| name.trim_start_matches("r#");
    let required: Vec<_> = fields.iter().filter(|field| field.2).map(|field| wire(field.0)).collect();
    let properties: Map<_, _> = fields
        .iter()
        .map(|(name, doc, _, schema, example)| {
            (wire(name).to_owned(), super::field::told(schema.clone(), doc, example.clone()))
        })
        .collect();
    let schema = json!({"type": "object", "description": about, "properties": properties, "required": required});
    let mut own = name.to_owned();
    while schemas.get(&own).is_some_and(|other| *other != schema) {
        own.push('2');
    }
    let reference = json!({"$ref": format!("#/components/schemas/{own}")});
    schemas.insert(own, schema);
    reference
}
