//! Sixteen callers at once over HTTP, and somebody who asks for himself meanwhile.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use super::{
    load::{self, Answer, Client, Pace, Source},
    place::Place,
    shapes,
};

const CALLERS: usize = 16;
/// How often somebody asks for himself, a second.
const MINE: f64 = 50.0;
const PASSWORD: &str = "Correct-Horse-7-Battery";
const ORDERS: [&str; 4] = ["created_at", "last_name", "email", "last_login"];

/// What came of it.
pub struct Rate {
    pub searches: f64,
    /// Within which 99 of 100 were answered, in milliseconds.
    pub p99: f64,
    pub mine: f64,
    pub faults: String,
}

/// A process that serves. Dropping it ends it.
struct Server(Child, SocketAddr);

impl Server {
    fn start(denizen: &Path, place: &Place) -> Self {
        let mut command = Command::new(denizen);
        command.env_clear().envs(place.settings()).env("PORT", "0").current_dir(&place.folder);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let (mut told, mut address) = (String::new(), None);
        while address.is_none() {
            let mut line = String::new();
            assert!(lines.read_line(&mut line).unwrap() > 0, "it ended: {told}");
            let rest = line.split_once("listens on http://").map(|(_, rest)| rest.to_owned());
            address = rest.and_then(|rest| rest.split(['"', ' ', '\n']).next()?.parse().ok());
            told.push_str(&line);
        }
        std::thread::spawn(move || lines.read_to_end(&mut Vec::new()));
        Self(child, address.unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
        let _ = self.0.wait();
    }
}

/// An admin, who may search.
fn admin(denizen: &Path, place: &Place, address: SocketAddr) -> String {
    let email = format!("bench{}@example.com", std::process::id());
    let mut create = Command::new(denizen);
    create.env_clear().envs(place.settings()).args(["user", "create", "--email", &email, "--name", "Ada Lovelace"]);
    create.args(["--role", "admin", "--password-stdin"]).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = create.spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("{PASSWORD}\n").as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    let body = format!(r#"{{"email":"{email}","password":"{PASSWORD}"}}"#);
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "POST /api/v1/auth/login HTTP/1.1\r\nhost: bench\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (_, rest) = answer.split_once("\"access_token\":\"").unwrap_or_else(|| panic!("{answer}"));
    rest.split('"').next().unwrap().to_owned()
}

fn get(path: &str, token: &str) -> Vec<u8> {
    format!("GET /api/v1/{path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\n\r\n").into_bytes()
}

/// Each caller asks the whole list, beginning elsewhere than the others.
struct Searching {
    requests: Vec<Vec<u8>>,
    next: [usize; CALLERS],
    other: String,
}

impl Client for Searching {
    fn ask(&mut self, connection: usize, request: &mut Vec<u8>) {
        let n = connection * 31 + self.next[connection];
        self.next[connection] += 1;
        request.extend_from_slice(&self.requests[n % self.requests.len()]);
    }

    fn hear(&mut self, _: usize, answer: &Answer<'_>) {
        if answer.status != 200 && self.other.is_empty() {
            self.other = String::from_utf8_lossy(answer.body).into_owned();
        }
    }
}

struct Myself(Vec<u8>);

impl Client for Myself {
    fn ask(&mut self, _: usize, request: &mut Vec<u8>) {
        request.extend_from_slice(&self.0);
    }
}

/// Measures for so long.
pub fn measure(denizen: &Path, place: &Place, length: Duration) -> Rate {
    let server = Server::start(denizen, place);
    let token = admin(denizen, place, server.1);
    let all = shapes::SINGLE.iter().chain(shapes::PAIRS).enumerate();
    let requests = all.map(|(n, query)| {
        let order = if n % 4 == 3 { ORDERS[n / 4 % ORDERS.len()] } else { "created_at" };
        get(&format!("users/search?size=50&sort_by={order}&{query}"), &token)
    });
    let mut searching = Searching { requests: requests.collect(), next: [0; CALLERS], other: String::new() };
    let mut myself = Myself(get("users/me", &token));
    let mut sources = [
        Source { client: &mut searching, connections: CALLERS, pace: Pace::Closed },
        Source { client: &mut myself, connections: 4, pace: Pace::Open(MINE) },
    ];
    let tallies = load::run(server.1, &mut sources, Duration::from_secs(3), length);
    let told = |tally: &load::Tally| {
        let broken = if tally.broken + tally.without_retry_after > 0 { " broken" } else { "" };
        format!("{}{broken}", tally.others(&[200, load::UNANSWERED]))
    };
    let faults = format!("{}{}{}", told(&tallies[0]), told(&tallies[1]), searching.other);
    Rate { searches: tallies[0].rate(200), p99: tallies[0].p99(200), mine: tallies[1].p99(200), faults }
}
