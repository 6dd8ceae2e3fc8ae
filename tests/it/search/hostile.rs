//! Hostile searches: refused, or a right answer.

use std::time::{Duration, Instant};

use denizen::{
    access::{Caller, Role},
    account::{self, Changes, Email, Names, New, Username, Verification},
    app::App,
    db::{Tx, sql},
    error::Result,
    id::UserId,
    patch::Patch,
    search::{self, Order},
};
use serde_json::json;

use super::people;
use crate::{
    each_engine,
    kit::{
        TestApp,
        client::Client,
        random::Random,
        wire::{Heard, Wire},
    },
    route::problem,
};

const SEARCH: &str = "/api/v1/users/search";

/// Makes somebody of this name.
async fn named(app: &App, number: usize, first: &str, last: &str) {
    let names = Names::complete(None, Some(first.into()), Some(last.into()));
    let email = Email::parse(&format!("person{number}@example.com")).unwrap();
    let new = New {
        email,
        username: None,
        names,
        gender: None,
        phone: None,
        ip_address: Some("10.1.2.3".into()),
        role: Role::User,
        verification: Verification::Proved,
    };
    app.db.write(async |tx| account::create(tx, &Caller::operator(), new.clone()).await).await.unwrap();
}

/// Makes somebody whom every filter can find.
async fn whole(tx: &mut Tx) -> Result<UserId> {
    let new = New {
        email: Email::parse("person7@example.com").unwrap(),
        username: Some(Username::parse("ann.lee").unwrap()),
        names: Names::complete(None, Some("Ann".into()), Some("Lee".into())),
        gender: Some("female".into()),
        phone: None,
        ip_address: Some("10.1.2.3".into()),
        role: Role::User,
        verification: Verification::Proved,
    };
    let id = account::create(tx, &Caller::operator(), new).await?.id;
    // What no verb changes; the change after it makes it known.
    sql("update users set is_premium = $1, subscription_tier = $2, mfa_enabled = $1, synced = $1, external_id = $3
         where id = $4")
    .bind(true)
    .bind("premium")
    .bind("Ext-7")
    .bind(id)
    .execute(tx)
    .await?;
    let changes = Changes {
        location: Patch::Set("Lisbon, Portugal".into()),
        current_title: Patch::Set("Cartographer".into()),
        ..Changes::default()
    };
    account::update(tx, &Caller::operator(), id, changes, |_| Ok(())).await?;
    account::signed_in(tx, id).await?;
    Ok(id)
}

async fn admin(app: &TestApp) -> Client {
    app.bearer(&token(app).await)
}

/// The token of an admin.
async fn token(app: &TestApp) -> String {
    let ann = app.register("ann").await;
    app.set_role(&ann.id, Role::Admin).await;
    app.login("ann@example.com").await.expect(200).person().access
}

/// The first names of those whom a query finds.
async fn found(client: &Client, query: &str) -> Vec<String> {
    let reply = client.get(&format!("{SEARCH}?{query}")).await.expect(200);
    let items = reply.json()["items"].as_array().unwrap().clone();
    let mut names: Vec<_> =
        items.iter().map(|user| user["first_name"].as_str().unwrap_or_default().to_owned()).collect();
    names.sort();
    names
}

const NAMES: &[(&str, &str)] = &[
    ("(a+)+$", "x"),
    ("%_%_", "percent"),
    ("'; drop table users; --", "quote"),
    ("\"a\" OR NEAR(b)", "fts"),
    ("\\", "backslash"),
    ("!!!", "escape"),
    ("Straße", "sharp"),
    ("İstanbul", "dotted"),
    ("ﬁnn", "ligature"),
    ("שלום עולם", "right to left"),
    ("\u{202e}evil", "override"),
    ("👩‍👩‍👧", "emoji"),
    ("a\u{308}pfel", "composed"),
    ("{1,2}", "array"),
    ("-1 2", "minus"),
];

each_engine! {
    async fn texts_are_taken_for_what_they_are(app) {
        for (n, (first, last)) in NAMES.iter().enumerate() {
            named(&app.app, n, first, last).await;
        }
        let client = admin(&app).await;
        for (query, expected) in [
            ("first_name=(a%2B)%2B%24", vec!["(a+)+$"]),
            ("first_name=%25_%25", vec!["%_%_"]),
            ("first_name_exact=%25_%25_", vec!["%_%_"]),
            ("first_name=%25%25%25", vec![]),
            ("first_name=___", vec![]),
            ("first_name=_", vec![]),
            ("first_name=%27%3B%20drop%20table%20users", vec!["'; drop table users; --"]),
            ("first_name=%22a%22%20OR", vec!["\"a\" OR NEAR(b)"]),
            ("query=%22a%22%20NEAR(", vec!["\"a\" OR NEAR(b)"]),
            ("first_name=%5C", vec!["\\"]),
            ("first_name=!!!", vec!["!!!"]),
            ("first_name=STRASSE", vec!["Straße"]),
            ("first_name=%C3%9F", vec![]),
            ("first_name_ends=%C3%9Fe", vec!["Straße"]),
            ("first_name=i%CC%87stan", vec!["İstanbul"]),
            ("first_name=%C4%B0STAN", vec!["İstanbul"]),
            ("first_name=FINN", vec!["ﬁnn"]),
            ("first_name=%D7%A9%D7%9C%D7%95%D7%9D", vec!["שלום עולם"]),
            ("first_name=evil", vec!["\u{202e}evil"]),
            ("first_name=%F0%9F%91%A9", vec!["👩‍👩‍👧"]),
            ("first_name=%C3%84PFEL", vec!["a\u{308}pfel"]),
            ("first_name=%7B1,2%7D", vec!["{1,2}"]),
            ("first_name=-1%202", vec!["-1 2"]),
            ("first_name=a%25", vec![]),
        ] {
            assert_eq!(found(&client, query).await, expected, "{query}");
        }
    }

    async fn what_is_no_search_is_refused_by_name(app) {
        let client = admin(&app).await;
        let long = "a".repeat(12_000);
        for (query, fault) in [
            ("first=ann", "first:unknown_field"),
            ("email_contains=x", "email_contains:unknown_field"),
            ("sort_by=password", "sort_by:unknown_value"),
            ("sort_by=created_at;drop", "sort_by:unknown_value"),
            ("sort_order=up", "sort_order:unknown_value"),
            ("size=0", "size:out_of_range"),
            ("size=101", "size:out_of_range"),
            ("page=0", "page:out_of_range"),
            ("page=201", "page:use_cursor"),
            ("page=9223372036854775807", "page:use_cursor"),
            ("size=10&page_size=10", "page_size:conflict"),
            ("cursor=x", "cursor:invalid_cursor"),
            ("cursor=MSBlbWFpbCBhc2MgMSBh", "cursor:invalid_cursor"),
            ("sort_by=email&sort_order=asc&cursor=MSBlbWFpbCBhc2MgMSAA", "cursor:invalid_cursor"),
            ("is_active=yes", "is_active:wrong_type"),
            ("synced=maybe", "synced:unknown_value"),
            ("role=root", "role:unknown_role"),
            ("subscription_tier=%07", "subscription_tier:control_character"),
            ("ip_address=10.0.0.0/8", "ip_address:invalid_ip_address"),
            ("created_after=yesterday", "created_after:invalid_time"),
            ("total=all", "total:unknown_value"),
            ("query=1%202%203%204%205%206%207%208%209", "query:too_many_words"),
            ("email=%0a%07x", "email:control_character"),
        ] {
            let reply = client.get(&format!("{SEARCH}?{query}")).await;
            problem(&reply, 422, "invalid");
            assert_eq!(reply.faults(), [fault], "{query}");
        }
        for query in ["email=%00", "email=%ff", "email=a&email=b"] {
            problem(&client.get(&format!("{SEARCH}?{query}")).await, 400, "malformed");
        }
        // What is longer than a head may be is refused for every route: `input::heads_over_16_kib_are_refused`.
        for length in [256, 12_000] {
            let status = client.get(&format!("{SEARCH}?email={}", &long[..length])).await.status;
            assert!((400..500).contains(&status), "{length}: {status}");
        }
        // A cursor that somebody made up leads to a place in the list, and nowhere else.
        let forged = "MSBlbWFpbCBhc2MgOTIyMzM3MjAzNjg1NDc3NTgwNyB6enp6"; // 1 email asc 9223372036854775807 zzzz
        let reply = client.get(&format!("{SEARCH}?sort_by=email&sort_order=asc&cursor={forged}")).await.expect(200);
        assert_eq!(reply.json()["items"], json!([]));
    }

    async fn a_query_of_a_hundred_kilobytes_is_refused_and_costs_nobody_the_connection(app) {
        let long = format!("{SEARCH}?email={}", "a".repeat(100_000));
        let token = format!("Bearer {}", token(&app).await);
        let head = format!("host: test\r\nauthorization: {token}\r\n\r\n");
        let request = |path: &str| format!("GET {path} HTTP/1.1\r\n{head}").into_bytes();
        let (address, long_one, short_one) = (app.address, request(&long), request(&format!("{SEARCH}?email=ann")));
        // HTTP/1.1: answered, then closed; the next connection is served.
        let asked = tokio::task::spawn_blocking(move || {
            let mut wire = Wire::open(address);
            assert_eq!(wire.ask(&short_one).0.status, 200);
            let (refused, after) = (wire.ask(&long_one).0, wire.hear());
            (refused.status, after, Wire::open(address).ask(&short_one).0.status)
        });
        let (refused, after, next) = asked.await.unwrap();
        assert_eq!((refused, next), (431, 200));
        assert!(!matches!(after, Heard::Answer(_)), "{after:?}");
        // HTTP/2: refused alone, and the others on the same connection are served.
        let http = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
        let ask = async |path: &str| {
            let asked = http.get(format!("http://{address}{path}")).header("authorization", &token);
            asked.send().await.unwrap().status().as_u16()
        };
        // This client takes no more than 64 KiB to be an address.
        let (long, short) = (&long[..60_000], format!("{SEARCH}?email=ann"));
        assert_eq!([ask(&short).await, ask(long).await, ask(&short).await], [200, 431, 200]);
    }

    async fn every_filter_can_hold_at_once_and_none_twice(app) {
        let ann = app.app.db.write(async |tx| whole(tx).await).await.unwrap();
        named(&app.app, 1, "Ann", "Lee").await;
        let client = admin(&app).await;
        let field = |name: &str| name.trim_end_matches("_starts").trim_end_matches("_ends").trim_end_matches("_exact").to_owned();
        let value = |name: &str| match &*field(name) {
            "query" => "person7%20ann%20LEE%20ann.lee%20lisbon%20cartographer%20example.com%20portugal",
            "email" => "Person7@example.com",
            "username" => "ann.lee",
            "first_name" => "ann",
            "last_name" => "LEE",
            "full_name" => "ann%20lee",
            "location" => "lisbon,%20portugal",
            "current_title" => "cartographer",
            "gender" => "Female",
            "ip_address" => "10.1.2.3",
            "role" => "user",
            "subscription_tier" => "premium",
            "external_id" => "Ext-7",
            "synced" => "yes",
            "never_logged_in" => "false",
            "created_after" | "last_login_after" => "2000-01-01T00:00:00Z",
            "created_before" | "last_login_before" => "2100-01-01T00:00:00Z",
            _ => "true",
        };
        let mut all: Vec<_> = search::http::filters().map(|(name, ..)| format!("{name}={}", value(name))).collect();
        assert_eq!(all.len(), 44);
        for order in Order::ALL {
            let query = format!("{SEARCH}?{}&sort_by={}", all.join("&"), order.as_str());
            let page = client.get(&query).await.expect(200).json();
            assert_eq!((&page["total"], &page["items"][0]["id"]), (&json!(1), &json!(ann.to_string())), "{order:?}");
        }
        // Each of them rules him out.
        for n in 0..all.len() {
            let other = match all[n].split_once('=').unwrap() {
                (name, "true") => format!("{name}=false"),
                (name @ "never_logged_in", _) => format!("{name}=true"),
                (name @ "synced", _) => format!("{name}=no"),
                (name @ "role", _) => format!("{name}=admin"),
                (name @ "ip_address", _) => format!("{name}=10.1.2.4"),
                (name, _) if name.ends_with("_after") => format!("{name}=2100-01-01T00:00:00Z"),
                (name, _) if name.ends_with("_before") => format!("{name}=2000-01-01T00:00:00Z"),
                (name, _) => format!("{name}=nobody"),
            };
            let right = std::mem::replace(&mut all[n], other);
            assert!(found(&client, &all.join("&")).await.is_empty(), "{}", all[n]);
            all[n] = right;
        }
        // Fifty are more than there are: what is given twice is refused, the same or not.
        let fifty = |again: &[String]| format!("{SEARCH}?{}", [&all[..], again].concat().join("&"));
        for again in [all[..6].to_vec(), (0..6).map(|n| format!("role=user{n}")).collect()] {
            let reply = client.get(&fifty(&again)).await;
            problem(&reply, 400, "malformed");
            assert!(reply.text.contains("given twice"), "{}", reply.text);
        }
    }

    async fn every_filter_at_once_is_answered_soon(app) {
        people::make(&app.app, &mut Random::new(11), 40).await;
        let client = admin(&app).await;
        let value = |name: &str| match name {
            "query" => "1%202%203%204%205%206%207%20ann",
            "role" => "user",
            "ip_address" => "10.1.2.3",
            "synced" => "no",
            name if name.starts_with("is_") || name == "mfa_enabled" || name == "never_logged_in" => "false",
            name if name.ends_with("_after") => "2000-01-01T00:00:00Z",
            name if name.ends_with("_before") => "2100-01-01T00:00:00Z",
            _ => "ann",
        };
        let all: Vec<_> = search::http::filters().map(|(name, ..)| format!("{name}={}", value(name))).collect();
        assert!(all.len() > 40, "{}", all.len());
        for order in Order::ALL {
            let begun = Instant::now();
            let query = format!("{}&sort_by={}", all.join("&"), order.as_str());
            assert!(found(&client, &query).await.is_empty());
            assert!(begun.elapsed() < Duration::from_secs(2), "{order:?} takes {:?}", begun.elapsed());
        }
    }
}
