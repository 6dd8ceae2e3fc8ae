//! `denizen serve`: from the settings to an orderly stop.

use std::io;

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::oneshot,
};

use super::Failure;
use crate::{
    app::App,
    clock::Clock,
    config::Config,
    logs,
    machine::{Word, tell},
    secret::Token,
    server::{Door, Server},
    setup,
    tls::Tls,
};

pub(super) const EXAMPLES: &str = "\
The first SIGTERM or SIGINT stops it in order, within GRACEFUL_TIMEOUT: open requests finish first. \
A second one ends it at once; what was answered is on disk all the same. \
SIGHUP opens the log files and reads TLS_CERT and TLS_KEY anew.

Examples:
  denizen serve
  HOST=0.0.0.0 PUBLIC_URL=https://users.example.com denizen serve
  DATABASE_URL=postgres://denizen@db/denizen MASTER_KEY_FILE=/run/secrets/master_key denizen serve";

/// What was made ready before there was a runtime.
pub struct Ground<'a> {
    /// Where to serve; a command that does not serve has none.
    pub door: Option<Door>,
    /// The logs of this process.
    pub logs: &'a logs::Guard,
}

/// Serves until it is told to stop.
pub(super) async fn run(config: Config, Ground { door, logs }: Ground<'_>) -> Result<(), Failure> {
    let manager = config.machine.notify_socket.clone();
    let mut signals = Signals::new()?;
    let mut hangup = signal(SignalKind::hangup())?;
    // Heard from the beginning: as the first process of a container it would otherwise not stop while it starts.
    let server = tokio::select! {
        server = start(config, door) => server?,
        () = signals.next() => return Ok(()),
    };
    tell(manager.as_deref(), Word::Ready);
    let again = Again { tls: server.tls(), clock: server.clock(), logs };
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = server.run(async {
        let _ = stopped.await;
    });
    tokio::pin!(serving);
    tokio::select! {
        _ = &mut serving => return Ok(()),
        () = signals.next() => {}
        () = again.at_each(&mut hangup) => {}
    }
    tell(manager.as_deref(), Word::Stopping);
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

async fn start(config: Config, door: Option<Door>) -> Result<Server, Failure> {
    let app = App::open(config).await?;
    let server = match door {
        Some(door) => Server::behind(door, app.clone()).await?,
        None => Server::start(app.clone()).await?,
    };
    if let Some(code) = setup::offer(&app).await? {
        invite(&code);
    }
    // The one line that says it works. It is a log line, so that it reads well on a terminal, stays JSON in a
    // container, and is found in the file too.
    let (url, version) = (server.url()?, env!("CARGO_PKG_VERSION"));
    tracing::info!(version, "Denizen listens on {url}");
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

/// What is read again when somebody asks for it.
struct Again<'a> {
    tls: Option<Tls>,
    clock: Clock,
    logs: &'a logs::Guard,
}

impl Again<'_> {
    /// Each time that SIGHUP comes, for ever.
    async fn at_each(&self, hangup: &mut Signal) {
        while hangup.recv().await.is_some() {
            self.logs.reopen();
            tracing::info!("SIGHUP: log files and TLS certificate are read again");
            if let Some(tls) = &self.tls {
                tls.reload(&self.clock).await;
            }
        }
        std::future::pending::<()>().await;
    }
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
