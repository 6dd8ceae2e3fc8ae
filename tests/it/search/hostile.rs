//! Hostile searches: refused, or a right answer.

use std::time::{Duration, Instant};

use denizen::{
    access::{Caller, Role},
    account::{self, Email, Names, New, Verification},
    app::App,
    search::{self, Order},
};
use serde_json::json;

use super::people;
use crate::{
    each_engine,
    kit::{TestApp, client::Client, random::Random},
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

async fn admin(app: &TestApp) -> Client {
    let ann = app.register("ann").await;
    app.set_role(&ann.id, Role::Admin).await;
    let ann = app.login("ann@example.com").await.expect(200).person();
    app.bearer(&ann.access)
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

    async fn fifty_filters_at_once_are_one_search(app) {
        named(&app.app, 1, "Ann", "Lee").await;
        let client = admin(&app).await;
        let mut query = vec!["query=person1%20ann%20lee".to_owned(), "role=user".into(), "ip_address=10.1.2.3".into()];
        for (field, text) in [("email", "person1@example.com"), ("first_name", "ann"), ("last_name", "LEE"), ("full_name", "ann%20lee")] {
            query.extend(["", "_starts", "_ends", "_exact"].map(|how| format!("{field}{how}={text}")));
        }
        for flag in ["is_active=true", "is_verified=true", "is_premium=false", "mfa_enabled=false", "synced=no"] {
            query.push(flag.into());
        }
        query.extend(["subscription_tier=basic", "never_logged_in=true", "created_after=2000-01-01T00:00:00Z", "created_before=2100-01-01T00:00:00Z"].map(Into::into));
        assert_eq!(found(&client, &query.join("&")).await, ["Ann"]);
        query.push("current_title=none".into());
        assert!(found(&client, &query.join("&")).await.is_empty());
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
