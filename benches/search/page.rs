//! The page of the figures, and its plot.

use std::{fmt::Write, fs};

const BEGIN: &str = "<!-- Measured: ./bench search -->\n";
const END: &str = "<!-- End of what is measured -->\n";
pub const PAGE: &str = "docs/search.md";
pub const PLOT: &str = "docs/images/search.svg";

/// A line of the table: what, what came of it, what is demanded, and whether it holds.
pub struct Row {
    pub what: String,
    pub figure: String,
    pub demanded: String,
    pub holds: Option<bool>,
}

impl Row {
    pub fn at_most(what: String, figure: f64, most: f64, unit: &str, note: &str) -> Self {
        let figure_text = format!("{figure:.2}{unit}{note}");
        Self { what, figure: figure_text, demanded: format!("at most {most}{unit}"), holds: Some(figure <= most) }
    }

    pub fn at_least(what: String, figure: f64, least: f64, unit: &str) -> Self {
        let (text, demanded) = (format!("{figure:.0}{unit}"), format!("at least {least}{unit}"));
        Self { what, figure: text, demanded, holds: Some(figure >= least) }
    }

    pub fn shown(what: String, figure: String) -> Self {
        Self { what, figure, demanded: String::new(), holds: None }
    }
}

/// The table, as Markdown.
pub fn table(rows: &[Row]) -> String {
    let mut text = String::from("| What | Figure | Demanded | |\n|---|---|---|---|\n");
    for Row { what, figure, demanded, holds } in rows {
        let verdict = holds.map_or("", |holds| if holds { "holds" } else { "**falls short**" });
        let _ = writeln!(text, "| {what} | **{figure}** | {demanded} | {verdict} |");
    }
    text
}

/// Puts a text between the marks of the page.
pub fn write(text: &str) {
    let page = fs::read_to_string(PAGE).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap_or_else(|| panic!("{PAGE} has no place for figures"));
    let (_, after) = rest.split_once(END).unwrap();
    fs::write(PAGE, format!("{before}{BEGIN}{text}{END}{after}")).unwrap();
}

/// A number with blanks between its thousands.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// A query plan, as the page shows it.
pub fn plan(lines: &[String]) -> String {
    format!("```text\n{}\n```\n", lines.join("\n"))
}
