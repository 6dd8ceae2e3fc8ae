//! Sets of numbers, a set for each row of the search, and which rows have some of them.
//!
//! `SQLite` keeps them as the words of a full-text index, `PostgreSQL` as arrays under an inverted one. Both find the
//! rows that have several numbers by leaping from list to list, which costs about as much as the shortest.
//!
//! To sort a set in costs most of what an account costs. So on either engine it waits, beside others, and meanwhile its
//! row counts among those that have any number: inside the index of `PostgreSQL`, which sorts in by itself, and in
//! `search_waiting` of `SQLite`, which [`settle`] empties.

use std::fmt::Write;

use super::{Conn, Engine, Sql, Tx, Value, load, sql};
use crate::error::Result;

/// A set, as an engine takes it.
#[derive(Debug)]
pub struct Set(String);

/// The set of these numbers.
#[must_use]
pub fn set(grams: impl IntoIterator<Item = u32>) -> Set {
    Set(text(grams))
}

/// New numbers for rows of the search, ascending.
///
/// # Errors
/// Of the database.
pub async fn numbers(tx: &mut Tx, count: usize) -> Result<Vec<i64>> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    if tx.engine() == Engine::Sqlite {
        // Nobody else writes until this transaction ends.
        // A number that waits may still have the set of somebody who has gone.
        let last = sql("select max(coalesce((select max(doc) from search_users), 0),
                                   coalesce((select max(doc) from search_waiting), 0))");
        let last: i64 = last.scalar(tx).await?;
        return Ok((last + 1..=last + count).collect());
    }
    // The sequence is looked for once, and not for each number.
    let numbers = sql("select nextval(doc.numbers) from generate_series(1, $1),
                       (select pg_get_serial_sequence('search_users', 'doc')::regclass as numbers offset 0) doc");
    let numbers: Vec<(i64,)> = numbers.bind(count).fetch_all(tx).await?;
    Ok(numbers.into_iter().map(|row| row.0).collect())
}

