//! What was measured, as a Markdown table, and the pages that hold it.

use std::{fmt::Write, fs};

/// The values of one thing, one a round.
#[derive(Clone, Default)]
pub struct Samples(pub Vec<f64>);

impl Samples {
    pub fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) }
    }

    /// The median, and from where to where the values lie.
    fn text(&self, unit: &str) -> String {
        let (least, most) = self.0.iter().fold((f64::MAX, f64::MIN), |(a, b), v| (a.min(*v), b.max(*v)));
        format!("{}{unit} ({} - {})", short(self.median()), short(least), short(most))
    }
}

/// Three digits.
fn short(value: f64) -> String {
    match value {
        v if v.is_nan() => "none".into(),
        v if v.abs() >= 1_000.0 => {
            let whole = format!("{:.0}", v / 10.0_f64.powf(v.log10().floor() - 2.0));
            let scaled = whole.parse::<f64>().unwrap() * 10.0_f64.powf(v.log10().floor() - 2.0);
            thousands(&format!("{scaled:.0}"))
        }
        v if v.abs() >= 100.0 => format!("{v:.0}"),
        v if v.abs() >= 10.0 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    }
}

fn thousands(digits: &str) -> String {
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// What a figure must be.
#[derive(Clone, Copy)]
pub enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// A row: the limit and the service, measured by turns, and the figure that comes of each pair.
pub struct Row {
    pub what: String,
    pub limit: Option<(Samples, &'static str)>,
    pub service: Option<(Samples, &'static str)>,
    pub figure: Samples,
    pub unit: &'static str,
    pub bound: Bound,
    /// What went wrong meanwhile.
    pub faults: Vec<String>,
}

impl Row {
    /// A row of pairs; the figure is the service's share of the limit.
    pub fn share(what: String, limit: Samples, service: Samples, unit: &'static str, at_least: f64) -> Self {
        let shares = limit.0.iter().zip(&service.0).map(|(limit, service)| service / limit * 100.0).collect();
        Self {
            what,
            limit: Some((limit, unit)),
            service: Some((service, unit)),
            figure: Samples(shares),
            unit: " %",
            bound: Bound::AtLeast(at_least),
            faults: Vec::new(),
        }
    }

    /// A row with nothing beside it.
    pub fn alone(what: String, figure: Vec<f64>, unit: &'static str, at_most: f64) -> Self {
        let (figure, bound) = (Samples(figure), Bound::AtMost(at_most));
        Self { what, limit: None, service: None, figure, unit, bound, faults: Vec::new() }
    }

    pub fn holds(&self) -> bool {
        let figure = self.figure.median();
        self.faults.is_empty()
            && match self.bound {
                Bound::AtLeast(bound) => figure >= bound,
                Bound::AtMost(bound) => figure <= bound,
            }
    }
}

pub const HEAD: &str = "| What | Limit | Denizen | Figure | Demanded | |\n|---|---|---|---|---|---|\n";

/// A line of the table.
pub fn line(row: &Row) -> String {
    let side = |side: &Option<(Samples, &'static str)>| {
        side.as_ref().map_or_else(String::new, |(samples, unit)| samples.text(unit))
    };
    let bound = match row.bound {
        Bound::AtLeast(bound) if bound <= 0.0 => "nothing".to_owned(),
        Bound::AtLeast(bound) => format!("at least {bound:.0}{}", row.unit),
        Bound::AtMost(bound) => format!("at most {bound}{}", row.unit),
    };
    let verdict = if row.holds() { "holds" } else { "**falls short**" };
    let (figure, faults) = (row.figure.text(row.unit), row.faults.join("; "));
    let gap = if faults.is_empty() { "" } else { ": " };
    format!(
        "| {} | {} | {} | **{figure}** | {bound} | {verdict}{gap}{faults} |\n",
        row.what,
        side(&row.limit),
        side(&row.service)
    )
}

/// The short table of the front page: a line for both engines.
pub fn summary(rows: &[Row]) -> String {
    let mut text = String::from("| What | SQLite | PostgreSQL | Demanded |\n|---|---|---|---|\n");
    for row in rows {
        let Some(what) = row.what.strip_suffix(", SQLite") else { continue };
        let pair = [row].into_iter().chain(rows.iter().find(|other| other.what == format!("{what}, PostgreSQL")));
        let (mut figures, mut bounds) = (Vec::new(), Vec::new());
        for row in pair {
            let (Bound::AtLeast(bound) | Bound::AtMost(bound)) = row.bound;
            figures.push(format!("{}{}", short(row.figure.median()), row.unit));
            bounds.push(format!("{bound:.0}"));
        }
        bounds.dedup();
        let word = if matches!(row.bound, Bound::AtLeast(_)) { "at least" } else { "at most" };
        let _ = writeln!(text, "| {what} | {} | {word} {}{} |", figures.join(" | "), bounds.join(" / "), row.unit);
    }
    text
}

const END: &str = "<!-- End of what is measured -->\n";

/// Puts what a command measured between its marks of a page.
pub fn write(path: &str, command: &str, text: &str) {
    let page = fs::read_to_string(path).unwrap();
    let begin = format!("<!-- Measured: {command} -->\n");
    let (before, rest) = page.split_once(&begin).unwrap_or_else(|| panic!("{path} has no place for figures"));
    let (_, after) = rest.split_once(END).unwrap();
    fs::write(path, format!("{before}{begin}{text}{END}{after}")).unwrap();
}
