//! Logs: where events go, and in which form.
//!
//! Three streams: `ERROR_LOG` for everything but requests, `ACCESS_LOG` for the events with the target
//! [`ACCESS`], one for each request, and `LOG_FILE` for both. A terminal gets lines for people, anything
//! else JSON. The invariant: a logged value cannot break out of its line or drive a terminal, since every
//! control character in it is escaped. Writing happens on threads of its own; when the disk cannot
//! keep up, lines are dropped rather than requests held up. Begin with [`start`].

mod appended;
mod daily;
mod escape;
mod kept;
mod losses;

use std::{
    fs,
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
};

use tracing::{dispatcher, level_filters::LevelFilter};
use tracing_appender::non_blocking::{self, ErrorCounter, WorkerGuard};
use tracing_subscriber::{Layer, Registry, filter::Targets, fmt::layer, layer::SubscriberExt, util::SubscriberInitExt};

pub use self::losses::dropped;
use self::{
    appended::{Appended, Turn},
    daily::{Daily, Limits},
    losses::Losses,
};
use crate::{
    clock::Clock,
    config::{Level, Log, Sink},
    error::{Error, Result},
};

/// The target of the events that tell of one request each.
pub const ACCESS: &str = "access";

/// Crates that tell more than anybody wants to know below `warn`.
const NOISY: &[&str] =
    &["h2", "hyper", "hyper_util", "mio", "reqwest", "rustls", "tokio_postgres", "tokio_util", "tower", "want"];

/// Keeps the logs open. What is still to be written is written when it is dropped.
#[must_use = "dropping it ends the logs"]
pub struct Guard {
    _open: Vec<WorkerGuard>,
    turn: Turn,
}

impl Guard {
    /// Opens every file anew at its next line, for whoever has moved the old one away.
    pub fn reopen(&self) {
        self.turn.next();
    }
}

/// Sends the events of this process to their places. A second start changes nothing, so that tests can
/// share a process.
///
/// # Errors
/// `internal` when a file cannot be opened; the cause names the setting.
pub fn start(log: &Log) -> Result<Guard> {
    if dispatcher::has_been_set() {
        return Ok(Guard { _open: Vec::new(), turn: Turn::default() });
    }
    let turn = Turn::default();
    let (layers, open) = layers(log, &turn)?;
    // Fails only when another thread came first; its logs then serve.
    let _ = tracing_subscriber::registry().with(layers).try_init();
    Ok(Guard { _open: open, turn })
}

type Layers = Vec<Box<dyn Layer<Registry> + Send + Sync>>;

fn layers(log: &Log, turn: &Turn) -> Result<(Layers, Vec<WorkerGuard>)> {
    let (mut layers, mut guards, mut losses) = (Layers::new(), Vec::new(), Vec::new());
    let mut add = |form, out: Box<dyn Write + Send>, filter: Targets| {
        let (layer, guard, lost) = stream(form, out);
        losses.push(lost);
        layers.push(layer.with_filter(filter).boxed());
        guards.push(guard);
    };
    let access = if log.access == Sink::Off { LevelFilter::OFF } else { LevelFilter::INFO };
    let events = events(log.level);
    match &log.error {
        Sink::Off => {}
        Sink::Terminal => {
            let form = form(&io::stderr());
            add(form, Box::new(io::stderr()), events.clone().with_target(ACCESS, LevelFilter::OFF));
        }
        Sink::File(path) => {
            add(Form::Json, appended("ERROR_LOG", path, turn)?, events.clone().with_target(ACCESS, LevelFilter::OFF));
        }
    }
    let only_access = Targets::new().with_target(ACCESS, access);
    match &log.access {
        Sink::Off => {}
        Sink::Terminal => add(form(&io::stdout()), Box::new(io::stdout()), only_access),
        Sink::File(path) => add(Form::Json, appended("ACCESS_LOG", path, turn)?, only_access),
    }
    if let Some(path) = &log.file {
        add(Form::Json, Box::new(daily(path, log, turn)?), events.with_target(ACCESS, access));
    }
    layers.push(Losses(losses).boxed());
    Ok((layers, guards))
}

/// What is logged apart from requests. Those have a switch of their own, and no level.
fn events(level: Level) -> Targets {
    let level = match level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    };
    let noisy = level.min(LevelFilter::WARN);
    Targets::new().with_default(level).with_targets(NOISY.iter().map(|name| (*name, noisy)))
}

#[derive(Clone, Copy)]
enum Form {
    People,
    Json,
}

fn form(stream: &impl IsTerminal) -> Form {
    if stream.is_terminal() { Form::People } else { Form::Json }
}

fn stream(
    form: Form,
    out: Box<dyn Write + Send>,
) -> (Box<dyn Layer<Registry> + Send + Sync>, WorkerGuard, ErrorCounter) {
    let (out, guard) = non_blocking::NonBlockingBuilder::default().finish(out);
    let lost = out.error_counter();
    let layer = match form {
        Form::People => layer().fmt_fields(escape::fields()).with_writer(out).boxed(),
        Form::Json => layer()
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .with_writer(move || escape::Json(out.clone()))
            .boxed(),
    };
    (layer, guard, lost)
}

