//! `/api/v1/users/me/profile` and `/preferences`, and those of others.

mod document;

use axum::extract::State;
use serde_json::{Map, Value, json};

use self::document::document;
use super::{Document, Kind};
use crate::{
    access::{Caller, Permission},
    account::{
        http::{WebAddress, others::target},
        rank::is_self,
    },
    app::App,
    db::Conn,
    error::{Error, Result, Rule},
    http::{Input, Int, Json, JsonObject, Line, Path},
    id::UserId,
    once::{Answer, http::Once},
};

/// A value out of a few.
macro_rules! choice {
    ($(#[doc = $about:literal])* $name:ident $($word:literal)+) => {
        $(#[doc = $about])*
        pub(crate) struct $name(&'static str);

        impl Input for $name {
            fn read(value: &Value) -> Result<Self, Rule> {
                let words = [$($word),+];
                let found = words.into_iter().find(|word| value == word);
                found.map(Self).ok_or_else(|| Rule::new("not_allowed", format!("This must be one of: {}.", words.join(", "))))
            }

            fn schema() -> Value {
                json!({"type": "string", "enum": [$($word),+]})
            }
        }

        impl From<$name> for Value {
            fn from(choice: $name) -> Self {
                choice.0.into()
            }
        }
    };
}

choice! {
    /// Who may see something: everybody, or the owner and admins (`connections`, `private`).
    Visibility "public" "connections" "private"
}
choice! {
    /// How much is kept about a person's use.
    Privacy "minimal" "standard" "full"
}

/// A list of texts or objects.
pub(crate) struct Items(Vec<Value>);

impl Items {
    const MOST: usize = 100;
    const BYTES: usize = 2_048;
}

impl Input for Items {
    fn read(value: &Value) -> Result<Self, Rule> {
        let items = value.as_array().ok_or_else(|| Rule::wrong_type("a list"))?;
        if items.len() > Self::MOST {
            return Err(Rule::new("too_many", "A list has at most 100 items."));
        }
        if !items.iter().all(|item| item.is_string() || item.is_object()) {
            return Err(Rule::wrong_type("a list of texts or objects"));
        }
        if items.iter().any(|item| item.to_string().len() > Self::BYTES) {
            return Err(Rule::new("too_long", "An item has at most 2048 bytes."));
        }
        Ok(Self(items.clone()))
    }

    fn schema() -> Value {
        // The quotes of a text are two of its bytes.
        let text = json!({"type": "string", "maxLength": Self::BYTES - 2});
        json!({"type": "array", "maxItems": Self::MOST, "items": {"oneOf": [text, {"type": "object"}]}})
    }
}

impl From<Items> for Value {
    fn from(items: Items) -> Self {
        items.0.into()
    }
}

/// A list of short texts.
pub(crate) struct Texts(Vec<String>);

impl Input for Texts {
    fn read(value: &Value) -> Result<Self, Rule> {
        let texts = Vec::<Line<1, 255>>::read(value)?;
        if texts.len() > Items::MOST {
            return Err(Rule::new("too_many", "A list has at most 100 items."));
        }
        Ok(Self(texts.into_iter().map(Line::into_string).collect()))
    }

    fn schema() -> Value {
        json!({"type": "array", "maxItems": Items::MOST, "items": {"type": "string", "maxLength": 255}})
    }
}

impl From<Texts> for Value {
    fn from(texts: Texts) -> Self {
        texts.0.into()
    }
}

document! {
    /// What `PUT` and `PATCH /users/me/profile` take: both change only the fields given, and `null` clears one.
    ProfileChanges of Profile {
        /// The address of a profile at a job network.
        #[example("https://jobs.example/ann")]
        linkedin_url: WebAddress = null,
        /// The address of a profile at a code host.
        #[example("https://code.example/ann")]
        github_url: WebAddress = null,
        /// The address of a portfolio.
        #[example("https://ann.example/maps")]
        portfolio_url: WebAddress = null,
        /// The address of a home page.
        #[example("https://ann.example")]
        website_url: WebAddress = null,
        /// Skills.
        #[example(["Rust", {"name": "Cartography", "years": 7}])]
        skills: Items = [],
        /// Certifications.
        #[example(["First aid"])]
        certifications: Items = [],
        /// Languages.
        #[example(["en", "pt"])]
        languages: Items = [],
        /// How one likes to work.
        #[example("hybrid")]
        work_style: Line<1, 100> = null,
        /// When one could begin.
        #[example("in three months")]
        availability: Line<1, 100> = null,
        /// Whether one would move.
        relocation_willing: bool = null,
        /// Whether one would travel.
        travel_willing: bool = null,
        /// Who may see this profile.
        profile_visibility: Visibility = "public",
        /// Who may see the e-mail address.
        contact_visibility: Visibility = "connections",
    }
}

document! {
    /// What `PUT` and `PATCH /users/me/preferences` take: both change only the fields given, and `null` clears one.
    PreferencesChanges of Preferences {
        /// Titles one looks for.
        #[example(["Cartographer"])]
        target_titles: Texts = [],
        /// Titles one does not want.
        #[example(["Intern"])]
        blacklist_titles: Texts = [],
        /// Companies one looks for.
        #[example(["Example Maps"])]
        target_companies: Texts = [],
        /// Companies one does not want.
        #[example(["Example Oil"])]
        blacklist_companies: Texts = [],
        /// Places one likes.
        #[example(["Lisbon", "Porto"])]
        preferred_locations: Texts = [],
        /// The longest way to work, in minutes.
        #[example(45)]
        max_commute_minutes: Int<0, 300> = null,
        /// Whether one likes to work from afar.
        #[example("two days a week")]
        remote_preference: Line<1, 100> = null,
        /// Whether one would move.
        relocation_willing: bool = null,
        /// The least one wants to earn in a year.
        #[example(50_000)]
        salary_expectation_min: Int<0, 1_000_000_000> = null,
        /// The most one expects to earn in a year.
        #[example(60_000)]
        salary_expectation_max: Int<0, 1_000_000_000> = null,
        /// Whether one would take a share.
        equity_interest: bool = null,
        /// Benefits, the dearest first.
        #[example(["time off"])]
        benefits_priorities: Texts = [],
        /// The size of company one likes.
        #[example(["10-50"])]
        company_size_preference: Texts = [],
        /// Industries one likes.
        #[example(["maps"])]
        industry_preferences: Texts = [],
        /// What matters in a company's ways.
        #[example(["quiet"])]
        culture_priorities: Texts = [],
        /// How much the balance of work and life matters, from 1 to 5.
        #[example(4)]
        work_life_balance_importance: Int<1, 5> = null,
        /// Where one stands.
        #[example("middle")]
        career_stage: Line<1, 100> = null,
        /// When one wants a change.
        #[example("within a year")]
        career_timeline: Line<1, 100> = null,
        /// Where one wants to grow.
        #[example("expert")]
        growth_direction: Line<1, 100> = null,
        /// Skills one wants to learn.
        #[example(["Cartography"])]
        skills_to_develop: Texts = [],
        /// How often one applies.
        #[example("monthly")]
        application_frequency: Line<1, 100> = null,
        /// Whether applications are sent without asking.
        auto_apply_enabled: bool = false,
        /// What one wants to be told of.
        #[example({"mail": true})]
        notification_preferences: JsonObject<16_384> = {},
        /// What weighs how much in matching.
        #[example({"location": 0.5})]
        matching_algorithm_weights: JsonObject<16_384> = {},
        /// Whether answers teach the matching.
        feedback_learning_enabled: bool = true,
        /// How much is kept about one's use.
        privacy_level: Privacy = "standard",
    }
}

/// `GET /users/me/profile`.
pub(crate) async fn profile(State(app): State<App>, caller: Caller) -> Result<Json<Value>> {
    shown(&app, &caller, Kind::Profile, ProfileChanges::defaults()).await
}

/// `PUT` and `PATCH /users/me/profile`.
pub(crate) async fn set_profile(
    State(app): State<App>,
    once: Once,
    Json(body): Json<ProfileChanges>,
) -> Result<Answer> {
    change(&app, &once, Kind::Profile, body.changes(), ProfileChanges::defaults()).await
}

/// `GET /users/{id}/profile`: if its person shows it, or the caller may change others.
pub(crate) async fn profile_of(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<Value>> {
    shown_of(&app, &caller, &name, Kind::Profile, ProfileChanges::defaults()).await
}

/// `GET /users/{id}/preferences`: as the profile.
pub(crate) async fn preferences_of(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<Value>> {
    shown_of(&app, &caller, &name, Kind::Preferences, PreferencesChanges::defaults()).await
}

/// `GET /users/me/preferences`.
pub(crate) async fn preferences(State(app): State<App>, caller: Caller) -> Result<Json<Value>> {
    shown(&app, &caller, Kind::Preferences, PreferencesChanges::defaults()).await
}

/// `PUT` and `PATCH /users/me/preferences`.
pub(crate) async fn set_preferences(
    State(app): State<App>,
    once: Once,
    Json(body): Json<PreferencesChanges>,
) -> Result<Answer> {
    change(&app, &once, Kind::Preferences, body.changes(), PreferencesChanges::defaults()).await
}

async fn shown(app: &App, caller: &Caller, kind: Kind, defaults: Map<String, Value>) -> Result<Json<Value>> {
    let (user, _) = caller.signed_in()?;
    let document = super::get(&mut app.db.read(), user, kind).await?;
    Ok(Json(view(user, document, defaults)))
}

async fn shown_of(
    app: &App,
    caller: &Caller,
    name: &str,
    kind: Kind,
    defaults: Map<String, Value>,
) -> Result<Json<Value>> {
    let user = target(app, caller, name, Permission::UsersReadProfile).await?;
    let conn = &mut app.db.read();
    // What is not shown is as if it were not there.
    if !is_self(caller, user) && !caller.sees_everything() && !super::is_public(conn, user).await? {
        return Err(Error::not_found());
    }
    Ok(Json(view(user, super::get(conn, user, kind).await?, defaults)))
}

async fn change(
    app: &App,
    once: &Once,
    kind: Kind,
    changes: Vec<(&'static str, crate::patch::Patch<Value>)>,
    defaults: Map<String, Value>,
) -> Result<Answer> {
    let (caller, changes) = (&once.caller, &changes);
    let (user, _) = caller.signed_in()?;
    once.write(app, async |tx| {
        let document = super::update(tx, caller, kind, changes).await?;
        Ok(Answer::ok(view(user, Some(document), defaults)))
    })
    .await
}

/// Both documents of a person, as he sees them.
pub(crate) async fn both(conn: &mut Conn, user: UserId) -> Result<(Value, Value)> {
    let profile = super::get(conn, user, Kind::Profile).await?;
    let preferences = super::get(conn, user, Kind::Preferences).await?;
    Ok((view(user, profile, ProfileChanges::defaults()), view(user, preferences, PreferencesChanges::defaults())))
}

/// A document over its defaults. One that was never set has no id and no times.
fn view(user: UserId, document: Option<Document>, mut fields: Map<String, Value>) -> Value {
    fields.insert("user_id".into(), json!(user));
    fields.insert("id".into(), json!(document.as_ref().map(|document| document.id)));
    fields.insert("created_at".into(), json!(document.as_ref().map(|document| document.created_at)));
    fields.insert("updated_at".into(), json!(document.as_ref().map(|document| document.updated_at)));
    fields.extend(document.map(|document| document.data).unwrap_or_default());
    fields.into()
}
