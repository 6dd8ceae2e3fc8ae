//! What the figures were measured on.

use std::{
    fs,
    io::Write,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

/// The machine and the day, in one sentence.
pub fn describe(folder: &Path) -> String {
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
