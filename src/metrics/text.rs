//! The text format of Prometheus, version 0.0.4.

use std::fmt::{Display, Write};

use super::{Family, Histogram};

/// A page of metrics. Families come one after the other, each with its `HELP` and `TYPE` once.
#[derive(Default)]
pub struct Text {
    page: String,
    open: Option<Family>,
}

impl Text {
    /// Adds a sample; `labels` are the values of the family's labels, in their order.
    pub fn sample(&mut self, family: Family, labels: &[&str], value: impl Display) {
        self.open(family);
        self.line(family, "", labels, None, value);
    }

    /// Adds all samples of a histogram.
    pub fn histogram(&mut self, family: Family, labels: &[&str], histogram: &Histogram) {
        self.open(family);
        let mut count = 0;
        for (bound, so_far) in histogram.cumulative() {
            count = so_far;
            self.line(family, "_bucket", labels, Some(bound), so_far);
        }
        self.line(family, "_sum", labels, None, histogram.sum());
        self.line(family, "_count", labels, None, count);
    }

    /// The page.
    #[must_use]
    pub fn finish(self) -> String {
        self.page
    }

    fn open(&mut self, family: Family) {
        if self.open.replace(family) != Some(family) {
            let (name, kind, help) = (family.name(), family.kind().as_str(), family.help());
            // Writing to a string cannot fail, here and below.
            let _ = write!(self.page, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        }
    }

    fn line(&mut self, family: Family, ending: &str, labels: &[&str], bound: Option<&str>, value: impl Display) {
        self.page.push_str(family.name());
        self.page.push_str(ending);
        let pairs = family.labels().iter().copied().zip(labels.iter().copied()).chain(bound.map(|bound| ("le", bound)));
        let mut between = '{';
        for (label, value) in pairs {
            let _ = write!(self.page, "{between}{label}=\"{}\"", escaped(value));
            between = ',';
        }
        if between == ',' {
            self.page.push('}');
        }
        let _ = writeln!(self.page, " {value}");
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::SIZES;

    #[test]
    fn a_page_reads_as_the_format_asks() {
        let mut text = Text::default();
        text.sample(Family::JobsWaiting, &[], 3);
        text.sample(Family::SignIns, &["a\"b\\c\nd"], 1);
        text.sample(Family::SignIns, &["ok"], 2);
        let histogram = Histogram::new(SIZES);
        histogram.observe(3);
        text.histogram(Family::DbCommitBatch, &[], &histogram);
        let page = text.finish();
        assert!(page.contains("# TYPE denizen_jobs_waiting gauge\ndenizen_jobs_waiting 3\n"), "{page}");
        assert!(page.contains(r#"denizen_sign_ins_total{outcome="a\"b\\c\nd"} 1"#), "{page}");
        assert_eq!(page.matches("# HELP denizen_sign_ins_total ").count(), 1);
        for line in ["_bucket{le=\"2\"} 0", "_bucket{le=\"4\"} 1", "_bucket{le=\"+Inf\"} 1", "_sum 3", "_count 1"] {
            assert!(page.contains(&format!("denizen_db_commit_batch_transactions{line}\n")), "{line} in {page}");
        }
    }
}
