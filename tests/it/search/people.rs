//! People to be found, and the answer that a simple reading of the contract gives.

use denizen::{
    access::{Caller, Role},
    account::{self, Changes, Email, Names, New, User, Username, Verification},
    app::App,
    clock::Time,
    db::{Tx, Value, sql},
    error::Result,
    id::UserId,
    patch::Patch,
    search::{Direction, Field, Order, fold},
};

use crate::kit::{TestApp, random::Random};

const FIRST: &[&str] = &["Ann", "Anna", "Bob", "Straße", "ﬁnn", "İlker", "Zoë", "Zoe\u{308}", "o", "A_b", "100%", "ǅ"];
const LAST: &[&str] = &["Lee", "Leeson", "van der Berg", "O'Brien", "STRASSE", "Müller", "שלום", "李", "!x!", "Ånn"];
const PLACE: &[&str] = &["Berlin", "Bern", "New York", "São Paulo", "%_%", "北京市", "x"];
const TITLE: &[&str] = &["Engineer", "Senior Engineer", "\\o/", "Bäcker 🥐", "CEO", "e"];
const DOMAIN: &[&str] = &["gmail.com", "example.com", "corp.example", "bücher.example"];

fn pick(random: &mut Random, from: &[&str]) -> String {
    from[random.below(from.len())].to_owned()
}

fn perhaps(random: &mut Random, from: &[&str]) -> Option<String> {
    (!random.one_in(4)).then(|| pick(random, from))
}

/// People that are made in one transaction: few, or a hostile database would let none of them by.
const BATCH: usize = 4;

/// Makes people, with everything about them drawn.
pub async fn make(app: &App, random: &mut Random, count: usize) {
    make_by(app, random, count, BATCH).await;
}

/// The same by so many at once, where the database is calm.
pub async fn make_by(app: &App, random: &mut Random, count: usize, batch: usize) {
    for made in (0..count).step_by(batch) {
        let random = random.fork();
        let batch = batch.min(count - made);
        app.db
            .write(async |tx| {
                let mut random = random.clone();
                for _ in 0..batch {
                    one(tx, &mut random).await?;
                }
                Ok(())
            })
            .await
            .unwrap();
    }
}

/// Makes one person.
pub async fn one(tx: &mut Tx, random: &mut Random) -> Result<UserId> {
    let number = random.next() % 1_000_000_000_000;
    let (first, last) = (pick(random, FIRST), pick(random, LAST));
    let new = New {
        email: Email::parse(&format!("P{number}.{}@{}", random.below(9), pick(random, DOMAIN))).unwrap(),
        username: (!random.one_in(3)).then(|| Username::parse(&format!("User_{number:x}")).unwrap()),
        names: Names::complete(None, Some(first), Some(last)),
        gender: perhaps(random, &["female", "Male", "other"]),
        phone: None,
        ip_address: perhaps(random, &["10.0.0.1", "10.0.0.2", "2001:DB8::1"]),
        role: Role::ALL[random.below(12).saturating_sub(9)],
        verification: if random.one_in(2) { Verification::Proved } else { Verification::Pending },
    };
    let id = account::create(tx, &Caller::operator(), new).await?.id;
    touch(tx, random, id).await?;
    if random.one_in(3) {
        account::signed_in(tx, id).await?;
    }
    Ok(id)
}

