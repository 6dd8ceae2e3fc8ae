//! `denizen session`.

use std::io::Write;

use clap::{Args, Subcommand};

use super::{Failure, progress, user};
use crate::{
    access::Caller,
    app::App,
    session::{self, Reason},
};

/// Sessions that end in one transaction: short enough to stand in nobody's way.
const CHUNK: i64 = 200;

const REVOKE: &str = "\
Every server refuses the tokens of these sessions within a second. Nobody's password changes: people sign in again. \
After a backup was put back, end them all: sessions that were ended since would live again.

Examples:
  denizen session revoke --all
  denizen session revoke --user ann@example.com";

/// Look after sessions
#[derive(Subcommand)]
pub enum Session {
    /// End sessions: one user's, or everybody's
    #[command(after_long_help = REVOKE)]
    Revoke(Revoke),
}

/// Whose sessions end.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct Revoke {
    /// Those of everybody
    #[arg(long)]
    all: bool,
    /// Those of one user: an e-mail address, a username or an id
    #[arg(long, value_name = "USER")]
    user: Option<String>,
}

impl Session {
    pub(super) async fn run(self, app: &App, caller: &Caller, out: &mut impl Write) -> Result<(), Failure> {
        let Self::Revoke(revoke) = self;
        let ended = match revoke.user {
            Some(user) => {
                let id = user::find(app, &user).await?.id;
                app.db.withdraw(async |tx| session::revoke_all(tx, caller, id, None, Reason::Revoked).await).await?
            }
            None => progress::waiting("ending sessions", everybody(app, caller)).await?,
        };
        writeln!(out, "{ended} {} ended.", if ended == 1 { "session has" } else { "sessions have" })?;
        Ok(())
    }
}

/// All that began before now: whoever signs in meanwhile has just proved himself.
async fn everybody(app: &App, caller: &Caller) -> Result<usize, Failure> {
    let (begun, mut ended) = (app.db.clock().now(), 0);
    loop {
        let revoke =
            app.db.withdraw(async |tx| session::revoke_some(tx, caller, begun, CHUNK, Reason::Revoked).await).await?;
        if revoke == 0 {
            return Ok(ended);
        }
        ended += revoke;
    }
}
