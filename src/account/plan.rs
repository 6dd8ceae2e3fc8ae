//! A person's own plan.

use super::{User, present, save};
use crate::{
    access::{Caller, Plan},
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
    let has = Plan::parse(&before.subscription_tier).unwrap_or(Plan::Basic);
    // Whoever has more than premium is there already, too.
    if has == plan || plan == Plan::Premium && has == Plan::Enterprise {
        return Err(Error::new(Code::Conflict).detail(format!("Your plan is '{}' already.", has.as_str())));
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
