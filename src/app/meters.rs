//! What the process counts that belongs to no room of its own.

use std::{future::Future, sync::Arc, time::Instant};

use crate::{
    clock::Time,
    http::Traffic,
    job::Verdict,
    metrics::{Counter, Family, Gauge, Histogram, SECONDS, Table, Tally, Text},
};

/// Kinds of jobs, several times over.
const JOBS: usize = 256;

/// The instruments of an application.
pub struct Meters {
    /// Requests and connections.
    pub traffic: Arc<Traffic>,
    /// Tries to sign in with a password.
    pub sign_ins: Tally<7>,
    /// Uses of refresh tokens.
    pub refreshes: Tally<5>,
    /// 1 while this node numbers the log.
    pub leader: Arc<Gauge>,
    /// When the process began.
    pub began: Time,
    jobs: Table<Job>,
}

struct Job {
    outcomes: [Counter; OUTCOMES.len()],
    took: Histogram,
}

const OUTCOMES: [&str; 3] = ["done", "retry", "given_up"];

impl Default for Job {
    fn default() -> Self {
        Self { outcomes: Default::default(), took: Histogram::new(SECONDS) }
    }
}

impl Meters {
    pub(super) fn new(began: Time) -> Self {
        Self {
            traffic: Arc::default(),
            sign_ins: Tally::new([
                "ok",
                "invalid_credentials",
                "locked",
                "password_change_required",
                "busy",
                "unavailable",
                "error",
            ]),
            refreshes: Tally::new(["ok", "expired", "reused", "unavailable", "error"]),
            leader: Arc::default(),
            began,
            jobs: Table::new(JOBS),
        }
    }

    /// Runs a job of this kind and counts how it ended.
    pub(super) async fn job(&self, kind: &str, work: impl Future<Output = Verdict>) -> Verdict {
        let begun = Instant::now();
        let verdict = work.await;
        let job = self.jobs.get(kind, 0);
        let outcome = match verdict {
            Verdict::Done => 0,
            Verdict::Retry(_) => 1,
            Verdict::GiveUp(_) => 2,
        };
        job.outcomes[outcome].one();
        job.took.time(begun.elapsed());
        verdict
    }

    /// Tells everything.
    pub fn tell(&self, text: &mut Text) {
        self.traffic.tell(text);
        for (outcome, count) in self.sign_ins.all() {
            text.sample(Family::SignIns, &[outcome], count);
        }
        for (outcome, count) in self.refreshes.all() {
            text.sample(Family::Refreshes, &[outcome], count);
        }
        text.sample(Family::LogLeader, &[], self.leader.get());
        let jobs = self.jobs.all();
        for (kind, _, job) in &jobs {
            for (outcome, count) in OUTCOMES.iter().zip(&job.outcomes) {
                text.sample(Family::Jobs, &[kind, outcome], count.get());
            }
        }
        for (kind, _, job) in &jobs {
            text.histogram(Family::JobDuration, &[kind], &job.took);
        }
    }
}
