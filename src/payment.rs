//! Who has paid: what the service behind `PAYMENT_HOOK` says.
//!
//! It is a question and changes nothing there, so it may be asked again. It is asked outside of transactions: nobody waits
//! for somebody else's service.

use std::time::Duration;

use hyper::StatusCode;
use serde_json::json;
use tokio::sync::Semaphore;

use crate::{
    access::Plan,
    account::User,
    client::Client,
    config,
    error::{Code, Error, Result},
};

/// When to try again once the service did not say.
const PAUSE: Duration = Duration::from_secs(5);

/// How many questions are open at once: each holds a socket for as long as the service likes, and anybody may ask.
const OPEN: usize = 16;

/// Whom to ask.
pub struct Payment {
    client: Client,
    open: Semaphore,
}

impl Payment {
    /// As these settings have it; nothing where nobody is asked.
    ///
    /// # Errors
    /// `internal` when TLS cannot be set up.
    pub fn new(settings: &config::Payment) -> Result<Option<Self>> {
        let Some(hook) = &settings.hook else { return Ok(None) };
        let client = Client::new(hook, "", settings.headers.as_ref())?;
        Ok(Some(Self { client, open: Semaphore::new(OPEN) }))
    }

    /// Asks whether this person has paid for a plan.
    ///
    /// # Errors
    /// `payment_required`; `payment_unavailable` when the service does not say, or many wait for it.
    pub async fn ask(&self, user: &User, plan: Plan) -> Result<()> {
        let unavailable = || Error::new(Code::PaymentUnavailable).after(PAUSE);
        let _open = self.open.try_acquire().map_err(|_| unavailable())?;
        let question = json!({
            "user_id": user.id,
            "external_id": user.external_id,
            "email": user.email,
            "plan": plan.as_str(),
        });
        let cause = match self.client.post(question.to_string()).await {
            Ok(status) if status.is_success() => return Ok(()),
            Ok(StatusCode::PAYMENT_REQUIRED) => return Err(Code::PaymentRequired.into()),
            Ok(status) => format!("it answered {status}"),
            Err(cause) => cause,
        };
        tracing::warn!(cause, "PAYMENT_HOOK does not say who has paid");
        Err(unavailable())
    }
}
