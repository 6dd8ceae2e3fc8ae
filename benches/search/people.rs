//! The people who are searched: those of `denizen fake`, each with the rows that the service would write.

use denizen::{
    access::Role,
    account::{User, Verification},
    clock::Time,
    db::Value,
    id::UserId,
    import::fake::Crowd,
    search::{Entry, Field, gram},
};

/// When they are made up: their times lie in the five years before.
pub const NOW: i64 = 1_767_225_600_000_000; // 2026-01-01
/// Some are more than users, which `denizen fake` makes nobody.
const ADMINS: i64 = 5_000;

/// So many of them, each with the number of its row. The first ones are the same in any crowd.
pub fn people(size: u64) -> impl Iterator<Item = (User, i64)> {
    Crowd::new(size, 1, Time::from_micros(NOW)).zip(1..).map(|(arrival, doc)| {
        let user = User {
            is_active: arrival.is_active,
            is_verified: arrival.verification == Verification::Proved,
            created_at: arrival.created_at.unwrap(),
            updated_at: arrival.created_at.unwrap(),
            last_login: arrival.last_login,
            role: if doc % ADMINS == 0 { Role::Admin } else { Role::User },
            synced: doc % 20 == 0,
            mfa_enabled: doc % 50 == 0,
            ..nobody(doc)
        };
        (arrival.apply(user), doc)
    })
}

fn nobody(doc: i64) -> User {
    User {
        id: UserId::from_uuid(uuid::Uuid::from_u128(u128::from(doc.unsigned_abs()) << 64 | 7)),
        email: format!("fake{doc}@fake.example"),
        username: None,
        full_name: None,
        first_name: None,
        last_name: None,
        phone: None,
        gender: None,
        ip_address: None,
        avatar_url: None,
        bio: None,
        current_title: None,
        experience_years: None,
        education_level: None,
        current_role_level: None,
        location: None,
        timezone: None,
        locale: None,
        user_metadata: serde_json::Map::new(),
        app_metadata: serde_json::Map::new(),
        external_id: None,
        role: Role::User,
        is_active: true,
        is_verified: true,
        is_premium: false,
        subscription_tier: "basic".into(),
        subscription_status: "active".into(),
        synced: false,
        must_change_password: true,
        mfa_enabled: false,
        version: 1,
        authority_version: 1,
        created_at: Time::from_micros(NOW),
        updated_at: Time::from_micros(NOW),
        last_login: None,
        last_activity: None,
    }
}

/// The tables and their columns, in the order of [`rows`].
pub const TABLES: [(&str, &str); 3] = [
    (
        "users",
        "id, version, authority_version, email, email_key, username, username_key, full_name, first_name, last_name, \
         gender, current_title, location, experience_years, user_metadata, app_metadata, role, subscription_tier, \
         subscription_status, is_active, is_verified, is_premium, synced, mfa_enabled, must_change_password, \
         created_at, updated_at, last_login",
    ),
    (
        "search_users",
        "doc, user_id, version, facet, role, email, username, first_name, last_name, full_name, location, \
         current_title, gender, ip_address, external_id, created_at, updated_at, last_login",
    ),
    ("search_grams", "doc, grams"),
];

/// A row for each of the tables. Grams are numbers between blanks.
pub fn rows(user: &User, doc: i64) -> [Vec<Value>; 3] {
    let text = |text: &Option<String>| text.as_deref().map_or(Value::Null, Value::from);
    let account = vec![
        user.id.into(),
        1.into(),
        1.into(),
        user.email.as_str().into(),
        user.email.to_lowercase().into(),
        text(&user.username),
        text(&user.username),
        text(&user.full_name),
        text(&user.first_name),
        text(&user.last_name),
        text(&user.gender),
        text(&user.current_title),
        text(&user.location),
        user.experience_years.map_or(Value::Null, Value::Int),
        Value::Json(serde_json::Map::new()),
        Value::Json(serde_json::Map::new()),
        user.role.as_str().into(),
        user.subscription_tier.as_str().into(),
        user.subscription_status.as_str().into(),
        user.is_active.into(),
        user.is_verified.into(),
        user.is_premium.into(),
        user.synced.into(),
        user.mfa_enabled.into(),
        user.must_change_password.into(),
        Value::Time(user.created_at),
        Value::Time(user.updated_at),
        user.last_login.map_or(Value::Null, Value::Time),
    ];
    let entry = Entry::from(user);
    let head = [Value::Int(doc), entry.user_id.into(), Value::Int(1), Value::Int(entry.facet), Value::Int(entry.role)];
    let texts = Field::ALL.map(|field| Value::from(entry.text(field)));
    let tail = [entry.created_at, entry.updated_at, entry.last_login].map(Value::Int);
    let grams = gram::of(&entry).iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
    [account, head.into_iter().chain(texts).chain(tail).collect(), vec![Value::Int(doc), grams.as_str().into()]]
}
