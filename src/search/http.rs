//! `GET /api/v1/users/search`.

mod query;

use axum::extract::State;

use self::query::Query;
use super::{Emails, Filter, Matches, Search};
use crate::{
    access::{Caller, Permission},
    account::{http::seen, view::Written},
    app::App,
    error::Result,
    http::{
        Json, Page, Query as FromQuery, Total,
        body::{Body, Given},
    },
};

/// `GET /users/search`.
pub(crate) async fn search(
    State(app): State<App>,
    caller: Caller,
    query: Result<FromQuery<Query>>,
) -> Result<Json<Page<Written>>> {
    // Whether he may is decided before what he asks is looked at.
    caller.must(Permission::UsersSearch)?;
    let emails = seen::searched(&app, &caller);
    let (search, paging) = query?.0.search(emails)?;
    let found = super::find(&caller, &app.db, &app.search, &search, emails).await?;
    let users = seen::people(&app, &caller, &found.users).await?;
    let total = match found.matches {
        Matches::Exact(count) => Total::Exact(count),
        Matches::About(count) => Total::Estimate(count),
        Matches::Unknown => Total::Unknown,
    };
    let next = found.next.map(|cursor| cursor.to_text(search.order, search.direction));
    Ok(Json(paging.of(users, total, next)))
}

/// The filter of a query's text, without regard to who asks.
///
/// # Errors
/// As the route's.
pub fn filter(query: &str) -> Result<Filter> {
    Ok(Query::read(Given::pairs(query.as_bytes())?)?.search(Emails::Shown)?.0.filter)
}

/// A query's text that asks for all whom it finds, in its order, as somebody may ask who sees the addresses or not.
///
/// # Errors
/// As the route's, and `invalid` for what tells which part of the list is wanted.
pub fn whole(query: &str, emails: Emails) -> Result<Search> {
    let query = Query::read(Given::pairs(query.as_bytes())?)?;
    query.must_be_whole()?;
    Ok(query.search(emails)?.0)
}

/// Every filter: its name, what it says, and the index that answers it.
pub fn filters() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    const OTHERS: [&str; 7] = ["sort_by", "sort_order", "page", "size", "page_size", "cursor", "total"];
    Query::FIELDS.iter().filter(|field| !OTHERS.contains(&field.name)).map(|field| {
        let index = match field.name {
            "created_after" | "created_before" => "search_users_by_created_at",
            "last_login_after" | "last_login_before" | "never_logged_in" => "search_users_by_last_login",
            _ => "search_grams",
        };
        (field.name, field.doc, index)
    })
}
