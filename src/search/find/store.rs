//! The statements of a search, put together from constant pieces.
//!
//! Each has the same shape: candidates by the way of the plan, the filter asked of each, a page of them as `p`, and the
//! people of that page. What an index holds is asked before a row is looked at.

use std::collections::BTreeSet;

use super::{Estimate, Plan, Search, plan::Reach};
use crate::{
    db::{Conn, Engine, Sql, grams, sql},
    error::Result,
    id::UserId,
    search::{
        Direction, Filter, How, Test,
        order::{Cursor, Key},
    },
};

/// Somebody on a page.
pub(super) type Row = (UserId, i64, Key, i64);

/// No limit, in words that keep an engine from asking for the rows in another way.
const ALL: &str = " limit 9223372036854775807";

/// The first rows of a search, as many as asked for: with each how many match in all, or 0 when this way does not tell.
pub(super) async fn page(conn: &mut Conn, search: &Search, plan: Plan, by: &Estimate, rows: u64) -> Result<Vec<Row>> {
    page_sql(conn.engine(), search, plan, by, rows).long().fetch_all(conn).await
}

fn page_sql(engine: Engine, search: &Search, plan: Plan, by: &Estimate, rows: u64) -> Sql {
    let order = search.order.as_str();
    let sql = named(engine, plan, by).push(" select r.user_id, p.doc, p.k, p.matches from (");
    let sql = match plan {
        Plan::Walk(reach) | Plan::Sieve(reach) => {
            let sql = along(sql.push("select w.doc, w.k, 0 as matches from ("), engine, search, plan, by, reach);
            // The rows come in this order. `PostgreSQL` sees that, and keeps it where it is asked to.
            if engine == Engine::Postgres { sorted(sql, search, ["w.k", "w.doc"]) } else { sql }
        }
        Plan::Grams | Plan::Range | Plan::Both => {
            let sql = sql.push("select c.doc, c.k, c.matches from (select s.doc, s.").push(order);
            let sql = gathered(sql.push(" as k, count(*) over () as matches"), engine, &search.filter, plan, by);
            let sql = behind(sql.push(") c where true"), search, ["c.k", "c.doc"]);
            sorted(sql, search, ["c.k", "c.doc"])
        }
    };
    sorted(
        part(sql, rows, search.offset).push(") p cross join search_users r where r.doc = p.doc"),
        search,
        ["p.k", "p.doc"],
    )
}

/// So many rows behind so many. For a first page of a usual size the number is part of the text: `PostgreSQL` then makes one
/// plan for all that ask the same, where it would make one for each, in half a millisecond, to know how few are wanted.
fn part(sql: Sql, rows: u64, offset: u64) -> Sql {
    match (rows, offset) {
        (11, 0) => sql.push(" limit 11"),
        (21, 0) => sql.push(" limit 21"),
        (26, 0) => sql.push(" limit 26"),
        (51, 0) => sql.push(" limit 51"),
        (101, 0) => sql.push(" limit 101"),
        _ => sql.push(" limit ").value(number(rows)).push(" offset ").value(number(offset)),
    }
}

/// How many match, by this way; at most so many.
pub(super) async fn count(
    conn: &mut Conn,
    search: &Search,
    plan: Plan,
    by: &Estimate,
    most: Option<u64>,
) -> Result<u64> {
    let count = count_sql(conn.engine(), search, plan, by, most).long().scalar::<i64>(conn).await?;
    Ok(count.unsigned_abs())
}

fn count_sql(engine: Engine, search: &Search, plan: Plan, by: &Estimate, most: Option<u64>) -> Sql {
    let sql = named(engine, plan, by).push(" select count(*) from (select 1");
    let sql = match plan {
        Plan::Walk(Reach::Whole) if most.is_none() => tests(sql.push(EVERYBODY), &search.filter, Held::Nothing),
        Plan::Walk(reach) | Plan::Sieve(reach) => {
            let first = Search { cursor: None, ..search.clone() };
            along(sql.push(" from ("), engine, &first, plan, by, reach)
        }
        Plan::Grams | Plan::Range | Plan::Both => gathered(sql, engine, &search.filter, plan, by),
    };
    let sql = match most {
        Some(most) => sql.push(" limit ").value(number(most)),
        None => sql,
    };
    sql.push(") counted")
}

