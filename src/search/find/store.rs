//! The statements of a search, put together from constant pieces.
//!
//! Each has the same shape: candidates `s` by the way of the plan, the filter asked of each, a page of them as `p`, and
//! the people of that page.

use super::{Plan, Search, plan::Reach};
use crate::{
    db::{Conn, Engine, Sql, grams, sql},
    error::Result,
    id::UserId,
    search::{
        Direction, Field, Filter, How, Order, Test,
        gram::Needs,
        order::{Cursor, Key},
    },
};

/// Somebody on a page.
pub(super) type Row = (UserId, i64, Key, i64);

/// The page of a search: with each row how many match in all, or 0 when this way does not tell.
pub(super) async fn page(conn: &mut Conn, search: &Search, plan: Plan, needs: &Needs) -> Result<Vec<Row>> {
    page_sql(conn, search, plan, needs).long().fetch_all(conn).await
}

/// The statement of [`page`].
pub(super) fn page_sql(conn: &Conn, search: &Search, plan: Plan, needs: &Needs) -> Sql {
    let order = search.order.as_str();
    let sql = match plan {
        Plan::Grams => grams::having(conn.engine(), needs),
        Plan::Walk(_) | Plan::Range => sql(""),
    };
    let sql = sql.push(" select r.user_id, p.doc, p.k, p.matches from (");
    let sql = match plan {
        Plan::Walk(reach) => {
            let sql = sql.push("select s.doc, s.").push(order).push(" as k, 0 as matches from (");
            let sql = walk(sql, search, reach).push(") s where true");
            tests(sql, &search.filter)
        }
        Plan::Grams | Plan::Range => {
            let sql =
                sql.push("select c.doc, c.").push(order).push(" as k, c.matches from (select s.doc, s.").push(order);
            let sql = sql.push(", count(*) over () as matches");
            let sql = gathered(sql, conn, plan, &search.filter).push(") c where true");
            sorted(behind(sql, search, " and (c."), search, "c.")
        }
    };
    let sql = sql.push(" limit ").value(number(search.limit + 1)).push(" offset ").value(number(search.offset));
    let sql = sql.push(") p cross join search_users r where r.doc = p.doc order by p.k").push(way(search.direction));
    sql.push(", p.doc").push(way(search.direction))
}

/// How many match, by this way; at most so many when it is a walk with a limit.
pub(super) async fn count(
    conn: &mut Conn,
    search: &Search,
    plan: Plan,
    needs: &Needs,
    most: Option<u64>,
) -> Result<i64> {
    count_sql(conn, search, plan, needs, most).long().scalar(conn).await
}

/// The statement of [`count`].
pub(super) fn count_sql(conn: &Conn, search: &Search, plan: Plan, needs: &Needs, most: Option<u64>) -> Sql {
    let sql = match plan {
        Plan::Grams => grams::having(conn.engine(), needs),
        Plan::Walk(_) | Plan::Range => sql(""),
    };
    let sql = sql.push(" select count(*) from (select 1");
    let sql = match (plan, most) {
        (Plan::Walk(reach), Some(_)) => {
            let first = Search { cursor: None, ..search.clone() };
            tests(walk(sql.push(" from ("), &first, reach).push(") s where true"), &search.filter)
        }
        _ => gathered(sql, conn, plan, &search.filter),
    };
    let sql = match most {
        Some(most) => sql.push(" limit ").value(number(most)),
        None => sql,
    };
    sql.push(") counted")
}

/// How the engine runs the page and the count of a search, line by line.
pub(super) async fn explain(conn: &mut Conn, search: &Search, plan: Plan, needs: &Needs) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for sql in [page_sql(conn, search, plan, needs), count_sql(conn, search, plan, needs, None)] {
        // The count of a walk is that of everybody, and asked for only among few, or by who waits for it.
        if matches!(plan, Plan::Walk(_)) && !lines.is_empty() {
            break;
        }
        let sql = sql.explained(conn.engine());
        match conn.engine() {
            Engine::Sqlite => {
                let rows: Vec<(i64, i64, i64, String)> = sql.fetch_all(conn).await?;
                lines.extend(rows.into_iter().map(|row| row.3));
            }
            Engine::Postgres => lines.extend(sql.fetch_all::<(String,)>(conn).await?.into_iter().map(|row| row.0)),
        }
    }
    Ok(lines)
}

/// How many rows a walk passes when it keeps none: less than its limit when it sees the end.
pub(super) async fn passed(conn: &mut Conn, search: &Search, reach: Reach) -> Result<i64> {
    let bare = Search { filter: bounds_alone(search), ..search.clone() };
    walk(sql("select count(*) from ("), &bare, reach).push(") passed").long().scalar(conn).await
}

