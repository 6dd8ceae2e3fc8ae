//! How a search is answered: an estimate from the sample, a plan, its statement, and the total.
//!
//! The invariant: the plan changes what an answer costs, never what it is.

mod plan;
mod sample;
mod store;
mod total;

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

pub use plan::{Plan, Reach};
pub use sample::{Estimate, Sample};
use tokio::sync::Mutex;
pub use total::QUICKLY_COUNTED;

use super::{Cursor, Direction, Filter, Order};
use crate::{
    db::{Conn, Db},
    error::Result,
    id::UserId,
};

/// How old the sample becomes.
const SAMPLE_AGE: Duration = Duration::from_secs(120);
/// A total that so few have is always exact.
const EXACT: u64 = 100;

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

impl Search {
    /// Everybody, in this order, without a number of all.
    #[must_use]
    pub fn everybody(order: Order, direction: Direction, cursor: Option<Cursor>, limit: u64, offset: u64) -> Self {
        Self { filter: Filter::default(), order, direction, cursor, limit, offset, count: Count::None }
    }

    /// How many rows are read for a page: one more tells whether there is a next one. Who wants to know how many there
    /// are wants to see, on the first pages, that there are more than a few, unless these `are_many` for sure.
    fn rows(&self, are_many: bool) -> u64 {
        let is_asked = self.count != Count::None && self.cursor.is_none() && !are_many;
        let few = if is_asked { (EXACT + 1).saturating_sub(self.offset) } else { 0 };
        few.max(self.limit + 1)
    }
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
    /// The sample, and when it was drawn or last tried to be.
    sample: RwLock<Option<(Instant, Arc<Sample>)>>,
    /// Held by whoever draws the first one, for which the others wait.
    first: Mutex<()>,
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

    /// The sample as it is, however old; a first one when there is none.
    ///
    /// # Errors
    /// Of the database.
    pub async fn sample(&self, conn: &mut Conn) -> Result<Arc<Sample>> {
        if let Some((_, sample)) = self.known() {
            return Ok(sample);
        }
        let _turn = self.0.first.lock().await;
        match self.known() {
            Some((_, sample)) => Ok(sample),
            None => self.renew(conn).await,
        }
    }

    /// Draws the first sample before anybody asks for it. Of few people none is kept: it takes no time, and at first many
    /// come in.
    ///
    /// # Errors
    /// Of the database.
    pub async fn prepare(&self, conn: &mut Conn) -> Result<()> {
        let _turn = self.0.first.lock().await;
        if self.known().is_some() {
            return Ok(());
        }
        let sample = Sample::draw(conn).await?;
        if sample.is_part() {
            self.keep(Arc::new(sample));
        }
        Ok(())
    }

    /// The sample. When it is old another one is drawn meanwhile, so that no search waits for it.
    async fn current(&self, db: &Db) -> Result<Arc<Sample>> {
        if let Some((tried, sample)) = self.known()
            && tried.elapsed() >= SAMPLE_AGE
        {
            self.keep(sample);
            let (own, db) = (self.clone(), db.clone());
            tokio::spawn(async move {
                if let Err(error) = own.renew(&mut db.read()).await {
                    tracing::debug!(%error, "the sample of the people stays as it is");
                }
            });
        }
        self.sample(&mut db.read()).await
    }

    fn known(&self) -> Option<(Instant, Arc<Sample>)> {
        self.0.sample.read().unwrap_or_else(PoisonError::into_inner).clone()
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
    let estimate = knowledge.current(db).await?.estimate(search);
    let plan = plan.unwrap_or_else(|| Plan::choose(db.engine(), &estimate));
    by(&mut db.read(), &estimate, search, plan).await
}

/// How a search is answered.
#[derive(Clone, Debug)]
pub struct Explained {
    /// The way that it goes.
    pub plan: Plan,
    /// How the engine goes it, line by line.
    pub page: Vec<String>,
    /// The way by which all are counted whom the page does not count, and how the engine goes it. Nothing where they
    /// are estimated.
    pub count: Option<(Plan, Vec<String>)>,
}

/// The way that a search goes, and how the engine goes it.
///
/// # Errors
/// Of the database.
pub async fn explain(conn: &mut Conn, knowledge: &Knowledge, search: &Search) -> Result<Explained> {
    let estimate = knowledge.sample(conn).await?.estimate(search);
    let plan = Plan::choose(conn.engine(), &estimate);
    let page = store::explain_page(conn, search, plan, &estimate).await?;
    let is_told = search.count == Count::None || !matches!(plan, Plan::Walk(_) | Plan::Sieve(_));
    let exactly = if is_told { None } else { total::exactly(conn.engine(), &estimate, search.count) };
    let count = match exactly {
        Some(plan) => Some((plan, store::explain_count(conn, search, plan, &estimate).await?)),
        None => None,
    };
    Ok(Explained { plan, page, count })
}

/// Finds people by this way, or, when it does not reach far enough, by another one.
pub(super) async fn by(conn: &mut Conn, estimate: &Estimate, search: &Search, plan: Plan) -> Result<Found> {
    let plan = plan.possible(estimate);
    let asked = search.rows(estimate.is_common);
    let mut rows = store::page(conn, search, plan, estimate, asked).await?;
    let is_all = (rows.len() as u64) < asked;
    if let Plan::Walk(reach) | Plan::Sieve(reach) = plan
        && is_all
        && let Some(most) = reach.rows()
        && store::passed(conn, search, reach).await? >= most
    {
        let instead = Plan::instead(conn.engine(), estimate);
        return Box::pin(by(conn, estimate, search, instead)).await;
    }
    let told = rows.first().map(|row| row.3.unsigned_abs());
    // A walk from the beginning that saw the end has counted them.
    let counted = match plan {
        Plan::Walk(_) | Plan::Sieve(_)
            if is_all && search.cursor.is_none() && (!rows.is_empty() || search.offset == 0) =>
        {
            Some(search.offset + rows.len() as u64)
        }
        Plan::Walk(_) | Plan::Sieve(_) => None,
        Plan::Grams | Plan::Range | Plan::Both => told.or((search.cursor.is_none() && search.offset == 0).then_some(0)),
    };
    // A page that is not full is at the end, whatever the sample says.
    let are_many = !is_all && (estimate.is_common || search.offset + asked > EXACT);
    let is_full = rows.len() as u64 > search.limit;
    if is_full {
        rows.truncate(usize::try_from(search.limit).unwrap_or(usize::MAX));
    }
    let next = rows.last().filter(|_| is_full).map(|(_, doc, key, _)| Cursor { key: key.clone(), doc: *doc });
    let matches = match (search.count, counted) {
        (Count::None, _) => Matches::Unknown,
        (_, Some(count)) => Matches::Exact(count),
        (_, None) => total::matches(conn, estimate, search, are_many).await?,
    };
    Ok(Found { users: rows.into_iter().map(|row| row.0).collect(), matches, next, plan })
}
