//! How often a value fell into which range.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// The ranges of a histogram.
#[derive(Debug)]
pub struct Scale {
    /// The upper end of each range, that end included, and how it is written.
    bounds: &'static [(u64, &'static str)],
    /// How many of what is observed make one of what is told.
    unit: f64,
}

/// Durations, from half a millisecond to ten seconds. Observed in nanoseconds, told in seconds.
pub const SECONDS: &Scale = &Scale {
    bounds: &[
        (500_000, "0.0005"),
        (1_000_000, "0.001"),
        (2_500_000, "0.0025"),
        (5_000_000, "0.005"),
        (10_000_000, "0.01"),
        (25_000_000, "0.025"),
        (50_000_000, "0.05"),
        (100_000_000, "0.1"),
        (250_000_000, "0.25"),
        (500_000_000, "0.5"),
        (1_000_000_000, "1"),
        (2_500_000_000, "2.5"),
        (5_000_000_000, "5"),
        (10_000_000_000, "10"),
    ],
    unit: 1e9,
};

/// How many at once, from one to 512.
pub const SIZES: &Scale = &Scale {
    bounds: &[
        (1, "1"),
        (2, "2"),
        (4, "4"),
        (8, "8"),
        (16, "16"),
        (32, "32"),
        (64, "64"),
        (128, "128"),
        (256, "256"),
        (512, "512"),
    ],
    unit: 1.0,
};

/// A histogram. What lies beyond the last bound is counted in a range of its own.
#[derive(Debug)]
pub struct Histogram {
    scale: &'static Scale,
    ranges: Box<[AtomicU64]>,
    sum: AtomicU64,
}

impl Histogram {
    /// An empty one.
    #[must_use]
    pub fn new(scale: &'static Scale) -> Self {
        let ranges = std::iter::repeat_with(AtomicU64::default).take(scale.bounds.len() + 1).collect();
        Self { scale, ranges, sum: AtomicU64::new(0) }
    }

    /// Counts a value, in what the scale is observed in.
    pub fn observe(&self, value: u64) {
        let range = self.scale.bounds.partition_point(|(bound, _)| *bound < value);
        self.ranges[range].fetch_add(1, Relaxed);
        self.sum.fetch_add(value, Relaxed);
    }

    /// Counts a duration.
    pub fn time(&self, duration: Duration) {
        self.observe(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Of each bound, how many values do not lie above it; at last all of them, as `+Inf`.
    ///
    /// Read while others count, the last is the sum of the rest: a scrape never contradicts itself.
    #[must_use]
    pub fn cumulative(&self) -> Vec<(&'static str, u64)> {
        let bounds = self.scale.bounds.iter().map(|(_, text)| *text).chain(["+Inf"]);
        let mut so_far = 0;
        let mut add = |range: &AtomicU64| {
            so_far += range.load(Relaxed);
            so_far
        };
        bounds.zip(&self.ranges).map(|(bound, range)| (bound, add(range))).collect()
    }

    /// The sum of all values, in what the scale is told in.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "beyond 2^53 ns, 104 days, a sum may lose its last nanoseconds")]
    pub fn sum(&self) -> f64 {
        self.sum.load(Relaxed) as f64 / self.scale.unit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_the_range_below_it() {
        let histogram = Histogram::new(SIZES);
        for value in [0, 1, 2, 3, 512, 513] {
            histogram.observe(value);
        }
        let at = |bound: &str| histogram.cumulative().into_iter().find(|(own, _)| *own == bound).unwrap().1;
        assert_eq!((at("1"), at("2"), at("4"), at("256"), at("512"), at("+Inf")), (2, 3, 4, 4, 5, 6));
        assert!((histogram.sum() - 1_031.0).abs() < 1e-9);
    }

    #[test]
    fn bounds_ascend_and_are_written_as_they_are() {
        for scale in [SECONDS, SIZES] {
            assert!(scale.bounds.is_sorted_by(|a, b| a.0 < b.0));
            for (bound, text) in scale.bounds {
                let told = text.parse::<f64>().unwrap() * scale.unit;
                assert_eq!(format!("{told:.0}"), bound.to_string());
            }
        }
    }
}
