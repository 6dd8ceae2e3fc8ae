//! A command that is run to its end, and what it takes meanwhile.

use std::{
    fs,
    io::Write,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::super::{Bench, server::Database};

/// A command that came to a good end.
pub struct Run {
    pub seconds: f64,
    /// Resident memory each few milliseconds, in megabytes of a million bytes.
    resident: Vec<f64>,
    /// The greatest that the system saw.
    pub peak: f64,
    pub out: String,
}

impl Run {
    /// How much greater the most memory of the second half was than that of the first, in percent.
    pub fn growth(&self) -> f64 {
        let (first, second) = self.resident.split_at(self.resident.len() / 2);
        let most = |half: &[f64]| half.iter().copied().fold(0.0, f64::max);
        (most(second) / most(first) - 1.0) * 100.0
    }
}

/// Runs a command of the service on a database.
pub fn run(bench: &Bench, database: &Database, words: &[&str], input: &str) -> Run {
    let mut command = Command::new(&bench.denizen);
    command.args(words).env_clear().envs(database.settings.iter().cloned()).current_dir(&database.folder);
    let (out, errors) = (database.folder.join("out"), database.folder.join("errors"));
    command.stdin(Stdio::piped()).stdout(fs::File::create(&out).unwrap()).stderr(fs::File::create(&errors).unwrap());
    let begun = Instant::now();
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let (status, mut resident, mut peak) = (format!("/proc/{}/status", child.id()), Vec::new(), 0.0);
    let ended = loop {
        if let Some(ended) = child.try_wait().unwrap() {
            break ended;
        }
        let status = fs::read_to_string(&status).unwrap_or_default();
        let of = |name: &str| {
            let kilobytes = status.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB"));
            kilobytes.map(|kilobytes| kilobytes.parse::<f64>().unwrap() * 1_024.0 / 1e6)
        };
        resident.extend(of("VmRSS:"));
        peak = of("VmHWM:").unwrap_or(peak);
        thread::sleep(Duration::from_millis(10));
    };
    let seconds = begun.elapsed().as_secs_f64();
    assert!(ended.success(), "{words:?}: {}", fs::read_to_string(errors).unwrap());
    Run { seconds, resident, peak, out: fs::read_to_string(out).unwrap() }
}
