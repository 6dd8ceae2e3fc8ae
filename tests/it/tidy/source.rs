//! The checkout as text: its files, and Rust without what is no code.

use std::{collections::BTreeSet, fs, path::Path};

/// A Rust file. The two stripped texts keep every line and every byte in its place.
pub struct Rust {
    /// From the top of the checkout, as `src/db/mod.rs`.
    pub path: String,
    /// Without comments and unit tests.
    pub code: String,
    /// Without the content of strings either.
    pub bare: String,
}

/// What no rule looks into: what is built, and what a run leaves behind.
const SKIPPED: &[&str] = &["target", ".git", "data", "logs"];

/// Every file below a folder of the checkout, sorted; `""` is the checkout itself.
pub fn files(folder: &str) -> Vec<String> {
    let (root, mut folders, mut found) = (Path::new(env!("CARGO_MANIFEST_DIR")), vec![folder.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            match entry.file_type().unwrap() {
                kind if kind.is_dir() && !SKIPPED.contains(&path.as_str()) => folders.push(path),
                kind if kind.is_file() && path != ".git" => found.push(path),
                _ => {}
            }
        }
    }
    found.sort();
    found
}

/// Those with this ending.
pub fn files_of(folder: &str, ending: &str) -> Vec<String> {
    let mut found = files(folder);
    found.retain(|path| path.rsplit_once('.').is_some_and(|(_, own)| own == ending));
    found
}

/// The text of a file of the checkout.
#[track_caller]
pub fn read(path: &str) -> String {
    let bytes = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Every Rust file below a folder.
pub fn rust(folder: &str) -> Vec<Rust> {
    files_of(folder, "rs").into_iter().map(|path| Rust::new(&read(&path), path)).collect()
}

impl Rust {
    fn new(text: &str, path: String) -> Self {
        let (mut code, mut bare, mut rest) = (String::new(), String::new(), text);
        while !rest.is_empty() {
            let (kind, len) = token(rest);
            let (taken, after) = rest.split_at(len);
            match kind {
                Token::Comment => blank(taken, &mut code),
                Token::Text | Token::Code => code.push_str(taken),
            }
            match kind {
                Token::Comment | Token::Text => blank(taken, &mut bare),
                Token::Code => bare.push_str(taken),
            }
            rest = after;
        }
        while let Some(begin) = bare.find("#[cfg(test)]") {
            let end = begin + end_of_item(&bare[begin..]);
            for text in [&mut code, &mut bare] {
                let mut gap = String::new();
                blank(&text[begin..end], &mut gap);
                text.replace_range(begin..end, &gap);
            }
        }
        Self { path, code, bare }
    }

    /// The room or file right below `src/`: `db`, `logs`, `main`.
    pub fn module(&self) -> &str {
        let below = self.path.strip_prefix("src/").unwrap_or(&self.path);
        below.split('/').next().unwrap_or(below).trim_end_matches(".rs")
    }

    /// Whether its name, or that of its folder, makes it an edge of this kind: `http` or `job`.
    pub fn is_edge(&self, kind: &str) -> bool {
        let Some((_, below)) = self.path.strip_prefix("src/").and_then(|path| path.split_once('/')) else {
            return false;
        };
        below == format!("{kind}.rs") || below.starts_with(&format!("{kind}/"))
    }

    /// Whether a word stands in the code, strings left out.
    pub fn says(&self, word: &str) -> bool {
        words(&self.bare).contains(word)
    }

    /// The line of a byte of the stripped texts, with the path in front.
    pub fn at(&self, byte: usize) -> String {
        format!("{}:{}", self.path, self.bare[..byte].matches('\n').count() + 1)
    }
}

/// The identifiers and keywords of a text.
pub fn words(bare: &str) -> BTreeSet<&str> {
    bare.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()).collect()
}

enum Token {
    Comment,
    Text,
    Code,
}

/// The kind and length of what a text begins with.
fn token(rest: &str) -> (Token, usize) {
    let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    let to = |end: &str, from: usize| rest[from..].find(end).map_or(rest.len(), |at| from + at + end.len());
    if rest.starts_with("//") {
        (Token::Comment, rest.find('\n').unwrap_or(rest.len()))
    } else if rest.starts_with("/*") {
        (Token::Comment, to("*/", 2))
    } else if let Some(hashes) = raw(rest, word) {
        (Token::Text, to(&format!("\"{}", "#".repeat(hashes)), word + hashes + 1))
    } else if word > 0 {
        (Token::Code, word)
    } else if rest.starts_with('"') {
        (Token::Text, quoted(rest, '"'))
    } else if rest.starts_with("'\\") || rest.chars().nth(2) == Some('\'') && rest.starts_with('\'') {
        (Token::Text, quoted(rest, '\''))
    } else {
        (Token::Code, rest.chars().next().map_or(0, char::len_utf8))
    }
}

/// The number of hashes of a raw string, if one begins here.
fn raw(rest: &str, word: usize) -> Option<usize> {
    let after = matches!(&rest[..word], "r" | "br").then(|| &rest[word..])?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    after[hashes..].starts_with('"').then_some(hashes)
}

fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

fn end_of_item(bare: &str) -> usize {
    let mut depth = 0;
    for (at, c) in bare.char_indices() {
        match c {
            '{' => depth += 1,
            ';' if depth == 0 => return at + 1,
            '}' if depth == 1 => return at + 1,
            '}' => depth -= 1,
            _ => {}
        }
    }
    bare.len()
}

fn blank(text: &str, into: &mut String) {
    into.extend(text.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
}

#[test]
fn comments_strings_and_tests_are_told_from_code() {
    let text = r##"
        /// a `crate::x` "
        let a = "crate::b // c \" '"; let d = r#"crate::" e"#; // crate::f
        let g = '"'; let h = '\''; fn i<'j>(k: &'j str) {} /* crate::l */ let _m = b"n";
        #[cfg(test)]
        mod tests { fn o() { p("}") } }
        fn q() {}
    "##;
    let rust = Rust::new(text, "src/r/http/s.rs".to_owned());
    let expected = ["_m", "a", "b", "d", "fn", "g", "h", "i", "j", "k", "let", "q", "str"];
    assert_eq!(words(&rust.bare).into_iter().collect::<Vec<_>>(), expected);
    assert!(rust.code.contains("crate::b") && !rust.code.contains("crate::f") && !rust.bare.contains("crate"));
    assert_eq!(
        (rust.code.len(), rust.module(), rust.is_edge("http"), rust.is_edge("job")),
        (text.len(), "r", true, false)
    );
}
