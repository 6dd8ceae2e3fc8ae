//! The text format of Prometheus, read as strictly as it is written down.

use std::collections::{BTreeMap, BTreeSet};

/// A page of metrics.
pub struct Page {
    pub samples: Vec<Sample>,
    /// The types of the families, by name.
    pub types: BTreeMap<String, String>,
}

#[derive(Clone, Debug)]
pub struct Sample {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

impl Page {
    /// Reads a page; panics at whatever the format forbids.
    #[track_caller]
    pub fn read(text: &str) -> Self {
        let (mut samples, mut types, mut helps) = (Vec::<Sample>::new(), BTreeMap::new(), BTreeSet::new());
        let (mut family, mut seen) = (String::new(), BTreeSet::new());
        assert!(text.ends_with('\n'), "the last line does not end");
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').unwrap();
                assert!(helps.insert(name.to_owned()) && !help.is_empty(), "{line}");
                name.clone_into(&mut family);
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert_eq!(name, family, "TYPE follows HELP");
                assert!(types.insert(name.to_owned(), kind.to_owned()).is_none(), "{line}");
            } else {
                let sample = Sample::read(line);
                let kind = types[&family].as_str();
                let endings: &[&str] = if kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
                let own = |ending: &&str| sample.name == format!("{family}{ending}");
                assert!(endings.iter().any(own), "{line} stands below {family}");
                assert!(seen.insert((sample.name.clone(), sample.labels.clone())), "twice: {line}");
                samples.push(sample);
            }
        }
        let page = Self { samples, types };
        page.types.iter().filter(|(_, kind)| *kind == "histogram").for_each(|(name, _)| page.check_histogram(name));
        page
    }

    /// Buckets are cumulative, ascend, and end with all there are.
    fn check_histogram(&self, name: &str) {
        let mut series = BTreeMap::<_, Vec<(f64, f64)>>::new();
        for sample in self.samples.iter().filter(|sample| sample.name == format!("{name}_bucket")) {
            let mut labels = sample.labels.clone();
            let bound = labels.remove("le").unwrap();
            let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().unwrap() };
            series.entry(labels).or_default().push((bound, sample.value));
        }
        assert!(!series.is_empty(), "{name} has no buckets");
        for (labels, buckets) in series {
            assert!(buckets.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1), "{name} {labels:?} {buckets:?}");
            let (last, all) = *buckets.last().unwrap();
            let of = |ending: &str| {
                let own = |s: &&Sample| s.name == format!("{name}{ending}") && s.labels == labels;
                self.samples.iter().find(own).unwrap().value
            };
            assert!(last.is_infinite() && (all - of("_count")).abs() < 0.5, "{name} {labels:?} {buckets:?}");
            assert!(all > 0.0 || of("_sum") == 0.0, "{name} {labels:?}");
        }
    }

    /// The sum of the samples of this name that have these labels.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let has = |sample: &Sample| {
            labels.iter().all(|(label, value)| sample.labels.get(*label).is_some_and(|own| own == value))
        };
        // Of nothing it would be -0.
        self.samples.iter().filter(|sample| sample.name == name && has(sample)).map(|s| s.value).sum::<f64>() + 0.0
    }
}

impl Sample {
    fn read(line: &str) -> Self {
        let (name, rest) = line.split_at(line.find(['{', ' ']).unwrap());
        let mut labels = BTreeMap::new();
        let mut rest = rest.strip_prefix('{').unwrap_or(rest);
        while !rest.starts_with(' ') {
            let (label, after) = rest.split_once("=\"").unwrap();
            let (value, after) = after.split_once('"').unwrap();
            assert!(!value.contains('\\'), "{line}: nothing here needs an escape");
            assert!(labels.insert(label.to_owned(), value.to_owned()).is_none(), "{line}");
            rest = after.strip_prefix(',').or_else(|| after.strip_prefix('}')).unwrap();
        }
        Self { name: name.to_owned(), labels, value: rest[1..].parse().unwrap_or_else(|e| panic!("{line}: {e}")) }
    }
}
