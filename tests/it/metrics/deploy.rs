//! What the dashboard and the alert rules ask for, and what they tell people to look for, exists.

use std::collections::{BTreeMap, BTreeSet};

use denizen::{
    config, event,
    metrics::{Family, Kind},
    router,
};
use serde_json::Value;

use crate::tidy::source;

/// What Prometheus puts on every series by itself.
const ADDED: [&str; 2] = ["instance", "job"];

/// An expression, where it stands, and the texts that name labels of what it gives.
struct Asked {
    place: String,
    expression: String,
    texts: Vec<String>,
}

/// A metric as an expression names it, and what its labels must be: name, sign and value.
struct Selector {
    metric: String,
    matchers: Vec<(String, String, String)>,
}

fn dashboard() -> Vec<Asked> {
    let dashboard: Value = serde_json::from_str(&source::read("deploy/grafana/denizen.json")).unwrap();
    let mut asked = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap().iter().filter(|panel| panel["type"] != "row") {
        let title = panel["title"].as_str().unwrap();
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "{title} shows nothing");
        asked.extend(targets.iter().map(|target| Asked {
            place: title.to_owned(),
            expression: target["expr"].as_str().unwrap().to_owned(),
            texts: vec![target["legendFormat"].as_str().unwrap().replace("{{", "{{ $labels.")],
        }));
    }
    asked
}

/// Each rule, with its summary and its runbook as texts.
fn alerts() -> Vec<Asked> {
    let file = source::read("deploy/prometheus/alerts.yml");
    let between = |text: &str, begin: &str, end: &str| {
        let (_, rest) = text.split_once(begin).unwrap_or_else(|| panic!("no {begin} in {text}"));
        rest.split(end).next().unwrap().to_owned()
    };
    let rule = |text: &str| Asked {
        place: text.lines().next().unwrap().to_owned(),
        expression: between(text, "expr: ", "\n        labels: ").split("\n        for: ").next().unwrap().to_owned(),
        texts: vec![between(text, "summary: \"", "\"\n"), between(text, "runbook: \"", "\"\n")],
    };
    file.split("- alert: ").skip(1).map(rule).collect()
}

/// The quoted texts of an expression are taken out first, since they hold braces of their own.
fn selectors(expression: &str) -> Vec<Selector> {
    let pieces: Vec<_> = expression.split('"').collect();
    // Behind each text stands its place: `route=~<3>`.
    let bare: String =
        (0..).zip(&pieces).map(|(n, piece)| if n % 2 == 0 { (*piece).to_owned() } else { format!("<{n}>") }).collect();
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut found = Vec::new();
    for (at, _) in bare.char_indices().filter(|(at, c)| is_word(*c) && !bare[..*at].ends_with(is_word)) {
        let word: String = bare[at..].chars().take_while(|c| is_word(*c)).collect();
        if !["denizen_", "process_"].iter().any(|start| word.starts_with(start)) {
            continue;
        }
        let inner = bare[at + word.len()..].strip_prefix('{').and_then(|rest| rest.split('}').next());
        let matchers = inner.unwrap_or_default().split(',').map(str::trim).filter(|matcher| !matcher.is_empty());
        let matchers = matchers.map(|matcher| {
            let (start, value) = matcher.split_once('<').unwrap_or_else(|| panic!("{matcher} in {expression}"));
            let value: usize = value.trim_end_matches('>').parse().unwrap();
            let name = start.trim_end_matches(['=', '!', '~', ' ']);
            (name.to_owned(), start[name.len()..].trim().to_owned(), pieces[value].to_owned())
        });
        found.push(Selector { matchers: matchers.collect(), metric: word });
    }
    found
}

/// The family that an expression names; of a histogram it asks for a part.
fn family(metric: &str) -> Option<Family> {
    let of = |name: &str| Family::ALL.iter().copied().find(|family| family.name() == name);
    let bare = ["_bucket", "_sum", "_count"].iter().find_map(|ending| metric.strip_suffix(ending));
    let part = bare.and_then(of).filter(|family| family.kind() == Kind::Histogram);
    part.or_else(|| of(metric).filter(|family| family.kind() != Kind::Histogram))
}