/// Changes something about somebody.
pub async fn touch(tx: &mut Tx, random: &mut Random, id: UserId) -> Result<()> {
    // What no verb changes yet; the change after it makes it known.
    sql("update users set is_premium = $1, subscription_tier = $2, mfa_enabled = $3, synced = $4, external_id = $5
         where id = $6")
    .bind(random.one_in(3))
    .bind(pick(random, &["basic", "basic", "premium", "enterprise"]))
    .bind(random.one_in(5))
    .bind(random.one_in(2))
    .bind(random.one_in(4).then(|| format!("Ext-{}", random.below(5))).map_or(Value::Null, Value::from))
    .bind(id)
    .execute(tx)
    .await?;
    let location = format!("{} {}", pick(random, PLACE), random.below(3));
    let changes = Changes {
        location: if random.one_in(5) { Patch::Clear } else { Patch::Set(location) },
        current_title: perhaps(random, TITLE).map_or(Patch::Clear, Patch::Set),
        bio: Patch::Set(random.next().to_string()),
        ..Changes::default()
    };
    account::update(tx, &Caller::operator(), id, changes, |_| Ok(())).await?;
    Ok(())
}

/// Everybody, by the accounts' own verb, with the numbers of their rows.
pub async fn everybody(app: &TestApp) -> Vec<(User, i64)> {
    let mut users = Vec::new();
    let mut last = None;
    loop {
        let page = account::walk(&Caller::operator(), &mut app.app.db.read(), last, 500).await.unwrap();
        let Some(newest) = page.last() else { break };
        last = Some(newest.id);
        users.extend(page);
    }
    let mut with_docs = Vec::new();
    for user in users {
        let doc = sql("select doc from search_users where user_id = $1").bind(user.id);
        with_docs.push((user, doc.scalar::<i64>(&mut app.app.db.read()).await.unwrap()));
    }
    with_docs
}

/// One filter as the contract has it: its name and value in a query.
#[derive(Clone, Debug)]
pub struct Asked {
    pub name: String,
    pub value: String,
}

const TEXTS: &[Field] = &[
    Field::Email,
    Field::Username,
    Field::FirstName,
    Field::LastName,
    Field::FullName,
    Field::Location,
    Field::CurrentTitle,
];
const FLAGS: &[&str] = &["is_active", "is_verified", "is_premium", "mfa_enabled", "synced"];
const TIMES: &[&str] = &["created_after", "created_before", "last_login_after", "last_login_before"];

/// Draws a filter about somebody who is there, or about nobody.
pub fn asked(random: &mut Random, people: &[(User, i64)]) -> Asked {
    let somebody = &people[random.below(people.len())].0;
    let of = |name: &str, value: String| Asked { name: name.to_owned(), value };
    match random.below(12) {
        0..=4 => {
            let field = TEXTS[random.below(TEXTS.len())];
            let text = text(somebody, field).unwrap_or_else(|| pick(random, TITLE));
            let variant = ["", "_starts", "_ends", "_exact"][random.below(4)];
            of(&format!("{}{variant}", field.as_str()), piece(random, &text, variant))
        }
        5 => {
            let (first, second) = (TEXTS[random.below(7)], TEXTS[random.below(7)]);
            let word = |random: &mut Random, field| {
                let text = text(somebody, field).unwrap_or_else(|| "gmail".into());
                piece(random, &text, "")
            };
            let (one, two) = (word(random, first), word(random, second));
            of("query", format!("{one} {two}"))
        }
        6 | 7 => {
            let name = FLAGS[random.below(FLAGS.len())];
            let words = if name == "synced" { ["yes", "no"] } else { ["true", "false"] };
            of(name, words[random.below(2)].into())
        }
        8 => of("role", pick(random, &["user", "admin", "superadmin"])),
        9 => of("subscription_tier", pick(random, &["basic", "premium", "enterprise"])),
        10 => match random.below(4) {
            0 => of("gender", pick(random, &["FEMALE", "male", "Other", "none"])),
            1 => of("ip_address", pick(random, &["10.0.0.1", "2001:db8:0::1", "::1"])),
            2 => of("external_id", format!("Ext-{}", random.below(6))),
            _ => of("never_logged_in", pick(random, &["true", "false"])),
        },
        _ => {
            let time = if random.one_in(2) { Some(somebody.created_at) } else { somebody.last_login };
            of(TIMES[random.below(4)], time.unwrap_or(somebody.updated_at).to_string())
        }
    }
}

/// A part of a text, such that the filter may hold.
fn piece(random: &mut Random, text: &str, variant: &str) -> String {
    let text: Vec<char> = if random.one_in(2) { text.to_uppercase() } else { text.to_owned() }.chars().collect();
    let length = 1 + random.below(text.len().min(9));
    let begin = match variant {
        "_starts" => 0,
        "_ends" => text.len() - length,
        "_exact" => return text.into_iter().collect(),
        _ => random.below(text.len() - length + 1),
    };
    let piece: String = text[begin..begin + length].iter().collect();
    // Blanks at the ends are not part of what is asked.
    if piece.trim().is_empty() { "x".into() } else { piece.trim().to_owned() }
}

fn text(user: &User, field: Field) -> Option<String> {
    match field {
        Field::Email => Some(user.email.clone()),
        Field::Username => user.username.clone(),
        Field::FirstName => user.first_name.clone(),
        Field::LastName => user.last_name.clone(),
        Field::FullName => user.full_name.clone(),
        Field::Location => user.location.clone(),
        Field::CurrentTitle => user.current_title.clone(),
        Field::Gender => user.gender.clone(),
        Field::IpAddress => user.ip_address.clone(),
        Field::ExternalId => user.external_id.clone(),
    }
}

/// Whether a filter holds for somebody, read plainly off the contract.
pub fn holds(asked: &Asked, user: &User) -> bool {
    let value = fold(&asked.value);
    let time = || Time::parse(&asked.value).unwrap();
    let login = user.last_login;
    let text_of = |name: &str| TEXTS.iter().find(|field| field.as_str() == name).map(|field| text(user, *field));
    let within = |part: &str, whole: &str| {
        if part.chars().count() < 3 { whole.starts_with(part) } else { whole.contains(part) }
    };
    match asked.name.as_str() {
        "query" => value
            .split_whitespace()
            .all(|word| TEXTS.iter().any(|field| text(user, *field).is_some_and(|text| within(word, &fold(&text))))),
        "is_active" => user.is_active.to_string() == value,
        "is_verified" => user.is_verified.to_string() == value,
        "is_premium" => user.is_premium.to_string() == value,
        "mfa_enabled" => user.mfa_enabled.to_string() == value,
        "synced" => (if user.synced { "yes" } else { "no" }) == value,
        "role" => user.role.as_str() == value,
        "subscription_tier" => user.subscription_tier == value,
        "gender" => user.gender.as_deref().is_some_and(|gender| fold(gender) == value),
        "external_id" => user.external_id.as_deref() == Some(&asked.value),
        "ip_address" => {
            let parse = |text: &str| text.parse::<std::net::IpAddr>().unwrap();
            user.ip_address.as_deref().is_some_and(|ip| parse(ip) == parse(&asked.value))
        }
        "created_after" => user.created_at >= time(),
        "created_before" => user.created_at < time(),
        "last_login_after" => login.is_some_and(|login| login >= time()),
        "last_login_before" => login.is_some_and(|login| login < time()),
        "never_logged_in" => login.is_none().to_string() == value,
        name => {
            let (field, variant) = ["_starts", "_ends", "_exact"]
                .into_iter()
                .find_map(|variant| Some((name.strip_suffix(variant)?, variant)))
                .unwrap_or((name, ""));
            let text = fold(&text_of(field).unwrap().unwrap_or_default());
            match variant {
                "_starts" => text.starts_with(&value),
                "_ends" => text.ends_with(&value),
                "_exact" => text == value,
                _ => within(&value, &text),
            }
        }
    }
}

/// The people whom all filters hold for, in order.
pub fn expected(people: &[(User, i64)], asked: &[Asked], order: Order, direction: Direction) -> Vec<String> {
    let is_found = |(user, _): &&(User, i64)| asked.iter().all(|filter| holds(filter, user));
    let mut found: Vec<_> = people.iter().filter(is_found).collect();
    let micros = |time: Option<Time>| (time.map_or(0, Time::micros), String::new());
    let folded = |text: &Option<String>| (0, text.as_deref().map(fold).unwrap_or_default());
    found.sort_by_cached_key(|(user, doc)| {
        let key = match order {
            Order::CreatedAt => micros(Some(user.created_at)),
            Order::UpdatedAt => micros(Some(user.updated_at)),
            Order::LastLogin => micros(user.last_login),
            Order::Role => (user.role as i64, String::new()),
            Order::Email => folded(&Some(user.email.clone())),
            Order::Username => folded(&user.username),
            Order::LastName => folded(&user.last_name),
            Order::FirstName => folded(&user.first_name),
        };
        (key, *doc)
    });
    if direction == Direction::Descending {
        found.reverse();
    }
    found.into_iter().map(|(user, _)| user.id.to_string()).collect()
}

/// What filters are in a query's words.
pub fn query(asked: &[Asked]) -> String {
    let encode = |text: &str| -> String {
        text.bytes()
            .map(
                |byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") },
            )
            .collect()
    };
    asked.iter().map(|filter| format!("{}={}", filter.name, encode(&filter.value))).collect::<Vec<_>>().join("&")
}

/// Filters of which each is asked once, as the contract demands.
pub fn some_asked(random: &mut Random, people: &[(User, i64)]) -> Vec<Asked> {
    let mut some: Vec<Asked> = Vec::new();
    for _ in 0..random.below(5) {
        let one = asked(random, people);
        if some.iter().all(|known| known.name != one.name) {
            some.push(one);
        }
    }
    some
}
