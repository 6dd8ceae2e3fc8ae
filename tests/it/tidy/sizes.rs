//! Files are short: 100 lines is the habit, 400 the ceiling.

use super::{assert_none, source};

const CEILING: usize = 400;
/// Of a file without its unit tests.
const MEDIAN: usize = 100;
const AVERAGE: usize = 160;

/// Files over the ceiling.
const LONG: &[(&str, &str)] = &[
    ("src/password/blocklist/passwords.txt", "a list of words"),
    ("src/password/blocklist/words.txt", "a list of words"),
];

#[test]
fn no_file_is_over_the_ceiling() {
    let long = |path: &str| source::read(path).lines().count() > CEILING;
    let (known, unknown): (Vec<_>, Vec<_>) = ["src", "tests", "migrations"]
        .into_iter()
        .flat_map(source::files)
        .partition(|path| LONG.iter().any(|(known, _)| known == path));
    let over = unknown.into_iter().filter(|path| long(path));
    let mut broken: Vec<_> = over.map(|path| format!("{path} has over {CEILING} lines: it holds too much")).collect();
    broken.extend(known.into_iter().filter(|path| !long(path)).map(|path| format!("{path} is short: take it off")));
    assert_none(&broken);
}

#[test]
fn a_file_is_100_lines_by_habit() {
    let text = |file: &source::Rust| source::read(&file.path);
    // Tests stand at the end.
    let own = |text: &str| text.split("#[cfg(test)]").next().unwrap_or_default().trim_end().lines().count();
    let mut lengths: Vec<_> = source::rust("src").iter().map(|file| own(&text(file))).collect();
    lengths.sort_unstable();
    let (median, average) = (lengths[lengths.len() / 2], lengths.iter().sum::<usize>() / lengths.len());
    println!("{} files in src/: median {median} lines, average {average}, unit tests left out", lengths.len());
    assert!(median <= MEDIAN, "the median is {median} lines");
    assert!(average <= AVERAGE, "the average is {average} lines");
}