fn labels(metric: &str) -> BTreeSet<&'static str> {
    let own = family(metric).map_or(&[][..], Family::labels);
    let le = metric.ends_with("_bucket").then_some("le");
    own.iter().copied().chain(ADDED).chain(le).collect()
}

/// The words that a pattern of nothing but words and choices stands for.
fn words(pattern: &str) -> Vec<String> {
    let (mut depth, plain) = (0, pattern.replace("[{]", "{").replace("[}]", "}"));
    let is_cut = |c: char| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == '|' && depth == 0
    };
    let choices: Vec<_> = plain.split(is_cut).map(ToOwned::to_owned).collect();
    let whole = |choice: String| match choice.split_once('(') {
        None => vec![choice],
        Some((before, rest)) => {
            let (inner, after) = rest.split_once(')').unwrap();
            words(inner).iter().flat_map(|word| words(&format!("{before}{word}{after}"))).collect()
        }
    };
    choices.into_iter().flat_map(whole).collect()
}

/// `POST /path`, and what of its body is a password.
fn operations() -> BTreeMap<String, bool> {
    let mut found = BTreeMap::new();
    for (path, item) in router::document("denizen")["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let bodies = operation["requestBody"]["content"].as_object().into_iter().flatten();
            let takes =
                |name: &str| bodies.clone().any(|(_, content)| content["schema"]["properties"].get(name).is_some());
            let has_password = ["password", "current_password", "new_password"].into_iter().any(takes);
            found.insert(format!("{} {path}", method.to_uppercase()), has_password);
        }
    }
    found
}

