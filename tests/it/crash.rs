//! Crashes: the program is killed under load, again and again, and what it acknowledged must stay true.
//!
//! Callers register, sign in, refresh, change their names and leave ([`caller`]); what they were told is kept in
//! a [`model`]. After each crash [`check`] asks the restarted program for all of it, and [`ledger`] compares the
//! tables with the log: no acknowledged write is lost, nothing that was revoked or used up is accepted again,
//! each change has its one event. `CRASH_CYCLES` says how many crashes; `CRASH_SEED` repeats the choices of a run.

mod caller;
mod check;
mod ledger;
mod model;
mod node;

use std::{
    hash::{BuildHasher, RandomState},
    io::Write,
    panic::resume_unwind,
    process::Command,
    time::{Duration, Instant},
};

use denizen::db::Engine;
use futures_util::future::join_all;
use tokio::sync::watch;

use self::{
    caller::Crash,
    model::Crowd,
    node::{Node, Place},
};
use crate::kit::{
    client::Client,
    database::{Database, variable},
    random::Random,
    server::Server,
    shadow::{Cut, Shadow},
};

/// How soon a revocation is heard on every other node.
const HEARD: Duration = Duration::from_secs(1);
/// After so many crashes the next begin with an empty database, so that checks stay quick.
const GENERATION: usize = 25;
const CROWDS: usize = 8;

/// A series of crashes.
struct Run {
    name: &'static str,
    cycles: usize,
    random: Random,
    place: Place,
    crowds: Vec<Crowd>,
    begun: Instant,
    crashes: usize,
    answers: usize,
    events: i64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_sqlite() {
    let mut run = Run::new("kill_sqlite", 1);
    for size in run.generations() {
        let database = Database::new(Engine::Sqlite);
        run.settle();
        for left in (0..size).rev() {
            while run.stumbles(&database, |_| {}).await {}
            let mut node = run.place.start(&database, |_| {}).await;
            run.check(&[node.client()]).await;
            run.load(&[node.client()], || node.kill()).await;
            run.audit(&database, left).await;
        }
        run.check_once_more(&database).await;
    }
    run.end();
}

/// Two nodes; one dies, or both. Each of them numbers the log for a while.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_postgres() {
    let mut run = Run::new("kill_postgres", 1);
    for size in run.generations() {
        let database = Database::new(Engine::Postgres);
        run.settle();
        let (one, other) = tokio::join!(run.place.start(&database, |_| {}), run.place.start(&database, |_| {}));
        let mut nodes = [one, other];
        for left in (0..size).rev() {
            let clients = [nodes[0].client(), nodes[1].client()];
            run.check(&clients).await;
            let victims = match run.random.below(4) {
                n @ 1..3 if left > 0 => n - 1..n,
                _ => 0..2,
            };
            run.load(&clients, || nodes[victims.clone()].iter_mut().for_each(Node::kill)).await;
            // What a victim sent last may still be on its way through the server.
            tokio::time::sleep(Duration::from_millis(200)).await;
            if left > 0 {
                run.compare(&database).await;
                for n in victims {
                    nodes[n] = run.place.start(&database, |_| {}).await;
                }
            }
        }
        run.audit(&database, 0).await;
        run.check_once_more(&database).await;
    }
    run.end();
}

/// The server dies, the nodes live. Its restarts take long, so there are fewer of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_stopped_immediately() {
    let mut run = Run::new("postgres_stopped_immediately", 5);
    let server = Server::start();
    for size in run.generations() {
        let database = Database::on_server(server.url());
        run.settle();
        let mut node = run.place.start(&database, |_| {}).await;
        for left in (0..size).rev() {
            run.check(&[node.client()]).await;
            run.load(&[node.client()], || server.stop_immediately()).await;
            server.start_again();
            assert!(node.serves().await, "the node has ended");
            if left > 0 {
                run.compare(&database).await;
            }
        }
        run.check(&[node.client()]).await;
        node.kill();
        run.audit(&database, 0).await;
    }
    run.end();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn power_cut_sqlite() {
    let mut run = Run::new("power_cut_sqlite", 2);
    for size in run.generations() {
        let database = Database::without_folder();
        run.settle();
        for left in (0..size).rev() {
            let shadow = Shadow::over(&database.root()).unwrap();
            let under_shadow = |command: &mut Command| {
                shadow.watch(command);
            };
            let stumbled = run.stumbles(&database, under_shadow).await;
            if !stumbled {
                let mut node = run.place.start(&database, under_shadow).await;
                run.check(&[node.client()]).await;
                run.load(&[node.client()], || node.kill()).await;
            }
            let how = if run.random.one_in(4) { Cut::Clean } else { Cut::Torn(run.random.next()) };
            // A start that stumbled before it wrote anything has nothing to lose.
            if shadow.has_begun() || !stumbled {
                shadow.cut(how).unwrap();
            }
            run.audit(&database, left).await;
        }
        run.check_once_more(&database).await;
    }
    run.end();
}

