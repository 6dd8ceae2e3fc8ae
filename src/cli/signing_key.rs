//! `denizen signing-key`.

use std::io::Write;

use clap::Subcommand;

use super::Failure;
use crate::{access::Caller, app::App, token};

const LIST: &str = "\
Examples:
  denizen signing-key list";
const ROTATE: &str = "\
Servers take the new key up within a second. Access tokens under the old keys stay good until they expire; their \
public halves stay in /.well-known/jwks.json for a day.

Examples:
  denizen signing-key rotate
  JWT_ALGORITHM=ES256 denizen signing-key rotate     for a change of the algorithm";

/// Look after the keys that sign access tokens
#[derive(Subcommand)]
pub enum SigningKey {
    /// List the keys, oldest first
    #[command(after_long_help = LIST)]
    List,
    /// Sign with a new key from now on
    #[command(after_long_help = ROTATE)]
    Rotate,
}

impl SigningKey {
    pub(super) async fn run(self, app: &App, caller: &Caller, out: &mut impl Write) -> Result<(), Failure> {
        let algorithm = app.tokens.settings().algorithm;
        match self {
            Self::List => {
                writeln!(out, "{:<43}  {:<9}  {:<27}  STATE", "ID", "ALGORITHM", "CREATED")?;
                for key in token::list(&mut app.db.read()).await? {
                    let state = match key.retired_at {
                        Some(at) => format!("verifies, retired {at}"),
                        None if key.algorithm == algorithm.as_str() => "signs".to_owned(),
                        None => "verifies".to_owned(),
                    };
                    writeln!(out, "{:<43}  {:<9}  {:<27}  {state}", key.id, key.algorithm, key.created_at.to_string())?;
                }
            }
            Self::Rotate => {
                let id = app.db.write(async |tx| token::rotate(tx, caller, &app.keys, algorithm).await).await?;
                writeln!(out, "Access tokens are signed with {id} ({}) from now on.", algorithm.as_str())?;
            }
        }
        Ok(())
    }
}
