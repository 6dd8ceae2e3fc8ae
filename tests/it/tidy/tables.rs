//! Every row of a table of the house has a use.

use denizen::{access::Permission, error::Code, event::Kind};

use super::{assert_none, source};

/// Rows without a use as yet.
const UNUSED: &[(&str, &str)] = &[];

/// Files that read the log. What they name is not thereby recorded.
const READERS: &[&str] =
    &["src/event/counters.rs", "src/event/kind.rs", "src/event/verify.rs", "src/session/bearer.rs"];

#[test]
fn every_code_is_given_every_kind_recorded_every_permission_asked_for() {
    let table = |name: &str| match name {
        "Code" => &["src/error.rs"][..],
        "Permission" => {
            &["src/access/authority.rs", "src/access/permission.rs", "src/access/plan.rs", "src/access/role.rs"]
        }
        _ => READERS,
    };
    let mut rows: Vec<String> = Code::ALL.iter().map(|code| format!("Code::{code:?}")).collect();
    rows.extend(Permission::ALL.iter().map(|permission| format!("Permission::{permission:?}")));
    rows.extend(Kind::ALL.iter().map(|kind| format!("Kind::{kind:?}")));
    let files = source::rust("src");
    let mut broken = Vec::new();
    for row in &rows {
        let name = row.split("::").next().unwrap();
        let is_used = files.iter().filter(|file| !table(name).contains(&file.path.as_str())).any(|file| {
            let follows = |at: usize| file.bare[at + row.len()..].starts_with(|c: char| c.is_alphanumeric());
            file.bare.match_indices(row.as_str()).any(|(at, _)| !follows(at))
        });
        // The constructors of an error give four codes.
        let is_used = is_used || name == "Code" && source::read("src/error.rs").contains(&format!("{row})"));
        match (is_used, UNUSED.iter().any(|(known, _)| known == row)) {
            (false, false) => broken.push(format!("nothing outside its table uses {row}")),
            (true, true) => broken.push(format!("{row} is used: take it off the list")),
            _ => {}
        }
    }
    assert_none(&broken);
}