/// Gives a row its set, in place of another one.
///
/// # Errors
/// Of the database.
pub async fn put<G: IntoIterator<Item = u32>>(tx: &mut Tx, doc: i64, grams: impl FnOnce() -> G) -> Result<()> {
    if tx.engine() == Engine::Sqlite {
        return wait(tx, doc).await;
    }
    let put = sql("insert into search_grams (doc, grams) values ($1, string_to_array($2, ' ')::int[])
                   on conflict (doc) do update set grams = excluded.grams");
    put.bind(doc).bind(text(grams())).send(tx).await
}

/// Lets a row wait for what [`settle`] makes of it.
async fn wait(tx: &mut Tx, doc: i64) -> Result<()> {
    sql("insert into search_waiting (doc) values ($1) on conflict (doc) do nothing").bind(doc).send(tx).await
}

/// The rows that wait, at most so many.
///
/// # Errors
/// Of the database.
pub async fn waiting(conn: &mut Conn, most: usize) -> Result<Vec<i64>> {
    if conn.engine() == Engine::Postgres {
        return Ok(Vec::new());
    }
    let rows =
        sql("select doc from search_waiting order by doc limit $1").bind(i64::try_from(most).unwrap_or(i64::MAX));
    Ok(rows.fetch_all::<(i64,)>(conn).await?.into_iter().map(|row| row.0).collect())
}

/// Ends the waiting of these rows: each has the set that is given for it, or none.
///
/// # Errors
/// Of the database.
pub async fn settle(tx: &mut Tx, docs: &[i64], sets: Vec<(i64, Set)>) -> Result<()> {
    let list = || docs.iter().map(|doc| Value::Int(*doc));
    sql("delete from search_grams where rowid in ").list(list()).execute(tx).await?;
    put_all(tx, sets.into_iter()).await?;
    sql("delete from search_waiting where doc in ").list(list()).execute(tx).await.map(drop)
}

/// Gives many new rows their sets.
///
/// # Errors
/// Of the database.
pub async fn put_all(tx: &mut Tx, sets: impl Iterator<Item = (i64, Set)>) -> Result<()> {
    let columns = if tx.engine() == Engine::Sqlite { "rowid, grams" } else { "doc, grams" };
    let rows = sets.map(|(doc, set)| vec![doc.into(), set.0.into()]);
    load("search_grams", columns, rows.collect()).execute(tx).await
}

/// Lets more wait to be sorted in, as long as many sets come in at once: each search reads a little more meanwhile. What
/// a killed process leaves so, the next one that brings many in puts right.
///
/// # Errors
/// Of the database.
pub async fn widen(tx: &mut Tx) -> Result<()> {
    if tx.engine() == Engine::Postgres {
        sql("alter index search_grams_grams set (gin_pending_list_limit = 4096)").execute(tx).await?;
    }
    Ok(())
}

/// Lets as little wait as usual.
///
/// # Errors
/// Of the database.
pub async fn narrow(tx: &mut Tx) -> Result<()> {
    if tx.engine() == Engine::Postgres {
        sql("alter index search_grams_grams set (gin_pending_list_limit = 512)").execute(tx).await?;
        sql("select gin_clean_pending_list('search_grams_grams'::regclass)").execute(tx).await?;
    }
    Ok(())
}

/// Takes the set of a row away.
///
/// # Errors
/// Of the database.
pub async fn remove(tx: &mut Tx, doc: i64) -> Result<()> {
    if tx.engine() == Engine::Sqlite {
        return wait(tx, doc).await;
    }
    sql("delete from search_grams where doc = $1").bind(doc).send(tx).await
}

/// Begins a statement with `g`, the rows that may meet all these needs: of each, all numbers of one of its ways. Those
/// that wait are among them.
#[must_use]
pub fn having(engine: Engine, needs: &[Vec<Vec<u32>>]) -> Sql {
    match engine {
        Engine::Sqlite => {
            let way = |way: &Vec<u32>| way.iter().map(u32::to_string).collect::<Vec<_>>().join(" AND ");
            let need = |need: &Vec<Vec<u32>>| need.iter().map(way).collect::<Vec<_>>().join(") OR (");
            let words = format!("(({}))", needs.iter().map(need).collect::<Vec<_>>().join(")) AND (("));
            sql("with g (doc) as (select rowid from search_grams where search_grams match ")
                .value(words)
                .push(" and rowid not in (select doc from search_waiting) union all select doc from search_waiting)")
        }
        Engine::Postgres => {
            let mut having = sql("with g (doc) as materialized (select doc from search_grams where ");
            for (n, need) in needs.iter().enumerate() {
                having = having.push(if n == 0 { "(" } else { ") and (" });
                for (n, way) in need.iter().enumerate() {
                    // In a query of its own the text is read once, and not for each row.
                    having = having.push(if n == 0 { "" } else { " or " }).push("grams @> (select string_to_array(");
                    having = having.value(text(way.iter().copied())).push(", ' ')::int[])");
                }
            }
            having.push("))")
        }
    }
}

/// Goes on with the rows of `search_users` that belong to `g`, as `s`: by their numbers, whatever an engine may expect.
/// `PostgreSQL` takes a list for a short one, and looks for each of it in the primary key.
#[must_use]
pub const fn their_rows(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => " from g cross join search_users s where s.doc = g.doc",
        Engine::Postgres => " from search_users s where s.doc = any(array(select doc from g))",
    }
}

/// The condition that a row `w` belongs to `g`, which is asked of each row as it passes. Neither engine may go by the
/// numbers instead, nor join, which would lose the order: hence the sign, and that it be true.
#[must_use]
pub const fn is_named(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => " and +w.doc in (select doc from g)",
        Engine::Postgres => " and (w.doc in (select doc from g)) is true",
    }
}

/// Goes on with the row of `search_users` that belongs to each of `w`, as `s`, one by one.
#[must_use]
pub const fn row_of(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => " cross join search_users s",
        Engine::Postgres => " cross join lateral (select * from search_users r where r.doc = w.doc limit 1) s",
    }
}

/// The conditions behind [`row_of`], or behind nothing.
#[must_use]
pub const fn row_is(engine: Engine, row: &str) -> &'static str {
    match engine {
        Engine::Sqlite if !row.is_empty() => " where s.doc = w.doc",
        _ => " where true",
    }
}

/// The numbers between blanks.
fn text(grams: impl IntoIterator<Item = u32>) -> String {
    let mut text = String::with_capacity(800);
    for (n, gram) in grams.into_iter().enumerate() {
        let _ = write!(text, "{}{gram}", if n == 0 { "" } else { " " });
    }
    text
}
