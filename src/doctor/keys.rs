//! The keys: the master key is there and the right one, and what is sealed with it opens.

use super::{Finding, database::State};
use crate::{
    app::{App, KeyState},
    config::Config,
    token,
};

const RIGHT_KEY: &str = "Put the key that this database was made with into MASTER_KEY, the file of MASTER_KEY_FILE, or \
                         DATA_DIR/master.key: it is in your backup. Nothing sealed can be read without it.";
const MAKE_KEY: &str = "Make one with 'openssl rand -base64 32', keep it safe, and set MASTER_KEY or MASTER_KEY_FILE to \
                        it, the same on every node.";

pub(super) async fn examine(config: &Config, state: Option<&State>) -> Vec<Finding> {
    let current = state.filter(|state| state.is_current);
    let keys = match App::keys(config, current.map(|state| &state.db)).await {
        Ok(KeyState::Right(keys)) => keys,
        Ok(KeyState::Unproved) => {
            return vec![Finding::ok(
                "master_key",
                "The master key has the right length; no database was sealed with it yet.",
            )];
        }
        Ok(KeyState::Absent) => {
            return vec![Finding::ok("master_key", "There is no master key yet; the first start makes it.")];
        }
        Ok(KeyState::Required) => {
            return vec![Finding::fault("master_key", "MASTER_KEY is not set, which PostgreSQL needs.", MAKE_KEY)];
        }
        Ok(KeyState::Wrong) => {
            let text = "MASTER_KEY is not the key that this database was made with.";
            return vec![Finding::fault("master_key", text, RIGHT_KEY)];
        }
        Err(error) => return vec![Finding::fault("master_key", error.advice(), RIGHT_KEY)],
    };
    let mut found = vec![Finding::ok("master_key", format!("The master key is the right one (id {}).", keys.id()))];
    let Some(state) = current else { return found };
    found.push(match token::unopened(&mut state.db.read(), &keys).await {
        Ok(ids) if ids.is_empty() => Finding::ok("signing_keys", "The signing keys open."),
        Ok(ids) => Finding::fault(
            "signing_keys",
            format!("These signing keys do not open: {}.", ids.join(", ")),
            "Somebody wrote to the table signing_keys. Delete these rows, then run 'denizen signing-key rotate'.",
        ),
        Err(error) => {
            let cure = "Run 'denizen doctor' again; if it stays so, see the database's own log.";
            Finding::fault("signing_keys", error.cause().unwrap_or(error.text()), cure)
        }
    });
    found
}
