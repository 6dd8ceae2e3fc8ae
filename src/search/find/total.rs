//! How many match, when the way to the page did not tell.

use super::{Count, EXACT, Estimate, Matches, Plan, Reach, Search, store};
use crate::{
    db::{Conn, Engine},
    error::Result,
};

/// What an exact total may cost when nobody waits for it, in microseconds.
const QUICK: f64 = 8_000.0;
/// People who are all counted within that time.
pub const QUICKLY_COUNTED: f64 = 10_000.0;

/// Counts when that is quick or demanded; otherwise estimates. A total of a few is exact all the same, unless it is known
/// that there `are_many`.
pub(super) async fn matches(conn: &mut Conn, estimate: &Estimate, search: &Search, are_many: bool) -> Result<Matches> {
    let engine = conn.engine();
    if let Some(plan) = exactly(engine, estimate, search.count) {
        return Ok(Matches::Exact(store::count(conn, search, plan, estimate, None).await?));
    }
    // There are many, says the sample. That there are more than a few is seen for oneself.
    if !are_many {
        let few = Plan::choose(engine, estimate);
        let counted = store::count(conn, search, few, estimate, Some(EXACT + 1)).await?;
        if counted <= EXACT {
            let all = gathering(engine, estimate).map_or(Plan::Walk(Reach::Whole), |(plan, _)| plan);
            return Ok(Matches::Exact(store::count(conn, search, all, estimate, None).await?));
        }
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an estimate of rows")]
    let about = estimate.matches as u64;
    Ok(Matches::About(about.max(EXACT + 1)))
}

/// The way to count all who match, where that is quick or demanded. A walk here reads the whole table.
pub(super) fn exactly(engine: Engine, estimate: &Estimate, count: Count) -> Option<Plan> {
    match gathering(engine, estimate) {
        Some((plan, cost)) if cost < QUICK => Some(plan),
        _ if estimate.people < QUICKLY_COUNTED => Some(Plan::Walk(Reach::Whole)),
        _ if count == Count::Exact => Some(Plan::counting(engine, estimate)),
        _ => None,
    }
}

fn gathering(engine: Engine, estimate: &Estimate) -> Option<(Plan, f64)> {
    Plan::gathering(engine, estimate).into_iter().min_by(|(_, left), (_, right)| left.total_cmp(right))
}
