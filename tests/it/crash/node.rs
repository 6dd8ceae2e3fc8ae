//! The real program as a process, to be killed.

use std::{
    fs::{self, File},
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::kit::{client::Client, database::Database, random::Random};

/// How long a start may take, with recovery.
const START: Duration = Duration::from_secs(20);

/// Where processes run: their working folder and what they say.
pub struct Place {
    folder: TempDir,
}

/// A process that serves, or is about to. Dropping it kills it.
pub struct Node {
    child: Child,
    name: String,
    address: SocketAddr,
    log: PathBuf,
}

impl Place {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// Starts the program on this database, and waits for nothing. `dress` may add to the command.
    pub fn spawn(&self, database: &Database, dress: impl Fn(&mut Command)) -> Node {
        let mut random = super::seed();
        let (name, address) = (format!("node {}", random.next()), free_address(&mut random));
        let log = self.log();
        let said = File::options().create(true).append(true).open(&log).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_denizen"));
        command.arg("serve").current_dir(self.folder.path()).env_clear().envs(database.settings());
        command.envs([("PORT", address.port().to_string().as_str()), ("LOG_FILE", ""), ("ACCESS_LOG", "")]);
        // Ports change from start to start, and tokens name this address.
        command.envs([("LOG_LEVEL", "warn"), ("RATE_LIMIT", "off"), ("PUBLIC_URL", "http://localhost")]);
        command.env("APP_NAME", &name);
        command.stdin(std::process::Stdio::null()).stdout(said.try_clone().unwrap()).stderr(said);
        dress(&mut command);
        Node { child: command.spawn().unwrap(), name, address, log }
    }

    /// Starts the program and waits until it serves.
    pub async fn start(&self, database: &Database, dress: impl Fn(&mut Command)) -> Node {
        for _ in 0..5 {
            let mut node = self.spawn(database, &dress);
            if node.serves().await {
                return node;
            }
            assert!(said(&node.log).contains("annot listen on"), "the program does not start: {}", tail(&node.log));
        }
        panic!("no free port");
    }

    /// Goes on only if no process has panicked so far.
    pub fn must_be_calm(&self) {
        assert!(!said(&self.log()).contains("panicked at"), "{}", tail(&self.log()));
    }

    /// The end of what was said.
    pub fn last_words(&self) -> String {
        tail(&self.log())
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }
}

impl Node {
    pub fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// Whether it gets to serve; false when it ends before.
    pub async fn serves(&mut self) -> bool {
        let client = self.client();
        let begun = Instant::now();
        while begun.elapsed() < START {
            let health = client.try_send("GET", "/health", None).await;
            // Somebody else may have taken the port meanwhile.
            if health.is_ok_and(|health| health.status == 200 && health.json()["service"] == self.name.as_str()) {
                return true;
            }
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("the program does not serve: {}", tail(&self.log));
    }

    /// As `kill -9` does, at once.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Below the ports that the system gives to connections.
fn free_address(random: &mut Random) -> SocketAddr {
    loop {
        let port = 10_000 + u16::try_from(random.below(20_000)).unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

fn said(log: &Path) -> String {
    fs::read_to_string(log).unwrap_or_default()
}

fn tail(log: &Path) -> String {
    let said = said(log);
    let lines: Vec<_> = said.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}
