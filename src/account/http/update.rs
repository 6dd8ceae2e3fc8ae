//! What `PUT` and `PATCH /users/{id}` take: of oneself the same as `/users/me`, of others more.

use serde_json::Value;

use super::{Update, WebAddress};
use crate::{
    account::{
        Changes, Email, Username,
        oversight::{ExternalId, Oversight},
    },
    body,
    error::{Result, Rule},
    http::{
        Input, Int, JsonObject, Kept, Line, Text,
        body::{Body, Given},
        input::text,
        openapi::Field,
    },
    login::http::Address,
    password::Password,
    patch::Patch,
};

impl Input for ExternalId {
    /// A number is taken too: other systems count.
    fn read(value: &Value) -> Result<Self, Rule> {
        match value.as_i64() {
            Some(number) => Self::parse(&number.to_string()),
            None => Self::parse(text(value)?),
        }
    }
    fn schema() -> Value {
        let about = "A whole number is taken too.";
        let kinds = ["string", "integer"];
        serde_json::json!({"type": kinds, "minLength": 1, "maxLength": 255, "description": about, "examples": ["4711"]})
    }
}

body! {
    /// What `PUT` and `PATCH /users/{id}` take: both change only the fields given, and `null` clears one
    /// that can be empty.
    pub(crate) struct UpdateOther {
        /// The name to sign in with, beside the address.
        #[example("ann.lee")]
        username: Patch<Username>,
        /// The whole name.
        #[example("Ann Lee")]
        full_name: Patch<Line<2, 255>>,
        /// The first name or names.
        #[example("Ann")]
        first_name: Patch<Line<1, 100>>,
        /// The last name.
        #[example("Lee")]
        last_name: Patch<Line<1, 100>>,
        /// A telephone number.
        #[example("+351 21 555 0100")]
        phone: Patch<Line<1, 20>>,
        /// The gender, as told.
        #[example("female")]
        gender: Patch<Line<1, 50>>,
        /// The address of a picture.
        avatar_url: Patch<WebAddress>,
        /// A few words about the person.
        #[example("I like maps.")]
        bio: Patch<Text<0, 1000>>,
        /// The title at work.
        #[example("Cartographer")]
        current_title: Patch<Line<1, 255>>,
        /// Years of experience.
        #[example(7)]
        experience_years: Patch<Int<0, 50>>,
        /// The level of education.
        #[example("master")]
        education_level: Patch<Line<1, 100>>,
        /// The level of the present role.
        #[example("senior")]
        current_role_level: Patch<Line<1, 100>>,
        /// Where the person lives.
        #[example("Lisbon")]
        location: Patch<Line<1, 255>>,
        /// The time zone's name.
        #[example("Europe/Lisbon")]
        timezone: Patch<Line<1, 64>>,
        /// What the person's applications keep with him.
        #[example({"theme": "dark"})]
        user_metadata: Patch<JsonObject<16_384>>,
        /// The e-mail address; not of oneself. A new one is unproved unless `is_verified` says otherwise.
        email: Kept<Email>,
        /// Whether the e-mail address is proved; not of oneself.
        is_verified: Kept<bool>,
        /// The id in the system the person came from; not of oneself.
        #[example("4711")]
        external_id: Patch<ExternalId>,
        /// The address in the network; not of oneself.
        ip_address: Patch<Address>,
        /// A new password, which ends all sessions; not of oneself. Needs `users.support`.
        #[example("Correct-Horse-7-Battery")]
        password: Kept<Password>,
        /// What is kept with the user and he does not write; not of oneself.
        #[example({"crm": 4711})]
        app_metadata: Patch<JsonObject<16_384>>,
        /// The plan; not of oneself. Nobody gives one that adds what he lacks.
        #[example("premium")]
        subscription_tier: Kept<Line<1, 50>>,
    }
}

impl UpdateOther {
    /// What the person could change himself, what he could not, and a password.
    pub(super) fn split(self) -> (Changes, Oversight, Option<Password>) {
        let own = Update {
            username: self.username,
            full_name: self.full_name,
            first_name: self.first_name,
            last_name: self.last_name,
            phone: self.phone,
            gender: self.gender,
            avatar_url: self.avatar_url,
            bio: self.bio,
            current_title: self.current_title,
            experience_years: self.experience_years,
            education_level: self.education_level,
            current_role_level: self.current_role_level,
            location: self.location,
            timezone: self.timezone,
            user_metadata: self.user_metadata,
        };
        let oversight = Oversight {
            email: self.email.0,
            is_verified: self.is_verified.0,
            external_id: self.external_id,
            ip_address: self.ip_address.map(Address::into_string),
            app_metadata: self.app_metadata.map(JsonObject::into_map),
            subscription_tier: self.subscription_tier.0.map(Line::into_string),
        };
        (own.into(), oversight, self.password.0)
    }
}

/// A body whose reading waits until it is known whom it is about.
pub(crate) struct Unread(Given);

impl Body for Unread {
    const ABOUT: &'static str = UpdateOther::ABOUT;
    const STRICT: bool = UpdateOther::STRICT;
    const FIELDS: &'static [Field] = UpdateOther::FIELDS;
    fn read(given: Given) -> Result<Self> {
        Ok(Self(given))
    }
}

impl Unread {
    /// As a change of oneself.
    pub(super) fn own(self) -> Result<Update> {
        Update::read(self.0)
    }

    /// As a change of somebody else.
    pub(super) fn other(self) -> Result<UpdateOther> {
        UpdateOther::read(self.0)
    }
}