const EVERYBODY: &str = " from search_users s where true";

/// How the engine runs the page of a search, line by line.
pub(super) async fn explain_page(conn: &mut Conn, search: &Search, plan: Plan, by: &Estimate) -> Result<Vec<String>> {
    let asked = search.rows(by.is_common);
    explained(page_sql(conn.engine(), search, plan, by, asked), conn).await
}

/// How the engine counts all of it, line by line.
pub(super) async fn explain_count(conn: &mut Conn, search: &Search, plan: Plan, by: &Estimate) -> Result<Vec<String>> {
    explained(count_sql(conn.engine(), search, plan, by, None), conn).await
}

async fn explained(sql: Sql, conn: &mut Conn) -> Result<Vec<String>> {
    let sql = sql.explained(conn.engine());
    if conn.engine() == Engine::Sqlite {
        let rows: Vec<(i64, i64, i64, String)> = sql.fetch_all(conn).await?;
        return Ok(rows.into_iter().map(|row| row.3).collect());
    }
    Ok(sql.fetch_all::<(String,)>(conn).await?.into_iter().map(|row| row.0).collect())
}

/// How many rows a walk passes when it keeps none: less than its limit when it sees the end.
pub(super) async fn passed(conn: &mut Conn, search: &Search, reach: Reach) -> Result<u64> {
    let passed = index(sql("select count(*) from ("), search, reach, &[]).push(") passed");
    Ok(passed.long().scalar::<i64>(conn).await?.unsigned_abs())
}

/// Begins with those whom the grams name, where the plan asks them.
fn named(engine: Engine, plan: Plan, by: &Estimate) -> Sql {
    match plan {
        Plan::Sieve(_) | Plan::Grams | Plan::Both => grams::having(engine, &by.needs),
        Plan::Walk(_) | Plan::Range => sql(""),
    }
}

/// Goes on behind `from (`: the rows along the order as `w`, and as `s` those that must be looked at by their numbers.
fn along(sql: Sql, engine: Engine, search: &Search, plan: Plan, by: &Estimate, reach: Reach) -> Sql {
    let order = search.order.as_str();
    let is_sieve = matches!(plan, Plan::Sieve(_));
    if !is_sieve && !Plan::asks_the_index(engine, by) {
        let sql = index(sql, search, reach, &columns(search)).push(") w where true");
        return tests(sql, &search.filter, Held::Passed(order));
    }
    let look = if search.filter.is_held(order) { "" } else { grams::row_of(engine) };
    let sql = index(sql, search, reach, &["facet"]).push(") w").push(look).push(grams::row_is(engine, look));
    tests(if is_sieve { sql.push(grams::is_named(engine)) } else { sql }, &search.filter, Held::Index(order))
}

/// The columns that the filter asks, beside the order's.
fn columns(search: &Search) -> Vec<&'static str> {
    let columns = search.filter.tests().iter().flat_map(|test| match test {
        Test::Text { field, .. } => vec![field.as_str()],
        Test::Word { fields, .. } => fields.iter().map(|field| field.as_str()).collect(),
        Test::Facet(_) => vec!["facet"],
        Test::Range { moment, .. } => vec![moment.as_str()],
    });
    let all: BTreeSet<_> = columns.filter(|column| *column != search.order.as_str()).collect();
    all.into_iter().collect()
}

