//! The program: arguments, then settings, then the application, which serves or does one command.

use std::{
    io::{self, BufWriter},
    process::ExitCode,
    time::Duration,
};

use clap::Parser;
use denizen::{
    cli::{Arguments, Command, Failure, Ground},
    config::{Config, Source},
    error::Error,
    logs, machine,
};

#[cfg(feature = "without-log")]
compile_error!("without-log is for ./bench: a service without its log keeps none of its promises");

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match run(Arguments::parse().command()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(),
    }
}

fn run(command: Command) -> Result<(), Failure> {
    let Some(command) = command.run_alone(&mut io::stdout())? else { return Ok(()) };
    let (config, warnings) = Config::load(&Source::from_process())?;
    let config = command.adapt(config);
    let most = config.server.grace().threads;
    // What needs root comes first, and before there is a thread: each would have rights of its own to give up.
    let door = command.door(&config)?;
    if command.opens_data() {
        machine::run_as(&config)?;
    }
    let logs = logs::start(&config.log)?;
    machine::raise_files();
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(config.server.workers)
        .enable_all()
        .build()
        .map_err(Error::internal)?;
    let outcome =
        runtime.block_on(command.run(config, Ground { door, logs: &logs }, &mut BufWriter::new(io::stdout())));
    // A statement that takes long does not hold up the end; whoever asked twice does not wait at all.
    runtime.shutdown_timeout(if matches!(outcome, Err(Failure::Cut)) { Duration::ZERO } else { most });
    outcome
}