#[test]
fn the_dashboard_and_the_alerts_name_what_exists() {
    let (operations, alerts) = (operations(), alerts());
    assert!(alerts.len() >= 10);
    let routes: BTreeSet<_> = operations.keys().map(|name| name.split_once(' ').unwrap().1.to_owned()).collect();
    let methods: BTreeSet<_> = operations.keys().map(|name| name.split_once(' ').unwrap().0.to_owned()).collect();
    let (mut used, mut broken) = (BTreeSet::new(), Vec::new());
    for Asked { place, expression, texts } in dashboard().into_iter().chain(alerts) {
        let selectors = selectors(&expression);
        let mut all = BTreeSet::from(ADDED);
        for Selector { metric, matchers } in &selectors {
            match family(metric) {
                Some(family) => drop(used.insert(family.name())),
                None => broken.push(format!("{place}: there is no metric {metric}")),
            }
            all.extend(labels(metric));
            for (label, sign, value) in matchers {
                if !labels(metric).contains(label.as_str()) {
                    broken.push(format!("{place}: {metric} has no label {label}"));
                }
                let known = match label.as_str() {
                    "route" => &routes,
                    "method" => &methods,
                    _ => continue,
                };
                let values = if sign.ends_with('~') { words(value) } else { vec![value.clone()] };
                let unknown = values.iter().filter(|value| !known.contains(*value));
                broken.extend(unknown.map(|value| format!("{place}: there is no {label} {value}")));
            }
        }
        let after =
            |word: &'static str| expression.split(word).skip(1).filter_map(|rest| rest.trim().strip_prefix('('));
        let groups = after(" by ").chain(after(" on ")).flat_map(|rest| rest.split(')').next().unwrap().split(','));
        let told = texts.iter().flat_map(|text| text.split("$labels.").skip(1));
        let told = told.map(|rest| rest.split("}}").next().unwrap());
        let unknown = groups.chain(told).map(str::trim).filter(|label| !all.contains(label));
        broken.extend(unknown.map(|label| format!("{place}: nothing in it has a label {label}")));
        let named = texts.iter().flat_map(|text| text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'));
        let named = named.filter(|word| word.starts_with("denizen_") || word.starts_with("process_"));
        let unknown = named.filter(|word| Family::ALL.iter().all(|family| family.name() != *word));
        broken.extend(unknown.map(|name| format!("{place}: there is no metric {name}")));
    }
    let unused = Family::ALL.iter().map(|family| family.name()).filter(|name| !used.contains(name));
    broken.extend(unused.map(|name| format!("nobody looks at {name}")));
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// The rule says that it leaves out imports and what takes a password: it leaves out all of these, and nothing else.
#[test]
fn the_alert_of_slow_requests_leaves_out_what_it_says() {
    let rule = alerts().into_iter().find(|rule| rule.place == "DenizenSlow").unwrap();
    let mut left_out = BTreeSet::new();
    for Selector { matchers, .. } in selectors(&rule.expression) {
        let values = |label: &str| {
            let found = matchers.iter().find(|(name, ..)| name == label);
            found.map(|(_, _, value)| words(value))
        };
        let (routes, chosen) = (values("route").unwrap(), values("method"));
        let is_chosen = |method: &str| chosen.as_ref().is_none_or(|chosen| chosen.iter().any(|one| one == method));
        left_out.extend(operations().into_keys().filter(|name| {
            let (method, route) = name.split_once(' ').unwrap();
            is_chosen(method) && routes.iter().any(|one| one == route)
        }));
    }
    let takes_long = operations().into_iter().filter(|(name, has_password)| *has_password || name.ends_with("/import"));
    assert_eq!(left_out, takes_long.map(|(name, _)| name).collect());
}

/// Lines of the log, settings, events and pages.
#[test]
fn a_runbook_sends_nobody_to_look_for_what_is_not_there() {
    let code: String = source::rust("src").into_iter().map(|file| file.code).collect();
    let settings = config::reference();
    let mut broken = Vec::new();
    for Asked { place, texts, .. } in alerts() {
        let runbook = &texts[1];
        let lines = runbook.split(" '").skip(1).map(|rest| rest.split('\'').next().unwrap());
        let unknown = lines.filter(|line| !code.contains(&format!("\"{line}\"")));
        broken.extend(unknown.map(|line| format!("{place}: nothing logs '{line}'")));
        for word in runbook.split_whitespace().map(|word| word.trim_matches(['.', ',', ';', ':', '(', ')'])) {
            let is_made_of = |fits: fn(char) -> bool| word.chars().all(fits);
            if let Some((page, anchor)) = word.split_once('#') {
                let has = |text: &str| text.lines().any(|line| line.starts_with('#') && slug(line) == anchor);
                if !source::files("docs").iter().any(|file| file == page) || !has(&source::read(page)) {
                    broken.push(format!("{place}: {word} leads nowhere"));
                }
            } else if word.contains('_') && is_made_of(|c| c.is_ascii_uppercase() || c == '_') {
                if !settings.contains(word) {
                    broken.push(format!("{place}: there is no setting {word}"));
                }
            } else if word.contains('.')
                && is_made_of(|c| c.is_ascii_lowercase() || c == '_' || c == '.')
                && event::Kind::ALL.iter().all(|kind| kind.as_str() != word)
            {
                broken.push(format!("{place}: there is no event {word}"));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// What a heading is called in a link.
fn slug(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
    text.chars().filter(|c| c.is_alphanumeric() || *c == '-' || *c == '_').collect()
}

#[test]
fn patterns_are_read_as_prometheus_reads_them() {
    assert_eq!(words("/a/(b|c)|/d/[{]id[}]/e"), ["/a/b", "/a/c", "/d/{id}/e"]);
    let found = selectors(r#"rate(denizen_x_count{route!~"/a/[{]id[}]|/b", method="GET"}[5m]) > 2 * process_y"#);
    let names: Vec<_> = found.iter().map(|selector| selector.metric.as_str()).collect();
    assert_eq!(names, ["denizen_x_count", "process_y"]);
    let route = ("route".to_owned(), "!~".to_owned(), "/a/[{]id[}]|/b".to_owned());
    let method = ("method".to_owned(), "=".to_owned(), "GET".to_owned());
    assert_eq!(found[0].matchers, [route, method]);
}
