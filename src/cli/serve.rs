//! `denizen serve`: from the settings to an orderly stop.

use std::io;

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::oneshot,
};

use super::Failure;
use crate::{app::App, config::Config, secret::Token, server::Server, setup};

pub(super) const EXAMPLES: &str = "\
The first SIGTERM or SIGINT stops it in order: open requests finish, for GRACEFUL_TIMEOUT at most. A second one ends
it at once; what was answered is on disk all the same.

Examples:
  denizen serve
  HOST=0.0.0.0 PUBLIC_URL=https://users.example.com denizen serve
  DATABASE_URL=postgres://denizen@db/denizen MASTER_KEY_FILE=/run/secrets/master_key denizen serve";

/// Serves until it is told to stop.
pub(super) async fn run(config: Config) -> Result<(), Failure> {
    let mut signals = Signals::new()?;
    // Heard from the beginning: as the first process of a container it would otherwise not stop while it starts.
    let server = tokio::select! {
        server = start(config) => server?,
        () = signals.next() => return Ok(()),
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = server.run(async {
        let _ = stopped.await;
    });
    tokio::pin!(serving);
    tokio::select! {
        _ = &mut serving => return Ok(()),
        () = signals.next() => {}
    }
    tracing::info!("stopping: open requests finish; a second signal ends them");
    drop(stop);
    tokio::select! {
        cut = serving => {
            tracing::info!(cut, "stopped");
            Ok(())
        }
        () = signals.next() => Err(Failure::Cut),
    }
}

async fn start(config: Config) -> Result<Server, Failure> {
    let app = App::open(config).await?;
    let server = Server::start(app.clone()).await?;
    if let Some(code) = setup::offer(&app).await? {
        invite(&code);
    }
    // The one line that says it works. It is a log line, so that it reads well on a terminal, stays JSON in a
    // container, and is found in the file too.
    let (address, version) = (server.address()?, env!("CARGO_PKG_VERSION"));
    tracing::info!(version, "Denizen listens on http://{address}");
    Ok(server)
}

/// Shows the setup command to whoever started the server. It is a secret, so it goes past the logs.
fn invite(code: &Token) {
    let program = std::env::args().next().filter(|name| !name.contains(char::is_whitespace));
    let (program, code) = (program.unwrap_or_else(|| "denizen".into()), code.expose());
    eprintln!(
        "\nThere is no superadmin yet. Make the first one, with the same settings (this works once):\n\n  \
         {program} setup {code} --email you@example.com --name 'Your Name'\n"
    );
}

/// What tells a server to stop.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
