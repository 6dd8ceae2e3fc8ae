//! Figures of the search: fills a database with people and measures every filter, pairs of them, deep pages and many
//! callers at once.
//!
//!     cargo run --release --example search_figures -- sqlite:FOLDER 1000000
//!     cargo run --release --example search_figures -- postgres://user@host/database 1000000
//!
//! On PostgreSQL it makes a schema `search_figures` and leaves it there for the next run; so does it with the folder.
#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on has failed")]
#![expect(clippy::print_stdout, reason = "it is there to print")]

use std::time::{Duration, Instant};

use denizen::{
    access::{Caller, Role},
    account::{self, Email, Names, New, User, Verification},
    app::App,
    clock::Time,
    config::{Config, Source},
    db::{Engine, Value, sql},
    id::UserId,
    search::{self, Count, Cursor, Direction, Emails, Entry, Key, Order, Search, gram},
};

/// Each filter, rare, common and absent.
const SINGLE: &[&str] = &[
    "query=first7%20last77",
    "query=qqzz",
    "query=en",
    "email=gmail.com",
    "email=last77",
    "email=nobodyhere",
    "email_starts=first1.last1",
    "email_ends=rare.example",
    "email_ends=gmail.com",
    "email_exact=first1.last1.1@gmail.com",
    "username=user77",
    "username_exact=user4711",
    "first_name=first1",
    "first_name=zzz",
    "last_name=last999",
    "last_name_starts=la",
    "full_name=7%20last7",
    "location=town1",
    "location=town199",
    "location_ends=99",
    "current_title=engineer",
    "current_title=title99",
    "gender=female",
    "gender=none",
    "ip_address=10.0.7.7",
    "external_id=4711",
    "role=user",
    "role=admin",
    "role=superadmin",
    "subscription_tier=basic",
    "subscription_tier=enterprise",
    "is_active=true",
    "is_active=false",
    "is_verified=true",
    "is_premium=true",
    "is_premium=false",
    "mfa_enabled=true",
    "synced=yes",
    "synced=no",
    "created_after=2024-12-01T00:00:00Z",
    "created_before=2015-01-05T00:00:00Z",
    "created_before=2024-01-01T00:00:00Z",
    "last_login_after=2025-05-25T00:00:00Z",
    "last_login_before=2019-01-01T00:00:00Z",
    "never_logged_in=true",
];

/// Pairs: rare with common, common with common, those that exclude each other, those that nobody has.
pub const PAIRS: &[&str] = &[
    "email=gmail.com&is_active=true",
    "email=gmail.com&is_active=false",
    "email=gmail.com&role=admin",
    "email=gmail.com&subscription_tier=enterprise",
    "email=gmail.com&created_after=2024-12-01T00:00:00Z",
    "email=gmail.com&first_name=first1",
    "email=gmail.com&location=town199",
    "email=rare.example&is_active=true",
    "email=rare.example&gender=female",
    "email_ends=corp.example&is_premium=false",
    "email_ends=corp.example&subscription_tier=basic",
    "email_ends=corp.example&role=user",
    "first_name=first1&last_name=last1",
    "first_name=first7&last_name=last77",
    "first_name=first7&is_verified=false",
    "last_name=last999&is_active=true",
    "last_name=last9&location=town9",
    "full_name=last7&current_title=engineer",
    "location=town1&current_title=engineer",
    "location=town199&subscription_tier=premium",
    "location=town5&mfa_enabled=true",
    "current_title=engineer&is_premium=true",
    "current_title=title99&role=admin",
    "gender=female&is_active=true",
    "gender=none&is_active=false",
    "gender=female&last_name=last42",
    "role=admin&is_active=true",
    "role=admin&is_active=false",
    "role=superadmin&synced=yes",
    "role=user&subscription_tier=enterprise",
    "is_premium=true&subscription_tier=basic",
    "is_premium=false&subscription_tier=enterprise",
    "is_active=false&is_verified=false",
    "is_active=true&is_verified=true",
    "mfa_enabled=true&synced=yes",
    "never_logged_in=true&is_active=true",
    "never_logged_in=true&last_login_after=2020-01-01T00:00:00Z",
    "never_logged_in=true&mfa_enabled=true",
    "created_after=2024-12-01T00:00:00Z&is_premium=true",
    "created_before=2015-02-01T00:00:00Z&email=gmail.com",
    "created_after=2020-01-01T00:00:00Z&location=town7",
    "created_after=2020-01-01T00:00:00Z&created_before=2020-01-02T00:00:00Z",
    "last_login_after=2025-05-25T00:00:00Z&gender=female",
    "last_login_before=2019-01-01T00:00:00Z&role=admin",
    "ip_address=10.0.7.7&is_active=true",
    "query=engineer%20gmail&is_active=false",
    "query=town1&is_premium=true",
    "external_id=4711&is_active=true",
];

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let (place, rows) = (arguments[1].clone(), arguments[2].parse::<i64>().unwrap());
    let app = open(&place).await;
    let there: i64 = sql("select count(*) from search_users").long().scalar(&mut app.db.read()).await.unwrap();
    if there < rows {
        let begun = Instant::now();
        match app.db.engine() {
            Engine::Sqlite => fill_sqlite(place.strip_prefix("sqlite:").unwrap(), there, rows),
            Engine::Postgres => fill_postgres(&place, there, rows).await,
        }
        println!("filled from {there} to {rows} in {:?}", begun.elapsed());
    }
    let begun = Instant::now();
    app.search.renew(&mut app.db.read()).await.unwrap();
    println!("sample drawn in {:?}", begun.elapsed());
    each(&app, "single", SINGLE).await;
    each(&app, "pair", PAIRS).await;
    orders(&app).await;
    deep(&app, rows).await;
    many(&app).await;
    registrations(&app).await;
}

