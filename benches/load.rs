//! A lean generator of load: one thread, connections that are kept, no more parsing than is needed.
//!
//! It runs on the same machine, so what it costs is missing to the service.

use std::{
    collections::{BTreeMap, VecDeque},
    io::{ErrorKind, Read, Write},
    net::SocketAddr,
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Token, net::TcpStream};

/// An answer, as far as anybody asks.
pub struct Answer<'a> {
    pub status: u16,
    pub head: &'a [u8],
    pub body: &'a [u8],
}

/// Who asks.
pub trait Client {
    /// Renders the next request of a connection.
    fn ask(&mut self, connection: usize, request: &mut Vec<u8>);
    /// Hears its answer.
    fn hear(&mut self, _connection: usize, _answer: &Answer<'_>) {}
}

/// When the next request is sent.
#[derive(Clone, Copy)]
pub enum Pace {
    /// When the one before was answered.
    Closed,
    /// So many a second, whatever becomes of them. Delays count from when a request was due.
    Open(f64),
}

/// A stream of requests over connections of its own.
pub struct Source<'a> {
    pub client: &'a mut dyn Client,
    pub connections: usize,
    pub pace: Pace,
}

/// The status of a request that still waits when the run ends.
pub const UNANSWERED: u16 = 0;

/// What became of a source's requests while it was measured.
#[derive(Default)]
pub struct Tally {
    /// For each status, how long each answer took, in microseconds.
    micros: BTreeMap<u16, Vec<u32>>,
    /// 503 without a word on when to come back.
    pub without_retry_after: usize,
    /// Connections that broke.
    pub broken: usize,
    seconds: f64,
}

impl Tally {
    /// Answers a second with this status.
    pub fn rate(&self, status: u16) -> f64 {
        self.count(status) as f64 / self.seconds
    }

    pub fn count(&self, status: u16) -> usize {
        self.micros.get(&status).map_or(0, Vec::len)
    }

    /// Answers with any other status.
    pub fn others(&self, statuses: &[u16]) -> String {
        let others = self.micros.iter().filter(|(status, _)| !statuses.contains(status));
        others.map(|(status, all)| format!("{} x {status}", all.len())).collect::<Vec<_>>().join(", ")
    }

    /// The time within which 99 of 100 were answered, in milliseconds; what was not answered counts too.
    pub fn p99(&self, status: u16) -> f64 {
        let with = |status| self.micros.get(&status).into_iter().flatten().copied();
        let mut all: Vec<_> = with(status).chain(with(UNANSWERED)).collect();
        all.sort_unstable();
        all.get(all.len() * 99 / 100).map_or(f64::NAN, |micros| f64::from(*micros) / 1_000.0)
    }
}

struct Wire {
    stream: TcpStream,
    source: usize,
    /// Its number within the source.
    number: usize,
    request: Vec<u8>,
    sent: usize,
    answer: Vec<u8>,
    /// Since when an answer is due.
    asked: Option<Instant>,
}

struct Run<'a, 'b> {
    address: SocketAddr,
    sources: &'a mut [Source<'b>],
    poll: Poll,
    wires: Vec<Wire>,
    idle: Vec<Vec<usize>>,
    /// Requests that are due and have no connection yet.
    late: Vec<VecDeque<Instant>>,
    tallies: Vec<Tally>,
    measured: (Instant, Instant),
}

