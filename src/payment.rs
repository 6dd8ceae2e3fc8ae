//! Who has paid: what the service behind `PAYMENT_HOOK` says.
//!
//! It is a question and changes nothing there, so it may be asked again. It is asked outside of transactions: nobody waits
//! for somebody else's service.

use std::time::Duration;

use hyper::StatusCode;
use serde_json::json;

use crate::{
    access::Plan,
    account::User,
    client::Client,
    config,
    error::{Code, Error, Result},
};

/// When to try again once the service did not say.
const PAUSE: Duration = Duration::from_secs(5);

/// Whom to ask.
pub struct Payment(Option<Client>);

impl Payment {
    /// As these settings have it.
    ///
    /// # Errors
    /// `internal` when TLS cannot be set up.
    pub fn new(settings: &config::Payment) -> Result<Self> {
        let client = |hook| Client::new(hook, "", settings.headers.as_ref());
        settings.hook.as_ref().map(client).transpose().map(Self)
    }

    /// Whether there is anybody to ask.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.0.is_some()
    }

    /// Asks whether this person has paid for a plan. Where nobody is asked, everybody has.
    ///
    /// # Errors
    /// `payment_required`; `payment_unavailable` when the service does not say.
    pub async fn ask(&self, user: &User, plan: Plan) -> Result<()> {
        let Some(client) = &self.0 else { return Ok(()) };
        let question = json!({
            "user_id": user.id,
            "external_id": user.external_id,
            "email": user.email,
            "plan": plan.as_str(),
        });
        let cause = match client.post(question.to_string()).await {
            Ok(status) if status.is_success() => return Ok(()),
            Ok(StatusCode::PAYMENT_REQUIRED) => return Err(Code::PaymentRequired.into()),
            Ok(status) => format!("it answered {status}"),
            Err(cause) => cause,
        };
        tracing::warn!(cause, "PAYMENT_HOOK does not say who has paid");
        Err(Error::new(Code::PaymentUnavailable).after(PAUSE))
    }
}
