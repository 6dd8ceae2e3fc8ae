//! Search: finding people by any filters in any order, as quickly among millions as among a few.
//!
//! Each account that is not deleted has an [`Entry`], a narrow row of folded texts, and a set of grams: numbers for
//! the pieces of its texts. The account's store writes both in the transaction of the account, so a search sees what
//! is committed and nothing else. The invariant: grams and samples choose the candidates and the way, the filter
//! decides; [`Filter::matches`] in memory and the statement agree on everybody.
//!
//! Begin with [`find`] and `src/search/find/plan.rs`.

pub mod aside;
mod entry;
mod facet;
mod field;
mod filter;
mod find;
mod fold;
pub mod gram;
pub mod http;
mod order;
mod store;
mod visible;

pub use entry::Entry;
pub use facet::{Facet, Flag, TIERS, rank};
pub use field::{Field, How};
pub use filter::{Filter, Moment, Test};
pub use find::{
    Count, Estimate, Explained, Found, Knowledge, Matches, Plan, QUICKLY_COUNTED, Reach, Sample, Search, explain,
    find_by,
};
pub use fold::fold;
pub use order::{Cursor, Direction, Key, Order};
pub use visible::Emails;

use std::time::Duration;

use crate::{
    access::{Caller, Permission},
    db::{Db, Tx, grams},
    error::{Code, Error, Result},
    id::UserId,
};

/// When it is worth asking again while accounts of an older version are made known.
const NOT_READY: Duration = Duration::from_secs(10);

/// How many rows are sorted in at once, while nobody else writes.
const SETTLED: usize = 256;

/// Finds people.
///
/// # Errors
/// `busy` until everybody is known who was there before this version; `forbidden`; `field_not_visible` when a condition or the order is of a field that the caller may not see in others.
pub async fn find(caller: &Caller, db: &Db, knowledge: &Knowledge, search: &Search, emails: Emails) -> Result<Found> {
    caller.must(Permission::UsersSearch)?;
    find_visible(caller, db, knowledge, search, emails).await
}

/// A page of everybody: [`Search::everybody`] asks for it.
///
/// # Errors
/// As of [`find`].
pub async fn list(caller: &Caller, db: &Db, knowledge: &Knowledge, search: &Search, emails: Emails) -> Result<Found> {
    caller.must(Permission::UsersList)?;
    let search = &Search { filter: Filter::default(), ..search.clone() };
    find_visible(caller, db, knowledge, search, emails).await
}

async fn find_visible(
    caller: &Caller,
    db: &Db,
    knowledge: &Knowledge,
    search: &Search,
    emails: Emails,
) -> Result<Found> {
    visible::must_see(caller, search, emails)?;
    if !knowledge.is_complete(&mut db.read()).await? {
        return Err(Error::new(Code::Busy)
            .detail("The search is being made ready after an upgrade. Wait, then try again.")
            .after(NOT_READY));
    }
    find::find(db, knowledge, search).await
}

/// Makes a new account known.
///
/// # Errors
/// Of the database.
pub async fn add(tx: &mut Tx, entry: &Entry) -> Result<()> {
    store::insert(tx, entry).await
}

/// Many new accounts and their grams, on the way to be known.
pub struct Prepared(std::thread::JoinHandle<Vec<(Entry, grams::Set)>>);

/// Works out the grams of many new accounts on a thread of its own, while the accounts themselves are written.
#[must_use]
pub fn prepare(entries: impl FnOnce() -> Vec<Entry> + Send + 'static) -> Prepared {
    let with_grams = |entry: Entry| {
        let set = grams::set(gram::of(&entry));
        (entry, set)
    };
    Prepared(std::thread::spawn(move || entries().into_iter().map(with_grams).collect()))
}

/// Makes them known.
///
/// # Errors
/// Of the database.
pub async fn add_all(tx: &mut Tx, prepared: Prepared) -> Result<()> {
    let entries = prepared.0.join().map_err(|_| Error::internal("the grams could not be worked out"))?;
    store::insert_all(tx, entries).await
}

/// Makes a change to an account known, and the account where it was not.
///
/// # Errors
/// Of the database.
pub async fn put(tx: &mut Tx, entry: &Entry) -> Result<()> {
    match store::get(tx, entry.user_id).await? {
        Some(stored) => store::update(tx, entry, &stored).await,
        None => store::insert(tx, entry).await,
    }
}

/// Forgets an account.
///
/// # Errors
/// Of the database.
pub async fn remove(tx: &mut Tx, user: UserId) -> Result<()> {
    store::remove(tx, user).await
}

/// Sorts in what waits to be found by its grams; until then each search looks at it. A server does it all the time.
///
/// # Errors
/// Of the database.
pub async fn settle(db: &Db) -> Result<()> {
    while grams::waiting(&mut db.read(), 1).await?.len() == 1 {
        db.write(async |tx| store::settle(tx, SETTLED).await).await?;
    }
    Ok(())
}

/// Makes a sign-in known.
///
/// # Errors
/// Of the database.
pub async fn signed_in(tx: &mut Tx, user: UserId) -> Result<()> {
    store::signed_in(tx, user).await
}
