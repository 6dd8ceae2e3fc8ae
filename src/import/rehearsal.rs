//! What an import would do, told without doing it.
//!
//! The database does not change meanwhile, so what the rows before would have made is remembered here: 64 bits of each
//! address, username and external id, and as many of whose it would be. That is some 20 to 40 bytes a key.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
};

use super::{
    Conflict, Options,
    batch::Outcome,
    fate::{Fate, Met, fate, faults},
    row::Row,
};
use crate::{
    access::Caller,
    account::{
        Arrival, Verification,
        arrival::{self, Known},
        plan::Plans,
    },
    app::App,
    error::{Code, Result},
    id::UserId,
};

/// Who the rows before would have made, or given a name or an external id.
#[derive(Default)]
pub(super) struct Rehearsal {
    owners: HashMap<u64, u64>,
    hasher: RandomState,
}

/// What a key is; the keys of different kinds are different ones.
#[derive(Hash)]
enum Key<'a> {
    Email(&'a str),
    Username(&'a str),
    ExternalId(&'a str),
    Account(UserId),
}

/// The most keys that are remembered: about 70 MB, and three for each of a million rows. What comes behind them is held
/// against the database and these alone.
const MOST: usize = 3_500_000;
/// Set in whoever would come with an address that is proved.
const PROVED: u64 = 1;

impl Rehearsal {
    /// Tells what these rows would become.
    ///
    /// # Errors
    /// Of the database.
    pub async fn next(&mut self, app: &App, caller: &Caller, rows: &[Row], options: &Options) -> Result<Outcome> {
        let people = rows.iter().filter_map(|row| Some(&row.person.as_ref().ok()?.arrival)).collect::<Vec<_>>();
        let known = arrival::known(&mut app.db.read(), &people).await?;
        let plans = Plans::seen(&mut app.db.read()).await?;
        let mut verdicts = verdicts(app, caller, &plans, &people, &known, options).await?.into_iter();
        let mut outcome = Outcome::default();
        for row in rows {
            let person = match &row.person {
                Ok(person) => person,
                Err(faults) => {
                    outcome.reject(row, faults.clone());
                    continue;
                }
            };
            let arrival = &person.arrival;
            let verdict = verdicts.next().flatten();
            match fate(caller, &plans, (row.number, person), &self.met(arrival, &known), options)? {
                Fate::Create => {
                    outcome.created += 1;
                    self.come(arrival);
                }
                Fate::Renew(who) => match verdict {
                    Some(Err(error)) if matches!(error.code(), Code::Forbidden | Code::Invalid) => {
                        outcome.reject(row, faults(&error, "role"));
                    }
                    Some(Err(error)) => return Err(error),
                    Some(Ok(false)) => outcome.skipped += 1,
                    Some(Ok(true)) | None => {
                        outcome.updated += 1;
                        self.name(arrival, who);
                    }
                },
                Fate::Skip => outcome.skipped += 1,
                Fate::Reject(faults) => outcome.reject(row, faults),
            }
        }
        Ok(outcome)
    }

    fn come(&mut self, arrival: &Arrival) {
        let email = self.key(&Key::Email(arrival.email.key()));
        let who = if arrival.verification == Verification::Proved { email | PROVED } else { email & !PROVED };
        self.remember(email, who);
        self.name(arrival, who);
    }

    fn name(&mut self, arrival: &Arrival, who: u64) {
        let username = arrival.username.as_ref().map(|name| self.key(&Key::Username(&name.key())));
        let external_id = arrival.external_id.as_deref().map(|id| self.key(&Key::ExternalId(id)));
        username.into_iter().chain(external_id).for_each(|key| self.remember(key, who));
    }

    fn remember(&mut self, key: u64, who: u64) {
        if self.owners.len() < MOST {
            self.owners.insert(key, who);
        }
    }

    fn met(&self, arrival: &Arrival, known: &Known) -> Met<u64> {
        let here = Met::of(arrival, known);
        let account = |id: UserId| self.key(&Key::Account(id));
        let coming = |key: &Key<'_>| self.owners.get(&self.key(key)).copied();
        let email = || coming(&Key::Email(arrival.email.key())).map(|who| (who, who & PROVED == PROVED));
        let username = || coming(&Key::Username(&arrival.username.as_ref()?.key()));
        let external_id = || coming(&Key::ExternalId(arrival.external_id.as_deref()?));
        Met {
            email: here.email.map(|(id, is_verified)| (account(id), is_verified)).or_else(email),
            username: here.username.map(account).or_else(username),
            external_id: here.external_id.map(account).or_else(external_id),
        }
    }

    fn key(&self, key: &Key<'_>) -> u64 {
        self.hasher.hash_one(key)
    }
}

/// For each of these people, whether he is here and would be changed; nothing for those who are not here.
async fn verdicts(
    app: &App,
    caller: &Caller,
    plans: &Plans,
    people: &[&Arrival],
    known: &Known,
    options: &Options,
) -> Result<Vec<Option<Result<bool>>>> {
    if options.conflict != Conflict::Update {
        return Ok(Vec::new());
    }
    let here: Vec<_> = people.iter().map(|arrival| Met::of(arrival, known).person()).collect();
    let renewals: Vec<_> = here.iter().zip(people).filter_map(|(id, arrival)| Some(((*id)?, *arrival))).collect();
    let renewals = renewals.as_slice();
    let mut told = app.db.write(async |tx| arrival::rehearse(tx, caller, plans, renewals).await).await?.into_iter();
    Ok(here.into_iter().map(|id| id.and_then(|_| told.next())).collect())
}
