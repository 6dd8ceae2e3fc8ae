//! The orders of a list, and a place in one.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    db::{FromValue, Value},
    error::Rule,
};

macro_rules! orders {
    ($($name:ident $column:literal)+) => {
        /// What a list is sorted by. Rows that are equal in it stand in the order in which they came; from the other end,
        /// the last of them comes first.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the orders are named after the fields of the user")]
        pub enum Order { $($name),+ }

        impl Order {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Its name, which is its column too.
            #[must_use]
            pub const fn as_str(self) -> &'static str { match self { $(Self::$name => $column),+ } }
        }
    };
}

orders! {
    CreatedAt "created_at"
    UpdatedAt "updated_at"
    LastLogin "last_login"
    Email "email"
    Username "username"
    LastName "last_name"
    FirstName "first_name"
    Role "role"
}

impl Order {
    /// The order of this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|order| order.as_str() == text)
    }

    const fn is_text(self) -> bool {
        matches!(self, Self::Email | Self::Username | Self::LastName | Self::FirstName)
    }
}

/// Which end of an order comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The least.
    Ascending,
    /// The greatest.
    Descending,
}

/// What a row stands by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "either is what it says")]
pub enum Key {
    Number(i64),
    Text(String),
}

impl FromValue for Key {
    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Int(number) => Some(Self::Number(number)),
            Value::Text(text) => Some(Self::Text(text)),
            _ => None,
        }
    }
}

impl From<Key> for Value {
    fn from(key: Key) -> Self {
        match key {
            Key::Number(number) => Self::Int(number),
            Key::Text(text) => Self::Text(text),
        }
    }
}

/// A place in an order: behind this row. It says nothing that the row does not, so nobody gains by making one up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// What the row stands by.
    pub key: Key,
    /// The row.
    pub doc: i64,
}

impl Cursor {
    /// As a client keeps it.
    #[must_use]
    pub fn to_text(&self, order: Order, direction: Direction) -> String {
        let key = match &self.key {
            Key::Number(number) => number.to_string(),
            Key::Text(text) => text.clone(),
        };
        let way = if direction == Direction::Ascending { "asc" } else { "desc" };
        URL_SAFE_NO_PAD.encode(format!("1 {} {way} {} {key}", order.as_str(), self.doc))
    }

    /// Reads what [`Cursor::to_text`] made for the same order.
    ///
    /// # Errors
    /// `invalid_cursor`.
    pub fn parse(text: &str, order: Order, direction: Direction) -> Result<Self, Rule> {
        Self::read(text, order, direction)
            .ok_or_else(|| Rule::new("invalid_cursor", "This is no cursor of this order. Begin again without one."))
    }

    fn read(text: &str, order: Order, direction: Direction) -> Option<Self> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let way = if direction == Direction::Ascending { "asc" } else { "desc" };
        let mut parts = text.splitn(5, ' ');
        let is_own = parts.next()? == "1" && parts.next()? == order.as_str() && parts.next()? == way;
        let doc = parts.next()?.parse().ok()?;
        let key = parts.next()?;
        let key = if order.is_text() { Key::Text(key.to_owned()) } else { Key::Number(key.parse().ok()?) };
        (is_own && !text.contains('\0')).then_some(Self { key, doc })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_belongs_to_its_order() {
        let cursor = Cursor { key: Key::Text("van der  berg".into()), doc: 7 };
        let text = cursor.to_text(Order::LastName, Direction::Ascending);
        assert_eq!(Cursor::parse(&text, Order::LastName, Direction::Ascending).unwrap(), cursor);
        assert!(Cursor::parse(&text, Order::LastName, Direction::Descending).is_err());
        assert!(Cursor::parse(&text, Order::FirstName, Direction::Ascending).is_err());
        for forged in ["", "x", "====", "MSBlbWFpbA", "MSByb2xlIGFzYyA3IHg"] {
            assert!(Cursor::parse(forged, Order::Role, Direction::Ascending).is_err(), "{forged}");
        }
    }
}