impl Run {
    /// One in `share` of the cycles that are asked for.
    fn new(name: &'static str, share: usize) -> Self {
        let number = |name| variable(name).map(|text| text.parse::<u64>().expect("a number"));
        let cycles = usize::try_from(number("CRASH_CYCLES").unwrap_or(10)).unwrap().div_ceil(share);
        let seed = number("CRASH_SEED").unwrap_or_else(|| seed().next());
        let (random, place) = (Random::new(seed), Place::new());
        say(name, &format!("{cycles} crashes, CRASH_SEED={seed}"));
        let begun = Instant::now();
        Self { name, cycles, random, place, crowds: Vec::new(), begun, crashes: 0, answers: 0, events: 0 }
    }

    /// How many crashes each database is to see.
    fn generations(&self) -> Vec<usize> {
        let cycles = self.cycles;
        (0..cycles).step_by(GENERATION).map(|begin| GENERATION.min(cycles - begin)).collect()
    }

    /// New callers come, for a new database.
    fn settle(&mut self) {
        let crowd = |n| Crowd::new(format!("crowd-{n}"), self.random.fork());
        self.crowds = (0..CROWDS).map(crowd).collect();
    }

    /// Now and then the program is killed before it gets to serve.
    async fn stumbles(&mut self, database: &Database, dress: impl Fn(&mut Command)) -> bool {
        if !self.random.one_in(4) {
            return false;
        }
        let mut node = self.place.spawn(database, dress);
        tokio::time::sleep(Duration::from_micros(self.random.next() % 80_000)).await;
        node.kill();
        true
    }

    /// Asks the program for all that was acknowledged.
    async fn check(&mut self, nodes: &[Client]) {
        let crowds = self.crowds.iter_mut().enumerate();
        join_all(crowds.map(|(n, crowd)| crowd.check(&nodes[n % nodes.len()]))).await;
        self.place.must_be_calm();
    }

    /// What the last crash has left.
    async fn check_once_more(&mut self, database: &Database) {
        let node = self.place.start(database, |_| {}).await;
        self.check(&[node.client()]).await;
    }

    /// Lets the callers work, crashes at a random moment, and waits until each of them has noticed.
    async fn load(&mut self, nodes: &[Client], crash: impl FnOnce()) {
        let (tell, told) = watch::channel(Crash::Ahead);
        let work: Vec<_> = self
            .crowds
            .drain(..)
            .zip(nodes.iter().cycle().cloned())
            .map(|(mut crowd, client)| {
                let told = told.clone();
                tokio::spawn(async move {
                    crowd.work(&client, told).await;
                    crowd
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_micros(100_000 + self.random.next() % 400_000)).await;
        tell.send_replace(Crash::Now);
        crash();
        tell.send_replace(Crash::Over);
        for work in work {
            let mut crowd = work.await.unwrap_or_else(|failed| resume_unwind(failed.into_panic()));
            self.answers += std::mem::take(&mut crowd.answers);
            self.crowds.push(crowd);
        }
        self.place.must_be_calm();
    }

    /// Reads the database while nobody works on it: half of the time, so that the program too finds what a crash
    /// has left, and always when nothing is `left` to come.
    async fn audit(&mut self, database: &Database, left: usize) {
        if left == 0 || self.random.one_in(2) {
            let events = ledger::audit(database).await;
            self.events += if left == 0 { events } else { 0 };
        }
        self.count();
    }

    /// Compares tables and log while nodes go on.
    async fn compare(&mut self, database: &Database) {
        ledger::compare(database).await;
        self.count();
    }

    fn count(&mut self) {
        self.crashes += 1;
        if self.crashes.is_multiple_of(10) {
            self.tell("so far");
        }
    }

    fn end(self) {
        self.tell("all well");
    }

    fn tell(&self, how: &str) {
        let Self { name, crashes, answers, events, .. } = self;
        let seconds = self.begun.elapsed().as_secs();
        say(name, &format!("{crashes} crashes, {answers} answers, {events} events, {seconds} s: {how}"));
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.tell(&format!("failed\n{}", self.place.last_words()));
        }
    }
}

/// A seed that nobody chose.
fn seed() -> Random {
    Random::new(RandomState::new().hash_one(()))
}

/// To the terminal, at once: the test harness keeps back what is printed.
fn say(name: &str, what: &str) {
    let _ = writeln!(std::io::stderr(), "crash::{name}: {what}");
}
