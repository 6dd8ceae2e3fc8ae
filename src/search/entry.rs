//! A person as the search knows him.

use super::{Field, Order, order::Key};
use crate::{id::UserId, record};

record! {
    /// The row of a person: his texts folded, and `""` where there is none.
    #[derive(Clone, Debug, PartialEq, Eq)]
    #[expect(missing_docs, reason = "the fields are those of the user, under the same names")]
    pub struct Entry {
        /// The row's own number; 0 before it is stored.
        pub doc: i64,
        pub user_id: UserId,
        /// The version of the account that it was made of.
        pub version: i64,
        /// The fields of few values: see [`super::Facet`].
        pub facet: i64,
        /// The rank of the role.
        pub role: i64,
        pub email: String,
        pub username: String,
        pub first_name: String,
        pub last_name: String,
        pub full_name: String,
        pub location: String,
        pub current_title: String,
        pub gender: String,
        pub ip_address: String,
        pub external_id: String,
        /// In microseconds, as all times here.
        pub created_at: i64,
        pub updated_at: i64,
        /// 0 before the first one.
        pub last_login: i64,
    }
}

impl Entry {
    /// The text of a field.
    #[must_use]
    pub fn text(&self, field: Field) -> &str {
        match field {
            Field::Email => &self.email,
            Field::Username => &self.username,
            Field::FirstName => &self.first_name,
            Field::LastName => &self.last_name,
            Field::FullName => &self.full_name,
            Field::Location => &self.location,
            Field::CurrentTitle => &self.current_title,
            Field::Gender => &self.gender,
            Field::IpAddress => &self.ip_address,
            Field::ExternalId => &self.external_id,
        }
    }

    /// What it stands by in an order.
    #[must_use]
    pub fn key(&self, order: Order) -> Key {
        match order {
            Order::CreatedAt => Key::Number(self.created_at),
            Order::UpdatedAt => Key::Number(self.updated_at),
            Order::LastLogin => Key::Number(self.last_login),
            Order::Role => Key::Number(self.role),
            Order::Email => Key::Text(self.email.clone()),
            Order::Username => Key::Text(self.username.clone()),
            Order::LastName => Key::Text(self.last_name.clone()),
            Order::FirstName => Key::Text(self.first_name.clone()),
        }
    }

    /// Whether another row of this person differs in nothing but its version and when it was changed.
    pub(super) fn is_as_found_as(&self, other: &Self) -> bool {
        let Self { doc, version, updated_at, .. } = *other;
        Self { doc, version, updated_at, ..self.clone() } == *other
    }

    /// Whether another row has the same grams.
    pub(super) fn same_grams(&self, other: &Self) -> bool {
        self.facet == other.facet && Field::ALL.iter().all(|field| self.text(*field) == other.text(*field))
    }
}
