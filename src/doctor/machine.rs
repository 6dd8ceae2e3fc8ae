//! What the service takes from the machine: its certificate, and the user that it becomes.

use super::Finding;
use crate::{
    clock::{Clock, Time},
    config::Config,
    machine,
    tls::{NOTICE_DAYS, Tls, days_until},
};

pub(super) fn examine(config: &Config) -> Vec<Finding> {
    certificate(config).into_iter().chain(user(config)).collect()
}

fn certificate(config: &Config) -> Option<Finding> {
    let tls = match Tls::open(&config.machine) {
        Ok(tls) => tls?,
        Err(error) => {
            let cure = "Name a certificate and its own key, both in PEM, that the service's user can read.";
            return Some(Finding::fault("tls", error.cause().unwrap_or(error.text()), cure));
        }
    };
    let Some(end) = tls.end() else {
        return Some(Finding::ok("tls", "TLS_CERT and TLS_KEY belong together."));
    };
    let (days, until) = (days_until(end, Clock::default().now()), Time::from_micros(end * 1_000_000));
    let cure = "Renew it and write both files; the service takes them up within seconds.";
    Some(match days {
        ..0 => Finding::fault("tls", format!("The certificate ended at {until}, and clients refuse it."), cure),
        0..NOTICE_DAYS => Finding::warning("tls", format!("The certificate ends in {days} days, at {until}."), cure),
        _ => Finding::ok("tls", format!("TLS_CERT and TLS_KEY belong together, until {until}.")),
    })
}

fn user(config: &Config) -> Option<Finding> {
    match machine::could_run_as(config) {
        Ok(name) => Some(Finding::ok("user", format!("Started by root, the service becomes {}.", name?))),
        Err(error) => {
            let cure = "Do as it says; until then the service does not start.";
            Some(Finding::fault("user", error.cause().unwrap_or(error.text()), cure))
        }
    }
}
