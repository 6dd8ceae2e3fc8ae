//! No filter, and no pair of filters, reads a table from end to end.

use denizen::{
    access::Role,
    app::App,
    db::{Engine, sql},
    id::UserId,
    search::{self, Count, Direction, Entry, Facet, Flag, Order, Plan, Reach, Search},
};

use super::people;
use crate::{each_engine, kit::TestApp};

#[path = "../../../benches/search/shapes.rs"]
mod shapes;

/// Enough that an engine prefers an index where there is a use for one.
const ROWS: i64 = 6_000;

/// Somebody of a large and even crowd.
fn entry(n: i64) -> Entry {
    let facet = Facet::role(if n % 1_000 == 0 { Role::Admin } else { Role::User })
        .and(Facet::tier(["basic", "premium", "enterprise"][usize::try_from(n % 3).unwrap()]))
        .and(Facet::flag(Flag::Active, n % 50 != 0))
        .and(Facet::flag(Flag::Verified, n % 2 == 0))
        .and(Facet::flag(Flag::Mfa, n % 20 == 0))
        .and(Facet::flag(Flag::Synced, n % 7 == 0));
    let (first, last) = (format!("first{}", n % 97), format!("last{}", n % 389));
    Entry {
        doc: 0,
        user_id: UserId::from_uuid(uuid::Uuid::from_u128(n.unsigned_abs().into())),
        version: 1,
        facet: facet.value,
        role: i64::from(n % 1_000 == 0),
        email: format!("{first}.{last}.{n}@host{}.example", n % 11),
        username: format!("name{n}"),
        full_name: format!("{first} {last}"),
        first_name: first,
        last_name: last,
        location: format!("town{}", n % 211),
        current_title: format!("title{}", n % 53),
        gender: ["female", "male"][usize::try_from(n % 2).unwrap()].into(),
        ip_address: format!("10.0.{}.{}", n / 250, n % 250),
        external_id: n.to_string(),
        created_at: n * 1_000_000,
        updated_at: n * 1_000_000,
        last_login: if n % 5 == 0 { 0 } else { n * 1_000_000 + 7 },
    }
}

async fn fill(app: &App) {
    for from in (0..ROWS).step_by(250) {
        app.db
            .write(async |tx| {
                for n in from..from + 250 {
                    search::add(tx, &entry(n)).await?;
                }
                Ok(())
            })
            .await
            .unwrap();
    }
    search::settle(&app.db).await.unwrap();
    app.search.renew(&mut app.db.read()).await.unwrap();
}

/// Each filter, as rare and as common as it comes.
const FILTERS: &[&str] = &[
    "query=first96%20last12",
    "query=st1",
    "email=host3",
    "email_starts=first9.last9",
    "email_ends=host10.example",
    "email_exact=first1.last1.1@host1.example",
    "username=name",
    "username_exact=name77",
    "first_name=first1",
    "last_name=last388",
    "full_name=first5%20last5",
    "location=town210",
    "location_starts=to",
    "current_title=title52",
    "gender=female",
    "ip_address=10.0.3.7",
    "role=admin",
    "role=user",
    "subscription_tier=premium",
    "external_id=4711",
    "is_active=false",
    "is_active=true",
    "is_verified=true",
    "is_premium=true",
    "mfa_enabled=true",
    "synced=no",
    "created_after=1970-01-01T01:39:00Z",
    "created_before=1970-01-01T00:01:00Z",
    "created_before=1970-01-01T01:00:00Z",
    "last_login_after=1970-01-01T01:39:00Z",
    "last_login_before=1970-01-01T00:01:00Z",
    "never_logged_in=true",
];

fn asked(query: &str, order: Order) -> Search {
    let filter = search::http::filter(query).unwrap();
    Search { filter, order, direction: Direction::Descending, cursor: None, limit: 20, offset: 0, count: Count::Quick }
}

/// Lines that tell of a table read from end to end. A walk reads an index in its order, up to a limit.
fn scans(engine: Engine, plan: Plan, lines: &[String]) -> Vec<&String> {
    let is_scan = |line: &&String| match engine {
        Engine::Sqlite => {
            let is_walk = matches!(plan, Plan::Walk(_) | Plan::Sieve(_));
            let names = ["SCAN search_users", "SCAN users", "SCAN r", if is_walk { "" } else { "SCAN s" }];
            names.contains(&line.as_str()) || line.contains("AUTOMATIC")
        }
        Engine::Postgres => line.contains("Seq Scan on"),
    };
    lines.iter().filter(is_scan).collect()
}

/// How often something is sorted: a walk only sorts its page.
fn sorts(lines: &[String]) -> usize {
    lines.iter().filter(|line| line.contains("TEMP B-TREE") || line.contains("Sort Key")).count()
}

