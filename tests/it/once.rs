//! A repeated request takes effect once, wherever and however it is repeated.

mod killed;
mod lost;
mod routes;

use std::time::Duration;

use denizen::{access::Role, db::Engine};
use serde_json::json;
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::{
    each_engine,
    kit::{
        TestApp,
        client::{Client, PASSWORD},
        eventually,
    },
    people::person,
};

const USERS: &str = "/api/v1/users";
const ROLES: &str = "/api/v1/roles";

fn keyed(client: &Client, key: &str) -> Client {
    client.with("idempotency-key", key)
}

each_engine! {
    async fn the_same_request_has_one_effect_and_one_answer(app) {
        let root = person(&app, "root", Role::Superadmin).await;
        let client = app.bearer(&root.access);
        let body = json!({"email": "ann@example.com", "password": PASSWORD, "full_name": "Ann Lee"});
        let first = keyed(&client, "k1").post(USERS, body.clone()).await.expect(201);
        // The slash is no part of the route, but the body and the query are of what is asked.
        let again = keyed(&client, "k1").post(&format!("{USERS}/"), body.clone()).await.expect(201);
        assert_eq!((&again.text, again.header("etag")), (&first.text, first.header("etag")));
        let again = keyed(&client, "k1").post(USERS, body.clone()).await.expect(201);
        assert_eq!((&again.text, again.header("etag")), (&first.text, first.header("etag")));
        client.post(USERS, body.clone()).await.expect(409);
        let other = json!({"email": "bob@example.com", "password": PASSWORD, "full_name": "Bob Lee"});
        assert_eq!(keyed(&client, "k1").post(USERS, other.clone()).await.expect(422).code(), "idempotency_mismatch");
        keyed(&client, "k2").post(USERS, other).await.expect(201);
        // Another caller's key and another route's are others.
        let second = person(&app, "second", Role::Superadmin).await;
        keyed(&app.bearer(&second.access), "k1").post(USERS, body).await.expect(409);
        keyed(&client, "k1").post(ROLES, json!({"name": "r", "permissions": []})).await.expect(201);
        for odd in ["a b", "", &"x".repeat(256)] {
            assert_eq!(keyed(&client, odd).post(ROLES, json!({"name": "s", "permissions": []})).await.expect(400).code(), "malformed");
        }
        // What a repeated request insists on is not asked again, but it must be readable.
        let me = format!("{USERS}/me");
        keyed(&client, "tag").with("if-match", "*").put(&me, json!({"bio": "zero"})).await.expect(200);
        keyed(&client, "tag").with("if-match", "\"v999\"").put(&me, json!({"bio": "zero"})).await.expect(200);
        assert_eq!(keyed(&client, "tag").with("if-match", "0").put(&me, json!({"bio": "zero"})).await.expect(400).code(), "malformed");
        // What was refused had no effect, and may be tried again.
        keyed(&client, "k3").post(ROLES, json!({"name": "r", "permissions": []})).await.expect(409);
        client.delete(&format!("{ROLES}/r")).await.expect(200);
        keyed(&client, "k3").post(ROLES, json!({"name": "r", "permissions": []})).await.expect(201);
        // A PUT answers as it did, though the record has moved on.
        let put = keyed(&client, "p").put(&me, json!({"bio": "one"})).await.expect(200);
        client.put(&me, json!({"bio": "two"})).await.expect(200);
        assert_eq!(keyed(&client, "p").put(&me, json!({"bio": "one"})).await.expect(200).text, put.text);
        assert_eq!(client.get(&me).await.json()["bio"], "two");
        // After a day it is forgotten.
        app.database.execute("update idempotency_keys set expires_at = created_at").await;
        keyed(&client, "p").put(&me, json!({"bio": "one"})).await.expect(200);
        assert_eq!(client.get(&me).await.json()["bio"], "one");
    }

    async fn an_answer_with_a_secret_is_not_kept(app) {
        let root = person(&app, "root", Role::Superadmin).await;
        let client = keyed(&app.bearer(&root.access), "k");
        let body = json!({"name": "crm", "permissions": ["users.read"]});
        let token = client.post("/api/v1/keys", body.clone()).await.expect(201).json()["key"].as_str().unwrap().to_owned();
        assert_eq!(client.post("/api/v1/keys", body).await.expect(409).code(), "idempotency_done");
        assert_eq!(app.database.number("select count(*) from api_keys").await, 1);
        assert!(app.database.texts().await.iter().all(|text| !text.contains(&token)));
    }

    async fn of_thirty_at_once_one_takes_effect(app) {
        let root = person(&app, "root", Role::Superadmin).await;
        let client = keyed(&app.bearer(&root.access), "k");
        let body = json!({"name": "many", "permissions": []});
        let calls = (0..30).map(|_| {
            let (client, body) = (client.clone(), body.clone());
            tokio::spawn(async move { client.post(ROLES, body).await })
        });
        let mut answers = Vec::new();
        for call in calls.collect::<Vec<_>>() {
            let reply = call.await.unwrap();
            if reply.status == 201 {
                answers.push(reply.text);
            } else {
                assert_eq!((reply.status, reply.code().as_str()), (409, "idempotency_in_progress"));
            }
        }
        assert!(!answers.is_empty() && answers.iter().all(|text| *text == answers[0]));
        app.numbered().await;
        assert_eq!(app.database.number("select count(*) from events where kind = 'role.created'").await, 1);
    }

    async fn a_killed_connection_leaves_one_effect(app) {
        let root = person(&app, "root", Role::Superadmin).await;
        let client = app.bearer(&root.access);
        for round in 0..8 {
            let (key, name) = (format!("k{round}"), format!("role{round}"));
            let body = json!({"name": name, "permissions": []}).to_string();
            let mut socket = TcpStream::connect(app.address).await.unwrap();
            let head = format!(
                "POST {ROLES} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\nidempotency-key: {key}\r\n\
                 content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                root.access,
                body.len()
            );
            socket.write_all(head.as_bytes()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(round)).await;
            drop(socket);
            eventually("the repetition is not answered", async || {
                let reply = keyed(&client, &key).post(ROLES, serde_json::from_str(&body).unwrap()).await;
                assert!([201, 409].contains(&reply.status), "{}", reply.text);
                assert!(reply.status == 201 || reply.code() == "idempotency_in_progress", "{}", reply.text);
                reply.status == 201
            })
            .await;
            app.numbered().await;
            let made = app.database.number("select count(*) from events where kind = 'role.created'").await;
            assert_eq!(made, i64::try_from(round).unwrap() + 1);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_nodes_one_does_it_and_both_answer_alike() {
    let here = TestApp::start(Engine::Postgres).await;
    let root = person(&here, "root", Role::Superadmin).await;
    let there = here.another().await;
    for round in 0..10 {
        let body = json!({"name": format!("role{round}"), "permissions": []});
        let key = format!("k{round}");
        let (one, other) = (keyed(&here.bearer(&root.access), &key), keyed(&there.bearer(&root.access), &key));
        let (left, right) = tokio::join!(one.post(ROLES, body.clone()), other.post(ROLES, body.clone()));
        assert_eq!((left.status, right.status), (201, 201), "{} {}", left.text, right.text);
        assert_eq!(left.text, right.text);
    }
    here.numbered().await;
    assert_eq!(here.database.number("select count(*) from events where kind = 'role.created'").await, 10);
}
