//! The program itself, as a process of its own.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use super::database::Database;

/// The longest that anything here takes, on a machine that has other work too.
const PATIENCE: Duration = Duration::from_secs(30);

/// The program with the settings of a database, in that database's folder.
#[derive(Clone)]
pub struct Program {
    settings: Vec<(String, String)>,
    database: Database,
    user: Option<u32>,
    /// What a server is started by.
    line: Option<String>,
}

/// How a command ended.
#[derive(Debug)]
pub struct Answer {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// A server that runs. Dropping it kills it.
pub struct Serving {
    pub address: SocketAddr,
    child: Child,
    err: Arc<Mutex<String>>,
}

impl Program {
    pub fn on(database: &Database) -> Self {
        let quiet = [("PORT", "0"), ("LOG_FILE", ""), ("ACCESS_LOG", ""), ("GRACEFUL_TIMEOUT", "20")];
        let own = database.settings();
        let settings = quiet.map(|(name, value)| (name, value.to_owned())).into_iter().chain(own);
        let settings = settings.map(|(name, value)| (name.to_owned(), value)).collect();
        Self { settings, database: database.clone(), user: None, line: None }
    }

    /// The same with one more setting.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same as another user, by number.
    pub fn by(self, user: u32) -> Self {
        Self { user: Some(user), ..self }
    }

    /// The same with servers that are started by a line of shell, which ends in `exec "$0"`.
    pub fn behind(self, line: &str) -> Self {
        Self { line: Some(line.to_owned()), ..self }
    }

    /// Runs a command with nothing to read.
    pub fn run(&self, arguments: &[&str]) -> Answer {
        self.run_with(arguments, "")
    }

    /// Runs a command that reads `input`.
    pub fn run_with(&self, arguments: &[&str], input: &str) -> Answer {
        let mut command = self.command(env!("CARGO_BIN_EXE_denizen"));
        command.args(arguments);
        finish(command, input)
    }

    /// Runs a line as it is typed into a shell.
    pub fn shell(&self, line: &str, input: &str) -> Answer {
        let mut command = self.command("/bin/sh");
        command.args(["-c", line]);
        finish(command, input)
    }

    /// Starts a server and waits until it listens.
    pub fn serve(&self) -> Serving {
        let binary = env!("CARGO_BIN_EXE_denizen");
        let mut command = self.command(if self.line.is_some() { "/bin/sh" } else { binary });
        if let Some(line) = &self.line {
            command.args(["-c", line, binary]);
        }
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let err = child.stderr.take().unwrap();
        let mut serving = Serving::hearing(child, err);
        serving.address = serving.wait_for(|err| {
            let (_, rest) = err.split_once("listens on http")?;
            let (_, rest) = rest.split_once("://")?;
            rest.split(['"', ' ']).next()?.parse().ok()
        });
        serving
    }

    /// The same on this port at a terminal, which shows what it tells on both streams.
    pub fn serve_at_terminal(&self, port: u16) -> Serving {
        let terminal = nix::pty::openpty(None, None).unwrap();
        let mut command = self.clone().with("PORT", &port.to_string()).command(env!("CARGO_BIN_EXE_denizen"));
        command.stdin(Stdio::null()).stdout(terminal.slave.try_clone().unwrap()).stderr(terminal.slave);
        let child = command.spawn().unwrap();
        let mut serving = Serving::hearing(child, File::from(terminal.master));
        // Not every level tells that it listens.
        serving.address = SocketAddr::from(([127, 0, 0, 1], port));
        serving.wait_for(|_| TcpStream::connect(("127.0.0.1", port)).ok());
        serving
    }

    /// A process with the settings, not started yet.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(self.settings.iter().map(|(name, value)| (name, value)));
        command.current_dir(self.database.folder());
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        command
    }
}

fn finish(mut command: Command, input: &str) -> Answer {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that refuses its arguments has gone before it reads.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let ended = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Answer { code: ended.status.code().unwrap_or(-1), out: text(ended.stdout), err: text(ended.stderr) }
}

impl Answer {
    /// Goes on only with this exit status.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }

    /// Goes on only when it failed, and its text holds each of these.
    #[track_caller]
    pub fn refused(self, parts: &[&str]) {
        assert_eq!(self.code, 1, "{self:?}");
        for part in parts {
            assert!(self.err.contains(part) || self.out.contains(part), "'{part}' is not in {self:?}");
        }
    }
}

impl Serving {
    fn hearing(child: Child, stream: impl Read + Send + 'static) -> Self {
        let (err, lines) = (Arc::<Mutex<String>>::default(), BufReader::new(stream));
        let told = Arc::clone(&err);
        thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                let mut err = told.lock().unwrap();
                err.push_str(&line);
                err.push('\n');
            }
        });
        Self { address: SocketAddr::from(([0, 0, 0, 0], 0)), child, err }
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it told on the standard error so far.
    pub fn err(&self) -> String {
        self.err.lock().unwrap().clone()
    }

    /// Waits until what it told holds something.
    #[track_caller]
    pub fn wait_for<T>(&mut self, find: impl Fn(&str) -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(found) = find(&self.err()) {
                return found;
            }
            assert!(self.child.try_wait().unwrap().is_none(), "it ended: {}", self.err());
            assert!(began.elapsed() < PATIENCE, "it never said so: {}", self.err());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let line = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("/bin/sh").args(["-c", &line]).status().unwrap().success());
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end; gives the exit status, and how long that took.
    #[track_caller]
    pub fn end(&mut self) -> (i32, Duration) {
        let began = Instant::now();
        while self.runs() {
            assert!(began.elapsed() < PATIENCE, "it does not end: {}", self.err());
            thread::sleep(Duration::from_millis(5));
        }
        (self.child.wait().unwrap().code().unwrap_or(-1), began.elapsed())
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