fn appended(setting: &str, path: &Path, turn: &Turn) -> Result<Box<dyn Write + Send>> {
    let file = Appended::open(path, turn.clone());
    file.map(|file| Box::new(file) as Box<dyn Write + Send>).map_err(|e| cannot_open(setting, path, &e))
}

/// A file for each day, and `path` as a link to the newest.
fn daily(path: &Path, log: &Log, turn: &Turn) -> Result<Daily> {
    let refused = |e: io::Error| cannot_open("LOG_FILE", path, &e);
    // Absolute, because the link would otherwise be read from the folder that it is in.
    let path = std::path::absolute(path).map_err(refused)?;
    make_folder(&path).and_then(|()| keep_aside(&path)).map_err(refused)?;
    let bytes = (log.keep_mb as u64) << 20;
    let limits =
        Limits { days: log.keep_days as u64, bytes, rotate: ((log.rotate_mb as u64) << 20).min(bytes / 2).max(1) };
    Daily::open(&path, limits, turn.clone(), Clock::default()).map_err(refused)
}

fn make_folder(path: &Path) -> io::Result<()> {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).map_or(Ok(()), fs::create_dir_all)
}

/// Moves a file out of the way that is where the link goes: somebody's log until now.
fn keep_aside(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path).is_ok_and(|found| found.is_file()) {
        let mut aside = path.as_os_str().to_owned();
        aside.push(".old");
        fs::rename(path, PathBuf::from(aside))?;
    }
    Ok(())
}

fn cannot_open(setting: &str, path: &Path, e: &io::Error) -> Error {
    let path = path.display();
    Error::internal(format!("{setting} is {path}, which cannot be written: {e}. Name another file, or none"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Source};

    fn written(pairs: &[(&str, &str)], file: &Path) -> String {
        let path = file.display().to_string();
        let all = pairs.iter().copied().chain([("LOG_FILE", path.as_str()), ("ERROR_LOG", "")]);
        let (config, _) = Config::load(&Source::of(all)).unwrap();
        let (layers, guards) = layers(&config.log, &Turn::default()).unwrap();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layers), || {
            tracing::info!(target: ACCESS, path = "/x", "request");
            tracing::info!(name = %"a\nb\u{1b}[31m\u{9b}\u{7f}", "shown");
            tracing::debug!("hidden");
            tracing::info!(target: "hyper::proto", "noise");
            tracing::warn!(target: "hyper::proto", "alarm");
        });
        drop(guards);
        fs::read_to_string(file).unwrap()
    }

    #[test]
    fn the_file_gets_what_the_settings_say() {
        let folder = tempfile::tempdir().unwrap();
        let access = folder.path().join("access.log");
        let text = written(&[("ACCESS_LOG", access.to_str().unwrap())], &folder.path().join("new/a.log"));
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let messages: Vec<_> = lines.iter().map(|line| line["message"].as_str().unwrap()).collect();
        assert_eq!(messages, ["request", "shown", "alarm"]);
        assert_eq!(lines[1]["name"], "a\nb\u{1b}[31m\u{9b}\u{7f}");
        assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
        assert_eq!(fs::read_to_string(access).unwrap().lines().count(), 1);
    }

    #[test]
    fn an_empty_access_log_is_off_everywhere_and_an_old_file_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.log");
        fs::write(&file, "before").unwrap();
        let text = written(&[("ACCESS_LOG", ""), ("LOG_LEVEL", "error")], &file);
        assert_eq!(text, "");
        assert_eq!(fs::read_to_string(folder.path().join("a.log.old")).unwrap(), "before");
    }

    #[tokio::test]
    async fn every_line_of_a_request_names_it_at_every_level() {
        use tower::ServiceExt;

        for level in ["error", "warn", "info", "debug", "trace"] {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("a.log");
            let settings = [("LOG_LEVEL", level), ("LOG_FILE", file.to_str().unwrap()), ("ERROR_LOG", "")];
            let (config, _) = Config::load(&Source::of(settings)).unwrap();
            let (layers, guards) = layers(&config.log, &Turn::default()).unwrap();
            let logged = tracing::subscriber::set_default(tracing_subscriber::registry().with(layers));
            let inside = async || {
                tokio::task::yield_now().await;
                tracing::error!("inside");
                tracing::debug!("deep inside");
            };
            let routes = axum::Router::new().route("/", axum::routing::get(inside));
            let request = axum::extract::Request::get("/").header("x-request-id", "job-7");
            let shell = crate::http::shell(routes, &crate::http::Shell::default());
            shell.oneshot(request.body(axum::body::Body::empty()).unwrap()).await.unwrap();
            drop((logged, guards));
            let text = fs::read_to_string(&file).unwrap();
            let own: Vec<_> = text.lines().filter(|line| line.contains("inside") || line.contains("access")).collect();
            assert!(
                own.len() >= 2 && own.iter().all(|line| line.contains(r#""request_id":"job-7""#)),
                "{level}: {text}"
            );
        }
    }

    #[test]
    fn a_second_start_is_harmless() {
        let (config, _) = Config::load(&Source::of([("LOG_FILE", ""), ("ACCESS_LOG", ""), ("ERROR_LOG", "")])).unwrap();
        let _first = start(&config.log).unwrap();
        let _second = start(&config.log).unwrap();
    }
}
