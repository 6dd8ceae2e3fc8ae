//! Which way leads to the page at the least cost.
//!
//! A walk goes along the sorted rows and keeps those that match: quick when many do. Gathering takes everybody whom an
//! index names for the rarest conditions, and sorts them: quick when they are few. With as many as a page times the
//! people under the root, either is slow, and neither is slower than that. A walk has a limit: when the sample was
//! wrong about it, gathering follows, and costs no more than it would have at first.

use super::sample::Estimate;
use crate::{
    db::Engine,
    search::{Filter, Order, Test},
};

/// What a row costs, in rows that are passed by a walk which has to look at them.
const COVERED: f64 = 0.15;
const BY_RANGE: f64 = 2.0;
/// By its gram: on `PostgreSQL` the set is fetched beside the row.
const BY_GRAM: [f64; 2] = [3.0, 5.0];
/// How far over the estimate a walk may go.
const SLACK: f64 = 3.0;

/// So many people the sample may have missed because it is old.
const FEW: f64 = 10_000.0;

/// A way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Along the order, at most so far.
    Walk(Reach),
    /// All whom the grams name.
    Grams,
    /// All in the narrowest span of time.
    Range,
}

/// How many rows a walk passes. They are few, because each is a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are named by their size")]
pub enum Reach {
    Short,
    Middle,
    Long,
    Whole,
}

impl Reach {
    const LIMITED: [Self; 3] = [Self::Short, Self::Middle, Self::Long];

    /// The rows; nothing for all of them.
    #[must_use]
    pub const fn rows(self) -> Option<u64> {
        match self {
            Self::Short => Some(1_000),
            Self::Middle => Some(5_000),
            Self::Long => Some(25_000),
            Self::Whole => None,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    fn over(rows: f64) -> Self {
        let enough = |reach: &Self| reach.rows().is_none_or(|most| rows <= most as f64);
        Self::LIMITED.into_iter().find(enough).unwrap_or(Self::Whole)
    }
}

impl Plan {
    /// The way of least cost, and what it costs.
    #[must_use]
    pub fn choose(engine: Engine, filter: &Filter, order: Order, estimate: &Estimate) -> Self {
        let walk = estimate.walk * if is_covered(filter, order) { COVERED } else { 1.0 };
        match Self::gather(engine, estimate) {
            Some((plan, cost)) if cost < walk => plan,
            _ => Self::Walk(Reach::over(estimate.walk * SLACK)),
        }
    }

    /// The way to follow a walk that did not reach far enough.
    #[must_use]
    pub fn instead(engine: Engine, estimate: &Estimate) -> Self {
        match Self::gather(engine, estimate) {
            Some((plan, cost)) if cost < estimate.people.max(FEW) => plan,
            _ => Self::Walk(Reach::Whole),
        }
    }

    fn gather(engine: Engine, estimate: &Estimate) -> Option<(Self, f64)> {
        let grams = estimate.grams.map(|rows| (Self::Grams, rows * BY_GRAM[engine as usize]));
        let range = estimate.range.map(|rows| (Self::Range, rows * BY_RANGE));
        grams.into_iter().chain(range).min_by(|(_, left), (_, right)| left.total_cmp(right))
    }
}

/// Whether the index of the order answers it all.
fn is_covered(filter: &Filter, order: Order) -> bool {
    filter.tests().iter().all(|test| match test {
        Test::Facet(_) => true,
        Test::Range { moment, .. } => moment.as_str() == order.as_str(),
        Test::Text { .. } | Test::Word { .. } => false,
    })
}