async fn open(place: &str) -> App {
    let quiet = [("LOG_FILE", ""), ("ACCESS_LOG", "")];
    let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let own = match place.strip_prefix("sqlite:") {
        Some(folder) => vec![("DATA_DIR", folder)],
        None => vec![("DATABASE_URL", place), ("DATABASE_SCHEMA", "search_figures"), ("MASTER_KEY", key)],
    };
    let (config, _) = Config::load(&Source::of(quiet.into_iter().chain(own))).unwrap();
    App::open(config).await.unwrap()
}

fn asked(query: &str, order: Order) -> Search {
    let filter = search::http::filter(query).unwrap();
    Search { filter, order, direction: Direction::Descending, cursor: None, limit: 50, offset: 0, count: Count::Quick }
}

/// One search as the route does it, up to the accounts.
async fn once(app: &App, search: &Search) -> (Duration, search::Found) {
    let begun = Instant::now();
    let found = search::find(&Caller::operator(), &app.db, &app.search, search, Emails::Shown).await.unwrap();
    account::some(&mut app.db.read(), &found.users).await.unwrap();
    (begun.elapsed(), found)
}

async fn timed(app: &App, search: &Search, times: usize) -> ([Duration; 3], search::Found) {
    let mut all = Vec::new();
    let (_, mut found) = once(app, search).await;
    for _ in 0..times {
        let (time, again) = once(app, search).await;
        all.push(time);
        found = again;
    }
    all.sort_unstable();
    ([all[all.len() / 2], all[all.len() * 99 / 100], all[all.len() - 1]], found)
}

async fn each(app: &App, what: &str, queries: &[&str]) {
    let mut worst = (Duration::ZERO, "");
    for query in queries {
        let ([median, p99, _], found) = timed(app, &asked(query, Order::CreatedAt), 30).await;
        println!("{what:7} {median:>12.2?} {p99:>12.2?}  {query:70} {:?} {:?}", found.plan, found.matches);
        worst = worst.max((p99, query));
    }
    println!("worst {what}: {worst:?}");
}

async fn orders(app: &App) {
    for order in Order::ALL {
        for query in ["", "email=gmail.com", "is_premium=true&location=town7", "last_name=last42"] {
            let ([median, p99, _], found) = timed(app, &asked(query, *order), 20).await;
            println!("order   {median:>12.2?} {p99:>12.2?}  {:12} {query:50} {:?}", order.as_str(), found.plan);
        }
    }
}

async fn deep(app: &App, rows: i64) {
    let mut search = asked("", Order::CreatedAt);
    search.direction = Direction::Ascending;
    let ([first, p99, _], _) = timed(app, &search, 100).await;
    let n = rows * 9 / 10;
    search.cursor = Some(Cursor { key: Key::Number(created(n)), doc: n + 1 });
    let ([far, far_p99, _], _) = timed(app, &search, 100).await;
    println!("deep    first page {first:.2?} {p99:.2?}, behind row {n} {far:.2?} {far_p99:.2?}");
}

