//! Reads `.env`: one `NAME=value` a line.
//!
//! `export` in front, comments, blank lines, single quotes (literal) and double quotes (with `\n \t \" \\`)
//! are understood; the last of several lines with one name counts. There is deliberately no
//! substitution of `$NAME` and no value over several lines: a dollar in a password is a dollar.

use std::collections::BTreeMap;

use super::Report;

/// The names and values; reports lines that cannot be read, by number only, since they may hold a secret.
pub(super) fn parse(text: &str, report: &mut Report) -> BTreeMap<String, String> {
    let mut entries = BTreeMap::new();
    for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match entry(line) {
            Some((name, value)) => {
                entries.insert(name.to_owned(), value);
            }
            None => report.problem(format!(".env, line {}: write it as NAME=value or NAME=\"value\".", number + 1)),
        }
    }
    entries
}

fn entry(line: &str) -> Option<(&str, String)> {
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, rest) = line.split_once('=')?;
    let (name, rest) = (name.trim(), rest.trim());
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    if name.is_empty() || !name.chars().all(plain) {
        return None;
    }
    let value = match rest.chars().next() {
        Some('\'') => {
            let (value, rest) = rest[1..].split_once('\'')?;
            nothing_after(rest)?;
            value.to_owned()
        }
        Some('"') => double_quoted(&rest[1..])?,
        Some('#') | None => String::new(),
        // A hash begins a comment only after a space: `pass#word` is one value.
        Some(_) => rest.split(" #").next().and_then(|rest| rest.split("\t#").next())?.trim_end().to_owned(),
    };
    Some((name, value))
}

fn double_quoted(text: &str) -> Option<String> {
    let (mut value, mut chars) = (String::new(), text.chars());
    loop {
        match chars.next()? {
            '"' => break,
            '\\' => match chars.next()? {
                'n' => value.push('\n'),
                't' => value.push('\t'),
                quoted @ ('"' | '\\' | '$') => value.push(quoted),
                other => value.extend(['\\', other]),
            },
            other => value.push(other),
        }
    }
    nothing_after(chars.as_str())?;
    Some(value)
}

fn nothing_after(rest: &str) -> Option<()> {
    let rest = rest.trim_start();
    (rest.is_empty() || rest.starts_with('#')).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let text = "\u{feff}# a comment\r\n\r\nA=1\nexport B = two words # comment\nC='$x #1' # c\n\
                    D=\"a\\\"b\\n\\\\\"\nE=pass#word\nF=\nG= # empty\nA=2\nH=a=b";
        let mut report = Report::default();
        let entries = parse(text, &mut report);
        let expected = [
            ("A", "2"),
            ("B", "two words"),
            ("C", "$x #1"),
            ("D", "a\"b\n\\"),
            ("E", "pass#word"),
            ("F", ""),
            ("G", ""),
            ("H", "a=b"),
        ];
        assert_eq!(entries.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect::<Vec<_>>(), expected);
        assert_eq!(report.problems, Vec::<String>::new());
    }

    #[test]
    fn unreadable_lines_are_told_by_number_only() {
        let mut report = Report::default();
        parse("A=1\nhunter2\nB='open\nC=\"x\" y\n=x\nA B=1", &mut report);
        assert_eq!(report.problems.len(), 5);
        assert!(report.problems[0].contains("line 2") && !report.problems.concat().contains("hunter2"));
    }
}
