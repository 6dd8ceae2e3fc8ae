//! Who numbers the log when the node that did is killed.

use std::time::{Duration, Instant};

use denizen::db::Engine;
use serde_json::json;

use crate::kit::{
    client::Client,
    database::Database,
    eventually,
    exposition::Page,
    program::{Program, Serving},
};

/// How often: the machine may be busy with something else once.
const ROUNDS: usize = 3;

async fn leads(node: &Serving) -> bool {
    let page = Client::new(node.address).get("/metrics").await.expect(200);
    Page::read(&page.text).sum("denizen_log_leader", &[]) > 0.5
}

/// The one whose node is killed hears nothing any more.
async fn change_for_ever(client: Client) {
    for n in 0.. {
        let body = json!({"bio": n.to_string()}).to_string().into_bytes();
        if client.try_send("PATCH", "/api/v1/users/me", Some(("application/json", body))).await.is_err() {
            return;
        }
    }
}

/// Two processes, each with somebody who changes something all the time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_node_is_succeeded_within_two_seconds() {
    let database = Database::new(Engine::Postgres);
    let program = Program::on(&database);
    let mut times = Vec::new();
    let mut nodes = vec![program.serve()];
    for round in 0..ROUNDS {
        nodes.push(program.serve());
        eventually("nobody leads", async || leads(&nodes[0]).await).await;
        let mut people = Vec::new();
        for (n, node) in nodes.iter().enumerate() {
            let client = Client::new(node.address);
            let person = client.register(&format!("person{round}{n}")).await;
            people.push(client.bearer(&person.access));
        }
        let load: Vec<_> = people.into_iter().map(|client| tokio::spawn(change_for_ever(client))).collect();
        tokio::time::sleep(Duration::from_millis(300)).await;
        let head = "select head from log_head";
        let epoch = database.number("select epoch from log_head").await;
        // Dropped, it is killed.
        drop(nodes.remove(0));
        let died = Instant::now();
        let taken = format!("select count(*) from log_head where epoch > {epoch}");
        eventually("nobody takes over", async || database.number(&taken).await == 1).await;
        let from = database.number(head).await;
        eventually("nothing is numbered", async || database.number(head).await > from).await;
        times.push(died.elapsed());
        load.iter().for_each(tokio::task::JoinHandle::abort);
    }
    times.sort();
    assert!(times[ROUNDS / 2] < Duration::from_secs(2), "taken over after {times:?}");
    drop(nodes);
    program.run(&["audit", "verify"]).expect(0);
}