/// Sixteen callers for ten seconds.
async fn many(app: &App) {
    let begun = Instant::now();
    let callers = (0..16usize).map(|caller| {
        let app = app.clone();
        tokio::spawn(async move {
            let mut times = Vec::new();
            while begun.elapsed() < Duration::from_secs(10) {
                let n = caller * 31 + times.len() * 7;
                let all: Vec<_> = SINGLE.iter().chain(PAIRS).collect();
                let order = Order::ALL[if n.is_multiple_of(4) { n / 4 % Order::ALL.len() } else { 0 }];
                times.push(once(&app, &asked(all[n % all.len()], order)).await.0);
            }
            times
        })
    });
    let mut times = Vec::new();
    for caller in callers.collect::<Vec<_>>() {
        times.extend(caller.await.unwrap());
    }
    times.sort_unstable();
    let (median, p99) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    println!("many    {} searches/s, median {median:.2?}, p99 {p99:.2?}", times.len() / 10);
}

/// What an account costs in all, and what of it the search does.
async fn registrations(app: &App) {
    const COUNT: u32 = 300;
    let begun = Instant::now();
    let mut last = None;
    for n in 0..COUNT {
        let random = denizen::secret::random::<8>().unwrap();
        let number = u64::from_le_bytes(random);
        let new = New {
            email: Email::parse(&format!("new.{n}.{number}@example.com")).unwrap(),
            username: None,
            names: Names::complete(Some(format!("First{n} Last{n}")), None, None),
            gender: None,
            phone: None,
            ip_address: None,
            role: Role::User,
            verification: Verification::Proved,
        };
        last =
            Some(app.db.write(async |tx| account::create(tx, &Caller::operator(), new.clone()).await).await.unwrap());
    }
    let whole = begun.elapsed() / COUNT;
    let entry: Entry = (&last.unwrap()).into();
    let begun = Instant::now();
    for n in 0..COUNT {
        let mut entry = entry.clone();
        entry.user_id = UserId::from_uuid(uuid::Uuid::from_u128(u128::from(n) + 1));
        entry.email = format!("only.{n}@example.com");
        app.db
            .write(async |tx| {
                search::add(tx, &entry).await?;
                search::remove(tx, entry.user_id).await
            })
            .await
            .unwrap();
    }
    println!(
        "write   an account {whole:.2?}; its row and grams, made and taken away, alone {:.2?}",
        begun.elapsed() / COUNT
    );
}

/// The time at which the n-th of them came: evenly, from 2015 on, 315 s apart: a million in ten years.
fn created(n: i64) -> i64 {
    (1_420_070_400 + n * 315) * 1_000_000
}

/// One of so many places.
fn place(number: u64, most: u64) -> usize {
    usize::try_from(number % most).unwrap()
}

