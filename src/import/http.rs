//! `POST /users/import` and `GET /users/export`.

use std::{
    io::{self, Read},
    time::Duration,
};

use axum::{
    body::Body,
    extract::{FromRequest, FromRequestParts, Request, State},
    http::{
        header::{CONTENT_DISPOSITION, CONTENT_TYPE},
        request::Parts,
    },
    response::{IntoResponse, Response},
};
use bytes::{Buf, Bytes};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{Conflict, Csv, Journal, Mapping, Mode, Options, Passwords, Report, Roles, Source, export};
use crate::{
    access::{Caller, Permission},
    app::App,
    body,
    error::{Code, Error, Result},
    http::{
        Json, NoTimeLimit, Query,
        openapi::{Operation, Takes},
    },
    password::Password,
    shape,
};

/// The most bytes of an import.
const LIMIT: u64 = 1 << 30;
/// The header with the password of whoever brings none. It is none of the query's, which is logged on the way.
const DEFAULT_PASSWORD: &str = "X-Default-Password";
/// How long the next bytes may take.
const PATIENCE: Duration = Duration::from_secs(60);

body! {
    /// How rows become people.
    pub(crate) struct How {
        /// Which column holds which field, where its name does not tell: `column=field`, separated by commas.
        #[example("mail=email,nick=username")]
        map: Option<String>,
        /// What becomes of somebody who is here already: `skip` (the default), `update` or `fail`.
        #[example("skip")]
        on_conflict: Option<String>,
        /// Whether passwords in the file, and the default one, need not be changed at the first sign-in.
        #[example(false)]
        keep_password: Option<bool>,
        /// Whether a role above `user` may come in.
        #[example(false)]
        allow_roles: Option<bool>,
        /// Whether nothing is written, and only told what would be.
        #[example(true)]
        dry_run: Option<bool>,
    }
}

body! {
    /// What the export is to be.
    pub(crate) struct Wanted {
        /// `csv` (the default) or `jsonl`.
        #[example("csv")]
        format: Option<String>,
        /// Only whom this search finds, in its order: filters, `sort_by` and `sort_order` as the query of
        /// `GET /users/search`, percent-encoded as one value.
        #[example("is_active=true&location=lisbon")]
        search: Option<String>,
    }
}

shape! {
    /// How an import went.
    pub(crate) struct Told {
        /// Rows read.
        #[example(1000)]
        rows: u64,
        /// Accounts made.
        #[example(998)]
        created: u64,
        /// Accounts changed.
        #[example(0)]
        updated: u64,
        /// Rows of people who were here already.
        #[example(1)]
        skipped: u64,
        /// Rows refused.
        #[example(1)]
        rejected: u64,
        /// Whether nothing was written.
        #[example(false)]
        dry_run: bool,
        /// Which column held which field; `null` for one that was left out.
        #[example({"mail": "email", "shoe size": null})]
        mapping: Value,
        /// Why rows were refused: the first thousand, each `{row, field, code, message}`; the header is row 1.
        #[example([{"row": 7, "field": "email", "code": "required", "message": "This field is required."}])]
        errors: Vec<Value>,
    }
}

/// A body of CSV, of any length.
pub(crate) struct CsvBody(Body);

impl<S: Sync> FromRequest<S> for CsvBody {
    type Rejection = Error;
    async fn from_request(request: Request, _: &S) -> Result<Self> {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("text/csv") {
            return Ok(Self(request.into_body()));
        }
        Err(Error::new(Code::UnsupportedMediaType).detail("Send the body with 'Content-Type: text/csv'."))
    }
}

impl Takes for CsvBody {
    fn taken(operation: &mut Operation) {
        operation.text_body("text/csv", "A header, then a row for each person, in UTF-8; at most 1 GiB.");
        operation.refuse(&[Code::Malformed, Code::UnsupportedMediaType, Code::BodyTooLarge, Code::Invalid]);
    }
}

/// The password of whoever brings none.
pub(crate) struct DefaultPassword(Option<Password>);

impl<S: Sync> FromRequestParts<S> for DefaultPassword {
    type Rejection = Error;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let Some(value) = parts.headers.get(DEFAULT_PASSWORD) else { return Ok(Self(None)) };
        let text = std::str::from_utf8(value.as_bytes());
        let text = text.map_err(|_| Error::invalid(DEFAULT_PASSWORD, "not_utf8", "This must be UTF-8."))?;
        Ok(Self(Some(Password::parse(text).map_err(|rule| rule.error(DEFAULT_PASSWORD))?)))
    }
}

impl Takes for DefaultPassword {
    fn taken(operation: &mut Operation) {
        let about = "The password of whoever brings none, in UTF-8. It must be changed at the first sign-in, unless \
                     `keep_password` says otherwise.";
        operation.header(DEFAULT_PASSWORD, about, "Correct-Horse-7-Battery");
        operation.refuse(&[Code::Invalid, Code::Busy]);
    }
}

