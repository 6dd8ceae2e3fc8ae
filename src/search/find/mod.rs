//! How a search is answered: an estimate from the sample, a plan, its statement, and the total.
//!
//! The invariant: the plan changes what an answer costs, never what it is.

mod plan;
mod sample;
mod store;

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

pub use plan::{Plan, Reach};
pub use sample::{Estimate, Sample};

use super::{Cursor, Direction, Filter, Order, gram::Needs};
use crate::{
    db::{Conn, Db},
    error::Result,
    id::UserId,
};

/// How old the sample becomes.
const SAMPLE_AGE: Duration = Duration::from_secs(120);
/// A total that so few have is always exact.
const EXACT: u64 = 100;
/// Rows that are gathered within the time that an exact total may take.
const QUICKLY_GATHERED: f64 = 1_500.0;
/// People who are all counted within that time.
const QUICKLY_COUNTED: f64 = 10_000.0;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// Whom.
    pub filter: Filter,
    /// In which order.
    pub order: Order,
    /// From which end.
    pub direction: Direction,
    /// Behind which row.
    pub cursor: Option<Cursor>,
    /// How many rows.
    pub limit: u64,
    /// How many rows are passed over first.
    pub offset: u64,
    /// What is said of all of them.
    pub count: Count,
}

/// What a search says of the number of all who match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// What can be had quickly.
    Quick,
    /// The number, however long it takes.
    Exact,
    /// Nothing.
    None,
}

/// How many match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matches {
    /// Counted.
    Exact(u64),
    /// Estimated.
    About(u64),
    /// Not asked for.
    Unknown,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The people of the page, in order.
    pub users: Vec<UserId>,
    /// How many match in all.
    pub matches: Matches,
    /// Where to go on; nothing at the end.
    pub next: Option<Cursor>,
    /// The way that was gone.
    pub plan: Plan,
}

/// What a node knows of the people as a whole. Copies share it.
#[derive(Clone, Default)]
pub struct Knowledge(Arc<State>);

#[derive(Default)]
struct State {
    sample: RwLock<Option<(Instant, Arc<Sample>)>>,
    is_complete: AtomicBool,
}

impl Knowledge {
    /// Whether everybody is known. They are made known from the newest to the oldest, so the oldest tells.
    ///
    /// # Errors
    /// Of the database.
    pub async fn is_complete(&self, conn: &mut Conn) -> Result<bool> {
        if !self.0.is_complete.load(Ordering::Relaxed) && super::store::knows_the_oldest(conn).await? {
            self.0.is_complete.store(true, Ordering::Relaxed);
        }
        Ok(self.0.is_complete.load(Ordering::Relaxed))
    }

    /// The sample; a new one when there is none or it is old.
    ///
    /// # Errors
    /// Of the database.
    pub async fn sample(&self, conn: &mut Conn) -> Result<Arc<Sample>> {
        let known = self.0.sample.read().unwrap_or_else(PoisonError::into_inner).clone();
        match known {
            Some((drawn, sample)) if drawn.elapsed() < SAMPLE_AGE => Ok(sample),
            // While one is drawn the others go on with the old one.
            Some((_, sample)) => {
                self.keep(Arc::clone(&sample));
                self.renew(conn).await
            }
            None => self.renew(conn).await,
        }
    }

    /// Draws a new sample.
    ///
    /// # Errors
    /// Of the database.
    pub async fn renew(&self, conn: &mut Conn) -> Result<Arc<Sample>> {
        let sample = Arc::new(Sample::draw(conn).await?);
        self.keep(Arc::clone(&sample));
        Ok(sample)
    }

    fn keep(&self, sample: Arc<Sample>) {
        *self.0.sample.write().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), sample));
    }
}

/// Finds people. Whoever calls has asked whether the caller may.
pub(super) async fn find(db: &Db, knowledge: &Knowledge, search: &Search) -> Result<Found> {
    find_by(db, knowledge, search, None).await
}

/// Finds people by this way, or by the one of least cost, for tests: each way gives the same answer.
///
/// # Errors
/// Of the database.
pub async fn find_by(db: &Db, knowledge: &Knowledge, search: &Search, plan: Option<Plan>) -> Result<Found> {
    let conn = &mut db.read();
    let sample = knowledge.sample(conn).await?;
    let estimate = sample.estimate(search);
    let plan = plan.unwrap_or_else(|| Plan::choose(db.engine(), &search.filter, search.order, &estimate));
    by(conn, &sample, &estimate, search, plan).await
}

