//! How a command ends when it does not succeed.

use std::{fmt, io, process::ExitCode};

use crate::{
    config::ConfigError,
    error::{Code, Error},
};

/// Why a command did not succeed. Its text says what to do next.
#[derive(Debug)]
pub enum Failure {
    /// A verb refused, or could not.
    Refused(Error),
    /// The settings cannot be used.
    Settings(ConfigError),
    /// The arguments cannot be used, which showed only here.
    Usage(String),
    /// It ended otherwise than was hoped.
    Failed(String),
    /// A stream of this process failed.
    Stream(io::Error),
    /// A second signal ended the server at once.
    Cut,
}

impl Failure {
    /// Tells it on the standard error; gives the exit status: 1 failed, 2 not usable as asked.
    #[must_use]
    pub fn tell(&self) -> ExitCode {
        // Whoever reads no further (`denizen user list | head`) has what he wants.
        if matches!(self, Self::Stream(e) if e.kind() == io::ErrorKind::BrokenPipe) {
            return ExitCode::SUCCESS;
        }
        eprintln!("error: {self}");
        match self {
            Self::Settings(_) | Self::Usage(_) => ExitCode::from(2),
            Self::Refused(_) | Self::Failed(_) | Self::Stream(_) | Self::Cut => ExitCode::FAILURE,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => refused(error, f),
            Self::Settings(error) => write!(f, "{error}"),
            Self::Usage(text) | Self::Failed(text) => f.write_str(text),
            Self::Stream(error) => write!(f, "The standard streams cannot be used: {error}."),
            Self::Cut => f.write_str("Ended by a second signal; open requests were cut."),
        }
    }
}

/// An operator may know the cause, which no client is told. The sentences of two codes are written for clients.
fn refused(error: &Error, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let cause = error.cause().unwrap_or("no cause is known");
    let own = error.text() == error.code().sentence();
    match error.code() {
        Code::Internal if own => f.write_str(cause),
        Code::DatabaseUnavailable if own => write!(
            f,
            "The database cannot be used: {cause}.\nDATABASE_URL and DATA_DIR say where it is: 'denizen doctor' looks into it."
        ),
        _ => f.write_str(&error.advice()),
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Settings(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Stream(error)
    }
}
