//! From databases to the page: every engine in every size, one after the other.

use std::{collections::BTreeMap, fmt::Write, path::Path, process::ExitCode, time::Duration};

use denizen::{app::App, db::Engine, search::Search};

use super::{
    busiest::{Busiest, explained},
    callers,
    choice::{self, Choice},
    cost, fill, machine,
    page::{self, Row, table},
    place::Place,
    plot::{self, Line},
    shapes,
    ways::{self, Timed},
};

/// How often each shape is timed.
const TIMES: usize = 50;
/// The first pages of the largest crowd may take longer.
const LARGE: u64 = 1_000_000;
/// The page by cursor behind nine tenths of everybody may take so many times as long as the first one.
const DEEP: f64 = 1.5;
const CALLED: Duration = Duration::from_secs(10);
const WRITTEN: Duration = Duration::from_secs(5);

/// What was timed of one crowd, by the shapes.
struct Crowd {
    engine: &'static str,
    size: u64,
    single: Vec<Timed>,
    pairs: Vec<Timed>,
    orders: Vec<Timed>,
    deep: [Timed; 2],
    choices: Vec<Choice>,
    /// What took longer than is demanded: the way that it went, and how the engine went it.
    slow: Vec<(String, f64, Vec<String>)>,
    /// What the callers wait for, where there are some.
    busiest: Option<Busiest>,
}

