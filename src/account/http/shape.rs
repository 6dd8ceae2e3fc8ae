//! What a user looks like on the wire: `own` in `src/account/view.rs`, for the documentation.

use serde_json::{Map, Value};

use crate::{
    account::view,
    clock::Time,
    http::openapi::{Maybe, Schemas, Shape},
    id::UserId,
    shape,
};

shape! {
    /// A user, as he sees himself.
    pub(crate) struct User {
        /// The id; it never changes.
        id: UserId,
        /// The e-mail address, as it was typed.
        #[example("ann@example.com")]
        email: String,
        /// The name to sign in with, beside the address.
        #[example("ann.lee")]
        username: Option<String>,
        /// The whole name.
        #[example("Ann Lee")]
        full_name: Option<String>,
        /// The first name or names.
        #[example("Ann")]
        first_name: Option<String>,
        /// The last name.
        #[example("Lee")]
        last_name: Option<String>,
        /// A telephone number.
        #[example("+351 21 555 0100")]
        phone: Option<String>,
        /// The gender, as told.
        #[example("female")]
        gender: Option<String>,
        /// The address in the network that the person had when the account was made.
        #[example("192.0.2.7")]
        ip_address: Option<String>,
        /// The address of a picture.
        #[example("https://example.com/ann.png")]
        avatar_url: Option<String>,
        /// A few words about oneself.
        #[example("I like maps.")]
        bio: Option<String>,
        /// The title at work.
        #[example("Cartographer")]
        current_title: Option<String>,
        /// Years of experience.
        #[example(7)]
        experience_years: Option<i64>,
        /// The level of education.
        #[example("master")]
        education_level: Option<String>,
        /// The level of the present role.
        #[example("senior")]
        current_role_level: Option<String>,
        /// Where one lives.
        #[example("Lisbon")]
        location: Option<String>,
        /// The time zone's name.
        #[example("Europe/Lisbon")]
        timezone: Option<String>,
        /// What an application keeps with the user; he may change it.
        #[example({"theme": "dark"})]
        user_metadata: Map<String, Value>,
        /// What an application keeps with the user; administrators may change it.
        #[example({"crm": 4711})]
        app_metadata: Map<String, Value>,
        /// The highest built-in role: `user`, `admin` or `superadmin`.
        #[example("user")]
        role: String,
        /// Every role.
        #[example(["user"])]
        roles: Vec<String>,
        /// What the roles permit.
        #[example(["users.read"])]
        permissions: Vec<String>,
        /// Whether the user may sign in.
        is_active: bool,
        /// Whether the e-mail address was proved.
        is_verified: bool,
        /// Whether the plan is a premium one.
        is_premium: bool,
        /// The plan.
        #[example("basic")]
        subscription_tier: String,
        /// How the plan stands.
        #[example("active")]
        subscription_status: String,
        /// Whether Keycloak has it too: `yes` or `no`.
        #[example("no")]
        synced: String,
        /// The id in the system that the account came from.
        #[example("4711")]
        external_id: Option<String>,
        /// Whether the password must be changed before anything else.
        #[example(false)]
        must_change_password: bool,
        /// Whether a second factor is enrolled.
        #[example(false)]
        mfa_enabled: bool,
        /// When the account was made.
        created_at: Time,
        /// When it last changed.
        updated_at: Time,
        /// The last sign-in.
        last_login: Option<Time>,
        /// The last request, to the minute.
        last_activity: Option<Time>,
    }
}

/// A user as others see him: without what this caller may not see.
pub(crate) struct SeenUser;

impl Shape for SeenUser {
    fn schema(schemas: &mut Schemas) -> Value {
        let _ = User::schema(schemas);
        let mut seen = schemas.get("User").cloned().unwrap_or_default();
        let hidden = |name: &Value| name.as_str().is_some_and(|name| view::Contact::Hidden.hides(name));
        if let Some(required) = seen["required"].as_array_mut() {
            required.retain(|name| !hidden(name));
        }
        seen["description"] = "A user, without what the caller may not see.".into();
        schemas.insert("SeenUser".into(), seen);
        serde_json::json!({"$ref": "#/components/schemas/SeenUser"})
    }
}

shape! {
    /// A page of users; under the other names when it was asked for with `page_size`.
    pub(crate) struct Users {
        /// The users.
        items: Maybe<Vec<SeenUser>>,
        /// The users.
        users: Maybe<Vec<SeenUser>>,
        /// How many there are in all.
        total: Maybe<u64>,
        /// How many there are in all.
        total_count: Maybe<u64>,
        /// Whether the total is an estimate.
        #[example(true)]
        total_is_estimate: Maybe<bool>,
        /// The number of this page.
        page: u64,
        /// How many a page holds.
        size: Maybe<u64>,
        /// How many a page holds.
        page_size: Maybe<u64>,
        /// How many pages there are.
        pages: Maybe<u64>,
        /// How many pages there are.
        total_pages: Maybe<u64>,
        /// Where the next page begins; null on the last one.
        #[example("LWNyZWF0ZWRfYXQgMDE4")]
        next_cursor: Option<String>,
    }
}

shape! {
    /// Figures of one's account.
    pub(crate) struct Stats {
        /// Whose they are.
        user_id: UserId,
        /// How many days ago it was made.
        account_age_days: u64,
        /// Sessions that can be used.
        active_sessions: u64,
        /// Refresh tokens that can be used.
        refresh_tokens: u64,
        /// Whether the e-mail address was proved.
        is_verified: bool,
        /// Whether the plan is a premium one.
        is_premium: bool,
        /// The plan.
        #[example("basic")]
        subscription_tier: String,
        /// The last sign-in.
        last_login: Option<Time>,
        /// The last request, to the minute.
        last_activity: Option<Time>,
    }
}
