//! Mail: how much of it waits.

use super::{Finding, database::State};
use crate::mail;

const CURE: &str = "This version sends no mail: give a user a password by 'denizen user set-password', or by POST \
                    /api/v1/users/{id}/password with one in it. What waits for too long is removed.";

pub(super) async fn examine(state: &State) -> Option<Finding> {
    if !state.is_current {
        return None;
    }
    Some(match mail::waiting(&mut state.db.read()).await {
        Ok(0) => Finding::ok("mail", "No mail waits. No transport is configured, so none would be sent."),
        Ok(count) => {
            let text = format!("{count} mails wait and are not sent: no transport is configured.");
            Finding::warning("mail", text, CURE)
        }
        Err(error) => Finding::fault("mail", error.cause().unwrap_or(error.text()), "See the database's own log."),
    })
}