/// The part of the order's index behind the cursor and within the bounds that the filter has for it.
fn index(sql: Sql, search: &Search, reach: Reach, columns: &[&'static str]) -> Sql {
    let order = search.order.as_str();
    let sql = sql.push("select doc, ").push(order).push(" as k");
    let sql = columns.iter().fold(sql, |sql, column| sql.push(", ").push(column));
    let sql = sql.push(" from search_users where true");
    let sql = behind(within(sql, &search.filter, order), search, [order, "doc"]);
    // The limit is part of the text, so that no engine plans for all rows.
    sorted(sql, search, [order, "doc"]).push(match reach {
        Reach::Short => " limit 1000",
        Reach::Middle => " limit 5000",
        Reach::Long => " limit 25000",
        Reach::Far => " limit 125000",
        Reach::Whole => ALL,
    })
}

/// Everybody whom the plan's index names, as `s`, and the filter asked of each.
fn gathered(sql: Sql, engine: Engine, filter: &Filter, plan: Plan, by: &Estimate) -> Sql {
    let moment = match (plan, by.moment) {
        (Plan::Grams, _) => return tests(sql.push(grams::their_rows(engine)), filter, Held::Nothing),
        (_, None) => return tests(sql.push(EVERYBODY), filter, Held::Nothing),
        (_, Some(moment)) => moment.as_str(),
    };
    if engine == Engine::Postgres && plan == Plan::Range {
        // A row is looked at where the span's index passes it.
        let sql = within(sql.push(" from (select * from search_users where true"), filter, moment).push(ALL);
        return tests(sql.push(") s where true"), filter, Held::Nothing);
    }
    let sql = sql.push(" from (select doc, ").push(moment).push(" as k, facet from search_users where true");
    let sql = within(sql, filter, moment).push(ALL).push(") w");
    let sql = sql.push(grams::row_of(engine)).push(grams::row_is(engine, "s"));
    let sql = if plan == Plan::Both { sql.push(grams::is_named(engine)) } else { sql };
    tests(sql, filter, Held::Index(moment))
}

/// The bounds of a time.
fn within(sql: Sql, filter: &Filter, of: &'static str) -> Sql {
    filter.tests().iter().fold(sql, |sql, test| match test {
        Test::Range { moment, from, to } if moment.as_str() == of => {
            sql.push(" and ").push(of).push(" >= ").value(*from).push(" and ").push(of).push(" < ").value(*to)
        }
        _ => sql,
    })
}

/// What of a row is known before it is looked at by its number, as `w`.
#[derive(Clone, Copy)]
enum Held {
    Nothing,
    /// What the index along this column holds; its bounds hold already.
    Index(&'static str),
    /// Everything: the walk along this column has looked at it.
    Passed(&'static str),
}

/// Asks the filter: of `w` what is held, and of `s` the rest.
fn tests(mut sql: Sql, filter: &Filter, held: Held) -> Sql {
    for test in filter.tests() {
        sql = match test {
            Test::Text { field, how, text } => compare(sql.push(" and "), field.as_str(), held, *how, text),
            Test::Word { fields, text } => {
                let how = How::Contains.of(text);
                let mut sql = sql.push(" and (");
                for (n, field) in fields.iter().enumerate() {
                    sql = compare(sql.push(if n == 0 { "" } else { " or " }), field.as_str(), held, how, text);
                }
                sql.push(")")
            }
            Test::Facet(facet) => {
                let sql = cell(sql.push(" and ("), "facet", held).push(" & ").value(facet.mask);
                sql.push(") = ").value(facet.value)
            }
            Test::Range { moment, .. } if held.bounds(moment.as_str()) => sql,
            Test::Range { moment, from, to } => {
                let sql = cell(sql.push(" and "), moment.as_str(), held).push(" >= ").value(*from);
                cell(sql.push(" and "), moment.as_str(), held).push(" < ").value(*to)
            }
        };
    }
    sql
}

impl Held {
    /// Whether the bounds of this column hold already.
    fn bounds(self, column: &str) -> bool {
        matches!(self, Self::Index(along) | Self::Passed(along) if along == column)
    }
}

/// Where a column is.
fn cell(sql: Sql, column: &'static str, held: Held) -> Sql {
    match held {
        _ if held.bounds(column) => sql.push("w.k"),
        Held::Passed(_) => sql.push("w.").push(column),
        Held::Index(_) if column == "facet" => sql.push("w.facet"),
        Held::Index(_) | Held::Nothing => sql.push("s.").push(column),
    }
}

fn compare(sql: Sql, column: &'static str, held: Held, how: How, text: &str) -> Sql {
    let sql = cell(sql, column, held);
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
fn behind(sql: Sql, search: &Search, [key, doc]: [&'static str; 2]) -> Sql {
    let Some(Cursor { key: at, doc: row }) = &search.cursor else { return sql };
    let sql = sql.push(" and (").push(key).push(", ").push(doc).push(")");
    let sql = sql.push(if search.direction == Direction::Ascending { " > (" } else { " < (" });
    sql.value(at.clone()).push(", ").value(*row).push(")")
}

fn sorted(sql: Sql, search: &Search, [key, doc]: [&'static str; 2]) -> Sql {
    let sql = sql.push(" order by ").push(key).push(way(search.direction));
    sql.push(", ").push(doc).push(way(search.direction))
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
