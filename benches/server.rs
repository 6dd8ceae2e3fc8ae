//! The programs that are measured, each a process of its own, and the databases they work on.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use super::Bench;

/// The longest that a start or a stop may take.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    pub const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];

    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// A fresh database: the settings that lead to it.
#[derive(Clone)]
pub struct Database {
    pub folder: PathBuf,
    pub settings: Vec<(String, String)>,
}

impl Database {
    pub fn new(bench: &Bench, engine: Engine) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        // Several processes make some on one server.
        let name = format!("b{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let folder = bench.work.join(&name);
        fs::create_dir(&folder).unwrap();
        let mut settings =
            vec![("DATA_DIR", folder.display().to_string()), ("PORT", "0".into()), ("LOG_FILE", String::new())];
        settings.push(("ACCESS_LOG", String::new()));
        if engine == Engine::Postgres {
            settings.push(("DATABASE_URL", format!("{}?sslmode=disable", bench.postgres)));
            settings.push(("DATABASE_SCHEMA", name));
            settings.push(("MASTER_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".into()));
        }
        Self { folder, settings: settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect() }
    }
}

/// A process that serves. Dropping it ends it.
pub struct Server {
    pub address: SocketAddr,
    child: Child,
}

impl Server {
    /// Starts the service and waits until it listens.
    pub fn start(bench: &Bench, database: &Database) -> Self {
        let mut command = Command::new(&bench.denizen);
        command.env_clear().envs(database.settings.iter().cloned()).current_dir(&database.folder);
        Self::spawn(command, "listens on http://")
    }

    /// A bare axum server, the limit.
    pub fn hello(bench: &Bench) -> Self {
        let mut command = Command::new(&bench.own);
        command.arg("hello");
        Self::spawn(command, "hello on ")
    }

    fn spawn(mut command: Command, word: &str) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let (mut told, mut address) = (String::new(), None);
        while address.is_none() {
            let mut line = String::new();
            assert!(lines.read_line(&mut line).unwrap() > 0, "it ended: {told}");
            address = line.split_once(word).and_then(|(_, rest)| rest.split(['"', ' ', '\n']).next()?.parse().ok());
            told.push_str(&line);
        }
        // A full pipe would stop it. What it has to say in a storm is no news.
        thread::spawn(move || lines.read_to_end(&mut Vec::new()));
        Self { address: address.unwrap(), child }
    }

    /// Resident memory, in megabytes of a million bytes.
    pub fn resident(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() * 1_024.0 / 1e6
    }

    /// Ends it in good order.
    pub fn stop(mut self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let begun = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < PATIENCE, "it does not end");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// From the start of the process to its first answer.
pub fn cold_start(bench: &Bench, database: &Database) -> (Duration, Server) {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = Command::new(&bench.denizen);
    command.env_clear().envs(database.settings.iter().cloned()).env("PORT", free.port().to_string());
    command.current_dir(&database.folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let begun = Instant::now();
    let child = command.spawn().unwrap();
    let server = Server { address: free, child };
    while !answers(free) {
        assert!(begun.elapsed() < PATIENCE, "it does not answer");
        thread::sleep(Duration::from_millis(1));
    }
    (begun.elapsed(), server)
}

fn answers(address: SocketAddr) -> bool {
    use std::io::Write;
    let Ok(mut stream) = TcpStream::connect(address) else { return false };
    let mut answer = [0u8; 12];
    stream.write_all(b"GET /health HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n").is_ok()
        && stream.read_exact(&mut answer).is_ok()
        && answer == *b"HTTP/1.1 200"
}
