//! What a node remembers of bearers never outlives what happened elsewhere.

use std::time::{Duration, Instant};

use denizen::{
    access::{Caller, Origin},
    app::App,
    error::{Code, Result},
    secret::Token,
    session::{self, Reason, refresh},
};

use crate::{
    each_engine,
    kit::{self, TestApp, client::Person, eventually},
};

each_engine! {
    async fn a_deaf_node_asks_the_database(app) {
        let ann = app.register("ann").await;
        assert_eq!(app.me(&ann.access).await.status, 200);
        app.numbered().await;
        let TestApp { app: node, database, .. } = deafen(app).await;
        // It does remember, and goes on as long as the database agrees.
        caller(&node, &ann).await.unwrap();
        end_session(&kit::open(&database, &[]).await, &ann).await;
        assert_eq!(caller(&node, &ann).await.unwrap_err().code(), Code::TokenRefused);
    }

    async fn what_was_read_before_the_first_hearing_is_asked_again(app) {
        let ann = app.register("ann").await;
        let node = kit::open(&app.database, &[]).await;
        caller(&node, &ann).await.unwrap();
        end_session(&app.app, &ann).await;
        app.numbered().await;
        let listener = node.clone();
        let listening = node.watch.listen(node.db.clone(), move |notes| listener.bearers.hear(notes));
        listening.await.unwrap();
        eventually("the node hears nothing", async || node.watch.is_fresh()).await;
        assert_eq!(caller(&node, &ann).await.unwrap_err().code(), Code::TokenRefused);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_is_heard_on_every_node_within_a_second() {
    let here = TestApp::start(denizen::db::Engine::Postgres).await;
    let there = here.another().await;
    for name in ["ann", "bob", "cat"] {
        let person = here.register(name).await;
        there.me(&person.access).await.expect(200);
        here.bearer(&person.access).send("POST", "/api/v1/auth/logout-all", None).await.expect(200);
        let ended = Instant::now();
        here.me(&person.access).await.expect(401);
        eventually("the revocation is not heard", async || there.me(&person.access).await.status == 401).await;
        assert!(ended.elapsed() < Duration::from_secs(1), "heard after {:?}", ended.elapsed());
    }
}

/// Takes the background work away, so that nothing is heard any more.
async fn deafen(mut app: TestApp) -> TestApp {
    app.kill();
    eventually("the node still hears", async || !app.app.watch.is_fresh()).await;
    app
}

async fn caller(node: &App, person: &Person) -> Result<Caller> {
    node.bearers.caller(&node.watch, &person.access, Origin::default()).await
}

/// Ends the session of a refresh token at this node.
async fn end_session(node: &App, person: &Person) {
    let (user, id) = refresh::owner(&mut node.db.read(), &Token::received(&person.refresh)).await.unwrap().unwrap();
    let end =
        async |tx: &mut denizen::db::Tx| session::revoke(tx, &Caller::operator(), user, id, Reason::Revoked).await;
    assert!(node.db.write(end).await.unwrap());
}
