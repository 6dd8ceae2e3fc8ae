//! Words that have no place in the house, or only one.

use super::{assert_none, source};

/// Never in `src/`, apart from its unit tests.
const NEVER: &[(&str, &str)] = &[
    (".unwrap()", "say what to do instead, or give the error on"),
    (".expect(", "say what to do instead, or give the error on"),
    ("todo!", "unfinished"),
    ("unimplemented!", "unfinished"),
    ("unreachable!", "let the types say it"),
    ("panic!", "a request must not end so"),
    ("dbg!", "a trace of somebody's work"),
    ("#[allow(", "#[expect(.., reason = \"..\")] ends when its cause does"),
    ("#![allow(", "#[expect(.., reason = \"..\")] ends when its cause does"),
    ("now_v7", "tx.new_id() makes ids"),
    ("new_v4", "tx.new_id() makes ids"),
];

/// In one place of `src/`: `(word, its home)`. All that ends in a session goes through the one door.
const HOMES: &[(&str, &str)] = &[
    ("SystemTime", "src/clock.rs"),
    ("now_utc", "src/clock.rs"),
    ("env::var", "src/config/source.rs"),
    ("session::start(", "src/login/mod.rs"),
];

#[test]
fn the_code_uses_no_forbidden_word() {
    let mut broken = Vec::new();
    for file in source::rust("src") {
        for (word, why) in NEVER {
            broken.extend(file.bare.match_indices(word).map(|(at, _)| format!("{} says {word}: {why}", file.at(at))));
        }
        for (word, home) in HOMES {
            let found = file.bare.match_indices(word).filter(|_| file.path != *home);
            broken.extend(found.map(|(at, _)| format!("{} says {word}, whose home is {home}", file.at(at))));
        }
    }
    assert_none(&broken);
}

#[test]
fn no_file_names_somebodys_machine() {
    let folders = ["root", "work", "home"].map(|name| format!("/{name}/"));
    let mut broken = Vec::new();
    for path in source::files("") {
        for (line, text) in (1..).zip(source::read(&path).lines()) {
            if folders.iter().any(|folder| text.contains(folder)) {
                broken.push(format!("{path}:{line} names a folder of one machine"));
            }
        }
    }
    assert_none(&broken);
}
