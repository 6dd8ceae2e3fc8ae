//! `GET /users` and `GET /users/list`.

use axum::extract::State;
use serde_json::{Map, Value, json};

use super::{cursor, seen};
use crate::{
    access::{Caller, Permission},
    account::list::{self, Column, Direction, Order, Start},
    app::App,
    body,
    error::{Result, Rule},
    http::{Input, Int, Json, Page, Paging, Query, Total, input::text},
};

impl Input for Column {
    fn read(value: &Value) -> Result<Self, Rule> {
        let text = text(value)?;
        let found = Self::ALL.into_iter().find(|column| column.as_str() == text);
        let names = || Self::ALL.map(Self::as_str).join(", ");
        found.ok_or_else(|| Rule::new("unknown_field", format!("Users are sorted by one of {}.", names())))
    }
    fn schema() -> Value {
        json!({"type": "string", "enum": Self::ALL.map(Self::as_str)})
    }
}

impl Input for Direction {
    fn read(value: &Value) -> Result<Self, Rule> {
        match text(value)? {
            "asc" => Ok(Self::Ascending),
            "desc" => Ok(Self::Descending),
            _ => Err(Rule::new("unknown_order", "This must be 'asc' or 'desc'.")),
        }
    }
    fn schema() -> Value {
        json!({"type": "string", "enum": ["asc", "desc"]})
    }
}

body! {
    /// What `GET /users` takes.
    pub(crate) struct List {
        /// The number of the page, from 1.
        page: Option<Int<1, { i64::MAX }>>,
        /// How many a page holds.
        size: Option<Int<1, 100>>,
        /// The same; the answer then has other names: `users total_count page_size total_pages`.
        page_size: Option<Int<1, 100>>,
        /// The `next_cursor` of the page before; used instead of the number.
        #[example("LWNyZWF0ZWRfYXQgMDE4")]
        cursor: Option<String>,
        /// The field to sort by; `created_at` unless it is given.
        sort_by: Option<Column>,
        /// `desc` unless it is given.
        sort_order: Option<Direction>,
    }
}

/// `GET /users`: a page of users.
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    query: Result<Query<List>>,
) -> Result<Json<Page<Map<String, Value>>>> {
    caller.must(Permission::UsersList)?;
    let Query(asked) = query?;
    let order = Order {
        column: asked.sort_by.unwrap_or(Column::CreatedAt),
        direction: asked.sort_order.unwrap_or(Direction::Descending),
    };
    let paging = Paging::new(asked.page, asked.size, asked.page_size, asked.cursor)?;
    let start = match paging.cursor() {
        Some(text) => Start::After(cursor::read(order, text)?),
        None => Start::Skip(i64::try_from(paging.offset()).unwrap_or(i64::MAX)),
    };
    let limit = i64::try_from(paging.limit()).unwrap_or(i64::MAX);
    let conn = &mut app.db.read();
    let (users, last) = list::list(&caller, conn, seen::addresses(&app), order, &start, limit).await?;
    let views = seen::views(&app, conn, &caller, &users).await?;
    let total = Total::Exact(list::count(conn).await?);
    Ok(Json(paging.of(views, total, last.map(|place| cursor::write(order, &place)))))
}
