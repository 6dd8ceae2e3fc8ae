//! The documents say what is so: folders, paths, links, and the tables that are made from the code.

use std::{fmt::Write, fs, path::Path};

use denizen::{
    access::{Permission, Plan, Role},
    error::Code,
    event::Kind,
    import::Field,
    metrics::Family,
    search,
};

use super::{assert_none, imports, source};

#[test]
fn architecture_names_the_folders_of_src_in_reading_order() {
    let map = source::read("ARCHITECTURE.md");
    // The first cells of the table.
    let cells = map.lines().filter_map(|line| line.strip_prefix("| `src/").and(line.split('|').nth(1)));
    let named: Vec<_> = cells.flat_map(quoted).collect();
    let mut broken = Vec::new();
    let folders = source::files("src").into_iter().filter_map(|path| Some(format!("{}/", path.rsplit_once('/')?.0)));
    for folder in folders.filter(|folder| folder != "src/") {
        if !named.contains(&folder.as_str()) {
            broken.push(format!("ARCHITECTURE.md does not name `{folder}`"));
        }
    }
    broken.dedup();
    let place = |module: &str| {
        let is_own = |path: &str| path == format!("src/{module}/") || path == format!("src/{module}.rs");
        named.iter().position(|path| is_own(path))
    };
    let mut last = 0;
    for module in imports::order() {
        match place(&module) {
            None => broken.push(format!("ARCHITECTURE.md does not name the module {module}")),
            Some(here) if here < last => broken.push(format!("ARCHITECTURE.md names {module} too early")),
            Some(here) => last = here,
        }
    }
    assert_none(&broken);
}

#[test]
fn every_path_and_link_in_a_document_leads_somewhere() {
    let files = source::files("");
    let exists = |path: &str| {
        let path = path.trim_end_matches('/');
        files.iter().any(|file| file == path || file.strip_prefix(path).is_some_and(|rest| rest.starts_with('/')))
    };
    let mut broken = Vec::new();
    for page in source::files_of("", "md") {
        let text = source::read(&page);
        let own = ["src/", "tests/", "docs/", "deploy/", "migrations/"];
        let is_path = |path: &&str| own.iter().any(|folder| path.starts_with(folder));
        let is_name =
            |path: &&str| path.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "/._-".contains(c));
        let paths = quoted(&text).filter(is_path).filter(is_name);
        broken.extend(paths.filter(|path| !exists(path)).map(|path| format!("{page} names {path}")));
        let folder = page.rsplit_once('/').map_or("", |(folder, _)| folder);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            if !link.is_empty() && !link.contains("://") && !exists(&joined(folder, link)) {
                broken.push(format!("{page} links to {link}"));
            }
        }
    }
    assert_none(&broken);
}

#[test]
fn decisions_are_numbered_whole_and_listed() {
    let list = source::read("docs/decisions/README.md");
    let pages = source::files("docs/decisions").into_iter().filter(|path| !path.ends_with("README.md"));
    for (n, path) in (1..).zip(pages) {
        let name = path.rsplit('/').next().unwrap();
        assert!(name.starts_with(&format!("{n:04}-")), "{path} is not number {n}");
        assert!(list.contains(&format!("]({name})")), "docs/decisions/README.md does not list {name}");
        let text = source::read(&path);
        for heading in ["\n## Context\n", "\n## Decision\n", "\n## Consequences\n", "\n## Rejected\n"] {
            assert!(text.contains(heading), "{path} has no heading {}", heading.trim());
        }
    }
}

#[test]
fn the_tables_of_events_errors_and_metrics_are_current() {
    let mut kinds = String::from("| Kind | Heard at once | What it tells |\n|---|---|---|\n");
    for kind in Kind::ALL {
        let heard = if kind.changes_authority() { "yes" } else { "" };
        let _ = writeln!(kinds, "| `{}` | {heard} | {} |", kind.as_str(), kind.sentence());
    }
    keep("docs/events.md", &kinds);
    let mut codes = String::from("| Code | Status | What people read |\n|---|---|---|\n");
    for code in Code::ALL {
        let _ = writeln!(codes, "| `{}` | {} | {} |", code.as_str(), code.meaning().status(), code.sentence());
    }
    keep("docs/errors.md", &codes);
    let mut filters = String::from("| Filter | What it says | Index |\n|---|---|---|\n");
    for (name, sentence, index) in search::http::filters() {
        let _ = writeln!(filters, "| `{name}` | {sentence} | `{index}` |");
    }
    keep("docs/search.md", &filters);
    let mut metrics = String::from("| Name | Type | Labels | What it tells |\n|---|---|---|---|\n");
    for family in Family::ALL {
        let labels: Vec<_> = family.labels().iter().map(|label| format!("`{label}`")).collect();
        let (name, kind, labels) = (family.name(), family.kind().as_str(), labels.join(", "));
        let _ = writeln!(metrics, "| `{name}` | {kind} | {labels} | {} |", family.help());
    }
    keep("docs/metrics.md", &metrics);
    let mut fields = String::from("| Field | Also known as | What it becomes |\n|---|---|---|\n");
    for field in Field::ALL {
        let aliases = field.aliases().iter().map(|alias| format!("`{alias}`")).collect::<Vec<_>>().join(", ");
        let _ = writeln!(fields, "| `{}` | {aliases} | {} |", field.as_str(), field.sentence());
    }
    keep("docs/import.md", &fields);
}

#[test]
fn the_table_of_permissions_is_current() {
    let all = [Role::User, Role::Admin, Role::Superadmin].map(|role| (role.as_str(), role.permissions()));
    let plans = Plan::ALL.map(|plan| (plan.as_str(), plan.permissions()));
    let columns: Vec<_> = all.into_iter().chain(plans).filter(|(name, _)| *name != "basic").collect();
    let names: Vec<_> = columns.iter().map(|(name, _)| format!(" `{name}` |")).collect();
    let mut table =
        format!("| Permission | What it allows |{}\n|---|---|{}\n", names.concat(), "---|".repeat(names.len()));
    for permission in Permission::ALL {
        let held = columns.iter().map(|(_, held)| if held.contains(*permission) { " x |" } else { "  |" });
        let _ =
            writeln!(table, "| `{}` | {} |{}", permission.as_str(), permission.sentence(), held.collect::<String>());
    }
    keep("docs/permissions.md", &table);
}

/// What surrounds a table made from the code.
const BEGIN: &str = "<!-- Made from the code: UPDATE_DOCS=1 cargo test --test it tidy -->\n";
const END: &str = "<!-- End of what is made -->\n";

/// Demands that a page holds a table; with `UPDATE_DOCS` it gets it.
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "UPDATE_DOCS is for whoever runs the tests, not a setting")]
fn keep(path: &str, table: &str) {
    let page = source::read(path);
    let (before, rest) = page.split_once(BEGIN).unwrap_or_else(|| panic!("{path} has no place for its table"));
    let (stored, after) = rest.split_once(END).unwrap_or_else(|| panic!("{path}: its table does not end"));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let page = format!("{before}{BEGIN}{table}{END}{after}");
        fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join(path), page).unwrap();
        return;
    }
    assert!(stored == table, "{path} is stale: run `UPDATE_DOCS=1 cargo test --test it tidy`");
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// A relative link, seen from the top of the checkout.
fn joined(folder: &str, link: &str) -> String {
    let mut parts: Vec<_> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in link.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." | "" => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}
