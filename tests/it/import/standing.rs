//! Whoever is let in no more neither goes on importing nor exporting what he began.

use denizen::{
    access::{Origin, Role},
    error::Code,
    import::export::{Export, Format, Whom},
};
use serde_json::json;

use super::USERS;
use crate::{
    each_engine,
    kit::{
        TestApp, eventually,
        program::Program,
        wire::{Heard, Raw, Wire},
    },
    people::person,
};

/// Rows that are sent at first: two batches come in, and the rest waits for more.
const ROWS: usize = 2_500;

fn rows(from: usize, count: usize, name: &str) -> String {
    (from..from + count).fold(String::new(), |text, n| text + name + &n.to_string() + "@example.com\n")
}

/// An import of which the first rows are in, and others are still to come.
async fn begun(app: &TestApp, token: &str, name: &str) -> Wire {
    let before = app.database.number(USERS).await;
    let head = format!(
        "POST /api/v1/users/import HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {token}\r\n\
         content-type: text/csv\r\ncontent-length: 1000000\r\n\r\nemail\n"
    );
    let mut wire = Wire::open(app.address);
    wire.send((head + &rows(0, ROWS, name)).as_bytes());
    eventually("the first rows do not come in", async || app.database.number(USERS).await == before + 2_000).await;
    wire
}

async fn answer(mut wire: Wire) -> Raw {
    let heard = tokio::task::spawn_blocking(move || wire.hear()).await.unwrap();
    let Heard::Answer(answer) = heard else { panic!("{heard:?}") };
    answer
}

each_engine! {
    async fn an_import_ends_when_whoever_sends_it_is_let_in_no_more(app) {
        let root = person(&app, "root", Role::Superadmin).await;
        let (ann, bob) = (person(&app, "ann", Role::Superadmin).await, person(&app, "bob", Role::Superadmin).await);
        let wanted = json!({"name": "import", "permissions": ["users.import"]});
        let key = app.bearer(&root.access).post("/api/v1/keys", wanted).await.expect(201).json();
        let (by_ann, by_bob) = (begun(&app, &ann.access, "ann").await, begun(&app, &bob.access, "bob").await);
        let by_key = begun(&app, key["key"].as_str().unwrap(), "key").await;
        let before = app.database.number(USERS).await;
        app.deactivate(&ann.id).await;
        app.set_role(&bob.id, Role::Admin).await;
        app.bearer(&root.access).delete(&format!("/api/v1/keys/{}", key["id"].as_str().unwrap())).await.expect(200);
        // Two send more; one sends nothing, and does not keep the connection for himself.
        for (mut wire, status, name) in [(by_ann, 401, "ann"), (by_bob, 403, "bob"), (by_key, 401, "")] {
            if !name.is_empty() {
                wire.send(rows(ROWS, 1_000, name).as_bytes());
            }
            let answer = answer(wire).await;
            assert_eq!(answer.status, status, "{name}: {}", String::from_utf8_lossy(&answer.body));
        }
        assert_eq!(app.database.number(USERS).await, before);
    }

    async fn an_export_ends_when_whoever_asks_is_let_in_no_more(app) {
        let (ann, _root) = (person(&app, "ann", Role::Superadmin).await, person(&app, "root", Role::Superadmin).await);
        Program::on(&app.database).run(&["fake", "--users", "6500", "--force"]).expect(0);
        let caller = app.app.bearers.caller(&app.app.watch, &ann.access, Origin::default()).await.unwrap();
        let mut export = Export::new(app.app.clone(), caller, Format::Csv, Whom::Everybody).await.unwrap();
        assert!(export.next().await.unwrap().is_some());
        app.deactivate(&ann.id).await;
        // One page was read ahead.
        let mut pages = 1;
        let error = loop {
            match export.next().await {
                Ok(lines) => assert!(lines.is_some(), "everybody was told"),
                Err(error) => break error,
            }
            pages += 1;
        };
        assert_eq!((error.code(), pages <= 2), (Code::TokenRefused, true), "{pages} pages");
    }
}
