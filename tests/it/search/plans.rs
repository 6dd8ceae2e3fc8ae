//! No filter, and no pair of filters, reads a table from end to end.

use denizen::{
    app::App,
    db::{Engine, sql},
    search::{self, Count, Direction, Entry, Order, Plan, QUICKLY_COUNTED, Reach, Sample, Search},
};

use super::{crowd, people};
use crate::{each_engine, kit::TestApp};

#[path = "../../../benches/search/shapes.rs"]
mod shapes;

/// Enough that an engine prefers an index where there is a use for one.
const ROWS: u64 = 6_000;
const MILLION: usize = 1_000_000;

/// What the figures are published of.
fn published() -> impl Iterator<Item = &'static str> {
    shapes::SINGLE.iter().chain(shapes::PAIRS).copied()
}

fn asked(query: &str, order: Order) -> Search {
    let filter = search::http::filter(query).unwrap();
    Search { filter, order, direction: Direction::Descending, cursor: None, limit: 20, offset: 0, count: Count::Quick }
}

/// Which part of a crowd a query finds.
#[expect(clippy::cast_precision_loss, reason = "a part")]
fn part(crowd: &[Entry], query: &str) -> f64 {
    let filter = search::http::filter(query).unwrap();
    crowd.iter().filter(|entry| filter.matches(entry)).count() as f64 / crowd.len() as f64
}

/// Lines that tell of a table or an index that is read from end to end. A walk reads the index of its order, and no
/// further than its limit, which `SQLite` does not tell.
fn scans(engine: Engine, plan: Plan, order: Order, lines: &[String]) -> Vec<&String> {
    let index = format!("search_users_by_{} ", order.as_str());
    let is_walk = |line: &str| matches!(plan, Plan::Walk(_) | Plan::Sieve(_)) && format!("{line} ").contains(&index);
    let line_is_scan = |(n, line): &(usize, &String)| {
        let next = lines.get(n + 1).map_or("", String::as_str);
        let last = n.checked_sub(1).map_or("", |n| lines[n].as_str());
        match engine {
            Engine::Sqlite => {
                let table = line.strip_prefix("SCAN ").and_then(|rest| rest.split(' ').next()).unwrap_or_default();
                let is_table = ["search_users", "users", "r", "s"].contains(&table) && !is_walk(line);
                let is_all_grams = table == "search_grams" && !line.contains(":M");
                is_table || is_all_grams || line.contains("AUTOMATIC")
            }
            Engine::Postgres => {
                let is_read = line.contains("Scan") && (line.contains(" on search_") || line.contains(" on users"));
                let is_bounded = next.contains("Index Cond") || line.contains("Bitmap Heap Scan");
                is_read && !is_bounded && !(is_walk(line) && last.contains("Limit"))
            }
        }
    };
    lines.iter().enumerate().filter(line_is_scan).map(|(_, line)| line).collect()
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
            // As for those who read.
            sql("set local random_page_cost = 1.1").execute(tx).await?;
        }
        search::explain(tx, &app.app.search, &search).await
    });
    let explained = explained.await.unwrap();
    let (plan, lines) = (explained.plan, &explained.page);
    let what = || format!("{query} by {order:?}: {explained:#?}");
    assert!(scans(engine, plan, order, lines).is_empty(), "{}", what());
    match &explained.count {
        // All are looked at to count some, where that is the quickest.
        Some((Plan::Walk(_), _)) => {
            let people = app.app.search.sample(&mut app.app.db.read()).await.unwrap().people();
            assert!(people < QUICKLY_COUNTED, "{}", what());
        }
        Some((plan, lines)) => assert!(scans(engine, *plan, order, lines).is_empty(), "{}", what()),
        None => {}
    }
    // Bounds that few are within may be gathered and sorted by the engine, from the same index.
    let is_bounded = lines.iter().any(|line| line.contains("Bitmap Index Scan"));
    // Whom a sieve keeps is looked up in a table of numbers, row by row: by a join they would lose their order.
    let is_sieve = matches!(plan, Plan::Sieve(_) | Plan::Both) && engine == Engine::Postgres;
    assert!(!is_sieve || lines.iter().any(|line| line.contains("hashed SubPlan")), "{}", what());
    let most = match plan {
        Plan::Walk(_) | Plan::Sieve(_) => 1,
        Plan::Grams | Plan::Range | Plan::Both => usize::MAX,
    };
    assert!(sorts(lines) <= most || is_bounded, "{}", what());
}

