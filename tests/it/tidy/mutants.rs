//! A mutant that names no test proves nothing.

use super::{assert_none, source};

#[test]
fn every_mutant_names_a_test_that_exists_and_files_that_exist() {
    let (tests, files) = (source::files("tests/it"), source::files(""));
    let mut broken = Vec::new();
    for path in source::files_of("tests/mutants", "patch") {
        let patch = source::read(&path);
        let header = patch.lines().next().and_then(|line| line.strip_prefix("# test: ")).unwrap_or_default();
        let Some((test, engine)) = header.split_once(' ') else {
            broken.push(format!("{path} does not begin with '# test: NAME [ENGINE]'"));
            continue;
        };
        if !["[sqlite]", "[postgres]", "[crash]"].contains(&engine) {
            broken.push(format!("{path} runs on {engine}, which is no engine"));
        }
        if !exists(test, &tests) {
            broken.push(format!("{path} names the test {test}, which is not there"));
        }
        for broken_file in patch.lines().filter_map(|line| line.strip_prefix("--- a/")) {
            if !files.iter().any(|file| file == broken_file) {
                broken.push(format!("{path} breaks {broken_file}, which is not there"));
            }
        }
    }
    assert_none(&broken);
}

/// `room::name`, `room::name::sqlite` of the integration tests, or `module::tests::name` of the library.
fn exists(test: &str, tests: &[String]) -> bool {
    let mut parts: Vec<_> = test.split("::").collect();
    if matches!(parts.last(), Some(&("sqlite" | "postgres"))) {
        parts.pop();
    }
    let Some(name) = parts.pop() else { return false };
    let is_unit = parts.pop_if(|part| *part == "tests").is_some();
    let module = parts.join("/");
    let mut places = if is_unit {
        vec![format!("src/{module}.rs"), format!("src/{module}/mod.rs")]
    } else {
        vec![format!("tests/it/{module}.rs"), format!("tests/it/{module}/mod.rs")]
    };
    places.retain(|place| is_unit && source::files("src").contains(place) || tests.contains(place));
    places.iter().any(|place| source::read(place).contains(&format!("fn {name}(")))
}
