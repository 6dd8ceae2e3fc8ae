//! Declares a document: its fields with their types and defaults, in one place.

/// Makes the body of an update, in which every field is optional, the document's defaults, and the shape in which it is
/// answered.
macro_rules! document {
    ($(#[doc = $about:literal])* $name:ident of $shape:ident {
        $($(#[doc = $doc:literal])* $(#[example($($example:tt)+)])? $field:ident : $kind:ty = $default:tt),* $(,)?
    }) => {
        $crate::body! {
            $(#[doc = $about])*
            pub(crate) struct $name {
                $($(#[doc = $doc])* $(#[example($($example)+)])? $field: $crate::patch::Patch<$kind>),*
            }
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

        $crate::shape! {
            /// The whole document: what was set, and a default for each other field.
            pub(crate) struct $shape {
                /// Its id; null until something is set.
                id: Option<$crate::id::Id<()>>,
                /// Whose it is.
                user_id: $crate::id::UserId,
                /// When something was first set.
                created_at: Option<$crate::clock::Time>,
                /// When something last changed.
                updated_at: Option<$crate::clock::Time>,
                $($(#[doc = $doc])* $(#[example($($example)+)])? $field: document!(@shown $default $kind)),*
            }
        }
    };
    (@shown null $kind:ty) => { Option<$crate::http::openapi::Taken<$kind>> };
    (@shown $default:tt $kind:ty) => { $crate::http::openapi::Taken<$kind> };
}

pub(super) use document;