/// The published pairs are of all kinds: such as many meet, such as few do, and such as nobody can.
#[test]
fn the_published_pairs_are_common_rare_and_absent() {
    let crowd = crowd::people(ROWS);
    let parts: Vec<_> = shapes::PAIRS.iter().map(|query| (part(&crowd, query), *query)).collect();
    let count = |is: &dyn Fn(f64) -> bool| parts.iter().filter(|(part, _)| is(*part)).count();
    let (common, rare) = (count(&|part| part > 0.015), count(&|part| part > 0.0 && part <= 0.01));
    assert!(common >= 10 && rare >= 20, "{common} are common, {rare} rare: {parts:#?}");
    for (part, query) in parts {
        let is_absent = ["is_premium=true&subscription_tier=basic", "first_name=zzz", "query=qqzzj", "role=superadmin"];
        assert!(part == 0.0 || !is_absent.iter().any(|absent| query.starts_with(absent)), "{query}");
    }
}

/// What a few have is gathered and what many have is walked to: nothing passes a million rows.
#[test]
fn among_a_million_nothing_published_passes_everybody() {
    let crowd = crowd::people(ROWS);
    let sample = Sample::of(crowd[..2_048].to_vec(), MILLION);
    let mut broken = Vec::new();
    for (query, engine) in published().flat_map(|query| [(query, Engine::Sqlite), (query, Engine::Postgres)]) {
        let estimate = sample.estimate(&asked(query, Order::CreatedAt));
        let (plan, part) = (Plan::choose(engine, &estimate), part(&crowd, query));
        // The next of them is far off, and they are many.
        let is_one_in_some_hundreds = (0.000_3..0.01).contains(&part);
        let is_fine = match plan {
            Plan::Walk(Reach::Whole) => is_one_in_some_hundreds && estimate.is_held,
            Plan::Sieve(Reach::Whole) => is_one_in_some_hundreds,
            // A span of the order may be short.
            Plan::Walk(_) | Plan::Sieve(_) => part > 0.000_3 || estimate.walk < 25_000.0,
            Plan::Grams | Plan::Range | Plan::Both => part < 0.05,
        };
        if !is_fine {
            broken.push(format!("{query} on {engine:?}: {plan:?}, which {part} of all match"));
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

each_engine! {
    async fn no_filter_no_pair_and_no_order_reads_a_table_from_end_to_end(app) {
        crowd::fill(&app, &crowd::people(ROWS)).await;
        for order in Order::ALL {
            assert_no_scan(&app, "", *order).await;
            for (n, filter) in shapes::SINGLE.iter().enumerate() {
                assert_no_scan(&app, filter, *order).await;
                // Every filter with every other one, each pair by one of the orders.
                for (m, other) in shapes::SINGLE.iter().enumerate().skip(n + 1) {
                    if Order::ALL[(n + m) % Order::ALL.len()] == *order && name(filter) != name(other) {
                        assert_no_scan(&app, &format!("{filter}&{other}"), *order).await;
                    }
                }
            }
        }
        for (n, query) in published().enumerate() {
            assert_no_scan(&app, query, Order::CreatedAt).await;
            assert_no_scan(&app, query, Order::ALL[n % Order::ALL.len()]).await;
        }
        for (filter, ..) in search::http::filters() {
            assert!(shapes::SINGLE.iter().any(|query| name(query) == filter), "{filter} is not published");
        }
        // A walk that does not reach far enough is followed by a way that does.
        for filter in shapes::SINGLE {
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
