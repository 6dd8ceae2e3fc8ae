//! The SQL of lists.

use super::{Column, Direction, Order, Place, Start};
use crate::{
    account::User,
    db::{Conn, Record, Sql},
    error::Result,
    sql,
};

impl Column {
    /// The column that an index holds: folded where there is a folded one.
    const fn column(self) -> &'static str {
        match self {
            Self::Email => "email_key",
            Self::Username => "username_key",
            column => column.as_str(),
        }
    }
}

impl Direction {
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Ascending => (" > ", ""),
            Self::Descending => (" < ", " desc"),
        }
    }
}

/// One page: those with a value, then those without.
pub(super) async fn page(conn: &mut Conn, order: Order, start: &Start, limit: i64) -> Result<Vec<User>> {
    let (column, (than, way)) = (order.column.column(), order.direction.words());
    let mut users: Vec<User> = match start {
        Start::After(Place { value: None, .. }) => Vec::new(),
        Start::After(Place { value: Some(value), id }) => {
            let behind = from().push("(").push(column).push(", id)").push(than).push("(").value(value.clone());
            let behind = behind.push(", ").value(*id).push(")");
            sorted(behind, column, way, limit, 0).fetch_all(conn).await?
        }
        Start::Skip(skip) => {
            sorted(from().push(column).push(" is not null"), column, way, limit, *skip).fetch_all(conn).await?
        }
    };
    let rest = limit - i64::try_from(users.len()).unwrap_or(limit);
    if rest == 0 || !order.column.may_be_absent() {
        return Ok(users);
    }
    let without = from().push(column).push(" is null");
    let (without, skip) = match start {
        Start::After(Place { value: None, id }) => (without.push(" and id").push(than).value(*id), 0),
        Start::Skip(skip) if users.is_empty() => (without, (*skip - with_value(conn, column, *skip).await?).max(0)),
        Start::After(_) | Start::Skip(_) => (without, 0),
    };
    users.extend(sorted(without, column, way, rest, skip).fetch_all::<User>(conn).await?);
    Ok(users)
}

fn from() -> Sql {
    sql!("select ", User::COLUMNS, " from users where deleted_at is null and ")
}

fn sorted(query: Sql, column: &'static str, way: &'static str, limit: i64, skip: i64) -> Sql {
    let query = query.push(" order by ").push(column).push(way).push(", id").push(way);
    query.push(" limit ").value(limit).push(" offset ").value(skip).long()
}

/// How many have a value, counted no further than `most`.
async fn with_value(conn: &mut Conn, column: &'static str, most: i64) -> Result<i64> {
    sql!("select count(*) from (select 1 from users where deleted_at is null and ")
        .push(column)
        .push(" is not null limit ")
        .value(most)
        .push(") counted")
        .long()
        .scalar(conn)
        .await
}

/// The sum that the sequencer keeps, and what waits for its number: exact, without counting the table.
pub(super) async fn count(conn: &mut Conn) -> Result<i64> {
    sql!(
        "select cast(coalesce((select value from counters where name = 'total_users'), 0)
            + (select count(*) from events_pending where kind in ('user.created', 'user.restored'))
            - (select count(*) from events_pending where kind = 'user.deleted') as bigint)"
    )
    .scalar(conn)
    .await
}
