//! What may cross to a database, and back.

use uuid::Uuid;

use crate::{
    clock::Time,
    error::{Error, Result},
    id::Id,
};

/// A value of one of the seven kinds that both engines hold alike.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// SQL null.
    Null,
    /// `{bool}`
    Bool(bool),
    /// `{int}`: 64 bit.
    Int(i64),
    /// `{text}`
    Text(String),
    /// `{bytes}`
    Bytes(Vec<u8>),
    /// `{uuid}`
    Uuid(Uuid),
    /// `{time}`: microseconds.
    Time(Time),
    /// `{json}`: an object, never queried inside.
    Json(serde_json::Map<String, serde_json::Value>),
}

/// Reads one column. `SQLite` has fewer types than `PostgreSQL`, so a kind may arrive as its neighbour.
pub trait FromValue: Sized {
    /// What this value is as `Self`, or nothing when it is of another kind.
    fn from_value(value: Value) -> Option<Self>;
}

macro_rules! kinds {
    ($($ty:ty { $($into:ident)? } $($from:pat => $out:expr),+ ;)+) => {
        $(
            $(impl From<$ty> for Value {
                fn from(value: $ty) -> Self { Self::$into(value) }
            })?
            impl FromValue for $ty {
                fn from_value(value: Value) -> Option<Self> {
                    match value { $($from => $out,)+ _ => None }
                }
            }
        )+
    };
}

kinds! {
    bool { Bool } Value::Bool(v) => Some(v), Value::Int(v @ (0 | 1)) => Some(v == 1);
    i64 { Int } Value::Int(v) => Some(v);
    String { Text } Value::Text(v) => Some(v);
    Vec<u8> { Bytes } Value::Bytes(v) => Some(v);
    [u8; 32] { } Value::Bytes(v) => v.try_into().ok();
    Uuid { Uuid } Value::Uuid(v) => Some(v), Value::Bytes(v) => Self::from_slice(&v).ok();
    Time { Time } Value::Time(v) => Some(v), Value::Int(v) => Some(Self::from_micros(v));
    serde_json::Map<String, serde_json::Value> { Json }
        Value::Json(v) => Some(v), Value::Text(v) => serde_json::from_str(&v).ok();
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(value: [u8; N]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

impl<T> From<Id<T>> for Value {
    fn from(value: Id<T>) -> Self {
        Self::Uuid(value.uuid())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<T> FromValue for Id<T> {
    fn from_value(value: Value) -> Option<Self> {
        Uuid::from_value(value).map(Self::from_uuid)
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::from_value(value).map(Some),
        }
    }
}

/// The columns of one row, read from left to right.
pub struct Cells(std::vec::IntoIter<Value>);

impl Cells {
    pub(super) fn new(row: Vec<Value>) -> Self {
        Self(row.into_iter())
    }

    /// The next column.
    ///
    /// # Errors
    /// `internal` when there is none, or it is of another kind.
    pub fn take<T: FromValue>(&mut self) -> Result<T> {
        let value = self.0.next().ok_or_else(|| Error::internal("a row has fewer columns than its record"))?;
        T::from_value(value).ok_or_else(|| Error::internal(format!("a column is not a {}", std::any::type_name::<T>())))
    }
}

/// What a row becomes.
pub trait Record: Sized {
    /// Its columns, in its order; empty for a tuple, which takes what it is given.
    const COLUMNS: &'static str = "";

    /// Reads itself from a row.
    ///
    /// # Errors
    /// `internal` when the columns are not those of the record.
    fn read(cells: &mut Cells) -> Result<Self>;
}

macro_rules! tuples {
    ($(($($t:ident),+))+) => {$(
        impl<$($t: FromValue),+> Record for ($($t,)+) {
            fn read(cells: &mut Cells) -> Result<Self> {
                Ok(($(cells.take::<$t>()?,)+))
            }
        }
    )+};
}

tuples! { (A) (A, B) (A, B, C) (A, B, C, D) (A, B, C, D, E) (A, B, C, D, E, F) (A, B, C, D, E, F, G) }

/// Declares a struct whose fields are columns: the one column list (`COLUMNS`) and its decoding.
///
/// ```
/// use denizen::db::Record;
///
/// denizen::record! {
///     /// A point.
///     pub struct Point {
///         /// Where.
///         pub x: i64,
///         /// What.
///         pub label: Option<String>,
///     }
/// }
/// assert_eq!(Point::COLUMNS, "x, label");
/// ```
#[macro_export]
macro_rules! record {
    (
        $(#[$meta:meta])* $vis:vis struct $name:ident {
            $(#[$first_meta:meta])* $first_vis:vis $first:ident : $first_ty:ty
            $(, $(#[$field_meta:meta])* $field_vis:vis $field:ident : $ty:ty)* $(,)?
        }
    ) => {
        $(#[$meta])* $vis struct $name {
            $(#[$first_meta])* $first_vis $first: $first_ty,
            $($(#[$field_meta])* $field_vis $field: $ty,)*
        }

        impl $crate::db::Record for $name {
            const COLUMNS: &'static str = concat!(stringify!($first) $(, ", ", stringify!($field))*);

            fn read(cells: &mut $crate::db::Cells) -> $crate::error::Result<Self> {
                Ok(Self { $first: cells.take()?, $($field: cells.take()?,)* })
            }
        }
    };
}

/// Gives a type that is stored as text its way in and out: `text_column!(Kind, Kind::as_str, Kind::parse)`.
#[macro_export]
macro_rules! text_column {
    ($ty:ty, $as_str:expr, $parse:expr) => {
        impl From<$ty> for $crate::db::Value {
            fn from(value: $ty) -> Self {
                Self::from(($as_str)(&value))
            }
        }
        impl $crate::db::FromValue for $ty {
            fn from_value(value: $crate::db::Value) -> Option<Self> {
                match value {
                    $crate::db::Value::Text(text) => ($parse)(text.as_ref()),
                    _ => None,
                }
            }
        }
    };
}
