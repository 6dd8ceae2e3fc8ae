//! A connection that sends bytes as they are, and times and keeps what comes back.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use serde_json::Value;

/// Longer than anything that is well takes, on a machine that has other work too.
const PATIENCE: Duration = Duration::from_secs(60);

/// One connection, used by a thread that may block.
pub struct Wire {
    stream: TcpStream,
    /// What came beyond the last answer.
    rest: Vec<u8>,
}

/// How a connection went on.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    /// A whole answer.
    Answer(Raw),
    /// Closed between two answers.
    Closed,
    /// Cut in the middle of an answer, or reset.
    Cut(String),
}

/// An answer as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raw {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

/// A request with a JSON body.
pub fn post(path: &str, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    (head + &body).into_bytes()
}

/// A request with nothing but a path.
pub fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n").into_bytes()
}

impl Wire {
    pub fn open(address: SocketAddr) -> Self {
        Self::try_open(address).unwrap()
    }

    /// Opens a connection to a server that may be gone.
    pub fn try_open(address: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream, rest: Vec::new() })
    }

    /// Sends bytes. A peer that has gone shows itself when it is listened to.
    pub fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// From now on sends as much as goes at once, and no more.
    pub fn without_waiting(&mut self) {
        self.stream.set_nonblocking(true).unwrap();
    }

    /// Says that nothing more will be sent.
    pub fn finish(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Sends a request, and gives its answer with the time it took.
    #[track_caller]
    pub fn ask(&mut self, request: &[u8]) -> (Raw, Duration) {
        let begun = Instant::now();
        self.send(request);
        let heard = self.hear();
        let took = begun.elapsed();
        let Heard::Answer(answer) = heard else { panic!("{heard:?}") };
        (answer, took)
    }

    /// Waits for the next answer, or the end.
    pub fn hear(&mut self) -> Heard {
        let mut buffer = [0u8; 8_192];
        loop {
            if let Some(whole) = length(&self.rest).filter(|whole| *whole <= self.rest.len()) {
                let rest = self.rest.split_off(whole);
                return Heard::Answer(Raw::read(std::mem::replace(&mut self.rest, rest)));
            }
            match self.stream.read(&mut buffer) {
                Ok(0) if self.rest.is_empty() => return Heard::Closed,
                Ok(0) => return Heard::Cut(String::from_utf8_lossy(&self.rest).into_owned()),
                Ok(n) => self.rest.extend_from_slice(&buffer[..n]),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Heard::Cut(format!("{e} after {:?}", String::from_utf8_lossy(&self.rest))),
            }
        }
    }
}

/// Of an answer that has its whole head: how long all of it is.
fn length(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    Some(head + length.unwrap_or(0))
}

impl Raw {
    fn read(mut bytes: Vec<u8>) -> Self {
        let head = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        let body = bytes.split_off(head);
        let head = String::from_utf8(bytes).unwrap();
        Self { status: head[9..12].parse().unwrap(), head, body }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.head.lines().filter_map(|line| line.split_once(": ")).find(|(own, _)| *own == name);
        found.map(|(_, value)| value)
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The same without what differs from one answer to the next: the request's id and the date.
    pub fn anonymous(&self) -> Self {
        let id = self.header("x-request-id").unwrap();
        let body = String::from_utf8(self.body.clone()).unwrap().replace(id, "-").into_bytes();
        let lines = self.head.lines().filter(|line| !line.starts_with("date: "));
        let head = lines.map(|line| line.replace(id, "-") + "\r\n").collect();
        Self { status: self.status, head, body }
    }
}