/// Sends requests for `warm` and then for `measured`, which alone is told of.
pub fn run(address: SocketAddr, sources: &mut [Source<'_>], warm: Duration, measured: Duration) -> Vec<Tally> {
    let count = sources.len();
    let begin = Instant::now();
    let mut run = Run {
        address,
        sources,
        poll: Poll::new().unwrap(),
        wires: Vec::new(),
        idle: vec![Vec::new(); count],
        late: vec![VecDeque::new(); count],
        tallies: (0..count).map(|_| Tally { seconds: measured.as_secs_f64(), ..Tally::default() }).collect(),
        measured: (begin + warm, begin + warm + measured),
    };
    run.connect();
    run.drive();
    run.tallies
}

impl Run<'_, '_> {
    fn connect(&mut self) {
        for source in 0..self.sources.len() {
            for number in 0..self.sources[source].connections {
                let (stream, wire) = (dial(self.address), self.wires.len());
                let (request, answer) = (Vec::with_capacity(1_024), Vec::with_capacity(8_192));
                self.wires.push(Wire { stream, source, number, request, sent: 0, answer, asked: None });
                self.register(wire);
                self.idle[source].push(wire);
            }
        }
        let begin = Instant::now();
        let length = self.measured.1 - self.measured.0;
        let warm = self.measured.0.saturating_duration_since(begin);
        self.measured = (begin + warm, begin + warm + length);
    }

    fn drive(&mut self) {
        let (begin, mut events) = (Instant::now(), Events::with_capacity(1_024));
        let mut due = vec![begin; self.sources.len()];
        loop {
            let now = Instant::now();
            if now >= self.measured.1 {
                break;
            }
            let mut wake = self.measured.1;
            for (source, due) in due.iter_mut().enumerate() {
                match self.sources[source].pace {
                    Pace::Closed => {
                        while let Some(wire) = self.idle[source].pop() {
                            self.send(wire, now);
                        }
                    }
                    Pace::Open(rate) => {
                        while *due <= now {
                            self.late[source].push_back(*due);
                            *due += Duration::from_secs_f64(1.0 / rate);
                        }
                        wake = wake.min(*due);
                        while let Some(wire) = self.idle[source].pop_if(|_| !self.late[source].is_empty()) {
                            let since = self.late[source].pop_front().unwrap_or(now);
                            self.send(wire, since);
                        }
                    }
                }
            }
            match self.poll.poll(&mut events, Some(wake.saturating_duration_since(Instant::now()))) {
                Err(e) if e.kind() != ErrorKind::Interrupted => panic!("{e}"),
                _ => {}
            }
            for event in &events {
                self.ready(event.token().0);
            }
        }
        self.count_the_unanswered();
    }

    /// What still waits at the end has waited at least so long.
    fn count_the_unanswered(&mut self) {
        let end = self.measured.1;
        for (source, tally) in self.tallies.iter_mut().enumerate() {
            let open = self.wires.iter().filter(|wire| wire.source == source).filter_map(|wire| wire.asked);
            let late = self.late[source].iter().copied();
            if matches!(self.sources[source].pace, Pace::Open(_)) {
                let ages = open.chain(late).map(|since| micros(end.saturating_duration_since(since)));
                tally.micros.entry(UNANSWERED).or_default().extend(ages);
            }
        }
    }

    fn send(&mut self, wire: usize, since: Instant) {
        let it = &mut self.wires[wire];
        it.request.clear();
        self.sources[it.source].client.ask(it.number, &mut it.request);
        (it.sent, it.asked) = (0, Some(since));
        self.write(wire);
    }

    fn write(&mut self, wire: usize) {
        let it = &mut self.wires[wire];
        while it.sent < it.request.len() {
            match it.stream.write(&it.request[it.sent..]) {
                Ok(n) => it.sent += n,
                Err(e) if e.kind() == ErrorKind::WouldBlock => return,
                Err(_) => return self.renew(wire),
            }
        }
    }

    fn ready(&mut self, wire: usize) {
        if self.wires[wire].sent < self.wires[wire].request.len() {
            self.write(wire);
        }
        let mut buffer = [0u8; 16_384];
        loop {
            match self.wires[wire].stream.read(&mut buffer) {
                Ok(0) => return self.renew(wire),
                Ok(n) => {
                    self.wires[wire].answer.extend_from_slice(&buffer[..n]);
                    self.answered(wire);
                    // A short read has emptied the socket; what comes later is told of.
                    if n < buffer.len() {
                        return;
                    }
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => return,
                Err(_) => return self.renew(wire),
            }
        }
    }

    fn answered(&mut self, wire: usize) {
        let it = &mut self.wires[wire];
        let Some((status, head, whole)) = measure(&it.answer).filter(|(.., whole)| *whole <= it.answer.len()) else {
            return;
        };
        let answer = Answer { status, head: &it.answer[..head], body: &it.answer[head..whole] };
        self.sources[it.source].client.hear(it.number, &answer);
        let now = Instant::now();
        if let Some(since) = it.asked.take()
            && (self.measured.0..self.measured.1).contains(&now)
        {
            let tally = &mut self.tallies[it.source];
            tally.micros.entry(status).or_default().push(micros(now - since));
            tally.without_retry_after += usize::from(status == 503 && header(answer.head, b"retry-after").is_none());
        }
        it.answer.clear();
        match self.sources[it.source].pace {
            Pace::Closed => self.send(wire, now),
            Pace::Open(_) => self.idle[it.source].push(wire),
        }
    }

    /// A connection broke, or was closed in good order between two requests.
    fn renew(&mut self, wire: usize) {
        let it = &mut self.wires[wire];
        let _ = self.poll.registry().deregister(&mut it.stream);
        it.stream = dial(self.address);
        it.answer.clear();
        it.request.clear();
        it.sent = 0;
        if it.asked.take().is_some() {
            self.tallies[it.source].broken += 1;
            self.idle[it.source].push(wire);
        }
        self.register(wire);
    }

    fn register(&mut self, wire: usize) {
        let both = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut self.wires[wire].stream, Token(wire), both).unwrap();
    }
}

fn dial(address: SocketAddr) -> TcpStream {
    let stream = std::net::TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_nonblocking(true).unwrap();
    TcpStream::from_std(stream)
}

/// Of an answer that has its whole head: the status, the length of the head, and of all.
fn measure(answer: &[u8]) -> Option<(u16, usize, usize)> {
    let head = answer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let status = std::str::from_utf8(answer.get(9..12)?).ok()?.parse().ok()?;
    let length = header(&answer[..head], b"content-length").and_then(|text| std::str::from_utf8(text).ok());
    Some((status, head, head + length.map_or(Some(0), |text| text.parse().ok())?))
}

/// The value of a header, by its name in lower case.
fn header<'a>(head: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let lines = head.split(|byte| *byte == b'\n');
    let line = lines.into_iter().find(|line| {
        line.len() > name.len() && line[name.len()] == b':' && line[..name.len()].eq_ignore_ascii_case(name)
    })?;
    Some(line[name.len() + 1..].trim_ascii())
}

fn micros(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)
}
