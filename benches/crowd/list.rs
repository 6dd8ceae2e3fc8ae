//! Pages of users, at the beginning and far behind it.

use std::time::Duration;

use super::{
    super::{
        Bench,
        load::{self, Pace, Source},
        people::{Same, member},
        server::{Database, Server},
        table::{Bound, Row},
    },
    ask, beside,
};

/// Requests a second, over so many connections.
const PACE: f64 = 200.0;
const CONNECTIONS: usize = 4;
/// The first page that is asked for by its number ends with row 900 000.
const FAR: &str = "/api/v1/users?size=50&page=18000";

/// The first page, beside a server that says hello; and the page behind row 900 000, beside the first.
pub fn rows(bench: &Bench, database: &Database, key: &str, name: &str) -> Vec<Row> {
    let (hello, server) = (Server::hello(bench), Server::start(bench, database));
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {key}\r\n\r\n");
    let (status, far) = ask(server.address, &get(FAR));
    assert_eq!(status, 200, "{far}");
    let behind = format!("/api/v1/users?size=50&cursor={}", member(far.as_bytes(), "next_cursor"));
    let (first, behind) = (get("/api/v1/users?size=50"), get(&behind));
    let p99 = |server: &Server, request: &str| {
        let mut client = Same(vec![request.as_bytes().to_vec()]);
        let mut sources = [Source { client: &mut client, connections: CONNECTIONS, pace: Pace::Open(PACE) }];
        let tally = load::run(server.address, &mut sources, Duration::from_millis(500), bench.length).remove(0);
        assert_eq!(tally.others(&[200, load::UNANSWERED]), "");
        tally.p99(200)
    };
    let [mut limits, mut firsts, mut behinds, mut times] = [const { Vec::new() }; 4];
    for round in 0..bench.rounds {
        super::super::tell(&format!("list, {name}, round {}", round + 1));
        limits.push(p99(&hello, &get("/")));
        firsts.push(p99(&server, &first));
        behinds.push(p99(&server, &behind));
        times.push(behinds[round] / firsts[round]);
    }
    server.stop();
    let one = beside(
        format!("p99 of the first page of 50 of 1 000 000 users, {name}"),
        limits,
        firsts.clone(),
        " ms",
        Bound::AtMost(5.0),
    );
    let mut other = beside(
        format!("p99 of the page behind row 900 000, of the first page, {name}"),
        firsts,
        behinds,
        " ms",
        Bound::AtMost(1.5),
    );
    (other.figure.0, other.unit) = (times, " x");
    vec![one, other]
}
