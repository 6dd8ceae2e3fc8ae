//! Accounts that arrive from elsewhere, many at once, with what they had there.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use serde_json::{Map, Value};

use super::{Changes, Email, Names, New, User, Username, Verification, plan::Plans, present, rank, save, store, view};
use crate::{
    access::{Caller, Permission, Plan, Role},
    clock::Time,
    db::{Conn, Tx},
    error::Result,
    event::{self, Event, Kind},
    id::UserId,
    password::{self, Hash},
    patch::Patch,
};

/// The source of the ids that a person had elsewhere.
pub(super) const SOURCE: &str = "external";

/// Somebody who arrives.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are those of the user, under the same names")]
pub struct Arrival {
    pub email: Email,
    pub username: Option<Username>,
    pub external_id: Option<String>,
    /// What the person might change himself.
    pub changes: Changes,
    pub ip_address: Option<String>,
    pub app_metadata: Option<Map<String, Value>>,
    pub role: Role,
    pub is_active: bool,
    pub verification: Verification,
    pub is_premium: Option<bool>,
    pub subscription_tier: Option<String>,
    pub subscription_status: Option<String>,
    pub must_change_password: bool,
    pub created_at: Option<Time>,
    pub last_login: Option<Time>,
    /// What the person proves himself with, if he brings anything.
    pub hash: Option<Hash>,
}

/// Who has what some arrivals want.
#[derive(Debug, Default)]
pub struct Known {
    emails: HashMap<String, Holder>,
    usernames: HashMap<String, UserId>,
    external_ids: HashMap<String, UserId>,
}

/// Who has an address.
#[derive(Clone, Copy, Debug)]
pub struct Holder {
    /// Whose account it is.
    pub id: UserId,
    /// Whether it is proved that the mailbox is his.
    pub is_verified: bool,
}

impl Known {
    /// Who has this address.
    #[must_use]
    pub fn email(&self, email: &Email) -> Option<Holder> {
        self.emails.get(email.key()).copied()
    }

    /// Who has this username.
    #[must_use]
    pub fn username(&self, username: &Username) -> Option<UserId> {
        self.usernames.get(&username.key()).copied()
    }

    /// Who has this external id.
    #[must_use]
    pub fn external_id(&self, subject: &str) -> Option<UserId> {
        self.external_ids.get(subject).copied()
    }
}

/// Looks up who has what these want. It only tells why they cannot all come: the unique indexes decide.
///
/// # Errors
/// Of the database.
pub async fn known(conn: &mut Conn, arrivals: &[&Arrival]) -> Result<Known> {
    let emails = arrivals.iter().map(|arrival| arrival.email.key().to_owned());
    let usernames = arrivals.iter().filter_map(|arrival| Some(arrival.username.as_ref()?.key()));
    let external_ids = arrivals.iter().filter_map(|arrival| arrival.external_id.clone());
    let emails = store::owners(conn, store::Owned::Email, emails).await?.into_iter();
    let usernames = store::owners(conn, store::Owned::Username, usernames).await?.into_iter();
    let external_ids = store::owners(conn, store::Owned::ExternalId, external_ids).await?.into_iter();
    Ok(Known {
        emails: emails.map(|(key, id, is_verified)| (key, Holder { id, is_verified })).collect(),
        usernames: usernames.map(|(key, id, _)| (key, id)).collect(),
        external_ids: external_ids.map(|(key, id, _)| (key, id)).collect(),
    })
}

/// Lets all of these in: each is one account, and his password where he brings one. Gives their events, for
/// [`event::record_all`] in the same transaction.
///
/// Whether a role above `user` or a plan above the basic one may arrive is asked of `caller` here too.
///
/// # Errors
/// `forbidden`; `invalid` when there is no such plan; `email_taken`, `username_taken`, `external_id_taken`.
pub async fn admit(tx: &mut Tx, caller: &Caller, plans: &Plans, arrivals: &[&Arrival]) -> Result<event::Prepared> {
    caller.must(Permission::UsersImport)?;
    let (mut users, mut hashes) = (Vec::new(), Vec::new());
    for arrival in arrivals {
        if arrival.role > Role::User {
            caller.must(Permission::UsersGrant)?;
            caller.must_give(arrival.role)?;
        }
        arrival.may_begin(caller, plans)?;
        let user = arrival.user(tx)?;
        hashes.extend(arrival.hash.as_ref().map(|hash| (user.id, hash)));
        users.push(user);
    }
    let users: Arc<[User]> = users.into();
    let (own, caller) = (Arc::clone(&users), caller.clone());
    let events = event::prepare(move || own.iter().map(|user| arrived(&caller, user)).collect());
    store::insert_all(tx, &users).await?;
    store::identify_all(tx, &users).await?;
    password::begin_with(tx, &hashes).await?;
    Ok(events)
}

fn arrived(caller: &Caller, user: &User) -> Event {
    let event = Event::new(Kind::UserCreated, caller).user(user.id).version(user.version);
    event.with("source", "import").with("user", view::record(user))
}

/// Changes somebody who is here to what an arrival brings. His address, role, state and password stay. False when he is
/// so already.
///
/// # Errors
/// `forbidden`, and `invalid` when there is no such plan; `not_found`, `username_taken`, `external_id_taken`.
pub async fn renew(tx: &mut Tx, caller: &Caller, plans: &Plans, id: UserId, arrival: &Arrival) -> Result<bool> {
    let before = present(tx, id).await?;
    rank::must_act_on_other(tx, caller, &before, Permission::UsersImport).await?;
    arrival.must_come_with(caller, plans, &before.subscription_tier)?;
    let after = arrival.apply(before.clone());
    if after == before {
        return Ok(false);
    }
    if before.external_id.is_none() {
        store::identify_all(tx, std::slice::from_ref(&after)).await?;
    }
    if after.subscription_tier == before.subscription_tier {
        save(tx, caller, Kind::UserUpdated, &before, after).await?;
    } else {
        // The plan is part of what somebody may do.
        let authority_version = before.authority_version + 1;
        save(tx, caller, Kind::UserPlanChanged, &before, User { authority_version, ..after }).await?;
    }
    Ok(true)
}

