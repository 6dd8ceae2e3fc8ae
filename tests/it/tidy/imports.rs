//! What a file may import follows from its name, and from where its module stands in `src/lib.rs`.

use super::{
    assert_none,
    source::{self, Rust},
};

/// Modules below this one in `src/lib.rs` put the rooms together. No room, and no room's edge, looks at them.
const FIRST_ABOVE_ROOMS: &str = "router";

/// Imports against the reading order: `(file, module, reason)`. Edges need no entry.
const AGAINST_THE_ORDER: &[(&str, &str, &str)] = &[];

/// Files that know axum and are no edge of a room.
const KNOWS_AXUM: &[(&str, &str)] = &[
    // src/router.rs stays off this list: a route that is added without its documentation would need axum there.
    ("src/server.rs", "it hands the routes and their settings to the sockets"),
];

/// All that the kit of the edges knows of the house: HTTP is no business of users or the database.
const KIT: &[&str] = &["clock", "error", "http", "id", "metrics", "patch", "secret", "trace"];

#[test]
fn modules_use_those_above_them() {
    let order = order();
    let place = |module: &str| order.iter().position(|name| name == module);
    let rooms_end = place(FIRST_ABOVE_ROOMS).unwrap();
    let macros = macros();
    let mut broken = Vec::new();
    let mut needed = Vec::new();
    for file in source::rust("src") {
        let module = file.module().to_owned();
        if module == "lib" || module == "main" {
            continue;
        }
        let Some(own) = place(&module) else {
            broken.push(format!("{}: src/lib.rs does not name its module", file.path));
            continue;
        };
        let is_edge = module != "http" && (file.is_edge("http") || file.is_edge("job"));
        for (name, at) in imported(&file) {
            let used = macros.iter().find(|(made, _)| *made == name).map_or(name.as_str(), |(_, home)| home.as_str());
            let is_fine = place(used).is_some_and(|used| used <= own || is_edge && used < rooms_end);
            if is_fine {
                continue;
            }
            if AGAINST_THE_ORDER.iter().any(|(path, module, _)| *path == file.path && *module == used) {
                needed.push((file.path.clone(), used.to_owned()));
            } else {
                broken.push(format!("{at} uses {used}, which stands below {module} in src/lib.rs"));
            }
        }
    }
    for (path, module, _) in AGAINST_THE_ORDER {
        if !needed.iter().any(|(file, used)| file == path && used == module) {
            broken.push(format!("the exception of {path} for {module} is not needed any more"));
        }
    }
    assert_none(&broken);
}

#[test]
fn axum_stays_at_the_edges() {
    let files = source::rust("src");
    let is_known = |file: &Rust| KNOWS_AXUM.iter().any(|(path, _)| *path == file.path);
    let is_edge = |file: &Rust| file.module() == "http" || file.is_edge("http");
    let strangers = files.iter().filter(|file| file.says("axum") && !is_edge(file) && !is_known(file));
    let idle = files.iter().filter(|file| is_known(file) && !file.says("axum"));
    let mut broken: Vec<_> = strangers.map(|file| format!("{} knows axum, and is no http.rs", file.path)).collect();
    broken.extend(idle.map(|file| format!("{} does not know axum: take it off the list", file.path)));
    assert_none(&broken);
}

#[test]
fn the_kit_of_the_edges_knows_no_room() {
    let files = source::rust("src/http");
    let imports = files.iter().flat_map(imported);
    let macros = macros();
    let is_own = |name: &str| macros.iter().any(|(made, home)| made == name && home == "http");
    let foreign = imports.filter(|(name, _)| !KIT.contains(&name.as_str()) && !is_own(name));
    assert_none(&foreign.map(|(name, at)| format!("{at} uses {name}")).collect::<Vec<_>>());
}

#[test]
fn sql_stays_in_stores() {
    let mut broken = Vec::new();
    for file in source::rust("src") {
        let is_home = file.path.ends_with("/store.rs") || file.module() == "db";
        let statement = ["select ", "insert into ", "update ", "delete from ", "with "];
        let texts = file.code.match_indices('"').filter(|(at, _)| {
            let text = file.code[at + 1..].trim_start();
            statement.iter().any(|verb| text.starts_with(verb)) && file.bare.as_bytes()[*at] == b' '
        });
        let calls = ["sql(", "sql!("].into_iter().flat_map(|call| file.bare.match_indices(call));
        for (at, _) in texts.chain(calls).filter(|_| !is_home) {
            broken.push(format!("{} holds SQL, and is no store.rs", file.at(at)));
        }
    }
    assert_none(&broken);
}

/// Other rooms meet the verbs of a room. What its store does stays between the two of them.
#[test]
fn stores_are_private() {
    let mut broken = Vec::new();
    for file in source::rust("src") {
        for (at, _) in file.bare.match_indices("mod store;") {
            if file.bare[..at].trim_end().ends_with(|c: char| c != ';' && c != '}') {
                broken.push(format!("{} opens its store to others", file.at(at)));
            }
        }
        let verbs = ["pub fn", "pub async fn", "pub(crate) fn", "pub(crate) async fn"];
        for (at, _) in verbs.iter().flat_map(|verb| file.bare.match_indices(verb)) {
            if file.path.ends_with("/store.rs") {
                broken.push(format!("{} is a verb: the room's mod.rs is its place", file.at(at)));
            }
        }
    }
    assert_none(&broken);
}

/// The modules in reading order.
pub fn order() -> Vec<String> {
    let text = source::read("src/lib.rs");
    let names = text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    names.map(ToOwned::to_owned).collect()
}

/// The macros that stand at the crate's root, with the modules they are written in.
fn macros() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for file in source::rust("src") {
        for (at, _) in file.bare.match_indices("#[macro_export]") {
            let after = file.bare[at..].split_once("macro_rules!").unwrap().1.trim_start();
            let name = after.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap();
            found.push((name.to_owned(), file.module().to_owned()));
        }
    }
    found
}

/// What stands behind each `crate::`, alone or in braces, and where.
fn imported(file: &Rust) -> Vec<(String, String)> {
    let mut names = Vec::new();
    for (at, path) in file.bare.match_indices("crate::") {
        let rest = &file.bare[at + path.len()..];
        let Some(group) = rest.strip_prefix('{') else {
            names.push((first_word(rest), file.at(at)));
            continue;
        };
        let (mut depth, mut is_first) = (0, true);
        for (n, c) in group.char_indices() {
            match c {
                '}' if depth == 0 => break,
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => is_first = true,
                c if is_first && !c.is_whitespace() => {
                    names.push((first_word(&group[n..]), file.at(at + path.len() + 1 + n)));
                    is_first = false;
                }
                _ => {}
            }
        }
    }
    names
}

fn first_word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}
