//! What sixteen callers wait for: the searches that take the most of the cores' time, and how they go.

use std::fmt::Write;

use denizen::app::App;

use super::{page, ways::Timed};

/// How many are told of.
const MOST: usize = 10;

/// The longest searches of a list that is asked by turns, with their plans.
pub struct Busiest {
    /// What a search takes on average over the whole list, alone and in one process, in milliseconds.
    mean: f64,
    /// The part of the time that those here take, in percent.
    share: f64,
    searches: Vec<(String, f64, Vec<String>)>,
}

impl Busiest {
    /// Of this list.
    pub async fn of(app: &App, list: impl Iterator<Item = &Timed>) -> Self {
        let mut list: Vec<_> = list.collect();
        list.sort_by(|left, right| right.median.total_cmp(&left.median));
        let time = |list: &[&Timed]| list.iter().map(|timed| timed.median).sum::<f64>();
        let (mean, longest) = (time(&list) / list.len() as f64, &list[..MOST.min(list.len())]);
        let share = 100.0 * time(longest) / time(&list);
        let mut searches = Vec::new();
        for timed in longest {
            searches.push((timed.what.clone(), timed.median, explained(app, &timed.search).await));
        }
        Self { mean, share, searches }
    }

    /// The same for the page.
    pub fn told(&self, engine: &str) -> String {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let (mean, most) = (self.mean, 1_000.0 * cores as f64 / self.mean);
        let mut text = format!(
            "\nWhat 16 callers wait for on {engine}: alone and in one process, a search of their list takes {mean:.2} ms on \
             average, its accounts with it. {cores} cores that did nothing else would answer {most:.0} a second. The \
             {} longest take {:.0} % of the time:\n",
            self.searches.len(),
            self.share,
        );
        for (what, median, lines) in &self.searches {
            let _ = write!(text, "\n`{what}`, {median:.1} ms:\n\n{}", page::plan(lines));
        }
        text
    }
}

/// The way that a search goes, how the engine goes it, and how it counts.
pub async fn explained(app: &App, search: &denizen::search::Search) -> Vec<String> {
    let explained = denizen::search::explain(&mut app.db.read(), &app.search, search).await.unwrap();
    let counted = explained
        .count
        .into_iter()
        .flat_map(|(plan, lines)| [format!("and {plan:?} to count:")].into_iter().chain(lines));
    [format!("{:?}", explained.plan)].into_iter().chain(explained.page).chain(counted).collect()
}
