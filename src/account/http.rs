//! `/api/v1/users/me`; the other routes of users are in the files beside it.

pub(crate) mod create;
pub(crate) mod dossier;
pub(crate) mod list;
pub(crate) mod others;
pub(crate) mod own;
pub(crate) mod roles;
pub(crate) mod seen;
pub(crate) mod support;
mod update;

pub(crate) mod shape;

use axum::extract::State;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::{
    Changes, Email, Username,
    view::{self, Written},
};
use crate::{
    access::Caller,
    app::App,
    body,
    error::{Code, Result, Rule},
    http::{ETag, IfMatch, Input, Int, Json, JsonObject, Line, Message, Text, input::text},
    login::reauthenticate,
    once::{Answer, http::Once},
    password::Password,
    patch::Patch,
    session,
};

impl Input for Email {
    fn read(value: &Value) -> Result<Self, Rule> {
        text(value).and_then(Self::parse)
    }
    fn schema() -> Value {
        json!({"type": "string", "format": "email", "maxLength": 254, "examples": ["ann@example.com"]})
    }
}

impl Input for Username {
    fn read(value: &Value) -> Result<Self, Rule> {
        text(value).and_then(Self::parse)
    }
    fn schema() -> Value {
        json!({"type": "string", "pattern": "^[A-Za-z0-9_.-]{3,50}$", "minLength": 3, "maxLength": 50})
    }
}

/// The address of a picture: `http` or `https`, nothing that a page would run.
pub(crate) struct WebAddress(String);

impl Input for WebAddress {
    fn read(value: &Value) -> Result<Self, Rule> {
        let text = Line::<1, 2_048>::read(value)?.into_string();
        let web = ["https://", "http://"].iter().any(|scheme| text.to_ascii_lowercase().starts_with(scheme));
        if web && !text.contains(char::is_whitespace) {
            Ok(Self(text))
        } else {
            Err(Rule::new("invalid_url", "This must be an address that begins with https:// or http://."))
        }
    }
    fn schema() -> Value {
        let example = "https://example.com/ann.png";
        json!({"type": "string", "format": "uri", "maxLength": 2_048, "examples": [example]})
    }
}

impl From<WebAddress> for Value {
    fn from(address: WebAddress) -> Self {
        address.0.into()
    }
}

body! {
    /// What `PUT` and `PATCH /users/me` take: both change only the fields given, and `null` clears one.
    pub(crate) struct Update {
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
        /// A few words about oneself.
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
        /// Where one lives.
        #[example("Lisbon")]
        location: Patch<Line<1, 255>>,
        /// The time zone's name.
        #[example("Europe/Lisbon")]
        timezone: Patch<Line<1, 64>>,
        /// What an application keeps with the user.
        user_metadata: Patch<JsonObject<16_384>>,
    }
}

impl From<Update> for Changes {
    fn from(update: Update) -> Self {
        Self {
            username: update.username,
            full_name: update.full_name.map(Line::into_string),
            first_name: update.first_name.map(Line::into_string),
            last_name: update.last_name.map(Line::into_string),
            phone: update.phone.map(Line::into_string),
            gender: update.gender.map(Line::into_string),
            avatar_url: update.avatar_url.map(|address| address.0),
            bio: update.bio.map(Text::into_string),
            current_title: update.current_title.map(Line::into_string),
            experience_years: update.experience_years.map(Int::get),
            education_level: update.education_level.map(Line::into_string),
            current_role_level: update.current_role_level.map(Line::into_string),
            location: update.location.map(Line::into_string),
            timezone: update.timezone.map(Line::into_string),
            user_metadata: update.user_metadata.map(JsonObject::into_map),
        }
    }
}

body! {
    /// What `DELETE /users/me` takes.
    pub(crate) struct Delete {
        /// The password, unless the last sign-in was within 10 minutes.
        #[example("Correct-Horse-7-Battery")]
        password: Option<SecretString>,
    }
}

type View = (ETag, Json<Written>);

/// `GET /users/me` and `GET /auth/me`.
pub(crate) async fn me(State(app): State<App>, caller: Caller) -> Result<View> {
    let (id, _) = caller.signed_in()?;
    let user = super::get(&mut app.db.read(), id).await?.ok_or(Code::TokenRefused)?;
    Ok((ETag(user.version), Json(Written::own(user, caller.authority().clone()))))
}

/// `PUT` and `PATCH /users/me`.
pub(crate) async fn update(
    State(app): State<App>,
    expected: IfMatch,
    once: Once,
    body: Result<Json<Update>>,
) -> Result<Answer> {
    let caller = &once.caller;
    let (id, _) = caller.signed_in()?;
    let changes = Changes::from(body?.0);
    let expected = |version| expected.check(version);
    once.write(&app, async |tx| {
        let user = super::update(tx, caller, id, changes, expected).await?;
        Ok(Answer::ok(view::own(&user, caller.authority())).version(user.version))
    })
    .await
}

/// `DELETE /users/me`.
pub(crate) async fn delete(
    State(app): State<App>,
    caller: Caller,
    expected: IfMatch,
    body: Option<Json<Delete>>,
) -> Result<Message> {
    let (id, session) = caller.signed_in()?;
    match body.and_then(|body| body.0.password) {
        Some(password) => {
            let password = Password::parse(password.expose_secret()).map_err(|rule| rule.error("password"))?;
            reauthenticate::reauthenticate(&app, &caller, &password).await?;
        }
        None if app.db.clock().now() > app.bearers.proved_at(session).await? + session::FRESH => {
            return Err(Code::ReauthRequired.into());
        }
        None => {}
    }
    let grace = app.config.auth.delete_grace;
    app.db.write(async |tx| super::delete(tx, &caller, id, grace, |version| expected.check(version)).await).await?;
    Ok(Message::new("The account was deleted"))
}
