//! What the figures were measured on.

use std::{
    fs,
    io::Write,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

/// A machine on which something is measured.
pub struct Machine {
    described: String,
    begun: Ticks,
}

impl Machine {
    /// Looks at it, before anything is measured.
    pub fn look(folder: &Path) -> Self {
        Self { described: describe(folder), begun: Ticks::now() }
    }

    /// What it is, and how much of it others had since.
    pub fn told(&self) -> String {
        let share = 100.0 * self.begun.share_lost();
        format!("{} The host gave {share:.1} % of the cores' time to others meanwhile.", self.described)
    }
}

/// What the cores' time went into since the machine began, in the kernel's unit.
pub struct Ticks {
    all: f64,
    /// When they were ready, and the host had them do something else.
    stolen: f64,
}

impl Ticks {
    pub fn now() -> Self {
        let text = fs::read_to_string("/proc/stat").unwrap_or_default();
        let line = text.lines().next().unwrap_or_default();
        // Times of guests, behind the eighth, are part of the others.
        let ticks: Vec<f64> = line.split_whitespace().skip(1).take(8).filter_map(|n| n.parse().ok()).collect();
        Self { all: ticks.iter().sum(), stolen: ticks.get(7).copied().unwrap_or(0.0) }
    }

    /// How much of the cores' time others had since.
    pub fn share_lost(&self) -> f64 {
        let now = Self::now();
        (now.stolen - self.stolen) / (now.all - self.all).max(1.0)
    }
}

/// The machine and the day, in one sentence.
fn describe(folder: &Path) -> String {
    let of = |path: &str, name: &str| {
        let text = fs::read_to_string(path).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(name).map(ToOwned::to_owned));
        line.map_or_else(|| "unknown".to_owned(), |line| line.trim_matches([' ', '\t', ':']).to_owned())
    };
    let cores = thread::available_parallelism().unwrap();
    let memory = of("/proc/meminfo", "MemTotal").trim_end_matches(" kB").parse().unwrap_or(0.0) * 1_024.0 / 1e9;
    let disk = fsync_rate(folder);
    format!(
        "Measured on {}: {cores} cores ({}), {memory:.0} GB of memory, Linux {}, a disk with {disk:.0} synchronous \
         writes of 4 KiB a second (one after the other), Denizen {}. Generator, service and database share the machine.",
        told("date", &["-u", "+%Y-%m-%d"]),
        of("/proc/cpuinfo", "model name"),
        told("uname", &["-r"]),
        env!("CARGO_PKG_VERSION"),
    )
}

fn told(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or_else(|_| "unknown".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Synchronous writes of 4 KiB a second, one after the other: what the disk can promise.
fn fsync_rate(folder: &Path) -> f64 {
    let path = folder.join("fsync");
    let mut file = fs::File::create(&path).unwrap();
    let (begun, mut count) = (Instant::now(), 0);
    while begun.elapsed() < Duration::from_secs(1) {
        file.write_all(&[1; 4_096]).unwrap();
        file.sync_data().unwrap();
        count += 1;
    }
    fs::remove_file(path).unwrap();
    f64::from(count) / begun.elapsed().as_secs_f64()
}
