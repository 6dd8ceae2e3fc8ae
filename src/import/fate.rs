//! What becomes of one row, by who has what it wants. It is the same when it is written and when it is rehearsed.

use super::{Conflict, Mode, Options, row::Person};
use crate::{
    access::{Caller, Permission, Role},
    account::{Arrival, Verification, arrival::Known, plan::Plans},
    error::{Code, Error, Fault, Result, Rule},
    id::UserId,
};

/// What becomes of a row.
pub(super) enum Fate<W> {
    /// It is a new account.
    Create,
    /// It changes this one.
    Renew(W),
    /// Nothing.
    Skip,
    /// It is refused.
    Reject(Vec<Fault>),
}

/// Who has what a row wants.
pub(super) struct Met<W> {
    /// Its address, and whether it is proved that the mailbox is his.
    pub email: Option<(W, bool)>,
    /// Its username.
    pub username: Option<W>,
    /// Its external id.
    pub external_id: Option<W>,
}

impl Met<UserId> {
    /// Who was found.
    pub fn of(arrival: &Arrival, known: &Known) -> Self {
        Self {
            email: known.email(&arrival.email).map(|holder| (holder.id, holder.is_verified)),
            username: arrival.username.as_ref().and_then(|name| known.username(name)),
            external_id: arrival.external_id.as_deref().and_then(|id| known.external_id(id)),
        }
    }
}

impl<W: Copy + PartialEq> Met<W> {
    /// Who the row tells of. Anybody may have registered an address and wait for its owner, so it tells who somebody is
    /// only where it is proved; an external id does, since none but those who look after users give it.
    pub fn person(&self) -> Option<W> {
        let by_email = self.email.filter(|(_, is_verified)| *is_verified).map(|(who, _)| who);
        by_email.or(self.external_id)
    }
}

/// Decides.
///
/// # Errors
/// `conflict` when somebody is here already and the import is to end then.
pub(super) fn fate<W: Copy + PartialEq>(
    caller: &Caller,
    plans: &Plans,
    (number, person): (u64, &Person),
    met: &Met<W>,
    options: &Options,
) -> Result<Fate<W>> {
    let arrival = &person.arrival;
    if person.is_here {
        return Ok(Fate::Skip);
    }
    if options.conflict == Conflict::Fail && (met.email.is_some() || met.external_id.is_some()) {
        return match options.mode {
            Mode::Write => Err(ended(number, arrival)),
            Mode::DryRun => Ok(refused(Code::EmailTaken, "email")),
        };
    }
    let Some(who) = met.person() else {
        return Ok(if met.email.is_some() { unproved(arrival, options) } else { new(caller, plans, arrival, met) });
    };
    Ok(match options.conflict {
        Conflict::Skip => Fate::Skip,
        _ if met.external_id.is_some_and(|other| other != who) => refused(Code::ExternalIdTaken, "external_id"),
        _ if met.username.is_some_and(|owner| owner != who) => refused(Code::UsernameTaken, "username"),
        Conflict::Update | Conflict::Fail => Fate::Renew(who),
    })
}

fn new<W>(caller: &Caller, plans: &Plans, arrival: &Arrival, met: &Met<W>) -> Fate<W> {
    if met.username.is_some() {
        return refused(Code::UsernameTaken, "username");
    }
    let may_grant = || caller.must(Permission::UsersGrant).and_then(|()| caller.must_give(arrival.role));
    if arrival.role > Role::User && may_grant().is_err() {
        return refused(Code::Forbidden, "role");
    }
    match arrival.may_begin(caller, plans) {
        Ok(()) => Fate::Create,
        Err(error) => Fate::Reject(faults(&error, "subscription_tier")),
    }
}

/// The address is that of an account whose person never proved it. What the row tells is not for him to see, and he is
/// not whom it tells of; whoever vouches for the address must say what becomes of that account.
fn unproved<W>(arrival: &Arrival, options: &Options) -> Fate<W> {
    if options.conflict == Conflict::Skip && arrival.verification == Verification::Pending {
        return Fate::Skip;
    }
    let text = "An account has this address, and nobody has proved that the mailbox is his. Delete that account, or \
                verify it, then import this row again.";
    Fate::Reject(vec![Rule::new("unproved_address", text).of("email")])
}

fn refused<W>(code: Code, field: &'static str) -> Fate<W> {
    Fate::Reject(vec![Rule::new(code.as_str(), code.sentence()).of(field)])
}

/// What a refusal says of a row; `field` is at fault where it names none.
pub(super) fn faults(error: &Error, field: &'static str) -> Vec<Fault> {
    if error.broken().is_empty() {
        return vec![Rule::new(error.code().as_str(), error.code().sentence()).of(field)];
    }
    error.broken().to_vec()
}

fn ended(number: u64, arrival: &Arrival) -> Error {
    Error::new(Code::Conflict).detail(format!(
        "Row {number}: {} is here already, so the import ends. The batches before this one stay; use another \
         --on-conflict to go on.",
        arrival.email.as_str()
    ))
}
