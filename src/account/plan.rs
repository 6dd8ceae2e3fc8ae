//! The plan of an account: its person changes between the basic and the premium one, others give him any.

use std::collections::{BTreeSet, HashMap};

use super::{User, grant, present, save};
use crate::{
    access::{Caller, Permissions, Plan},
    db::{Conn, Tx},
    error::{Code, Error, Result},
    event::Kind,
};

/// Gives the caller another plan. He must have proved his address.
///
/// # Errors
/// `conflict` when it is the one he has; `verification_required`.
pub async fn change(tx: &mut Tx, caller: &Caller, plan: Plan) -> Result<User> {
    let (id, _) = caller.signed_in()?;
    let before = present(tx, id).await?;
    may_have(&before, plan)?;
    let after = User {
        is_premium: plan != Plan::Basic,
        subscription_tier: plan.as_str().to_owned(),
        subscription_status: "active".to_owned(),
        authority_version: before.authority_version + 1,
        ..before.clone()
    };
    save(tx, caller, Kind::UserPlanChanged, &before, after).await
}

/// Whether somebody may change to a plan, as far as his account tells.
///
/// # Errors
/// As [`change`].
pub fn may_have(user: &User, plan: Plan) -> Result<()> {
    if !user.is_verified {
        return Err(Code::VerificationRequired.into());
    }
    // Whoever has another plan than the basic one has premium, or what takes its place.
    let is_there = if plan == Plan::Basic { user.subscription_tier == plan.as_str() } else { has_more(user) };
    if is_there {
        let detail = format!("Your plan is '{}' already.", user.subscription_tier);
        return Err(Error::new(Code::Conflict).detail(detail));
    }
    Ok(())
}

/// Gives an account this plan. Nobody gives what he does not hold.
///
/// # Errors
/// `invalid` when there is no such plan; `forbidden`.
pub(super) async fn give(tx: &mut Tx, caller: &Caller, user: User, tier: String) -> Result<User> {
    let stored = grant::plan(tx, &tier).await?;
    let permissions = stored.as_deref().map(Permissions::stored);
    let permissions = permissions.or_else(|| Plan::parse(&tier).map(Plan::permissions)).ok_or_else(unknown)?;
    caller.must_hold(permissions)?;
    Ok(User {
        is_premium: tier != Plan::Basic.as_str(),
        subscription_tier: tier,
        subscription_status: "active".to_owned(),
        authority_version: user.authority_version + 1,
        ..user
    })
}

/// The plans that many accounts bring, asked for once.
#[derive(Debug)]
pub struct Plans(HashMap<String, Permissions>);

impl Plans {
    /// All of them, as they stand.
    ///
    /// # Errors
    /// Of the database.
    pub async fn seen(conn: &mut Conn) -> Result<Self> {
        let built_in = Plan::ALL.map(|plan| (plan.as_str().to_owned(), plan.permissions()));
        let stored = grant::plans(conn).await?.into_iter().map(|(tier, text)| (tier, Permissions::stored(&text)));
        Ok(Self(built_in.into_iter().chain(stored).collect()))
    }

    /// The same. Those of `tiers` are neither changed nor taken away until the transaction ends.
    ///
    /// # Errors
    /// Of the database.
    pub async fn held(tx: &mut Tx, tiers: &BTreeSet<&str>) -> Result<Self> {
        if tiers.is_empty() {
            return Ok(Self(HashMap::new()));
        }
        let mut plans = Self::seen(tx).await?;
        // In the order of their names, like whoever else holds several; what there is not is not asked for again.
        for tier in tiers.iter().filter(|tier| plans.0.contains_key(**tier)).copied().collect::<Vec<_>>() {
            match (grant::plan(tx, tier).await?, Plan::parse(tier)) {
                (Some(text), _) => drop(plans.0.insert(tier.to_owned(), Permissions::stored(&text))),
                (None, Some(_)) => {}
                (None, None) => drop(plans.0.remove(tier)),
            }
        }
        Ok(plans)
    }

    /// Goes on only when the caller may give this one: nobody gives what he does not hold.
    ///
    /// # Errors
    /// `invalid` when there is no such plan; `forbidden`. Either names the field.
    pub fn must_give(&self, caller: &Caller, tier: &str) -> Result<()> {
        let permissions = self.0.get(tier).copied().ok_or_else(unknown)?;
        caller.must_hold(permissions).map_err(|error| error.field("subscription_tier"))
    }
}

fn unknown() -> Error {
    Error::invalid("subscription_tier", "unknown_plan", "There is no plan of this name.")
}

fn has_more(user: &User) -> bool {
    user.subscription_tier != Plan::Basic.as_str()
}
