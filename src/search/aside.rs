//! The indexes of the search, set aside while very many people come in among few: each of a million changes another
//! place of a large index, where one that is made at the end is sorted once.
//!
//! Meanwhile a search reads everybody, which is why this is for those who fill a database and not for those who add to
//! one. A mark tells of it until all indexes are there again: whoever was killed in between is made up for by the next
//! one that brings many, and by a server's job.

use futures_util::future::try_join;

use super::{Order, store};
use crate::{
    db::{Db, Engine},
    error::Result,
};

/// More people than that are not few.
pub const FEW: u64 = 20_000;

/// The index that finds grams, as the migration made it. With more memory than its processor's caches hold `PostgreSQL`
/// takes longer for it.
const GRAMS: &str = "set local maintenance_work_mem = '64MB';
                     create index if not exists search_grams_grams on search_grams using gin (grams)
                     with (fastupdate = on, gin_pending_list_limit = 512);";

/// Sets the indexes aside if few people are here.
///
/// # Errors
/// Of the database.
pub async fn set_aside(db: &Db) -> Result<()> {
    if store::has_more_than(&mut db.read(), FEW).await? {
        return Ok(());
    }
    // First, so that none is missing without it.
    db.write(async |tx| store::mark(tx).await).await?;
    let orders = Order::ALL.iter().map(|order| format!("search_users_by_{}", order.as_str()));
    let grams = (db.engine() == Engine::Postgres).then(|| "search_grams_grams".to_owned());
    let text: Vec<_> = orders.chain(grams).map(|index| format!("drop index if exists {index};")).collect();
    db.alter(&text.concat()).await
}

/// Whether they are set aside, or were and nobody brought them back.
///
/// # Errors
/// Of the database.
pub async fn is_set(db: &Db) -> Result<bool> {
    store::is_marked(&mut db.read()).await
}

/// Makes what is missing. For a million people it takes half a minute, during which `PostgreSQL` lets others read alone.
///
/// # Errors
/// Of the database; what was made until then stays.
pub async fn bring_back(db: &Db) -> Result<()> {
    if !is_set(db).await? {
        return Ok(());
    }
    // Each lies over another table, so a server of two cores makes both at once.
    let is_postgres = db.engine() == Engine::Postgres;
    let grams = async { if is_postgres { db.alter(GRAMS).await } else { Ok(()) } };
    let orders = async {
        for order in Order::ALL {
            let column = order.as_str();
            let index = format!("search_users_by_{column} on search_users ({column}, doc, facet)");
            db.alter(&format!("create index if not exists {index}")).await?;
        }
        Ok(())
    };
    try_join(grams, orders).await?;
    db.write(async |tx| store::unmark(tx).await).await
}
