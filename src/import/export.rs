//! Everybody, or whom a search finds, page by page: as CSV that a spreadsheet opens without running anything, or as JSON
//! lines. What the caller does not see in others is left out here too, and a page is read with what he may do by then.

use std::{borrow::Cow, collections::HashSet};

use serde_json::{Map, Value};
use tokio::task::JoinHandle;

use crate::{
    access::{Actor, Authority, Caller, Permission},
    account::{
        self, User, grant,
        http::seen,
        view::{self, Contact},
    },
    app::App,
    config::Directory,
    db::Conn,
    error::{Code, Error, Result},
    id::UserId,
    password, profile,
    search::{self, Count, Search},
};

/// The columns of the CSV: what an administrator sees of a user, but for what follows from the role. Others find those
/// empty that they do not see.
pub const COLUMNS: &[&str] = &[
    "id",
    "external_id",
    "email",
    "username",
    "full_name",
    "first_name",
    "last_name",
    "phone",
    "gender",
    "ip_address",
    "avatar_url",
    "bio",
    "current_title",
    "experience_years",
    "education_level",
    "current_role_level",
    "location",
    "timezone",
    "user_metadata",
    "app_metadata",
    "role",
    "is_active",
    "is_verified",
    "is_premium",
    "subscription_tier",
    "subscription_status",
    "synced",
    "must_change_password",
    "mfa_enabled",
    "created_at",
    "updated_at",
    "last_login",
    "last_activity",
];

/// Users that are read at once, and as many of a search.
const PAGE: i64 = 500;
const FOUND: u64 = 500;

/// What the lines are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// RFC 4180, with a header.
    Csv,
    /// A JSON object each.
    Jsonl,
    /// The same with the hashes of passwords, for moving to another deployment: the operator alone gets them.
    JsonlWithHashes,
}

/// Who is told of.
#[derive(Clone, Debug)]
pub enum Whom {
    /// Everybody, oldest first.
    Everybody,
    /// Whom a search finds, in its order.
    Found(Search),
}

/// Where to go on.
#[derive(Clone)]
enum Place {
    Behind(Option<UserId>),
    Within(Search),
}

/// Some of them, what each may do, and who asks.
struct Page {
    caller: Caller,
    users: Vec<User>,
    authorities: Vec<Authority>,
    next: Option<Place>,
    /// Whose addresses the caller sees; nothing when he sees all of them.
    public: Option<HashSet<UserId>>,
}

impl Whom {
    /// Whom the query of a search finds, written as for `GET /users/search`, without a page. Without a filter it finds
    /// everybody, in its order.
    ///
    /// # Errors
    /// `invalid`.
    pub fn found(app: &App, caller: &Caller, query: &str) -> Result<Self> {
        let search = search::http::whole(query, seen::searched(app, caller))?;
        Ok(Self::Found(Search { limit: FOUND, offset: 0, cursor: None, count: Count::None, ..search }))
    }
}

impl Page {
    fn contact(&self, user: UserId) -> Contact {
        let is_shown = self.public.as_ref().is_none_or(|public| public.contains(&user));
        if is_shown { Contact::Shown } else { Contact::Hidden }
    }
}

/// People as lines.
pub struct Export {
    app: App,
    caller: Caller,
    format: Format,
    /// Where to begin, until the first page is asked for.
    begin: Option<Place>,
    /// The next page, read while this one is written; nothing behind the last.
    ahead: Option<JoinHandle<Result<Page>>>,
    is_begun: bool,
    /// Users told so far.
    pub count: u64,
}

impl Export {
    /// Begins.
    ///
    /// # Errors
    /// `forbidden`; of [`search::find`], which is asked for the first page at once.
    pub async fn new(app: App, caller: Caller, format: Format, whom: Whom) -> Result<Self> {
        caller.must(Permission::UsersExport)?;
        if format == Format::JsonlWithHashes && caller.actor != Actor::Operator {
            return Err(Code::Forbidden.into());
        }
        let place = match whom {
            Whom::Everybody => Place::Behind(None),
            Whom::Found(search) => {
                let none = Search { limit: 1, ..search.clone() };
                search::find(&caller, &app.db, &app.search, &none, seen::searched(&app, &caller)).await?;
                Place::Within(search)
            }
        };
        Ok(Self { app, caller, format, begin: Some(place), ahead: None, is_begun: false, count: 0 })
    }

