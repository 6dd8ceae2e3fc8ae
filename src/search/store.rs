//! The search's SQL: the rows. What finds them is in `src/search/find/store.rs`.

use super::{Entry, gram};
use crate::{
    db::{Conn, Record, Tx, Value, grams, load, sql},
    error::Result,
    id::UserId,
    sql,
};

/// The columns that are given at an insert: all but the row's own number.
const GIVEN: &str = "user_id, version, facet, role, email, username, first_name, last_name, full_name, location, \
                     current_title, gender, ip_address, external_id, created_at, updated_at, last_login";

fn values(entry: &Entry) -> Vec<Value> {
    vec![
        entry.user_id.into(),
        entry.version.into(),
        entry.facet.into(),
        entry.role.into(),
        entry.email.as_str().into(),
        entry.username.as_str().into(),
        entry.first_name.as_str().into(),
        entry.last_name.as_str().into(),
        entry.full_name.as_str().into(),
        entry.location.as_str().into(),
        entry.current_title.as_str().into(),
        entry.gender.as_str().into(),
        entry.ip_address.as_str().into(),
        entry.external_id.as_str().into(),
        entry.created_at.into(),
        entry.updated_at.into(),
        entry.last_login.into(),
    ]
}

pub(super) async fn insert(tx: &mut Tx, entry: &Entry) -> Result<()> {
    let insert = sql!("insert into search_users (", GIVEN, ") values").rows([values(entry)]);
    let doc = insert.push(" returning doc").scalar(tx).await?;
    grams::put(tx, doc, || gram::of(entry)).await
}

pub(super) async fn insert_all(tx: &mut Tx, entries: Vec<(Entry, grams::Set)>) -> Result<()> {
    const COLUMNS: &str = const_format::concatcp!("doc, ", GIVEN);
    let docs = grams::numbers(tx, entries.len()).await?;
    let row = |(doc, (entry, _)): (&i64, &(Entry, _))| [Value::Int(*doc)].into_iter().chain(values(entry)).collect();
    load("search_users", COLUMNS, docs.iter().zip(&entries).map(row).collect()).execute(tx).await?;
    grams::put_all(tx, docs.into_iter().zip(entries.into_iter().map(|(_, set)| set))).await
}

pub(super) async fn update(tx: &mut Tx, entry: &Entry, stored: &Entry) -> Result<()> {
    // `SQLite` renews each index of a column that it is given, whether that has changed or not.
    let update = if entry.is_as_found_as(stored) {
        sql("update search_users set (version, updated_at) = ").list([entry.version.into(), entry.updated_at.into()])
    } else {
        sql!("update search_users set (", GIVEN, ") = ").list(values(entry))
    };
    update.push(" where doc = ").value(stored.doc).send(tx).await?;
    if entry.same_grams(stored) { Ok(()) } else { grams::put(tx, stored.doc, || gram::of(entry)).await }
}

/// Sorts in some of the sets that wait; gives how many.
pub(super) async fn settle(tx: &mut Tx, most: usize) -> Result<usize> {
    let docs = grams::waiting(tx, most).await?;
    if !docs.is_empty() {
        let entries = some(tx, &docs).await?;
        let sets = entries.iter().map(|entry| (entry.doc, grams::set(gram::of(entry))));
        grams::settle(tx, &docs, sets.collect()).await?;
    }
    Ok(docs.len())
}

pub(super) async fn get(conn: &mut Conn, user: UserId) -> Result<Option<Entry>> {
    sql!("select ", Entry::COLUMNS, " from search_users where user_id = $1").bind(user).fetch_optional(conn).await
}

pub(super) async fn remove(tx: &mut Tx, user: UserId) -> Result<()> {
    let gone = sql("delete from search_users where user_id = $1 returning doc").bind(user);
    match gone.fetch_optional::<(i64,)>(tx).await? {
        Some((doc,)) => grams::remove(tx, doc).await,
        None => Ok(()),
    }
}

pub(super) async fn signed_in(tx: &mut Tx, user: UserId) -> Result<()> {
    let now = tx.now().micros();
    sql("update search_users set last_login = $1 where user_id = $2").bind(now).bind(user).send(tx).await
}

/// Whether the oldest account is known, or there is none.
pub(super) async fn knows_the_oldest(conn: &mut Conn) -> Result<bool> {
    let unknown = sql("select count(*) from (select id from users where deleted_at is null order by id limit 1) u
                       where not exists (select 1 from search_users s where s.user_id = u.id)");
    Ok(unknown.scalar::<i64>(conn).await? == 0)
}

/// Whether more people are known than that.
pub(super) async fn has_more_than(conn: &mut Conn, most: u64) -> Result<bool> {
    let counted = sql("select count(*) from (select 1 from search_users limit $1) as counted");
    let counted: i64 = counted.bind(i64::try_from(most).unwrap_or(i64::MAX - 1) + 1).scalar(conn).await?;
    Ok(counted.unsigned_abs() > most)
}

/// Whether the indexes are marked as set aside.
pub(super) async fn is_marked(conn: &mut Conn) -> Result<bool> {
    Ok(sql("select count(*) from facts where name = 'search_aside'").scalar::<i64>(conn).await? > 0)
}

pub(super) async fn mark(tx: &mut Tx) -> Result<()> {
    let mark = sql("insert into facts (name, value, created_at) values ('search_aside', $1, $2)
                    on conflict (name) do nothing");
    mark.bind(Vec::<u8>::new()).bind(tx.now()).execute(tx).await.map(drop)
}

pub(super) async fn unmark(tx: &mut Tx) -> Result<()> {
    sql("delete from facts where name = 'search_aside'").execute(tx).await.map(drop)
}

/// The least and the greatest number of a row.
pub(super) async fn span(conn: &mut Conn) -> Result<(i64, i64)> {
    let ends = sql("select coalesce((select min(doc) from search_users), 0),
                           coalesce((select max(doc) from search_users), -1)");
    ends.fetch_one(conn).await
}

/// The rows of these numbers that there are.
pub(super) async fn some(conn: &mut Conn, docs: &[i64]) -> Result<Vec<Entry>> {
    let docs = docs.iter().map(|doc| Value::Int(*doc));
    let some = sql!("select ", Entry::COLUMNS, " from search_users where doc in ").list(docs);
    some.long().fetch_all(conn).await
}

/// The rows in this span.
pub(super) async fn between(conn: &mut Conn, least: i64, most: i64) -> Result<Vec<Entry>> {
    let all = sql!("select ", Entry::COLUMNS, " from search_users where doc between $1 and $2");
    all.bind(least).bind(most).long().fetch_all(conn).await
}
