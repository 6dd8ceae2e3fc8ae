//! What becomes of the rows of a batch, in one transaction.

use std::collections::HashSet;

use super::{
    Options, Reject,
    fate::{Fate, Met, fate, faults},
    row::{Person, Row},
    turn::Turn,
};
use crate::{
    access::Caller,
    account::{
        arrival::{self, Known},
        plan::Plans,
    },
    db::{Conn, Tx},
    error::{Code, Fault, Result},
    event,
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

/// What is taken for granted of the rows of a batch.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// Nothing: it is looked up who is here already.
    Nothing,
    /// That nobody is. The unique indexes know better, and the batch is written again then.
    AllNew,
}

/// Writes all rows, and how far the import has come then. Where this process has the lead of the log, the first attempt
/// numbers their events.
pub(super) async fn write(
    tx: &mut Tx,
    caller: &Caller,
    rows: &[Row],
    options: &Options,
    turn: &mut Turn,
    (trust, is_first): (Trust, bool),
) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let tiers = arrival::tiers(rows.iter().filter_map(|row| Some(&row.person.as_ref().ok()?.arrival)));
    let plans = Plans::held(tx, &tiers).await?;
    for (n, run) in runs(rows).into_iter().enumerate() {
        // Those of a later run want what those of an earlier one have.
        let known = if trust == Trust::AllNew && n == 0 { Known::default() } else { known(tx, run).await? };
        let mut created = Vec::new();
        for row in run {
            let person = match &row.person {
                Ok(person) => person,
                Err(faults) => {
                    outcome.reject(row, faults.clone());
                    continue;
                }
            };
            let met = Met::of(&person.arrival, &known);
            match fate(caller, &plans, (row.number, person), &met, options)? {
                Fate::Create => created.push(&person.arrival),
                Fate::Renew(id) => match arrival::renew(tx, caller, &plans, id, &person.arrival).await {
                    Ok(true) => outcome.updated += 1,
                    Ok(false) => outcome.skipped += 1,
                    Err(error) if matches!(error.code(), Code::Forbidden | Code::Invalid) => {
                        outcome.reject(row, faults(&error, "role"));
                    }
                    Err(error) => return Err(error),
                },
                Fate::Skip => outcome.skipped += 1,
                Fate::Reject(faults) => outcome.reject(row, faults),
            }
        }
        let told = arrival::admit(tx, caller, &plans, &created).await?;
        let lead = turn.come().await?.lead.as_deref().filter(|_| is_first);
        event::record_all(tx, told, lead).await?;
        outcome.created += created.len() as u64;
    }
    turn.come().await?.save(tx, rows.len(), &outcome).await?;
    Ok(outcome)
}

/// Marks those who are here already and so are skipped, before their passwords are hashed for nothing.
pub(super) async fn pass_over(conn: &mut Conn, rows: &mut [Row]) -> Result<()> {
    let known = known(conn, rows).await?;
    for person in rows.iter_mut().filter_map(|row| row.person.as_mut().ok()) {
        if Met::of(&person.arrival, &known).person().is_some() {
            (person.is_here, person.password) = (true, None);
        }
    }
    Ok(())
}

async fn known(conn: &mut Conn, rows: &[Row]) -> Result<Known> {
    let people = rows.iter().filter_map(|row| row.person.as_ref().ok()).filter(|person| !person.is_here);
    arrival::known(conn, &people.map(|person| &person.arrival).collect::<Vec<_>>()).await
}

impl Outcome {
    /// Counts a row as refused.
    pub fn reject(&mut self, row: &Row, faults: Vec<Fault>) {
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

/// Something that none but one account may have: of which kind, and what.
pub(super) type Want = (u8, String);

/// What a row wants for itself alone.
pub(super) fn wants(row: &Row) -> impl Iterator<Item = Want> {
    let person = row.person.as_ref().ok();
    let wants = person.map(|Person { arrival, .. }| {
        [
            Some((0, arrival.email.key().to_owned())),
            arrival.username.as_ref().map(|name| (1, name.key())),
            arrival.external_id.clone().map(|id| (2, id)),
        ]
    });
    wants.into_iter().flatten().flatten()
}

/// Cuts the rows so that within a run nobody wants what another one does: the later one then meets the earlier.
fn runs(rows: &[Row]) -> Vec<&[Row]> {
    let (mut runs, mut start, mut seen) = (Vec::new(), 0, HashSet::new());
    for (n, row) in rows.iter().enumerate() {
        let wants: Vec<Want> = wants(row).collect();
        if wants.iter().any(|want| seen.contains(want)) {
            runs.push(&rows[start..n]);
            start = n;
            seen.clear();
        }
        seen.extend(wants);
    }
    runs.push(&rows[start..]);
    runs
}
