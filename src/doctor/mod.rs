//! The doctor: what is wrong with an installation, and what to do about each of it.
//!
//! The invariant: it changes nothing. The database is opened for one who only looks, no file is made, nothing is brought
//! up to date; so it works beside a server, and where a server does not start. What cannot be examined because of
//! something else is left out: that something is told. Begin with [`examine`].

mod address;
mod clock;
mod database;
mod file;
mod folder;
mod keys;
mod machine;
mod mail;
mod secret;
mod settings;
mod store;

use serde::Serialize;

use crate::config::{Config, ConfigError, Warning};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Ok,
    /// It serves, but not as one would wish.
    Warning,
    /// It does not serve, or not for long.
    Fault,
}

/// What was examined, and what was found.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// A word for what was examined.
    pub topic: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What is so.
    pub text: String,
    /// What to do, unless all is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cure: Option<String>,
}

impl Finding {
    fn ok(topic: &'static str, text: impl Into<String>) -> Self {
        Self { topic, level: Level::Ok, text: text.into(), cure: None }
    }

    fn warning(topic: &'static str, text: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { topic, level: Level::Warning, text: text.into(), cure: Some(cure.into()) }
    }

    fn fault(topic: &'static str, text: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { level: Level::Fault, ..Self::warning(topic, text, cure) }
    }
}

/// Examines everything that these settings lead to.
pub async fn examine(loaded: Result<(Config, Vec<Warning>), ConfigError>) -> Vec<Finding> {
    let (config, warnings) = match loaded {
        Ok(loaded) => loaded,
        Err(error) => return settings::broken(&error),
    };
    let mut found = settings::examine(&config, &warnings);
    found.extend(machine::examine(&config));
    found.extend(secret::examine(&config));
    found.extend(folder::examine(&config));
    found.extend(file::logs(&config));
    found.push(file::limit());
    let (database, state) = database::examine(&config).await;
    found.extend(database);
    found.extend(keys::examine(&config, state.as_ref()).await);
    if let Some(state) = &state {
        found.extend(mail::examine(state).await);
        found.extend(clock::examine(state).await);
    } else {
        found.push(clock::alone());
    }
    found.push(address::examine(&config).await);
    found
}
