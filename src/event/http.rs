//! `GET /api/v1/events` and `GET /api/v1/users/{id}/events`: the audit trail.

mod query;
pub(crate) mod seen;
pub(crate) mod shape;

use axum::extract::State;
use serde_json::{Map, Value};

use self::query::{Asked, OfUser, Query};
use super::trail::{self, Filter, Place};
use crate::{
    access::{Caller, Permission},
    account,
    app::App,
    error::{Code, Error, Result},
    http::{Json, Page, Path, Query as FromQuery, Total},
    id::UserId,
};

type Answer = Result<Json<Page<Map<String, Value>>>>;

/// `GET /events`.
pub(crate) async fn list(State(app): State<App>, caller: Caller, query: Result<FromQuery<Query>>) -> Answer {
    caller.must(Permission::EventsRead)?;
    page(&app, &caller, query?.0.asked()?).await
}

/// `GET /users/{id}/events`: also of somebody who was deleted, as long as the log knows him.
pub(crate) async fn of_user(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    query: Result<FromQuery<OfUser>>,
) -> Answer {
    caller.must(Permission::EventsRead)?;
    let user = known(&app, &name).await?;
    page(&app, &caller, query?.0.asked(user)?).await
}

/// Whom a path names: an account, or somebody of whom nothing but the log is left.
async fn known(app: &App, name: &str) -> Result<UserId> {
    let conn = &mut app.db.read();
    match (account::resolve(conn, name).await, name.parse()) {
        (Err(error), Ok(id)) if error.code() == Code::NotFound => {
            if trail::knows(conn, id).await? {
                Ok(id)
            } else {
                Err(Error::not_found())
            }
        }
        (resolved, _) => resolved,
    }
}

async fn page(app: &App, caller: &Caller, (filter, paging, behind): Asked) -> Answer {
    seen::must_see(caller, &filter)?;
    let conn = &mut app.db.read();
    let limit = usize::try_from(paging.limit()).unwrap_or(usize::MAX);
    let part = trail::list(caller, conn, &filter, behind, limit).await?;
    let total = match (&part.next, behind) {
        _ if filter == Filter::default() => Total::Exact(trail::count(conn).await?),
        (None, None) => Total::Exact(part.events.len() as u64),
        _ => Total::Unknown,
    };
    let events = part.events.into_iter().map(|event| seen::view(caller, event)).collect();
    Ok(Json(paging.of(events, total, part.next.map(Place::to_text))))
}
