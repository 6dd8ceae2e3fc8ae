//! `deny.toml` is obeyed, also where nobody runs cargo-deny: this reads the two files and asks nobody.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::{assert_none, source};

#[test]
fn the_lock_file_obeys_deny_toml() {
    let (deny, locked) = (table("deny.toml"), locked());
    let bans = deny["bans"].as_table().unwrap();
    let mut broken = Vec::new();
    for ban in crates(&bans["deny"]) {
        if locked.contains_key(ban.as_str()) {
            broken.push(format!("{ban} is banned and in Cargo.lock"));
        }
    }
    let skipped = crates(&bans["skip"]);
    for (name, versions) in locked.iter().filter(|(_, versions)| versions.len() > 1) {
        let unlisted = versions.iter().filter(|version| !skipped.contains(&format!("{name}@{version}"))).count();
        if unlisted > 1 {
            broken.push(format!("{name} is there as {}: list why in deny.toml, or end it", versions.join(" and ")));
        }
    }
    for skip in &skipped {
        let (name, version) = skip.split_once('@').unwrap_or((skip, ""));
        if !locked.get(name).is_some_and(|versions| versions.len() > 1 && versions.iter().any(|v| v == version)) {
            broken.push(format!("deny.toml skips {skip}, which is no duplicate any more"));
        }
    }
    assert_none(&broken);
}

#[test]
fn every_crate_comes_from_the_registry() {
    let text = source::read("Cargo.lock");
    let foreign: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("source = "))
        .filter(|source| !source.starts_with("\"registry+https://github.com/rust-lang/"))
        .map(|source| format!("Cargo.lock takes a crate from {source}"))
        .collect();
    assert_none(&foreign);
    let sources = &table("deny.toml")["sources"];
    assert_eq!((sources["unknown-git"].as_str(), sources["unknown-registry"].as_str()), (Some("deny"), Some("deny")));
}

/// The specs of a list, each of which says why it is there.
fn crates(list: &Value) -> Vec<String> {
    let entries = list.as_array().unwrap().iter().map(|entry| {
        let reason = entry.get("reason").and_then(Value::as_str).unwrap_or_default();
        assert!(!reason.is_empty(), "deny.toml gives no reason for {entry:?}");
        entry["crate"].as_str().unwrap().to_owned()
    });
    entries.collect()
}

/// The versions of each crate.
fn locked() -> BTreeMap<String, Vec<String>> {
    let mut versions = BTreeMap::<String, Vec<String>>::new();
    for package in table("Cargo.lock")["package"].as_array().unwrap() {
        let text = |name: &str| package[name].as_str().unwrap().to_owned();
        versions.entry(text("name")).or_default().push(text("version"));
    }
    versions
}

fn table(path: &str) -> Table {
    toml::from_str(&source::read(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}
