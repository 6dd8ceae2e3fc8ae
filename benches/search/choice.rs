//! Whether the way that a search chooses is the quickest one: each shape by every way that was thought of for it.
//!
//! A way that was begun cannot be ended, so the hopeless ones are not begun: all of them would take an hour. One that
//! is quick and was thought to be a hundred times as dear as the chosen one is found out.

use std::time::{Duration, Instant};

use denizen::{
    app::App,
    search::{Order, Plan, Search, find_by},
};

use super::{
    shapes,
    ways::{self, asked, millis},
};

const TIMES: usize = 3;
/// A way that is thought to cost so many times as much is not gone.
const HOPELESS: f64 = 100.0;
/// A way whose first run takes so many times as long as the chosen way, and so many milliseconds, is gone no more.
const GIVEN_UP: (f64, f64) = (20.0, 200.0);
/// A way whose second run still takes so many times as long is slower, however often it is gone.
const SLOWER: f64 = 2.0;
/// For so long other ways than the chosen one are gone in all, the one that is thought to be cheapest first.
const ENOUGH: Duration = Duration::from_secs(90);
/// What is found within so many milliseconds was not chosen badly.
const SOON: f64 = 5.0;

/// What was chosen for a shape, and what would have been quickest; in milliseconds, medians of all runs but the first.
pub struct Choice {
    pub what: String,
    pub chosen: (Plan, f64),
    pub quickest: (Plan, f64),
    /// How many ways were gone in all, and how many were not begun.
    pub gone: usize,
    pub left: usize,
}

impl Choice {
    /// How many times as long as the quickest the chosen way takes.
    pub fn ratio(&self) -> f64 {
        self.chosen.1 / self.quickest.1
    }

    /// Whether another way would have taken less than half of a time that counts.
    pub fn is_bad(&self) -> bool {
        self.chosen.1 > SOON && self.ratio() > 2.0
    }
}

/// One shape, and its ways with what they are thought to cost, the chosen one first.
struct Asked {
    what: String,
    search: Search,
    ways: Vec<(Plan, f64)>,
    gone: Vec<(Plan, f64)>,
}

/// What is chosen for each shape.
pub async fn each(app: &App) -> Vec<Choice> {
    let newest = shapes::SINGLE.iter().chain(shapes::PAIRS).map(|query| (*query, Order::CreatedAt));
    let (mut all, mut others) = (Vec::new(), Vec::new());
    for (query, order) in newest.chain(ways::ordered()) {
        let mut shape = Asked::new(app, format!("{query} by {}", order.as_str()), asked(query, order)).await;
        let (plan, price) = shape.ways[0];
        let chosen = gone(app, &shape.search, plan, f64::MAX).await;
        shape.gone.push((plan, chosen));
        let rest = shape.ways.iter().filter(|(other, cost)| *other != plan && *cost <= price * HOPELESS);
        others.extend(rest.map(|(other, cost)| (all.len(), *other, *cost)));
        all.push(shape);
    }
    others.sort_by(|(.., left), (.., right)| left.total_cmp(right));
    let begun = Instant::now();
    for (n, plan, _) in others {
        if begun.elapsed() < ENOUGH {
            let time = gone(app, &all[n].search, plan, all[n].gone[0].1).await;
            all[n].gone.push((plan, time));
        }
    }
    all.into_iter().map(Asked::judged).collect()
}

/// How long a way takes, beside a chosen way that takes so long.
async fn gone(app: &App, search: &Search, plan: Plan, chosen: f64) -> f64 {
    let first = once(app, search, plan).await;
    if first > (chosen * GIVEN_UP.0).max(GIVEN_UP.1) {
        return first;
    }
    let mut times = vec![once(app, search, plan).await];
    if times[0] > chosen * SLOWER {
        return times[0];
    }
    while times.len() < TIMES {
        times.push(once(app, search, plan).await);
    }
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// In milliseconds. What `PostgreSQL` ends after five seconds took at least those.
async fn once(app: &App, search: &Search, plan: Plan) -> f64 {
    let begun = Instant::now();
    let found = find_by(&app.db, &app.search, search, Some(plan)).await;
    let time = millis(begun.elapsed());
    assert!(found.is_ok() || time > 4_000.0, "{plan:?}: {found:?}");
    time
}

impl Asked {
    async fn new(app: &App, what: String, search: Search) -> Self {
        let estimate = app.search.sample(&mut app.db.read()).await.unwrap().estimate(&search);
        let engine = app.db.engine();
        let all = Plan::along(engine, &estimate).into_iter().chain(Plan::gathering(engine, &estimate));
        let mut ways: Vec<_> = all.collect();
        ways.sort_by(|(_, left), (_, right)| left.total_cmp(right));
        Self { what, search, ways, gone: Vec::new() }
    }

    fn judged(self) -> Choice {
        let quickest = self.gone.iter().min_by(|(_, left), (_, right)| left.total_cmp(right));
        let (chosen, gone) = (self.gone[0], self.gone.len());
        Choice { what: self.what, chosen, quickest: *quickest.unwrap_or(&chosen), gone, left: self.ways.len() - gone }
    }
}
