//! The plan of an account: its person changes between the basic and the premium one, others give him any.

use super::{User, grant, present, save};
use crate::{
    access::{Caller, Permissions, Plan},
    db::Tx,
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
    if !before.is_verified {
        return Err(Code::VerificationRequired.into());
    }
    // Whoever has another plan than the basic one has premium, or what takes its place.
    let is_there = if plan == Plan::Basic { before.subscription_tier == plan.as_str() } else { has_more(&before) };
    if is_there {
        let detail = format!("Your plan is '{}' already.", before.subscription_tier);
        return Err(Error::new(Code::Conflict).detail(detail));
    }
    let after = User {
        is_premium: plan != Plan::Basic,
        subscription_tier: plan.as_str().to_owned(),
        subscription_status: "active".to_owned(),
        authority_version: before.authority_version + 1,
        ..before.clone()
    };
    save(tx, caller, Kind::UserPlanChanged, &before, after).await
}

/// Gives an account this plan. Nobody gives what he does not hold.
///
/// # Errors
/// `invalid` when there is no such plan; `forbidden`.
pub(super) async fn give(tx: &mut Tx, caller: &Caller, user: User, tier: String) -> Result<User> {
    let stored = grant::plan(tx, &tier).await?;
    let permissions = match (stored, Plan::parse(&tier)) {
        (Some(text), _) => Permissions::stored(&text),
        (None, Some(plan)) => plan.permissions(),
        (None, None) => {
            return Err(Error::invalid("subscription_tier", "unknown_plan", "There is no plan of this name."));
        }
    };
    caller.must_hold(permissions)?;
    Ok(User {
        is_premium: tier != Plan::Basic.as_str(),
        subscription_tier: tier,
        subscription_status: "active".to_owned(),
        authority_version: user.authority_version + 1,
        ..user
    })
}

fn has_more(user: &User) -> bool {
    user.subscription_tier != Plan::Basic.as_str()
}
