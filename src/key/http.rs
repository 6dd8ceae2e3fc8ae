//! `/api/v1/keys`.

use axum::extract::State;
use serde_json::{Map, Value, json};

use super::{Key, New};
use crate::{
    access::{Caller, Permission, Permissions},
    app::App,
    body,
    clock::Time,
    error::{Error, Result},
    http::{Json, Line, Page, Part, Path, Query, Total},
    id::{KeyId, UserId},
    once::{Answer, http::Once},
    shape,
};

body! {
    /// What `POST /keys` takes.
    pub(crate) struct Create {
        /// What it is for.
        #[example("crm")]
        name: Line<1, 100>,
        /// What it may do; nothing that the caller lacks.
        #[example(["users.read"])]
        permissions: Vec<Permission>,
        /// When it ends; never, unless it is given.
        expires_at: Option<Time>,
    }
}

/// `POST /keys`: the key is told this once.
pub(crate) async fn create(State(app): State<App>, once: Once, body: Result<Json<Create>>) -> Result<Answer> {
    let caller = &once.caller;
    caller.must(Permission::KeysWrite)?;
    let maker = caller.person().ok_or_else(Error::not_found)?;
    let Json(body) = body?;
    let new = New {
        name: body.name.into_string(),
        permissions: Permissions::of(&body.permissions),
        expires_at: body.expires_at,
    };
    let directory = app.config.auth.directory;
    once.write(&app, async |tx| {
        let (key, token) = super::create(tx, caller, directory, maker, new).await?;
        let mut view = view(&key);
        view.insert("key".into(), token.expose().into());
        Ok(Answer::created(view).secret())
    })
    .await
}

/// `GET /keys`.
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    query: Result<Query<Part>>,
) -> Result<Json<Page<Map<String, Value>>>> {
    caller.must(Permission::KeysRead)?;
    let paging = query?.0.paging()?;
    let refused = |_| Error::invalid("cursor", "invalid_cursor", "This cursor was not given for this list.");
    let below: Option<KeyId> = paging.cursor().map(str::parse).transpose().map_err(refused)?;
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let (limit, skip) = (number(paging.limit()), number(paging.offset()));
    // One more than is told: whether there is a next page.
    let (mut keys, total) = super::list(&caller, &mut app.db.read(), below, limit + 1, skip).await?;
    let is_last = keys.len() as u64 <= paging.limit();
    keys.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next = keys.last().filter(|_| !is_last).map(|key| key.id.to_string());
    let total = Total::Exact(u64::try_from(total).unwrap_or(0));
    Ok(Json(paging.of(keys.iter().map(view).collect(), total, next)))
}

/// `DELETE /keys/{id}`.
pub(crate) async fn revoke(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<Json<Value>> {
    caller.must(Permission::KeysWrite)?;
    let id: KeyId = id.parse().map_err(|_| Error::not_found())?;
    app.db.withdraw(async |tx| super::revoke(tx, &caller, id).await).await?;
    Ok(Json(json!({"success": true, "message": "The API key was revoked"})))
}

pub(crate) fn view(key: &Key) -> Map<String, Value> {
    let fields = [
        ("id", json!(key.id)),
        ("user_id", json!(key.user_id)),
        ("name", json!(key.name)),
        ("prefix", json!(key.prefix)),
        ("permissions", json!(key.permissions.split_whitespace().collect::<Vec<_>>())),
        ("created_at", json!(key.created_at)),
        ("expires_at", json!(key.expires_at)),
        ("last_used_at", json!(key.last_used_at)),
        ("last_used_ip", json!(key.last_used_ip)),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

shape! {
    /// An API key.
    pub(crate) struct KeyView {
        /// Its id.
        id: KeyId,
        /// Its maker.
        user_id: UserId,
        /// What it is for.
        #[example("crm")]
        name: String,
        /// How it begins.
        #[example("dzk_Xq3f9a")]
        prefix: String,
        /// What it was given; it holds no more of it than its maker does.
        #[example(["users.read"])]
        permissions: Vec<String>,
        /// When it was made.
        created_at: Time,
        /// When it ends.
        expires_at: Option<Time>,
        /// When it was last used, to the minute.
        last_used_at: Option<Time>,
        /// From where.
        #[example("192.0.2.7")]
        last_used_ip: Option<String>,
    }
}

shape! {
    /// An API key that was just made.
    pub(crate) struct NewKey {
        /// Its id.
        id: KeyId,
        /// Its maker.
        user_id: UserId,
        /// What it is for.
        #[example("crm")]
        name: String,
        /// How it begins.
        #[example("dzk_Xq3f9a")]
        prefix: String,
        /// What it was given; it holds no more of it than its maker does.
        #[example(["users.read"])]
        permissions: Vec<String>,
        /// When it was made.
        created_at: Time,
        /// When it ends.
        expires_at: Option<Time>,
        /// When it was last used, to the minute.
        last_used_at: Option<Time>,
        /// From where.
        #[example("192.0.2.7")]
        last_used_ip: Option<String>,
        /// The key itself, told this once.
        #[example("dzk_Xq3f9aP0vJ8m2Ws7dKc1bZr5tYh6uNg4eLxQi0oAfRE")]
        key: String,
    }
}

shape! {
    /// A page of API keys.
    pub(crate) struct Keys {
        /// The newest first.
        items: Vec<KeyView>,
        /// How many there are in all.
        total: u64,
        /// The number of this page.
        page: u64,
        /// How many a page holds.
        size: u64,
        /// How many pages there are.
        pages: u64,
        /// Where the next page begins; null on the last one.
        #[example("01890a5d-ac96-774b-bcce-b302099a8057")]
        next_cursor: Option<String>,
    }
}