/// Everything.
pub async fn all(denizen: &Path, work: &Path, url: &str, sizes: &[u64]) -> ExitCode {
    let (mut crowds, mut rows) = (Vec::new(), Vec::new());
    let machine = machine::Machine::look(work);
    for engine in [Engine::Sqlite, Engine::Postgres] {
        for size in sizes {
            let place = Place::new(engine, work, url, *size);
            let app = place.open().await;
            fill::fill(&app, &place, *size).await;
            let crowd = timed(&app, &place, *size).await;
            drop(app);
            tell(&mut rows, crowd.rows());
            crowds.push(crowd);
            if *size == LARGE {
                tell(&mut rows, called(denizen, &place));
            }
        }
        tell(&mut rows, growth(&crowds, engine));
        tell(&mut rows, costs(denizen, work, url, engine).await);
    }
    let picture = "![Time against the number of people](images/search.svg)";
    let text = format!("{}\n\n{}\n{picture}\n{}{}", machine.told(), table(&rows), shapes_table(&crowds), slow(&crowds));
    println!("{text}");
    page::write(&text);
    std::fs::write(page::PLOT, plot::svg("The search: time against the number of people", &lines(&crowds))).unwrap();
    if rows.iter().all(|row| row.holds != Some(false)) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Keeps rows, and shows them: a run takes long.
fn tell(rows: &mut Vec<Row>, more: impl IntoIterator<Item = Row>) {
    for row in more {
        eprintln!("  {}: {}", row.what, row.figure);
        rows.push(row);
    }
}

/// Every shape, as it is looked at by hand.
pub async fn look(app: &App, size: u64, times: usize) -> Vec<Timed> {
    app.search.renew(&mut app.db.read()).await.unwrap();
    let mut all = ways::each(app, shapes::SINGLE, times).await;
    all.extend(ways::each(app, shapes::PAIRS, times).await);
    all.extend(ways::orders(app, times).await);
    all.extend(ways::deep(app, size, times).await);
    all
}

async fn timed(app: &App, place: &Place, size: u64) -> Crowd {
    app.search.renew(&mut app.db.read()).await.unwrap();
    // What a service that runs for a while has read, this one has read.
    ways::each(app, shapes::SINGLE, 3).await;
    let single = ways::each(app, shapes::SINGLE, TIMES).await;
    let pairs = ways::each(app, shapes::PAIRS, TIMES).await;
    let (orders, deep) = (ways::orders(app, TIMES / 2).await, ways::deep(app, size, 2 * TIMES).await);
    let choices = choice::each(app).await;
    eprintln!("  {} with {size} people is timed", place.name());
    let mut crowd =
        Crowd { engine: place.name(), size, single, pairs, orders, deep, choices, slow: Vec::new(), busiest: None };
    for (what, p99, search) in crowd.late() {
        crowd.slow.push((what, p99, explained(app, &search).await));
    }
    if size == LARGE {
        crowd.busiest = Some(Busiest::of(app, crowd.single.iter().chain(&crowd.pairs)).await);
    }
    crowd
}

/// The query plans of what took longer than is demanded, and of what callers wait for.
fn slow(crowds: &[Crowd]) -> String {
    let mut text = String::new();
    for crowd in crowds {
        for (what, p99, lines) in &crowd.slow {
            let (engine, size) = (crowd.engine, page::thousands(crowd.size));
            let _ = write!(text, "\n`{what}` of {size} on {engine}, p99 {p99:.1} ms:\n\n{}", page::plan(lines));
        }
    }
    if !text.is_empty() {
        text.insert_str(0, "\nThe query plans of what falls short:\n");
    }
    let busiest = crowds.iter().filter_map(|crowd| Some(crowd.busiest.as_ref()?.told(crowd.engine)));
    busiest.fold(text, |text, told| text + &told)
}

impl Crowd {
    fn rows(&self) -> Vec<Row> {
        let (engine, size) = (self.engine, page::thousands(self.size));
        let most = self.most();
        let slowest = |what: &str, all: &[Timed]| {
            let worst = all.iter().max_by(|left, right| left.p99.total_cmp(&right.p99)).unwrap();
            let note = format!(" (`{}`)", worst.what);
            Row::at_most(format!("{what} of {size}, slowest p99, {engine}"), worst.p99, most, " ms", &note)
        };
        let [first, far] = &self.deep;
        let note = format!(" ({:.2} ms, {:.2} ms)", far.median, first.median);
        let deep = format!("Behind nine tenths of {size} by cursor, of page 1, {engine}");
        vec![
            slowest(&format!("Each of {} filters alone", self.single.len()), &self.single),
            slowest(&format!("Each of {} pairs", self.pairs.len()), &self.pairs),
            slowest("Five filters in each of the eight orders", &self.orders),
            Row::at_most(deep, far.median / first.median, DEEP, " x", &note),
            self.chosen(),
        ]
    }

    /// How the chosen ways compare with the quickest.
    fn chosen(&self) -> Row {
        let mut ratios: Vec<_> = self.choices.iter().map(Choice::ratio).collect();
        ratios.sort_by(f64::total_cmp);
        let bad: Vec<_> = self.choices.iter().filter(|choice| choice.is_bad()).collect();
        let mut figure = format!("{:.2} x, {} of {} badly", ratios[ratios.len() / 2], bad.len(), ratios.len());
        if let Some(worst) = bad.iter().max_by(|left, right| left.ratio().total_cmp(&right.ratio())) {
            let (chosen, quickest) = (worst.chosen, worst.quickest);
            let _ = write!(
                figure,
                ", at most {:.1} x (`{}`: {:?} {:.1} ms, ",
                worst.ratio(),
                worst.what,
                chosen.0,
                chosen.1
            );
            let _ = write!(figure, "{:?} {:.1} ms)", quickest.0, quickest.1);
        }
        let of = |count: &dyn Fn(&Choice) -> usize| self.choices.iter().map(count).sum::<usize>();
        let _ = write!(figure, "; {} ways gone, {} not", of(&|choice| choice.gone), of(&|choice| choice.left));
        let size = page::thousands(self.size);
        Row::shown(format!("The chosen way, of the quickest one, {size}, {}", self.engine), figure)
    }

    /// What a first page may take, in milliseconds.
    fn most(&self) -> f64 {
        if self.size > LARGE { 60.0 } else { 30.0 }
    }

    /// What took longer, the page by cursor too.
    fn late(&self) -> Vec<(String, f64, Search)> {
        let [first, far] = &self.deep;
        let deep = Some(far).filter(|far| far.median > first.median * DEEP);
        let late = self.all().filter(|timed| timed.p99 > self.most()).chain(deep);
        late.map(|timed| (timed.what.clone(), timed.p99, timed.search.clone())).collect()
    }

    fn all(&self) -> impl Iterator<Item = &Timed> {
        self.single.iter().chain(&self.pairs).chain(&self.orders)
    }
}

fn called(denizen: &Path, place: &Place) -> [Row; 2] {
    let rate = callers::measure(denizen, place, CALLED);
    let what = format!("16 callers, the whole list over HTTP, {}", place.name());
    let mut searches = Row::at_least(what, rate.searches, 500.0, "/s");
    let _ = write!(searches.figure, " (p99 {:.0} ms) {}", rate.p99, rate.faults);
    searches.holds = searches.holds.map(|holds| holds && rate.faults.is_empty());
    [searches, Row::at_most(format!("p99 of `GET /users/me` meanwhile, {}", place.name()), rate.mine, 20.0, " ms", "")]
}

/// How much longer the shapes take among ten times as many: the median of them, which half of them exceed.
fn growth(crowds: &[Crowd], engine: Engine) -> Option<Row> {
    let name = if engine == Engine::Sqlite { "SQLite" } else { "PostgreSQL" };
    let of = |size: u64| crowds.iter().find(|crowd| crowd.engine == name && crowd.size == size);
    let (small, large) = (of(LARGE / 10)?, of(LARGE)?);
    let mut ratios: Vec<_> =
        small.all().zip(large.all()).map(|(one, ten)| (ten.median / one.median, &ten.what)).collect();
    ratios.sort_by(|(left, _), (right, _)| left.total_cmp(right));
    let (median, (most, what)) = (ratios[ratios.len() / 2].0, ratios[ratios.len() - 1]);
    let over = ratios.iter().filter(|(ratio, _)| *ratio > 2.0).count();
    let note = format!(" (over 2 x: {over} of {}, at most {most:.1} x: `{what}`)", ratios.len());
    Some(Row::at_most(
        format!("Time among ten times as many, median over the shapes, {name}"),
        median,
        2.0,
        " x",
        &note,
    ))
}

async fn costs(denizen: &Path, work: &Path, url: &str, engine: Engine) -> Vec<Row> {
    // Numbers that no crowd has, one for each database.
    let run = u64::from(std::process::id()) * 10;
    let (with, without) = (Place::new(engine, work, url, run), Place::new(engine, work, url, run + 1));
    let name = with.name();
    let with = cost::measure(denizen, &with, true, WRITTEN).await;
    let without = cost::measure(denizen, &without, false, WRITTEN).await;
    let row = |what: &str, with: f64, without: f64| {
        let share = with / without * 100.0;
        Row::shown(
            format!("{what}, of those without indexes, {name}"),
            format!("{share:.0} % ({with:.0}/s, {without:.0}/s)"),
        )
    };
    vec![
        row("Registrations without a hash", with.registrations, without.registrations),
        row("People imported", with.imported, without.imported),
    ]
}

/// Each shape: median and p99 in each crowd.
fn shapes_table(crowds: &[Crowd]) -> String {
    let mut text =
        String::from("\nEach shape: median and p99 in milliseconds, and the way of the last column.\n\n| Shape |");
    for crowd in crowds {
        let _ = write!(text, " {}, {} |", crowd.engine, page::thousands(crowd.size));
    }
    text.push_str(" Way |\n|---|");
    text.push_str(&"---|".repeat(crowds.len() + 1));
    text.push('\n');
    let mut lines: BTreeMap<usize, String> = BTreeMap::new();
    for crowd in crowds {
        for (n, timed) in crowd.all().enumerate() {
            let line = lines.entry(n).or_insert_with(|| format!("| `{}` |", timed.what));
            let _ = write!(line, " {:.2}, {:.2} |", timed.median, timed.p99);
        }
    }
    if let Some(last) = crowds.last() {
        for (n, timed) in last.all().enumerate() {
            let _ = writeln!(text, "{} {:?} |", lines[&n], timed.found.plan);
        }
    }
    text
}

/// The lines of the plot.
fn lines(crowds: &[Crowd]) -> Vec<Line> {
    let mut lines = Vec::new();
    for (engine, colour) in [("SQLite", "#1f77b4"), ("PostgreSQL", "#d62728")] {
        let own = || crowds.iter().filter(|crowd| crowd.engine == engine);
        #[expect(clippy::cast_precision_loss, reason = "a place in a picture")]
        let points = |of: &dyn Fn(&Crowd) -> f64| own().map(|crowd| (crowd.size as f64, of(crowd))).collect();
        let median = |crowd: &Crowd| {
            let mut all: Vec<_> = crowd.all().map(|timed| timed.median).collect();
            all.sort_by(f64::total_cmp);
            all[all.len() / 2]
        };
        let worst = |crowd: &Crowd| crowd.all().map(|timed| timed.p99).fold(0.0, f64::max);
        let first = |crowd: &Crowd| crowd.deep[1].median;
        for (name, is_dashed, points) in [
            ("slowest shape, p99", false, points(&worst)),
            ("median shape", true, points(&median)),
            ("page at nine tenths", true, points(&first)),
        ] {
            lines.push(Line { name: format!("{engine}: {name}"), colour, is_dashed, points });
        }
    }
    lines
}
