//! Single searches, one after the other, in this process: as the route does them, up to the accounts.

use std::time::{Duration, Instant};

use denizen::{
    access::Caller,
    account,
    app::App,
    search::{self, Count, Direction, Emails, Found, Order, Search},
};

/// How long a shape took, in milliseconds.
pub struct Timed {
    pub what: String,
    pub median: f64,
    pub p99: f64,
    pub found: Found,
    pub search: Search,
}

/// Everything that a query asks for, a first page of fifty.
pub fn asked(query: &str, order: Order) -> Search {
    let filter = search::http::filter(query).unwrap();
    Search { filter, order, direction: Direction::Descending, cursor: None, limit: 50, offset: 0, count: Count::Quick }
}

async fn once(app: &App, search: &Search) -> (f64, Found) {
    let begun = Instant::now();
    let found = search::find(&Caller::operator(), &app.db, &app.search, search, Emails::Shown).await.unwrap();
    account::some(&mut app.db.read(), &found.users).await.unwrap();
    (millis(begun.elapsed()), found)
}

/// The same search, so many times, warm.
pub async fn timed(app: &App, what: &str, search: &Search, times: usize) -> Timed {
    let (_, mut found) = once(app, search).await;
    let mut all = Vec::new();
    for _ in 0..times {
        let (time, again) = once(app, search).await;
        all.push(time);
        found = again;
    }
    all.sort_by(f64::total_cmp);
    let (median, p99) = (all[all.len() / 2], all[all.len() * 99 / 100]);
    Timed { what: what.to_owned(), median, p99, found, search: search.clone() }
}

/// Each of these queries, newest first.
pub async fn each(app: &App, queries: &[&str], times: usize) -> Vec<Timed> {
    let mut all = Vec::new();
    for query in queries {
        all.push(timed(app, query, &asked(query, Order::CreatedAt), times).await);
    }
    all
}

/// Some of them in each of the orders.
pub async fn orders(app: &App, times: usize) -> Vec<Timed> {
    let mut all = Vec::new();
    for (query, order) in ordered() {
        all.push(timed(app, &format!("{query} by {}", order.as_str()), &asked(query, order), times).await);
    }
    all
}

/// Few and many, together and apart, each in every order: what is quick in one may lie at the far end of another.
pub fn ordered() -> impl Iterator<Item = (&'static str, Order)> {
    let some = ["", "location=canada", "is_premium=true&current_title=engineer", "last_name=brown", "role=admin"];
    Order::ALL.iter().flat_map(move |order| some.map(|query| (query, *order)))
}

/// The first page, and the one behind nine tenths of everybody.
pub async fn deep(app: &App, size: u64, times: usize) -> [Timed; 2] {
    let mut search = asked("", Order::CreatedAt);
    let first = timed(app, "page 1", &search, times).await;
    search.offset = size * 9 / 10;
    let there = search::find(&Caller::operator(), &app.db, &app.search, &search, Emails::Shown).await.unwrap();
    (search.offset, search.cursor) = (0, there.next);
    let far = timed(app, "by cursor", &search, times).await;
    [first, far]
}

pub fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
