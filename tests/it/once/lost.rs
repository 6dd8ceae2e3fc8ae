//! A commit whose answer is lost on the way: nobody here can tell whether it took place.

use denizen::{access::Role, db::Engine};
use serde_json::json;

use super::{ROLES, keyed};
use crate::{
    kit::{TestApp, database::Database, proxy::Proxy},
    people::person,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_is_lost_is_503_and_repeated_has_one_effect() {
    let proxy = Proxy::start().await;
    let url = proxy.url();
    let app = TestApp::on(Database::new(Engine::Postgres), &[("DATABASE_URL", &url)]).await;
    let root = person(&app, "root", Role::Superadmin).await;
    let made = "select count(*) from roles";
    for round in 0..3 {
        let (name, key) = (format!("role-whose-answer-is-lost-{round}"), format!("k{round}"));
        let client = keyed(&app.bearer(&root.access), &key);
        let body = json!({"name": name, "permissions": []});
        proxy.lose_answer_to(&name);
        let lost = client.post(ROLES, body.clone()).await.expect(503);
        assert_eq!(lost.code(), "database_unavailable");
        assert!(lost.header("retry-after").unwrap().parse::<u32>().unwrap() >= 1);
        assert!(!proxy.is_to_lose());
        assert_eq!(app.database.number(made).await, round + 1, "it took place");
        let again = client.post(ROLES, body.clone()).await.expect(201);
        assert_eq!(again.json()["name"], name);
        assert_eq!(client.post(ROLES, body).await.expect(201).text, again.text);
        assert_eq!(app.database.number(made).await, round + 1);
        app.numbered().await;
        let told = "select count(*) from events where kind = 'role.created'";
        assert_eq!(app.database.number(told).await, round + 1);
    }
}
