//! What becomes of the rows of a batch, in one transaction.

use std::collections::HashSet;

use super::{
    Conflict, Mode, Options, Reject,
    row::{Person, Row},
};
use crate::{
    access::{Caller, Permission, Role},
    account::{
        Arrival,
        arrival::{self, Known},
    },
    db::{Conn, Tx},
    error::{Code, Error, Fault, Result, Rule},
    id::UserId,
};

/// How a batch ended.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcome {
    pub created: u64,
    pub updated: u64,
    pub skipped: u64,
    pub rejects: Vec<Reject>,
    /// The rejected rows as lines of CSV.
    pub lines: String,
}

enum Fate<'a> {
    Create(&'a Arrival),
    Renew(UserId, &'a Arrival),
    Skip,
    Reject(Vec<Fault>),
}

/// Writes all rows.
pub(super) async fn write(tx: &mut Tx, caller: &Caller, rows: &[Row], options: &Options) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    for run in runs(rows) {
        let mut created = Vec::new();
        for (row, fate) in run.iter().zip(decide(tx, caller, run, options).await?) {
            match fate {
                Fate::Create(arrival) => created.push(arrival),
                Fate::Renew(id, arrival) => match arrival::renew(tx, caller, id, arrival).await {
                    Ok(true) => outcome.updated += 1,
                    Ok(false) => outcome.skipped += 1,
                    Err(error) if error.code() == Code::Forbidden => {
                        outcome.reject(row, vec![Rule::new(error.code().as_str(), error.code().sentence()).of("role")]);
                    }
                    Err(error) => return Err(error),
                },
                Fate::Skip => outcome.skipped += 1,
                Fate::Reject(faults) => outcome.reject(row, faults),
            }
        }
        arrival::admit(tx, caller, &created).await?;
        outcome.created += created.len() as u64;
    }
    Ok(outcome)
}

/// Tells what [`write`] would do, row by row.
pub(super) async fn rehearse(conn: &mut Conn, caller: &Caller, rows: &[Row], options: &Options) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    for run in runs(rows) {
        for (row, fate) in run.iter().zip(decide(conn, caller, run, options).await?) {
            match fate {
                Fate::Create(_) => outcome.created += 1,
                Fate::Renew(..) => outcome.updated += 1,
                Fate::Skip => outcome.skipped += 1,
                Fate::Reject(faults) => outcome.reject(row, faults),
            }
        }
    }
    Ok(outcome)
}

impl Outcome {
    fn reject(&mut self, row: &Row, faults: Vec<Fault>) {
        for fault in &faults {
            let number = row.number.to_string();
            super::export::line(
                [number.as_str(), &fault.field, fault.code, &fault.message, &row.text],
                &mut self.lines,
            );
        }
        self.rejects.push(Reject { row: row.number, faults });
    }
}

/// Cuts the rows so that within a run nobody wants what another one does: the later one then meets the earlier.
fn runs(rows: &[Row]) -> Vec<&[Row]> {
    let (mut runs, mut start, mut seen) = (Vec::new(), 0, HashSet::new());
    for (n, row) in rows.iter().enumerate() {
        let Ok(Person { arrival, .. }) = &row.person else { continue };
        let wants = [
            Some((0, arrival.email.key().to_owned())),
            arrival.username.as_ref().map(|name| (1, name.key())),
            arrival.external_id.clone().map(|id| (2, id)),
        ];
        if wants.iter().flatten().any(|want| seen.contains(want)) {
            runs.push(&rows[start..n]);
            start = n;
            seen.clear();
        }
        seen.extend(wants.into_iter().flatten());
    }
    runs.push(&rows[start..]);
    runs
}

async fn decide<'a>(conn: &mut Conn, caller: &Caller, rows: &'a [Row], options: &Options) -> Result<Vec<Fate<'a>>> {
    let arrivals: Vec<_> = rows.iter().filter_map(|row| Some(&row.person.as_ref().ok()?.arrival)).collect();
    let known = arrival::known(conn, &arrivals).await?;
    rows.iter().map(|row| fate(caller, row, &known, options)).collect()
}

fn fate<'a>(caller: &Caller, row: &'a Row, known: &Known, options: &Options) -> Result<Fate<'a>> {
    let arrival = match &row.person {
        Ok(person) => &person.arrival,
        Err(faults) => return Ok(Fate::Reject(faults.clone())),
    };
    let reject =
        |code: Code, field: &'static str| Ok(Fate::Reject(vec![Rule::new(code.as_str(), code.sentence()).of(field)]));
    let by_email = known.email(&arrival.email);
    let by_external_id = arrival.external_id.as_deref().and_then(|id| known.external_id(id));
    let Some(id) = by_email.or(by_external_id) else {
        if arrival.username.as_ref().is_some_and(|name| known.username(name).is_some()) {
            return reject(Code::UsernameTaken, "username");
        }
        let may_grant = || caller.must(Permission::UsersGrant).and_then(|()| caller.must_give(arrival.role));
        if arrival.role > Role::User && may_grant().is_err() {
            return reject(Code::Forbidden, "role");
        }
        return Ok(Fate::Create(arrival));
    };
    match options.conflict {
        Conflict::Skip => Ok(Fate::Skip),
        Conflict::Fail if options.mode == Mode::Write => Err(Error::new(Code::Conflict).detail(format!(
            "Row {}: {} is here already, so the import ends. The batches before this one stay; use another \
             --on-conflict to go on.",
            row.number,
            arrival.email.as_str()
        ))),
        Conflict::Fail => reject(Code::EmailTaken, "email"),
        Conflict::Update if by_external_id.is_some_and(|other| other != id) => {
            reject(Code::ExternalIdTaken, "external_id")
        }
        Conflict::Update => {
            let owner = arrival.username.as_ref().and_then(|name| known.username(name));
            if owner.is_some_and(|owner| owner != id) {
                return reject(Code::UsernameTaken, "username");
            }
            Ok(Fate::Renew(id, arrival))
        }
    }
}
