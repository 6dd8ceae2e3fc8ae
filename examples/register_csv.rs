//! Registers every person of a CSV over HTTP, then signs each in again, and tells how fast that went.
//!
//! ```sh
//! cargo run --release --example register_csv -- http://127.0.0.1:8000 users.csv --callers 64
//! ```
//!
//! The columns are `id,first_name,last_name,email,gender,ip_address`; the id stays behind. Any answer but success ends the run, save one:
//! a server that is busy (503) says when to come back, and that is done and counted.

use std::{
    error::Error,
    path::PathBuf,
    process::ExitCode,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use clap::Parser;
use futures_util::{StreamExt, TryStreamExt, stream};
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::{Client, StatusCode, header::RETRY_AFTER};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Everybody gets this one; it meets both password policies.
const PASSWORD: &str = "Correct-Horse-7-Battery";

/// How it went.
pub type Outcome<T> = Result<T, Box<dyn Error>>;

/// Register every person of a CSV over HTTP, then sign each in again
#[derive(Parser)]
pub struct Arguments {
    /// Where the server is, such as `http://127.0.0.1:8000`
    pub server: String,
    /// A CSV with the columns `id,first_name,last_name,email,gender,ip_address`
    pub people: PathBuf,
    /// How many call at once
    #[arg(long, default_value_t = 64)]
    pub callers: usize,
}

/// A row of the CSV, and with a password the body of a sign-up.
#[derive(Clone, Deserialize, Serialize)]
struct Person {
    first_name: String,
    last_name: String,
    email: String,
    gender: Option<String>,
    ip_address: Option<String>,
}

/// The server, as seen from here.
struct Server {
    http: Client,
    address: String,
    busy: AtomicU64,
}

impl Server {
    /// Posts until the server is not busy; gives the time until the answer that counted.
    async fn post(&self, path: &str, body: &Value, expected: StatusCode) -> Outcome<Duration> {
        loop {
            let begun = Instant::now();
            let answer = self.http.post(format!("{}{path}", self.address)).json(body).send().await?;
            let status = answer.status();
            if status == StatusCode::SERVICE_UNAVAILABLE {
                let wait = answer.headers().get(RETRY_AFTER).and_then(|wait| wait.to_str().ok()?.parse().ok());
                self.busy.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_secs(wait.unwrap_or(1))).await;
                continue;
            }
            let text = answer.text().await?;
            if status != expected {
                return Err(format!("{path} answered {status} for {}: {text}", body["email"]).into());
            }
            return Ok(begun.elapsed());
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Registers everybody and signs everybody in.
///
/// # Errors
/// Of the file, or of the first answer that says no.
pub async fn run(arguments: Arguments) -> Outcome<()> {
    let people = csv::Reader::from_path(&arguments.people)?.into_deserialize().collect::<Result<Vec<Person>, _>>()?;
    let address = arguments.server.trim_end_matches('/').to_owned();
    let server = Server { http: Client::new(), address, busy: AtomicU64::new(0) };
    let sign_up = |person: &Person| -> Outcome<Value> {
        let mut body = serde_json::to_value(person)?;
        body["password"] = PASSWORD.into();
        Ok(body)
    };
    let sign_in = |person: &Person| Ok(json!({"email": person.email, "password": PASSWORD}));
    let (path, created) = ("/api/v1/auth/sign-up", StatusCode::CREATED);
    phase("signed up", &server, &people, arguments.callers, path, created, sign_up).await?;
    let (path, ok) = ("/api/v1/auth/login", StatusCode::OK);
    phase("signed in", &server, &people, arguments.callers, path, ok, sign_in).await
}

/// Posts one body for each person, with so many callers, and prints how that went.
async fn phase(
    done: &str,
    server: &Server,
    people: &[Person],
    callers: usize,
    path: &str,
    expected: StatusCode,
    body: impl Fn(&Person) -> Outcome<Value>,
) -> Outcome<()> {
    let style = ProgressStyle::with_template("{msg} {bar:40} {pos} of {len}, {per_sec}, {eta} left")?;
    let bar = ProgressBar::new(people.len() as u64).with_style(style).with_message(done.to_owned());
    let (begun, busy) = (Instant::now(), server.busy.load(Ordering::Relaxed));
    let mut times: Vec<Duration> = stream::iter(people.iter().map(body))
        .map(async |body| server.post(path, &body?, expected).await)
        .buffer_unordered(callers)
        .inspect_ok(|_| bar.inc(1))
        .try_collect()
        .await?;
    bar.finish_and_clear();
    let took = begun.elapsed();
    times.sort_unstable();
    let share = |percent: usize| times.get((times.len() * percent / 100).min(times.len().saturating_sub(1)));
    let millis = |percent| share(percent).map_or(0, Duration::as_millis);
    println!(
        "{} {done} in {:.2} s: {:.1} /s; half within {} ms, 99 of 100 within {} ms; {} times busy",
        times.len(),
        took.as_secs_f64(),
        f64::from(u32::try_from(times.len())?) / took.as_secs_f64(),
        millis(50),
        millis(99),
        server.busy.load(Ordering::Relaxed) - busy,
    );
    Ok(())
}