    /// The next lines; nothing at the end.
    ///
    /// # Errors
    /// Of the database; `forbidden` or `token_refused` when the caller may not go on.
    pub async fn next(&mut self) -> Result<Option<String>> {
        let begin = self.begin.take().map(|place| self.read(place));
        let Some(page) = begin.or_else(|| self.ahead.take()) else { return Ok(None) };
        let mut page = page.await.map_err(Error::internal)??;
        self.ahead = page.next.take().map(|place| self.read(place));
        let users = &page.users;
        let mut lines = String::with_capacity(users.len() * 400);
        if !std::mem::replace(&mut self.is_begun, true) && self.format == Format::Csv {
            line(COLUMNS.iter().copied(), &mut lines);
        } else if users.is_empty() && self.ahead.is_none() {
            return Ok(None);
        }
        let mut hashes = match (self.format, users.first(), users.last()) {
            (Format::JsonlWithHashes, Some(first), Some(last)) => {
                password::between(&mut self.app.db.read(), first.id, last.id).await?
            }
            _ => std::collections::HashMap::new(),
        };
        for (user, authority) in users.iter().zip(&page.authorities) {
            let mut fields = view::seen(&page.caller, user, authority, page.contact(user.id));
            match self.format {
                Format::Csv => {
                    let cells: Vec<_> = COLUMNS.iter().map(|column| text(&fields, column)).collect();
                    line(cells.iter().map(AsRef::as_ref), &mut lines);
                }
                Format::Jsonl | Format::JsonlWithHashes => {
                    if let Some(hash) = hashes.remove(&user.id) {
                        fields.insert("password_hash".into(), hash.into());
                    }
                    lines.push_str(&serde_json::to_string(&fields).map_err(Error::internal)?);
                    lines.push('\n');
                }
            }
        }
        self.count += users.len() as u64;
        Ok(Some(lines))
    }

    /// Reads the page at a place.
    fn read(&self, place: Place) -> JoinHandle<Result<Page>> {
        let (app, caller) = (self.app.clone(), self.caller.clone());
        tokio::spawn(async move {
            let conn = &mut app.db.read();
            let caller = app.bearers.again(conn, &caller).await?;
            let (users, next) = people(&app, conn, &caller, place).await?;
            let (directory, now) = (app.config.auth.directory, app.db.clock().now());
            let authorities = grant::authorities(conn, directory, &users, now).await?;
            let sees_all = caller.sees_everything() || directory == Directory::Open;
            let ids: Vec<UserId> = users.iter().map(|user| user.id).collect();
            let public = if sees_all { None } else { Some(profile::public_contacts(conn, &ids).await?) };
            Ok(Page { caller, users, authorities, next, public })
        })
    }
}

/// Those at a place, and where to go on.
async fn people(app: &App, conn: &mut Conn, caller: &Caller, place: Place) -> Result<(Vec<User>, Option<Place>)> {
    match place {
        Place::Behind(last) => {
            let users = account::arrival::leave(caller, conn, last, PAGE).await?;
            let next = users.last().map(|user| Place::Behind(Some(user.id)));
            Ok((users, next))
        }
        Place::Within(search) => {
            let found = search::find(caller, &app.db, &app.search, &search, seen::searched(app, caller)).await?;
            let users = account::some(conn, &found.users).await?;
            let next = found.next.map(|cursor| Place::Within(Search { cursor: Some(cursor), ..search }));
            Ok((users, next))
        }
    }
}

fn text<'a>(fields: &'a Map<String, Value>, column: &str) -> Cow<'a, str> {
    match fields.get(column) {
        None | Some(Value::Null) => "".into(),
        Some(Value::String(text)) => text.into(),
        Some(Value::Object(members)) if members.is_empty() => "".into(),
        Some(value) => value.to_string().into(),
    }
}

/// Adds a line of CSV.
pub(super) fn line<'a>(cells: impl IntoIterator<Item = &'a str>, into: &mut String) {
    for (n, text) in cells.into_iter().enumerate() {
        if n > 0 {
            into.push(',');
        }
        cell(text, into);
    }
    into.push('\n');
}

/// Adds a cell. What a spreadsheet would run begins with an apostrophe instead, which [`unescaped`] takes away again.
pub(super) fn cell(text: &str, into: &mut String) {
    let escape = if is_formula(text) { "'" } else { "" };
    if text.contains(['"', ',', ';', '\n', '\r', '\t']) {
        into.push('"');
        into.push_str(escape);
        into.push_str(&text.replace('"', "\"\""));
        into.push('"');
    } else {
        into.push_str(escape);
        into.push_str(text);
    }
}

/// What a cell said before it was escaped.
pub(super) fn unescaped(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|rest| is_formula(rest)).unwrap_or(cell)
}

/// Whether a text, without the apostrophes before it, begins like a formula (OWASP, CSV Injection).
fn is_formula(text: &str) -> bool {
    text.trim_start_matches('\'').starts_with(['=', '+', '-', '@', '\t', '\r'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_escaped_and_come_back() {
        for text in ["=1+1", "+351 21", "-1", "@cmd", "\tx", "\rx", "'=1", "''-", "'t Hooft", "a,\"b\"", "", "x\ny"] {
            let mut told = String::new();
            cell(text, &mut told);
            let bare = told.trim_start_matches('"');
            assert!(!bare.starts_with(['=', '+', '-', '@', '\t', '\r']), "{told}");
            let (_, cells) = super::super::Csv::open(Box::new(std::io::Cursor::new(format!("{told},end")))).unwrap();
            assert_eq!(unescaped(&cells[0]), text);
        }
    }
}