/// The way that a search goes, and how the engine goes it, line by line.
///
/// # Errors
/// Of the database.
pub async fn explain(conn: &mut Conn, knowledge: &Knowledge, search: &Search) -> Result<(Plan, Vec<String>)> {
    let sample = knowledge.sample(conn).await?;
    let plan = Plan::choose(conn.engine(), &search.filter, search.order, &sample.estimate(search));
    Ok((plan, store::explain(conn, search, plan, &sample.needs(&search.filter)).await?))
}

/// Finds people by this way, or, when it does not reach far enough, by another one.
pub(super) async fn by(
    conn: &mut Conn,
    sample: &Sample,
    estimate: &Estimate,
    search: &Search,
    plan: Plan,
) -> Result<Found> {
    let needs = sample.needs(&search.filter);
    let mut rows = store::page(conn, search, plan, &needs).await?;
    let is_full = rows.len() as u64 > search.limit;
    if let Plan::Walk(reach) = plan
        && !is_full
        && let Some(most) = reach.rows()
        && store::passed(conn, search, reach).await?.unsigned_abs() >= most
    {
        let instead = Plan::instead(conn.engine(), estimate);
        return Box::pin(by(conn, sample, estimate, search, instead)).await;
    }
    let told = rows.first().map(|row| row.3.unsigned_abs());
    if is_full {
        rows.truncate(usize::try_from(search.limit).unwrap_or(usize::MAX));
    }
    let next = rows.last().filter(|_| is_full).map(|(_, doc, key, _)| Cursor { key: key.clone(), doc: *doc });
    // A walk from the beginning that saw the end has counted them.
    let counted = match plan {
        Plan::Walk(_) if !is_full && search.cursor.is_none() && (!rows.is_empty() || search.offset == 0) => {
            Some(search.offset + rows.len() as u64)
        }
        Plan::Walk(_) => None,
        Plan::Grams | Plan::Range => told.or((search.cursor.is_none() && search.offset == 0).then_some(0)),
    };
    let matches = match (search.count, counted) {
        (Count::None, _) => Matches::Unknown,
        (_, Some(count)) => Matches::Exact(count),
        (count, None) => matches(conn, estimate, search, &needs, count).await?,
    };
    Ok(Found { users: rows.into_iter().map(|row| row.0).collect(), matches, next, plan })
}

/// How many match, when the way to the page did not tell.
async fn matches(
    conn: &mut Conn,
    estimate: &Estimate,
    search: &Search,
    needs: &Needs,
    count: Count,
) -> Result<Matches> {
    let least = match (estimate.grams, estimate.range) {
        (Some(grams), Some(range)) if range < grams => Some((Plan::Range, range)),
        (Some(grams), _) => Some((Plan::Grams, grams)),
        (None, range) => range.map(|range| (Plan::Range, range)),
    };
    let whole = Plan::Walk(Reach::Whole);
    let exactly = match least {
        Some((plan, rows)) if rows < QUICKLY_GATHERED => Some(plan),
        _ if estimate.people < QUICKLY_COUNTED => Some(whole),
        Some((plan, rows)) if count == Count::Exact && rows < estimate.people / 8.0 => Some(plan),
        _ => (count == Count::Exact).then_some(whole),
    };
    if let Some(plan) = exactly {
        let counted = store::count(conn, search, plan, needs, None).await?;
        return Ok(Matches::Exact(counted.unsigned_abs()));
    }
    // There are many, says the sample. That there are more than a few is seen for oneself.
    let reach =
        Plan::choose(conn.engine(), &search.filter, search.order, &Estimate { grams: None, range: None, ..*estimate });
    let some = store::count(conn, search, reach, needs, Some(EXACT + 1)).await?.unsigned_abs();
    if some <= EXACT {
        let plan = least.map_or(whole, |(plan, _)| plan);
        let counted = store::count(conn, search, plan, needs, None).await?;
        return Ok(Matches::Exact(counted.unsigned_abs()));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an estimate of rows")]
    let about = estimate.matches as u64;
    Ok(Matches::About(about.max(EXACT + 1)))
}
