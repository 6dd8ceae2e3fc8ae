//! What a route takes: [`body!`](crate::body) makes a struct, its reader and its description in one.
//!
//! The invariant: a reader looks at every field before it answers, and answers with the whole value or with
//! one 422 that names every fault. A field nobody asked for is a fault too, unless the struct is marked
//! `#[ignore_unknown]`, as OAuth's forms must be (RFC 6749, 3.2).

use std::{borrow::Cow, collections::BTreeMap};

use percent_encoding::percent_decode;
use serde_json::Value;

use super::{
    input::{Input, Rule},
    json,
    openapi::Field,
};
use crate::error::{Code, Error, Fault, Result};

/// Ends a list of faults that only repeats itself.
const FAULTS: usize = 32;
const FIELD_NAME_CHARS: usize = 64;

/// A struct made by [`body!`](crate::body).
pub trait Body: Sized {
    /// Its doc comment.
    const ABOUT: &'static str;

    /// Whether a field that it does not know is refused.
    const STRICT: bool;

    /// Its fields, in order.
    const FIELDS: &'static [Field];

    /// Reads it.
    ///
    /// # Errors
    /// `invalid`, with one fault for each field that is wrong, missing or unknown.
    fn read(given: Given) -> Result<Self>;
}

/// The fields that a request gave and no reader has taken yet.
pub struct Given {
    fields: BTreeMap<String, Raw>,
    faults: Vec<Fault>,
}

enum Raw {
    Json(Value),
    Text(String),
}

impl Given {
    /// From the bytes of a JSON object.
    ///
    /// # Errors
    /// `malformed_json`.
    pub fn json(bytes: &[u8]) -> Result<Self> {
        match json::read(bytes)? {
            Value::Object(members) => Ok(Self::of(members.into_iter().map(|(k, v)| (k, Raw::Json(v))).collect())),
            _ => Err(Error::new(Code::MalformedJson).detail("The body must be a JSON object.")),
        }
    }

    /// From a form (`application/x-www-form-urlencoded`). Pairs without a value count as absent (RFC 6749, 3.2).
    ///
    /// # Errors
    /// `malformed` when a name comes twice, or bytes are not UTF-8 or hold NUL.
    pub fn pairs(encoded: &[u8]) -> Result<Self> {
        let mut given = Self::query(encoded)?;
        given.fields.retain(|_, raw| !matches!(raw, Raw::Text(text) if text.is_empty()));
        Ok(given)
    }

    /// From a query. A value may be empty, which most types refuse.
    ///
    /// # Errors
    /// As [`Given::pairs`].
    pub fn query(encoded: &[u8]) -> Result<Self> {
        let mut fields = BTreeMap::new();
        for pair in encoded.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let middle = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            let (name, value) = (decoded(&pair[..middle])?, decoded(pair.get(middle + 1..).unwrap_or_default())?);
            if fields.insert(name, Raw::Text(value)).is_some() {
                return Err(Error::new(Code::Malformed).detail("A field is given twice."));
            }
        }
        Ok(Self::of(fields))
    }

    fn of(fields: BTreeMap<String, Raw>) -> Self {
        Self { fields, faults: Vec::new() }
    }

    /// Takes one field; what is wrong with it is told when the reading ends.
    pub fn take<T: Input>(&mut self, name: &'static str) -> Option<T> {
        let value = match self.fields.remove(name) {
            None => T::absent(),
            Some(Raw::Json(Value::Null)) => T::null(),
            Some(Raw::Json(value)) => T::read(&value),
            Some(Raw::Text(text)) => T::parse(text),
        };
        value.map_err(|rule| self.fault(name, rule)).ok()
    }

    /// Ends the reading; what nobody took is a fault.
    ///
    /// # Errors
    /// `invalid` with every fault.
    pub fn refuse_rest(mut self) -> Result<()> {
        for name in std::mem::take(&mut self.fields).into_keys() {
            let name: String = name.chars().take(FIELD_NAME_CHARS).collect();
            self.fault(name, Rule::new("unknown_field", "This field is not known here."));
        }
        self.ignore_rest()
    }

    /// Ends the reading; what nobody took does not matter.
    ///
    /// # Errors
    /// `invalid` with every fault.
    pub fn ignore_rest(self) -> Result<()> {
        if self.faults.is_empty() { Ok(()) } else { Err(Error::faults(self.faults)) }
    }

    fn fault(&mut self, field: impl Into<Cow<'static, str>>, Rule { code, message }: Rule) {
        if self.faults.len() < FAULTS {
            self.faults.push(Fault { field: field.into(), code, message });
        }
    }
}

