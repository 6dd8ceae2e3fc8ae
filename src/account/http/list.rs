//! `GET /users` and `GET /users/list`.

use axum::extract::State;
use futures_util::future::try_join;

use super::seen;
use crate::{
    access::{Caller, Permission},
    account::{self, view::Written},
    app::App,
    body,
    error::{Error, Result},
    http::{Int, Json, Page, Paging, Query, Total},
    search::{self, Cursor, Direction, Order, Search},
};

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
        #[example("MSBjcmVhdGVkX2F0IGRlc2MgNyA3")]
        cursor: Option<String>,
        /// The field to sort by; `created_at` unless it is given.
        sort_by: Option<Order>,
        /// `desc` unless it is given.
        sort_order: Option<Direction>,
    }
}

/// `GET /users`: a page of users.
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    query: Result<Query<List>>,
) -> Result<Json<Page<Written>>> {
    caller.must(Permission::UsersList)?;
    let Query(asked) = query?;
    let (order, direction) =
        (asked.sort_by.unwrap_or(Order::CreatedAt), asked.sort_order.unwrap_or(Direction::Descending));
    let paging = Paging::new(asked.page, asked.size, asked.page_size, asked.cursor)?;
    let cursor = paging.cursor().map(|cursor| Cursor::parse(cursor, order, direction)).transpose();
    let cursor = cursor.map_err(|rule| Error::faults(vec![rule.of("cursor")]))?;
    let everybody = Search::everybody(order, direction, cursor, paging.limit(), paging.offset());
    let mut conn = app.db.read();
    let found = search::list(&caller, &app.db, &app.search, &everybody, seen::emails(&app));
    let (found, total) = try_join(found, account::count(&mut conn)).await?;
    let users = seen::people(&app, &caller, &found.users).await?;
    let next = found.next.map(|cursor| cursor.to_text(order, direction));
    Ok(Json(paging.of(users, Total::Exact(total), next)))
}