async fn assert_no_scan(app: &TestApp, query: &str, order: Order) {
    let (search, engine) = (asked(query, order), app.database.engine());
    let explained = app.app.db.write(async |tx| {
        if engine == Engine::Postgres {
            // So few rows are read quicker from end to end: what counts is whether there is another way.
            sql("set local enable_seqscan = off").execute(tx).await?;
        }
        search::explain(tx, &app.app.search, &search).await
    });
    let (plan, lines) = explained.await.unwrap();
    let what = || format!("{query} by {order:?} {plan:?}:\n{}", lines.join("\n"));
    assert!(scans(engine, plan, &lines).is_empty(), "{}", what());
    // Bounds that few are within may be gathered and sorted by the engine, from the same index.
    let is_bounded = lines.iter().any(|line| line.contains("Bitmap Index Scan"));
    // Whom a sieve keeps is looked up in a table of numbers, row by row: by a join they would lose their order.
    let is_sieve = matches!(plan, Plan::Sieve(_) | Plan::Both) && engine == Engine::Postgres;
    assert!(!is_sieve || lines.iter().any(|line| line.contains("hashed SubPlan")), "{}", what());
    let most = match plan {
        Plan::Walk(_) | Plan::Sieve(_) => 1,
        Plan::Grams | Plan::Range | Plan::Both => usize::MAX,
    };
    assert!(sorts(&lines) <= most || is_bounded, "{}", what());
}

each_engine! {
    async fn no_filter_no_pair_and_no_order_reads_a_table_from_end_to_end(app) {
        // So many rows at once would hardly ever get by; what is asked here is how they are read.
        app.database.make_calm().await;
        fill(&app.app).await;
        if app.database.engine() == Engine::Postgres {
            app.database.execute("vacuum analyze search_users").await;
            app.database.execute("vacuum analyze search_grams").await;
        }
        for order in Order::ALL {
            assert_no_scan(&app, "", *order).await;
            for (n, filter) in FILTERS.iter().enumerate() {
                assert_no_scan(&app, filter, *order).await;
                // Every filter with every other one, each pair by one of the orders.
                for (m, other) in FILTERS.iter().enumerate().skip(n + 1) {
                    if Order::ALL[(n + m) % Order::ALL.len()] == *order && name(filter) != name(other) {
                        assert_no_scan(&app, &format!("{filter}&{other}"), *order).await;
                    }
                }
            }
        }
        // What the figures are published of, each by one of the orders; every filter is among them.
        let published = || shapes::SINGLE.iter().chain(shapes::PAIRS);
        for (n, query) in published().enumerate() {
            assert_no_scan(&app, query, Order::ALL[n % Order::ALL.len()]).await;
        }
        for (filter, ..) in search::http::filters() {
            assert!(shapes::SINGLE.iter().any(|query| name(query) == filter), "{filter} is not published");
        }
        // A walk that does not reach far enough is followed by a way that does.
        for filter in FILTERS {
            let search = asked(filter, Order::Email);
            let by = async |plan| search::find_by(&app.app.db, &app.app.search, &search, plan).await.unwrap();
            let (chosen, whole) = (by(None).await, by(Some(Plan::Walk(Reach::Whole))).await);
            assert_eq!(whole.users, chosen.users, "{filter}");
            for way in [Plan::Walk(Reach::Short), Plan::Sieve(Reach::Short), Plan::Sieve(Reach::Whole), Plan::Both] {
                let found = by(Some(way)).await;
                assert_eq!(found.users, chosen.users, "{filter} {way:?}");
                assert_eq!(found.next, whole.next, "{filter} {way:?}");
            }
        }
    }

    async fn those_from_before_the_search_are_made_known(app) {
        let mut random = crate::kit::random::Random::new(5);
        people::make(&app.app, &mut random, 30).await;
        app.database.execute("delete from search_users where doc > 10 or doc < 4").await;
        let search = asked("", Order::CreatedAt);
        let caller = denizen::access::Caller::operator();
        let find = async |node: &App| {
            search::find(&caller, &node.db, &node.search, &search, search::Emails::Shown).await
        };
        let node = crate::kit::open(&app.database, &[]).await;
        let early = find(&node).await;
        denizen::account::job::index(&node).await.unwrap();
        let found = find(&node).await.unwrap();
        assert_eq!(found.matches, search::Matches::Exact(30));
        if let Err(error) = early {
            assert_eq!(error.code(), denizen::error::Code::Busy);
        }
        // A row that is not of the account's version is made anew.
        app.database.execute("update search_users set email = 'x', version = version - 1").await;
        denizen::account::job::index(&node).await.unwrap();
        assert_eq!(app.database.number("select count(*) from search_users where email = 'x'").await, 0);
    }
}

fn name(query: &str) -> &str {
    query.split('=').next().unwrap()
}
