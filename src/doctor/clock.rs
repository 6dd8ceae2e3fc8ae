//! The clock: against what is stored, and against the database server's own.

use std::time::Duration;

use super::{Finding, database::State, store};
use crate::{
    clock::{Clock, Time},
    db::Engine,
    event,
};

/// Clocks differ by this much without harm.
const LITTLE: Duration = Duration::from_secs(2);
/// Beyond this tokens and sessions expire at the wrong time.
const MUCH: Duration = Duration::from_secs(60);
/// 2026-01-01: this program is younger.
const PAST: Time = Time::from_micros(1_767_225_600_000_000);

const CURE: &str = "Let the system keep its clock: 'timedatectl set-ntp true', or see that chrony or ntpd runs.";

pub(super) async fn examine(state: &State) -> Vec<Finding> {
    let mut found = vec![alone()];
    if state.is_current {
        found.extend(against_log(state).await);
    }
    if state.db.engine() == Engine::Postgres {
        found.extend(against_server(state).await);
    }
    found
}

/// The clock by itself.
pub(super) fn alone() -> Finding {
    let now = Clock::default().now();
    if now >= PAST {
        return Finding::ok("clock", format!("The clock of this machine says {now}."));
    }
    Finding::fault("clock", format!("The clock of this machine says {now}, which is long past."), CURE)
}

/// A server never falls below the newest event: it then runs ahead of its machine.
async fn against_log(state: &State) -> Option<Finding> {
    let newest = match event::newest(&mut state.db.read()).await {
        Ok(newest) => newest?,
        Err(error) => {
            let text = error.cause().unwrap_or(error.text()).to_owned();
            return Some(Finding::fault("clock", text, "See the database's own log."));
        }
    };
    let ahead = newest.since(Clock::default().now());
    let text = format!("The newest event is of {newest}, {} s ahead of this machine's clock.", ahead.as_secs());
    let cure = format!(
        "{CURE} If it is right now and was not when the event was written, the service goes on from {newest} until the clock catches up."
    );
    Some(match ahead {
        ahead if ahead > MUCH => Finding::fault("clock", text, cure),
        ahead if ahead > LITTLE => Finding::warning("clock", text, cure),
        _ => Finding::ok("clock", format!("The newest event is of {newest}, which is past.")),
    })
}

async fn against_server(state: &State) -> Option<Finding> {
    let clock = Clock::default();
    let before = clock.now();
    // Whether it answers at all was told before.
    let theirs = store::now(&mut state.db.read()).await.ok()?;
    let after = clock.now();
    // What the answer took on its way is no difference.
    let apart = before.since(theirs).max(theirs.since(after));
    let text = format!("The clocks of this machine and of the database server are {} s apart.", apart.as_secs());
    Some(match apart {
        apart if apart > MUCH => Finding::fault("clock", text, CURE),
        apart if apart > LITTLE => Finding::warning("clock", text, CURE),
        _ => Finding::ok("clock", "The clocks of this machine and of the database server agree."),
    })
}