/// `POST /users/import`.
pub(crate) async fn import(
    State(app): State<App>,
    _: NoTimeLimit,
    caller: Caller,
    default_password: Result<DefaultPassword>,
    how: Result<Query<How>>,
    body: Result<CsvBody>,
) -> Result<Json<Value>> {
    caller.must(Permission::UsersImport)?;
    let (default_password, how, body) = (default_password?.0, how?.0, body?);
    let mode = if how.dry_run == Some(true) { Mode::DryRun } else { Mode::Write };
    let input = Box::new(Pump::start(body.0));
    let opened = tokio::task::spawn_blocking(move || Csv::open(input)).await.map_err(Error::internal)?;
    let (csv, headers) = opened?;
    let given: Vec<String> = how.map.iter().flat_map(|map| map.split(',')).map(ToOwned::to_owned).collect();
    let mapping = Mapping::new(&headers, &given)?;
    let conflict = how.on_conflict.as_deref().map_or(Some(Conflict::Skip), Conflict::parse);
    let default_hash = match default_password {
        Some(password) => super::default_hash(&app, &password, mode, DEFAULT_PASSWORD).await?,
        None => None,
    };
    let options = Options {
        batch: super::BATCH,
        lead: None,
        conflict: conflict
            .ok_or_else(|| Error::invalid("on_conflict", "unknown_word", "This must be one of: skip, update, fail."))?,
        passwords: if how.keep_password == Some(true) { Passwords::Keep(app.policy()) } else { Passwords::MustChange },
        default_hash,
        roles: if how.allow_roles == Some(true) { Roles::Allowed } else { Roles::Refused },
        mode,
    };
    let columns: serde_json::Map<String, Value> =
        mapping.columns().iter().map(|(name, field)| (name.clone(), json!(field.map(super::Field::as_str)))).collect();
    let report =
        super::run(&app, &caller, Source::Csv(Box::new(csv)), mapping, &options, &Journal::default(), |_| {}).await?;
    Ok(Json(told(&report, options.mode, &columns.into())))
}

fn told(report: &Report, mode: Mode, mapping: &Value) -> Value {
    let errors: Vec<Value> = report
        .rejects
        .iter()
        .flat_map(|reject| {
            let row = reject.row;
            let fault = move |fault: &crate::error::Fault| {
                json!({"row": row, "field": fault.field, "code": fault.code, "message": fault.message})
            };
            reject.faults.iter().map(fault)
        })
        .collect();
    json!({
        "rows": report.rows,
        "created": report.created,
        "updated": report.updated,
        "skipped": report.skipped,
        "rejected": report.rejected,
        "dry_run": mode == Mode::DryRun,
        "mapping": mapping,
        "errors": errors,
    })
}

/// `GET /users/export`.
pub(crate) async fn export(State(app): State<App>, caller: Caller, wanted: Result<Query<Wanted>>) -> Result<Response> {
    caller.must(Permission::UsersExport)?;
    let Query(wanted) = wanted?;
    let (format, kind, file) = match wanted.format.as_deref() {
        None | Some("csv") => (export::Format::Csv, "text/csv; charset=utf-8", "attachment; filename=\"users.csv\""),
        Some("jsonl") => (export::Format::Jsonl, "application/jsonl", "attachment; filename=\"users.jsonl\""),
        Some(_) => return Err(Error::invalid("format", "unknown_word", "This must be one of: csv, jsonl.")),
    };
    let whom = match &wanted.search {
        Some(query) => export::Whom::found(&app, &caller, query)?,
        None => export::Whom::Everybody,
    };
    let pages = export::Export::new(app, caller, format, whom).await?;
    let body = stream::try_unfold(pages, |mut pages| async move {
        let lines = pages.next().await.map_err(|error| io::Error::other(error.to_string()))?;
        Ok::<_, io::Error>(lines.map(|lines| (Bytes::from(lines), pages)))
    });
    let headers = [(CONTENT_TYPE, kind), (CONTENT_DISPOSITION, file)];
    Ok((headers, Body::from_stream(body)).into_response())
}

/// A body as a thread reads it.
struct Pump {
    chunks: mpsc::Receiver<io::Result<Bytes>>,
    chunk: Bytes,
}

impl Pump {
    fn start(body: Body) -> Self {
        let (send, chunks) = mpsc::channel(4);
        tokio::spawn(async move {
            let (mut body, mut total) = (body.into_data_stream(), 0);
            loop {
                let chunk = match tokio::time::timeout(PATIENCE, body.next()).await {
                    Ok(Some(Ok(chunk))) => chunk,
                    Ok(None) => return,
                    Ok(Some(Err(e))) => return drop(send.send(Err(io::Error::other(e))).await),
                    Err(_) => return drop(send.send(Err(io::ErrorKind::TimedOut.into())).await),
                };
                total += chunk.len() as u64;
                let chunk = if total > LIMIT { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(chunk) };
                if send.send(chunk).await.is_err() || total > LIMIT {
                    return;
                }
            }
        });
        Self { chunks, chunk: Bytes::new() }
    }
}

impl Read for Pump {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            match self.chunks.blocking_recv() {
                Some(chunk) => self.chunk = chunk?,
                None => return Ok(0),
            }
        }
        let length = into.len().min(self.chunk.len());
        self.chunk.copy_to_slice(&mut into[..length]);
        Ok(length)
    }
}
