//! People who come and go one by one: made without a password, changed, deactivated and deleted by an administrator.

use std::time::{Duration, Instant};

use denizen::{
    access::Caller,
    account::{self, Changes},
    app::App,
    error::{Error, Result},
    patch::Patch,
};
use tokio::task::JoinSet;

use super::{
    super::{
        Bench,
        load::{self, Answer, Client, Pace, Source},
        people::member,
        room::{self, CALLERS},
        server::{Database, Engine, Server},
        table::{Bound, Row},
    },
    admin, ask, beside,
};

const WARM: Duration = Duration::from_secs(1);
/// Requests of a life.
const STEPS: usize = 4;

/// Over HTTP, beside the same statements without it.
pub fn rows(bench: &Bench) -> Vec<Row> {
    let row = |(engine, at_least): (Engine, f64)| {
        let database = Database::new(bench, engine);
        let key = admin(bench, &database);
        let server = Server::start(bench, &database);
        let what = format!("Lives of users over HTTP, beside the same without HTTP, {}", engine.name());
        let mut lives = Lives { key, people: vec![None; CALLERS], next: 0 };
        let mut first = Vec::new();
        lives.ask(0, &mut first);
        let (status, told) = ask(server.address, &String::from_utf8(first).unwrap());
        if status != 201 {
            let mut row = beside(what, vec![0.0], vec![0.0], " /s", Bound::AtLeast(at_least));
            row.faults.push(format!("nobody can be made without a password: {status} {told}"));
            return row;
        }
        let (mut limit, mut service) = (Vec::new(), Vec::new());
        for round in 0..bench.rounds {
            super::super::tell(&format!("lifecycle, {}, round {}", engine.name(), round + 1));
            limit.push(bare(&Database::new(bench, engine), bench.length));
            let mut sources = [Source { client: &mut lives, connections: CALLERS, pace: Pace::Closed }];
            let tally = load::run(server.address, &mut sources, WARM, bench.length).remove(0);
            assert!(tally.others(&[200, 201]).is_empty() && tally.broken == 0, "{}", tally.others(&[200, 201]));
            service.push((tally.rate(200) + tally.rate(201)) / STEPS as f64);
            // What was asked last is still answered, and begins anew.
            std::thread::sleep(Duration::from_millis(500));
            lives.people.fill(None);
        }
        server.stop();
        beside(what, limit, service, " /s", Bound::AtLeast(at_least))
    };
    [(Engine::Sqlite, 1_000.0), (Engine::Postgres, 0.0)].into_iter().map(row).collect()
}

/// Each connection leads one life after the other.
struct Lives {
    key: String,
    /// Whom a connection made, and how many requests he has seen.
    people: Vec<Option<(String, usize)>>,
    next: usize,
}

impl Client for Lives {
    fn ask(&mut self, connection: usize, request: &mut Vec<u8>) {
        let (method, path, body) = match &self.people[connection] {
            None => {
                self.next += 1;
                let body = format!(r#"{{"email":"l{}@example.com","full_name":"Ada Lovelace"}}"#, self.next);
                ("POST", "/api/v1/users".to_owned(), body)
            }
            Some((id, 1)) => ("PATCH", format!("/api/v1/users/{id}"), r#"{"bio":"Counts."}"#.to_owned()),
            Some((id, 2)) => ("PUT", format!("/api/v1/users/{id}/status"), r#"{"is_active":false}"#.to_owned()),
            Some((id, _)) => ("DELETE", format!("/api/v1/users/{id}"), String::new()),
        };
        let head = format!("{method} {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {}\r\n", self.key);
        let kind = if body.is_empty() { "" } else { "content-type: application/json\r\n" };
        request.extend_from_slice(format!("{head}{kind}content-length: {}\r\n\r\n{body}", body.len()).as_bytes());
    }

    fn hear(&mut self, connection: usize, answer: &Answer<'_>) {
        self.people[connection] = match self.people[connection].take() {
            None => (answer.status == 201).then(|| (member(answer.body, "id").to_owned(), 1)),
            Some((id, step)) => (step + 1 < STEPS).then_some((id, step + 1)),
        };
    }
}

/// Lives a second of as many callers in this process, with no log to number.
fn bare(database: &Database, measured: Duration) -> f64 {
    room::runtime().block_on(async {
        let app = room::open(database).await;
        let from = Instant::now() + WARM;
        let to = from + measured;
        let mut callers = JoinSet::new();
        for caller in 0..CALLERS {
            let app = app.clone();
            callers.spawn(async move {
                let mut done = 0;
                for round in 0.. {
                    live(&app, &format!("c{caller}x{round}@example.com")).await.unwrap();
                    let now = Instant::now();
                    if now >= to {
                        break;
                    }
                    done += u64::from(now >= from);
                }
                done
            });
        }
        let done: u64 = callers.join_all().await.iter().sum();
        app.db.close();
        done as f64 / measured.as_secs_f64()
    })
}

async fn live(app: &App, email: &str) -> Result<()> {
    let (caller, new, grace) = (&Caller::system(), &room::new(email), app.config.auth.delete_grace);
    let any = |_| Ok::<(), Error>(());
    let id = app.db.write(async |tx| account::create(tx, caller, new.clone()).await).await?.id;
    let changes = Changes { bio: Patch::Set("Counts.".into()), ..Changes::default() };
    app.db.write(async |tx| account::update(tx, caller, id, changes.clone(), any).await).await?;
    app.db.write(async |tx| account::deactivate(tx, caller, id, |_| Ok(())).await).await?;
    app.db.write(async |tx| account::delete(tx, caller, id, grace, any).await).await
}