/// A field that is neither a value nor a fault: [`Given::take`] allows no such thing.
#[doc(hidden)]
#[must_use]
pub fn fault_not_told() -> Error {
    Error::internal("a field is missing without a fault")
}

fn decoded(encoded: &[u8]) -> Result<String> {
    let spaced: Vec<u8> = encoded.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    let text = percent_decode(&spaced).decode_utf8().ok().filter(|text| !text.contains('\0'));
    text.map(Cow::into_owned)
        .ok_or_else(|| Error::new(Code::Malformed).detail("A field is not UTF-8 text without NUL."))
}

/// Makes a struct that a route takes, as JSON, form or query.
///
/// Each field's type is an [`Input`](crate::http::Input); `Option` and `Patch` are optional. `as` gives a
/// field another name on the wire.
///
/// ```
/// # use denizen::{body, http::{Line, Patch}};
/// body! {
///     /// What `PUT /example` takes.
///     pub struct Example {
///         /// The name shown to others.
///         #[example("Ann Lee")]
///         full_name as "fullName": Line<2, 255>,
///         /// Cleared by `null`.
///         #[example("I like maps.")]
///         bio: Patch<Line<0, 1000>>,
///     }
/// }
/// ```
#[macro_export]
macro_rules! body {
    ($(#[doc = $about:literal])* #[ignore_unknown] $($rest:tt)+) => {
        $crate::body!(@struct [$($about)*] ignore_rest $($rest)+);
    };
    ($(#[doc = $about:literal])* $vis:vis struct $($rest:tt)+) => {
        $crate::body!(@struct [$($about)*] refuse_rest $vis struct $($rest)+);
    };
    (@struct [$($about:literal)*] $end:ident $vis:vis struct $name:ident {
        $($(#[doc = $doc:literal])* $(#[example($($example:tt)+)])?
            $field_vis:vis $field:ident $(as $wire:literal)? : $kind:ty),* $(,)?
    }) => {
        $(#[doc = $about])*
        $vis struct $name { $($(#[doc = $doc])* $field_vis $field: $kind),* }

        impl $crate::http::body::Body for $name {
            const ABOUT: &'static str = concat!($($about),*).trim_ascii();
            const STRICT: bool = $crate::body!(@strict $end);
            const FIELDS: &'static [$crate::http::openapi::Field] = &[$($crate::http::openapi::Field {
                name: $crate::body!(@wire $field $($wire)?),
                doc: concat!($($doc),*).trim_ascii(),
                required: <$kind as $crate::http::Input>::REQUIRED,
                nullable: <$kind as $crate::http::Input>::NULLABLE,
                schema: <$kind as $crate::http::Input>::schema,
                example: || $crate::body!(@example $($($example)+)?),
            }),*];

            fn read(mut given: $crate::http::body::Given) -> $crate::error::Result<Self> {
                $(let $field = given.take::<$kind>($crate::body!(@wire $field $($wire)?));)*
                given.$end()?;
                Ok(Self { $($field: $field.ok_or_else($crate::http::body::fault_not_told)?),* })
            }
        }
    };
    (@wire $field:ident) => { stringify!($field) };
    (@wire $field:ident $wire:literal) => { $wire };
    (@strict refuse_rest) => { true };
    (@strict ignore_rest) => { false };
    (@example) => { None };
    (@example $($example:tt)+) => { Some(serde_json::json!($($example)+)) };
}

#[cfg(test)]
mod tests {
    use crate::http::{Int, Line, Patch};

    use super::*;

    body! {
        /// A test's body.
        struct Profile {
            /// The name,
            /// in full.
            #[example("Ann Lee")]
            full_name as "fullName": Line<2, 9>,
            years: Option<Int<0, 50>>,
            bio: Patch<Line<0, 9>>,
        }
    }

    body! {
        /// A form that takes anything.
        #[ignore_unknown]
        struct Grant {
            grant_type: String,
        }
    }

    fn faults<T: Body>(given: Given) -> Vec<(String, &'static str)> {
        let faults = T::read(given).err().map_or(Vec::new(), |error| error.broken().to_vec());
        faults.into_iter().map(|fault| (fault.field.into_owned(), fault.code)).collect()
    }

    #[test]
    fn reads_a_whole_value() {
        let read = |text: &str| Profile::read(Given::json(text.as_bytes()).unwrap()).unwrap();
        let profile = read(r#"{"fullName":" Ada ","years":null,"bio":null}"#);
        assert_eq!((&*profile.full_name, profile.years, profile.bio), ("Ada", None, Patch::Clear));
        assert!(read(r#"{"fullName":"Ada"}"#).bio.is_absent());
    }

    #[test]
    fn tells_every_fault_at_once() {
        let given = Given::json(br#"{"years":"1","bio":"0123456789","role":"admin"}"#).unwrap();
        let expected =
            [("fullName", "required"), ("years", "wrong_type"), ("bio", "too_long"), ("role", "unknown_field")];
        assert_eq!(faults::<Profile>(given), expected.map(|(field, code)| (field.to_owned(), code)));
        assert_eq!(faults::<Profile>(Given::json(br#"{"fullName":null}"#).unwrap()).len(), 1);
    }

    #[test]
    fn ten_thousand_unknown_fields_are_one_short_answer() {
        let members: Vec<_> = (0..10_000).map(|n| format!(r#""{n}{}":0"#, "x".repeat(99))).collect();
        let told = faults::<Profile>(Given::json(format!("{{{}}}", members.join(",")).as_bytes()).unwrap());
        assert_eq!((told.len(), told[1].0.len()), (FAULTS, FIELD_NAME_CHARS));
    }

    #[test]
    fn forms_and_queries_are_strict_text() {
        let profile = Profile::read(Given::pairs(b"fullName=A%C3%A4+b&years=7&bio=").unwrap()).unwrap();
        assert_eq!((&*profile.full_name, profile.years.unwrap().get()), ("Aä b", 7));
        assert!(profile.bio.is_absent());
        for bad in ["a=1&a=2", "a=%ff", "a=%00", "%ff=a"] {
            assert_eq!(Given::pairs(bad.as_bytes()).err().unwrap().code(), Code::Malformed, "{bad}");
        }
    }

    #[test]
    fn oauth_forms_ignore_what_they_do_not_know() {
        assert_eq!(Grant::read(Given::pairs(b"grant_type=password&x=1").unwrap()).unwrap().grant_type, "password");
        assert_eq!(faults::<Grant>(Given::pairs(b"x=1").unwrap()).len(), 1);
    }

    #[test]
    fn describes_itself() {
        let [name, years, _] = Profile::FIELDS else { panic!("three fields") };
        assert_eq!((name.name, name.doc, name.required), ("fullName", "The name, in full.", true));
        assert_eq!((name.example)(), Some(Value::from("Ann Lee")));
        assert_eq!((years.required, years.nullable, (years.schema)()["maximum"].as_i64()), (false, true, Some(50)));
        assert_eq!((Profile::STRICT, Grant::STRICT, Grant::ABOUT), (true, false, "A form that takes anything."));
    }
}