/// One of them; the same for the same number.
fn person(n: i64) -> User {
    let hash = |salt: u64| {
        let x = (n.unsigned_abs() ^ salt << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (x ^ x >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 33
    };
    // Few are frequent, many are rare.
    let skewed = |salt: u64, most: u64| (hash(salt) % most) * (hash(salt + 50) % most) / most;
    let (first, last) = (format!("First{}", skewed(1, 300)), format!("Last{}", skewed(2, 3_000)));
    let domain = match hash(3) % 1_000 {
        0 => "rare.example",
        1..300 => "gmail.com",
        300..320 => "corp.example",
        320..600 => "mail.example",
        _ => "example.com",
    };
    let tier =
        if domain == "corp.example" { "enterprise" } else { ["basic", "basic", "basic", "premium"][place(hash(4), 4)] };
    let at = Time::from_micros(created(n));
    User {
        id: UserId::from_uuid(uuid::Uuid::from_u128(u128::from(n.unsigned_abs()) << 64 | u128::from(hash(5)))),
        email: format!("{first}.{last}.{n}@{domain}"),
        username: Some(format!("user{n}")),
        full_name: Some(format!("{first} {last}")),
        first_name: Some(first),
        last_name: Some(last),
        phone: None,
        gender: [Some("female"), Some("male"), None][place(hash(6), 3)].map(Into::into),
        ip_address: Some(format!("10.{}.{}.{}", n / 65_536 % 256, n / 256 % 256, n % 256)),
        avatar_url: None,
        bio: None,
        current_title: Some(if hash(7) % 5 == 0 {
            "Senior Engineer".into()
        } else {
            format!("Title{}", skewed(8, 120))
        }),
        experience_years: None,
        education_level: None,
        current_role_level: None,
        location: Some(format!("Town{}", skewed(9, 250))),
        timezone: None,
        locale: None,
        user_metadata: serde_json::Map::new(),
        app_metadata: serde_json::Map::new(),
        external_id: (n % 10 == 1).then(|| n.to_string()),
        role: if n == 3 {
            Role::Superadmin
        } else if hash(10) % 5_000 == 0 {
            Role::Admin
        } else {
            Role::User
        },
        is_active: hash(11) % 50 != 0,
        is_verified: hash(12) % 10 < 7,
        is_premium: tier != "basic",
        subscription_tier: tier.into(),
        subscription_status: "active".into(),
        synced: hash(13) % 20 == 0,
        must_change_password: false,
        mfa_enabled: hash(14) % 10 == 0,
        version: 1,
        authority_version: 1,
        created_at: at,
        updated_at: at + Duration::from_secs(hash(15) % 10_000_000),
        last_login: (hash(16) % 4 > 0).then(|| at + Duration::from_secs(hash(17) % 20_000_000)),
        last_activity: None,
    }
}

/// The columns of an account's row, with their values as texts; nothing for null.
fn columns(user: &User) -> Vec<(&'static str, Option<String>)> {
    let time = |time: Time| Some(time.to_string());
    vec![
        ("email", Some(user.email.clone())),
        ("email_key", Some(user.email.to_lowercase())),
        ("username", user.username.clone()),
        ("username_key", user.username.clone()),
        ("full_name", user.full_name.clone()),
        ("first_name", user.first_name.clone()),
        ("last_name", user.last_name.clone()),
        ("gender", user.gender.clone()),
        ("ip_address", user.ip_address.clone()),
        ("current_title", user.current_title.clone()),
        ("location", user.location.clone()),
        ("user_metadata", Some("{}".into())),
        ("app_metadata", Some("{}".into())),
        ("external_id", user.external_id.clone()),
        ("role", Some(user.role.as_str().into())),
        ("subscription_tier", Some(user.subscription_tier.clone())),
        ("subscription_status", Some(user.subscription_status.clone())),
        ("created_at", time(user.created_at)),
        ("updated_at", time(user.updated_at)),
        ("last_login", user.last_login.and_then(time)),
    ]
}

fn flags(user: &User) -> [(&'static str, bool); 6] {
    [
        ("is_active", user.is_active),
        ("is_verified", user.is_verified),
        ("is_premium", user.is_premium),
        ("synced", user.synced),
        ("mfa_enabled", user.mfa_enabled),
        ("must_change_password", false),
    ]
}

fn entry_values(doc: i64, entry: &Entry) -> Vec<Value> {
    let texts = search::Field::ALL.map(|field| Value::from(entry.text(field)));
    let head = [Value::Int(doc), entry.user_id.into(), Value::Int(1), Value::Int(entry.facet), Value::Int(entry.role)];
    let tail = [entry.created_at, entry.updated_at, entry.last_login].map(Value::Int);
    head.into_iter().chain(texts).chain(tail).collect()
}

const ENTRY: &str = "doc, user_id, version, facet, role, email, username, first_name, last_name, full_name, location, \
                     current_title, gender, ip_address, external_id, created_at, updated_at, last_login";

fn gram_text(entry: &Entry) -> String {
    gram::of(entry).iter().map(u32::to_string).collect::<Vec<_>>().join(" ")
}

fn fill_sqlite(folder: &str, from: i64, to: i64) {
    let conn = rusqlite::Connection::open(format!("{folder}/denizen.db")).unwrap();
    conn.execute_batch("pragma synchronous = off; pragma cache_size = -400000; insert into search_grams (search_grams, rank) values ('hashsize', 50000000);").unwrap();
    conn.execute_batch("begin").unwrap();
    for n in from..to {
        let user = person(n);
        let entry: Entry = (&user).into();
        let mut names = String::from("id, version, authority_version");
        let mut values: Vec<rusqlite::types::Value> =
            vec![user.id.uuid().as_bytes().to_vec().into(), 1.into(), 1.into()];
        for (name, value) in columns(&user) {
            names = format!("{names}, {name}");
            values.push(match (name.ends_with("_at") || name == "last_login", value) {
                (_, None) => rusqlite::types::Value::Null,
                (true, Some(time)) => Time::parse(&time).unwrap().micros().into(),
                (false, Some(text)) => text.into(),
            });
        }
        for (name, is) in flags(&user) {
            names = format!("{names}, {name}");
            values.push(i64::from(is).into());
        }
        let marks = vec!["?"; values.len()].join(", ");
        let text = format!("insert into users ({names}) values ({marks})");
        conn.prepare_cached(&text).unwrap().execute(rusqlite::params_from_iter(values)).unwrap();
        let values = entry_values(n + 1, &entry).into_iter().map(|value| match value {
            Value::Int(v) => rusqlite::types::Value::from(v),
            Value::Text(v) => v.into(),
            Value::Uuid(v) => v.as_bytes().to_vec().into(),
            _ => rusqlite::types::Value::Null,
        });
        let marks = vec!["?"; 18].join(", ");
        let text = format!("insert into search_users ({ENTRY}) values ({marks})");
        conn.prepare_cached(&text).unwrap().execute(rusqlite::params_from_iter(values)).unwrap();
        let grams = conn.prepare_cached("insert into search_grams (rowid, grams) values (?, ?)");
        grams.unwrap().execute(rusqlite::params![n + 1, gram_text(&entry)]).unwrap();
        if n % 50_000 == 49_999 {
            conn.execute_batch("commit; begin").unwrap();
            println!("{n}");
        }
    }
    conn.execute_batch("commit").unwrap();
    conn.execute_batch("insert into search_grams (search_grams, rank) values ('hashsize', 1048576);").unwrap();
}

async fn fill_postgres(url: &str, from: i64, to: i64) {
    use std::fmt::Write;

    use futures_util::SinkExt;
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let drop =
        "set search_path = search_figures; drop index if exists search_grams_grams; set maintenance_work_mem = '512MB'";
    client.batch_execute(drop).await.unwrap();
    let line = |cells: Vec<Option<String>>| {
        let cells: Vec<String> = cells.into_iter().map(|cell| cell.unwrap_or_else(|| "\\N".into())).collect();
        format!("{}\n", cells.join("\t"))
    };
    for from in (from..to).step_by(20_000) {
        let people: Vec<User> = (from..(from + 20_000).min(to)).map(person).collect();
        let (mut names, mut users, mut entries, mut grams) =
            (String::new(), String::new(), String::new(), String::new());
        for (user, doc) in people.iter().zip(from + 1..) {
            let mut cells = vec![Some(user.id.to_string()), Some("1".into()), Some("1".into())];
            names = "id, version, authority_version".into();
            for (name, value) in columns(user) {
                names = format!("{names}, {name}");
                cells.push(value);
            }
            for (name, is) in flags(user) {
                names = format!("{names}, {name}");
                cells.push(Some(is.to_string()));
            }
            users.push_str(&line(cells));
            let entry: Entry = user.into();
            let cells = entry_values(doc, &entry).into_iter().map(|value| match value {
                Value::Int(v) => Some(v.to_string()),
                Value::Text(v) => Some(v),
                Value::Uuid(v) => Some(v.to_string()),
                _ => None,
            });
            entries.push_str(&line(cells.collect()));
            writeln!(grams, "{doc}\t{{{}}}", gram_text(&entry).replace(' ', ",")).unwrap();
        }
        for (table, text) in [
            (format!("users ({names})"), users),
            (format!("search_users ({ENTRY})"), entries),
            ("search_grams (doc, grams)".into(), grams),
        ] {
            let sink = client.copy_in(&format!("copy {table} from stdin")).await.unwrap();
            tokio::pin!(sink);
            sink.send(bytes::Bytes::from(text)).await.unwrap();
            sink.close().await.unwrap();
        }
        println!("{from}");
    }
    let index = "create index search_grams_grams on search_grams using gin (grams)
                 with (fastupdate = on, gin_pending_list_limit = 512);
                 select setval(pg_get_serial_sequence('search_users', 'doc'), (select max(doc) from search_users));";
    client.batch_execute(index).await.unwrap();
    for table in ["users", "search_users", "search_grams"] {
        client.batch_execute(&format!("vacuum analyze {table}")).await.unwrap();
    }
}
