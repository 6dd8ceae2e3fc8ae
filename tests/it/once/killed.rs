//! Requests whose server dies in the middle: repeated, they have one effect.

use std::time::Duration;

use denizen::{access::Role, db::Engine};
use serde_json::json;
use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::{ROLES, keyed};
use crate::{
    each_engine,
    kit::{
        TestApp,
        client::{Client, Person, Reply},
        database::Database,
        program::Program,
    },
    people::person,
};

const ROUNDS: u64 = 5;

/// Sends a request, and waits so long that it may be anywhere: unread, in its transaction, or done.
async fn send(address: std::net::SocketAddr, root: &Person, round: u64) {
    let body = json!({"name": format!("role{round}"), "permissions": []}).to_string();
    let head = format!(
        "POST {ROLES} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\nidempotency-key: k{round}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        root.access,
        body.len()
    );
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(round * round)).await;
}

/// The same request once more, until it is answered.
async fn again(client: &Client, round: u64) -> Reply {
    loop {
        let reply = keyed(client, &format!("k{round}"))
            .post(ROLES, json!({"name": format!("role{round}"), "permissions": []}))
            .await;
        if reply.status == 201 {
            return reply;
        }
        // What the dead server began may still hold its row for a moment.
        assert!(reply.status == 503 || reply.code() == "idempotency_in_progress", "{} {}", reply.status, reply.text);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn one_of_each(database: &Database) {
    let roles = "select count(*) from roles";
    let events = "select (select count(*) from events where kind = 'role.created')
                       + (select count(*) from events_pending where kind = 'role.created')";
    let expected = i64::try_from(ROUNDS).unwrap();
    assert_eq!(database.numbers(&[roles, events]).await, [expected, expected]);
}

each_engine! {
    async fn a_killed_server_leaves_one_effect(app) {
        let root = person(&app, "root", Role::Superadmin).await;
        let database = app.stop().await;
        let program = Program::on(&database);
        for round in 0..ROUNDS {
            let dies = program.serve();
            send(dies.address, &root, round).await;
            dies.signal("KILL");
            drop(dies);
            let lives = program.serve();
            let client = Client::new(lives.address).bearer(&root.access);
            let first = again(&client, round).await;
            assert_eq!(again(&client, round).await.text, first.text);
        }
        one_of_each(&database).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dead_node_began_another_ends_or_answers() {
    let lives = TestApp::start(Engine::Postgres).await;
    let root = person(&lives, "root", Role::Superadmin).await;
    let client = lives.bearer(&root.access);
    for round in 0..ROUNDS {
        let dies = Program::on(&lives.database).serve();
        send(dies.address, &root, round).await;
        dies.signal("KILL");
        let first = again(&client, round).await;
        assert_eq!(again(&client, round).await.text, first.text);
    }
    one_of_each(&lives.database).await;
}

// The second node has proved the old password when the first one changes it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_changes_once_on_two_nodes() {
    let here = TestApp::start(Engine::Postgres).await;
    let there = here.another().await;
    let ann = here.register("ann").await;
    let body = json!({"current_password": crate::kit::client::PASSWORD, "new_password": "Another-Horse-8-Battery"});
    let path = "/api/v1/auth/change-password";
    let (one, other) = (keyed(&here.bearer(&ann.access), "k"), keyed(&there.bearer(&ann.access), "k"));
    let (left, right) = tokio::join!(one.post(path, body.clone()), other.post(path, body.clone()));
    assert_eq!((left.status, right.status), (200, 200), "{} {}", left.text, right.text);
    assert_eq!(left.text, right.text);
    here.numbered().await;
    assert_eq!(here.database.number("select count(*) from events where kind = 'password.changed'").await, 2);
}