/// The conditions that bound a walk.
fn bounds_alone(search: &Search) -> Filter {
    let bounds = |test: &&Test| matches!(test, Test::Range { moment, .. } if moment.as_str() == search.order.as_str());
    Filter::of(search.filter.tests().iter().filter(bounds).cloned().collect())
}

/// The rows along the order, within what bounds it, with the columns that the filter asks.
fn walk(sql: Sql, search: &Search, reach: Reach) -> Sql {
    let order = search.order.as_str();
    let mut sql = sql.push("select doc");
    for column in columns(search.order, &search.filter) {
        sql = sql.push(", ").push(column);
    }
    sql = sql.push(" from search_users where true");
    for test in search.filter.tests() {
        if let Test::Range { moment, from, to } = test
            && moment.as_str() == order
        {
            sql = sql.push(" and ").push(order).push(" >= ").value(*from);
            sql = sql.push(" and ").push(order).push(" < ").value(*to);
        }
    }
    // The limit is part of the text, so that no engine plans for all rows.
    sorted(behind(sql, search, " and ("), search, "").push(match reach {
        Reach::Short => " limit 1000",
        Reach::Middle => " limit 5000",
        Reach::Long => " limit 25000",
        Reach::Whole => " limit 9223372036854775807",
    })
}

/// The columns that a walk needs, the order's first.
fn columns(order: Order, filter: &Filter) -> Vec<&'static str> {
    let mut columns = vec![order.as_str()];
    for test in filter.tests() {
        match test {
            Test::Text { field, .. } => columns.push(field.as_str()),
            Test::Word { fields, .. } => columns.extend(fields.iter().map(|field| field.as_str())),
            Test::Facet(_) => columns.push("facet"),
            Test::Range { moment, .. } => columns.push(moment.as_str()),
        }
    }
    let mut known = Vec::new();
    columns.retain(|column| {
        !known.contains(column) && {
            known.push(*column);
            true
        }
    });
    columns
}

/// Everybody whom an index names, and the filter asked of each.
fn gathered(sql: Sql, conn: &Conn, plan: Plan, filter: &Filter) -> Sql {
    let sql = match plan {
        Plan::Grams => sql.push(grams::their_rows(conn.engine())),
        Plan::Walk(_) | Plan::Range => sql.push(" from search_users s where true"),
    };
    tests(sql, filter)
}

/// Asks the filter of `s`.
fn tests(mut sql: Sql, filter: &Filter) -> Sql {
    for test in filter.tests() {
        sql = match test {
            Test::Text { field, how, text } => compare(sql.push(" and "), *field, *how, text),
            Test::Word { fields, text } => {
                let how = How::Contains.of(text);
                let mut sql = sql.push(" and (");
                for (n, field) in fields.iter().enumerate() {
                    sql = compare(sql.push(if n == 0 { "" } else { " or " }), *field, how, text);
                }
                sql.push(")")
            }
            Test::Facet(facet) => sql.push(" and (s.facet & ").value(facet.mask).push(") = ").value(facet.value),
            Test::Range { moment, from, to } => {
                let sql = sql.push(" and s.").push(moment.as_str()).push(" >= ").value(*from);
                sql.push(" and s.").push(moment.as_str()).push(" < ").value(*to)
            }
        };
    }
    sql
}

fn compare(sql: Sql, field: Field, how: How, text: &str) -> Sql {
    let sql = sql.push("s.").push(field.as_str());
    if how == How::Exact {
        return sql.push(" = ").value(text);
    }
    let mut pattern = String::with_capacity(text.len() + 2);
    if how != How::Starts {
        pattern.push('%');
    }
    for c in text.chars() {
        if matches!(c, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(c);
    }
    if how != How::Ends {
        pattern.push('%');
    }
    sql.push(" like ").value(pattern).push(" escape '!'")
}

/// Behind the cursor, if there is one.
fn behind(sql: Sql, search: &Search, open: &'static str) -> Sql {
    let Some(Cursor { key, doc }) = &search.cursor else { return sql };
    let sql = sql.push(open).push(search.order.as_str()).push(", doc)");
    let sql = sql.push(if search.direction == Direction::Ascending { " > (" } else { " < (" });
    sql.value(key.clone()).push(", ").value(*doc).push(")")
}

fn sorted(sql: Sql, search: &Search, of: &'static str) -> Sql {
    let sql = sql.push(" order by ").push(of).push(search.order.as_str()).push(way(search.direction));
    sql.push(", ").push(of).push("doc").push(way(search.direction))
}

const fn way(direction: Direction) -> &'static str {
    match direction {
        Direction::Ascending => "",
        Direction::Descending => " desc",
    }
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
