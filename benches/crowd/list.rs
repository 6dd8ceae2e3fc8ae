//! Pages of users, at the beginning and far behind it.

use std::time::Duration;

use denizen::{
    access::Caller,
    search::{self, Direction, Emails, Order, Search},
};

use super::{
    super::{
        Bench,
        load::{self, Pace, Source},
        machine::Ticks,
        people::Same,
        room,
        server::{Database, Server},
        table::{Bound, Row},
    },
    beside,
};

/// Requests a second, over so many connections.
const PACE: f64 = 200.0;
const CONNECTIONS: usize = 4;
/// So many rounds are measured for one that counts: those in which the host kept the fewest cores back. What else it does
/// spoils a 99th percentile before anything else.
const ROUNDS: usize = 4;
/// Behind so many begins the page that is asked for by its cursor.
const FAR: u64 = 900_000;

/// The first page, beside a server that says hello; and the page behind row 900 000, beside the first.
pub fn rows(bench: &Bench, database: &Database, key: &str, name: &str) -> Vec<Row> {
    let behind = format!("/api/v1/users?size=50&cursor={}", place(database));
    let (hello, server) = (Server::hello(bench), Server::start(bench, database));
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {key}\r\n\r\n");
    let (first, behind) = (get("/api/v1/users?size=50"), get(&behind));
    let p99 = |server: &Server, request: &str| {
        let mut client = Same(vec![request.as_bytes().to_vec()]);
        let mut sources = [Source { client: &mut client, connections: CONNECTIONS, pace: Pace::Open(PACE) }];
        let tally = load::run(server.address, &mut sources, Duration::from_millis(500), bench.length).remove(0);
        assert_eq!(tally.others(&[200, load::UNANSWERED]), "");
        tally.p99(200)
    };
    let mut rounds = Vec::new();
    for round in 0..ROUNDS * bench.rounds {
        super::super::tell(&format!("list, {name}, round {}", round + 1));
        let ticks = Ticks::now();
        let times = [p99(&hello, &get("/")), p99(&server, &first), p99(&server, &behind)];
        rounds.push((ticks.share_lost(), times));
    }
    rounds.sort_by(|one, other| one.0.total_cmp(&other.0));
    rounds.truncate(bench.rounds);
    let [limits, firsts, behinds] = [0, 1, 2].map(|n| rounds.iter().map(|(_, times)| times[n]).collect::<Vec<_>>());
    let times = rounds.iter().map(|(_, [_, first, behind])| behind / first).collect();
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

/// The cursor behind row 900 000, which no number of a page reaches.
fn place(database: &Database) -> String {
    let (order, direction) = (Order::CreatedAt, Direction::Descending);
    let search = Search::everybody(order, direction, None, 1, FAR - 1);
    room::runtime().block_on(async {
        let app = room::open(database).await;
        let caller = Caller::operator();
        let found = search::list(&caller, &app.db, &app.search, &search, Emails::Shown).await.unwrap();
        app.db.close();
        found.next.unwrap().to_text(order, direction)
    })
}
