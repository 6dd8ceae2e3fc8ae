//! Declares a document: its fields with their types and defaults, in one place.

/// Makes the body of an update, in which every field is optional, and the document's defaults.
macro_rules! document {
    ($(#[doc = $about:literal])* $name:ident {
        $($(#[doc = $doc:literal])* $field:ident : $kind:ty = $default:tt),* $(,)?
    }) => {
        $crate::body! {
            $(#[doc = $about])*
            pub(crate) struct $name { $($(#[doc = $doc])* $field: $crate::patch::Patch<$kind>),* }
        }

        impl $name {
            /// The document of somebody who never set one.
            fn defaults() -> serde_json::Map<String, serde_json::Value> {
                [$((stringify!($field).to_owned(), serde_json::json!($default))),*].into_iter().collect()
            }

            /// What is to be done to each field.
            fn changes(self) -> Vec<(&'static str, $crate::patch::Patch<serde_json::Value>)> {
                vec![$((stringify!($field), self.$field.map(Into::into))),*]
            }
        }
    };
}

pub(super) use document;
