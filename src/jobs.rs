//! Every job of every room, and those that come back.

use std::time::Duration;

use crate::{
    account,
    app::App,
    job::{Job, Schedule, Verdict, Work},
    login, mail, once, proof, session,
};

const HOUR: Duration = Duration::from_secs(3_600);
const MINUTE: Duration = Duration::from_secs(60);

/// Every kind that this version does. Mail is not among them, since nothing sends it yet: it waits ([`mail`]).
pub const WORK: Work = Work { schedules: SCHEDULES, once: &[] };

/// The kinds that come back, and how long they rest.
const SCHEDULES: &[Schedule] = &[
    Schedule { kind: "session.sweep", every: MINUTE },
    Schedule { kind: "login.sweep", every: HOUR },
    Schedule { kind: "login.tally", every: MINUTE },
    Schedule { kind: "account.erase", every: HOUR },
    Schedule { kind: "account.grants", every: MINUTE },
    Schedule { kind: "once.sweep", every: HOUR },
    Schedule { kind: "search.index", every: HOUR },
    Schedule { kind: "proof.sweep", every: HOUR },
    Schedule { kind: "mail.sweep", every: HOUR },
];

/// Does one job.
pub async fn run(app: App, job: Job) -> Verdict {
    match job.kind.as_str() {
        "session.sweep" => session::job::sweep(&app).await.into(),
        "login.sweep" => login::job::sweep(&app).await.into(),
        "login.tally" => login::job::tally(&app).await.into(),
        "search.index" => account::job::index(&app).await.into(),
        "account.erase" => account::job::erase(&app).await.into(),
        "once.sweep" => once::job::sweep(&app).await.into(),
        "account.grants" => account::job::sweep(&app).await.into(),
        "proof.sweep" => proof::job::sweep(&app).await.into(),
        "mail.sweep" => mail::job::sweep(&app).await.into(),
        kind => Verdict::GiveUp(format!("this version knows no job '{kind}'")),
    }
}