/// What [`renew`] would say of each of these, one after the other. Nothing is written.
///
/// # Errors
/// Of the database.
pub async fn rehearse(
    tx: &mut Tx,
    caller: &Caller,
    plans: &Plans,
    renewals: &[(UserId, &Arrival)],
) -> Result<Vec<Result<bool>>> {
    let (mut users, mut verdicts) = (HashMap::new(), Vec::with_capacity(renewals.len()));
    for some in renewals.chunks(250) {
        let ids: Vec<_> = some.iter().map(|renewal| renewal.0).collect();
        users.extend(store::some(tx, &ids).await?.into_iter().map(|user| (user.id, user)));
    }
    for (id, arrival) in renewals {
        // Whoever has gone since he was looked up comes anew.
        let Some(before) = users.get(id) else {
            verdicts.push(Ok(true));
            continue;
        };
        let may = rank::must_act_on_other(tx, caller, before, Permission::UsersImport).await;
        let may = may.and_then(|()| arrival.must_come_with(caller, plans, &before.subscription_tier));
        let after = may.map(|()| arrival.apply(before.clone()));
        verdicts.push(after.map(|after| users.insert(*id, after.clone()).is_none_or(|before| before != after)));
    }
    Ok(verdicts)
}

/// The plans that some arrivals bring.
#[must_use]
pub fn tiers<'a>(arrivals: impl Iterator<Item = &'a Arrival>) -> BTreeSet<&'a str> {
    arrivals.filter_map(Arrival::brought).collect()
}

/// Everybody after `after`, in the order of their ids, at most `limit`.
///
/// # Errors
/// `forbidden`.
pub async fn leave(caller: &Caller, conn: &mut Conn, after: Option<UserId>, limit: i64) -> Result<Vec<User>> {
    caller.must(Permission::UsersExport)?;
    store::walk(conn, after, limit).await
}

impl Arrival {
    /// Somebody of whom nothing but his address is known. It counts as proved: whoever imports vouches for it.
    #[must_use]
    pub fn new(email: Email) -> Self {
        Self {
            email,
            username: None,
            external_id: None,
            changes: Changes::default(),
            ip_address: None,
            app_metadata: None,
            role: Role::User,
            is_active: true,
            verification: Verification::Proved,
            is_premium: None,
            subscription_tier: None,
            subscription_status: None,
            must_change_password: false,
            created_at: None,
            last_login: None,
            hash: None,
        }
    }

    /// The plan that it brings: the one that it names, otherwise the one that goes with being premium or not.
    fn brought(&self) -> Option<&str> {
        let by_word = || Some(if self.is_premium? { Plan::Premium.as_str() } else { Plan::Basic.as_str() });
        self.subscription_tier.as_deref().or_else(by_word)
    }

    /// The plan that it brings to whoever has one; nothing when he keeps his. Who is to be premium and has more than the
    /// basic plan is so already.
    fn tier(&self, before: &str) -> Option<&str> {
        let is_so = self.subscription_tier.is_none() && self.is_premium == Some(before != Plan::Basic.as_str());
        self.brought().filter(|tier| *tier != before && !is_so)
    }

    /// Whether a new account may begin with the plan that it brings.
    ///
    /// # Errors
    /// Those of [`Plans::must_give`].
    pub fn may_begin(&self, caller: &Caller, plans: &Plans) -> Result<()> {
        self.must_come_with(caller, plans, Plan::Basic.as_str())
    }

    /// Goes on only when the caller may give the plan that it brings to whoever has that one.
    fn must_come_with(&self, caller: &Caller, plans: &Plans, before: &str) -> Result<()> {
        self.tier(before).map_or(Ok(()), |tier| plans.must_give(caller, tier))
    }

    fn user(&self, tx: &Tx) -> Result<User> {
        let new = New {
            email: self.email.clone(),
            username: None,
            names: Names::default(),
            gender: None,
            phone: None,
            ip_address: None,
            role: self.role,
            verification: self.verification,
        };
        let user = self.apply(User::new(tx, new)?);
        Ok(User {
            is_active: self.is_active,
            must_change_password: self.must_change_password,
            // Nobody was here before now, or came in later than now.
            created_at: self.created_at.map_or(user.created_at, |at| at.min(tx.now())),
            last_login: self.last_login.map(|at| at.min(tx.now())),
            ..user
        })
    }

    /// Somebody with what it brings. What is not brought stays as it is.
    #[must_use]
    pub fn apply(&self, user: User) -> User {
        let mut changes = self.changes.clone();
        changes.username = self.username.clone().map_or(Patch::Absent, Patch::Set);
        let user = changes.apply(user);
        let tier = self.tier(&user.subscription_tier).map(ToOwned::to_owned);
        let status = self.subscription_status.clone().or_else(|| tier.as_ref().map(|_| "active".to_owned()));
        let tier = tier.unwrap_or(user.subscription_tier);
        User {
            external_id: user.external_id.or_else(|| self.external_id.clone()),
            ip_address: self.ip_address.clone().or(user.ip_address),
            app_metadata: self.app_metadata.clone().unwrap_or(user.app_metadata),
            is_premium: tier != Plan::Basic.as_str(),
            subscription_tier: tier,
            subscription_status: status.unwrap_or(user.subscription_status),
            ..user
        }
    }
}
