//! The command line: the tree of commands, one file per noun.
//!
//! A command enters at the verbs of the rooms, as [`Caller::operator`]; there are neither rules nor SQL here. Whoever
//! may run it can read the master key, so nothing more is asked of him. It runs beside a server as a second node.
//! The answer goes to the standard output, questions and refusals to the standard error. Settings come from the
//! environment and its files alone: a flag for one would be a second home for it. Begin with [`Command`].

mod alone;
mod api_key;
mod audit;
mod backup;
mod completions;
mod config;
mod doctor;
mod export;
mod failure;
mod fake;
mod import;
mod man;
mod migrate;
mod progress;
mod serve;
mod session;
mod setup;
mod signing_key;
mod terminal;
mod user;

use std::io::Write;

use clap::{Parser, Subcommand};

pub use self::{failure::Failure, serve::Ground};
use crate::{
    access::Caller,
    app::App,
    config::{Config, Level, Log, Sink},
    server::Door,
};

const AFTER_HELP: &str = "\
Settings come from the environment, .env and denizen.toml: see 'denizen config'.
There are no flags for them.
Exit status: 0 done, 1 failed, 2 the arguments or the settings cannot be used.";

const AFTER_LONG_HELP: &str = "\
Settings come from the environment, .env and denizen.toml: see 'denizen config'.
There are no flags for them. A command works on the database that they name, also
while a server runs on it.

Exit status: 0 done, 1 failed, 2 the arguments or the settings cannot be used.

Examples:
  denizen                                       serve on 127.0.0.1:8000, with data in ./data
  PORT=9000 DATA_DIR=/srv/denizen denizen       the same elsewhere
  denizen user create --email ann@example.com --name 'Ann Lee' --role admin
  denizen doctor                                what is wrong, and what to do about it
  denizen backup /backup/denizen.db             a copy, also while a server runs
  denizen audit verify                          prove that nobody altered the log";

/// A user service in one binary: accounts, sign-in, sessions and a sealed log of every change.
///
/// Without a command it serves.
#[derive(Parser)]
#[command(name = "denizen", version, after_help = AFTER_HELP, after_long_help = AFTER_LONG_HELP)]
#[command(subcommand_help_heading = "Commands", disable_help_subcommand = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

impl Arguments {
    /// What is to be done.
    #[must_use]
    pub fn command(self) -> Command {
        self.command.unwrap_or(Command::Serve)
    }
}

/// What the program can do.
#[derive(Subcommand)]
pub enum Command {
    /// Serve over HTTP (this is also what happens without a command)
    #[command(after_long_help = serve::EXAMPLES)]
    Serve,
    /// Bring the database up to date, as every start does
    Migrate(migrate::Migrate),
    /// Make the first superadmin, with the code that the first start printed
    Setup(setup::Setup),
    /// Look after users
    #[command(subcommand)]
    User(user::User),
    /// Look after sessions
    #[command(subcommand)]
    Session(session::Session),
    /// Look after the keys by which programs act for users
    #[command(subcommand)]
    ApiKey(api_key::ApiKey),
    /// Look after the keys that sign access tokens
    #[command(subcommand)]
    SigningKey(signing_key::SigningKey),
    /// Examine the log of every change
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Copy the database to a file, also while a server runs
    Backup(backup::Backup),
    /// Say what is wrong with this installation, and what to do about it
    Doctor(doctor::Doctor),
    /// Bring people in, from a CSV or from another service's database
    Import(import::Import),
    /// Write everybody out, as CSV or JSON lines
    Export(export::Export),
    /// Make up people, for trying things out
    Fake(fake::Fake),
    /// Show the settings in force and where each comes from
    Config(config::Config),
    /// Print what lets a shell complete the commands
    Completions(completions::Completions),
    /// Print the manual page, or write one for each command into a folder
    Man(man::Man),
}

impl Command {
    /// Does it if it needs no valid settings; gives it back if it does.
    ///
    /// # Errors
    /// A [`Failure`] that says what to do next.
    pub fn run_alone(self, out: &mut impl Write) -> Result<Option<Self>, Failure> {
        match &self {
            Self::Config(config) => match config.document() {
                Some(document) => out.write_all(document.as_bytes())?,
                None => return Ok(Some(self)),
            },
            Self::Doctor(doctor) => doctor.run(out)?,
            Self::Completions(completions) => out.write_all(&completions.document())?,
            Self::Man(man) => man.run(out)?,
            _ => return Ok(Some(self)),
        }
        out.flush()?;
        Ok(None)
    }

    /// The settings as this command needs them: a short one warns on the terminal and leaves log files alone.
    #[must_use]
    pub fn adapt(&self, mut config: Config) -> Config {
        if !matches!(self, Self::Serve) {
            config.log = Log { level: Level::Warn, file: None, access: Sink::Off, error: Sink::Terminal, ..config.log };
        }
        config
    }

    /// What it opens before the process becomes another user's.
    ///
    /// # Errors
    /// Those of [`Door::open`].
    pub fn door(&self, config: &Config) -> Result<Option<Door>, Failure> {
        Ok(matches!(self, Self::Serve).then(|| Door::open(config)).transpose()?)
    }

    /// Whether it works with the data, as the user whose data it is.
    #[must_use]
    pub fn opens_data(&self) -> bool {
        !matches!(self, Self::Config(_))
    }

    /// Does it. `out` gets the answer.
    ///
    /// # Errors
    /// A [`Failure`] that says what to do next.
    pub async fn run(self, config: Config, ground: Ground<'_>, out: &mut impl Write) -> Result<(), Failure> {
        match self {
            Self::Serve => Box::pin(serve::run(config, ground)).await?,
            Self::Migrate(migrate) => migrate.run(&config, out).await?,
            Self::Backup(backup) => backup.run(&config, out).await?,
            Self::Config(_) => config::show(&config, out)?,
            command => {
                let app = App::open(config).await?;
                command.run_in(&app, out).await?;
                app.db.close();
            }
        }
        Ok(out.flush()?)
    }

    async fn run_in(self, app: &App, out: &mut impl Write) -> Result<(), Failure> {
        let caller = Caller::operator();
        match self {
            Self::Setup(setup) => setup.run(app, &caller, out).await,
            Self::Import(import) => import.run(app, &caller, out).await,
            Self::Export(export) => export.run(app, &caller, out).await,
            Self::Fake(fake) => fake.run(app, &caller, out).await,
            Self::User(user) => user.run(app, &caller, out).await,
            Self::Session(session) => session.run(app, &caller, out).await,
            Self::ApiKey(key) => key.run(app, &caller, out).await,
            Self::SigningKey(key) => key.run(app, &caller, out).await,
            Self::Audit(audit) => audit.run(app, out).await,
            // Done before there was an application.
            Self::Serve
            | Self::Migrate(_)
            | Self::Backup(_)
            | Self::Config(_)
            | Self::Doctor(_)
            | Self::Completions(_)
            | Self::Man(_) => Ok(()),
        }
    }
}
