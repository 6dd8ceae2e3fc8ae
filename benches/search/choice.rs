//! Whether the way that a search chooses is the quickest one: each shape by every way that was thought of for it.

use std::time::Instant;

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
const HOPELESS: f64 = 10.0;
/// What is found within so many milliseconds was not chosen badly.
const SOON: f64 = 5.0;

/// What was chosen for a shape, and what would have been quickest; medians in milliseconds.
pub struct Choice {
    pub what: String,
    pub chosen: (Plan, f64),
    pub quickest: (Plan, f64),
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

/// What is chosen for each shape.
pub async fn each(app: &App) -> Vec<Choice> {
    let newest = shapes::SINGLE.iter().chain(shapes::PAIRS).map(|query| (*query, Order::CreatedAt));
    let mut all = Vec::new();
    for (query, order) in newest.chain(ways::ordered()) {
        all.push(choice(app, format!("{query} by {}", order.as_str()), &asked(query, order)).await);
    }
    all
}

async fn choice(app: &App, what: String, search: &Search) -> Choice {
    let estimate = app.search.sample(&mut app.db.read()).await.unwrap().estimate(search);
    let engine = app.db.engine();
    let mut ways: Vec<_> =
        Plan::along(engine, &estimate).into_iter().chain(Plan::gathering(engine, &estimate)).collect();
    ways.sort_by(|(_, left), (_, right)| left.total_cmp(right));
    let most = ways[0].1 * HOPELESS;
    ways.retain(|(_, cost)| *cost <= most);
    let mut gone = Vec::new();
    for (plan, _) in ways {
        let mut times = Vec::new();
        // Once more, to have read it.
        for _ in 0..=TIMES {
            let begun = Instant::now();
            find_by(&app.db, &app.search, search, Some(plan)).await.unwrap();
            times.push(millis(begun.elapsed()));
        }
        times.remove(0);
        times.sort_by(f64::total_cmp);
        gone.push((plan, times[times.len() / 2]));
    }
    let chosen = gone[0];
    gone.sort_by(|(_, left), (_, right)| left.total_cmp(right));
    Choice { what, chosen, quickest: gone[0] }
}
