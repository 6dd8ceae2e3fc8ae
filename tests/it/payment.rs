//! Premium that is paid for: what the service that knows is asked, and what becomes of each of its answers.

use std::time::{Duration, Instant};

use denizen::{access::Role, db::Engine};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::{
    each_engine,
    kit::{
        TestApp,
        client::Person,
        collector::{Collector, Mood},
    },
    people::{person, verify},
};

const ME: &str = "/api/v1/users/me";
const UPGRADE: &str = "/api/v1/users/me/upgrade";

async fn asking(app: &TestApp, hook: &Collector) -> TestApp {
    let url = format!("{}/has-paid", hook.url);
    let settings = [("PAYMENT_HOOK", url.as_str()), ("PAYMENT_HOOK_HEADERS", "authorization=Bearer%20k7")];
    app.with_settings(&settings).await
}

async fn tier(app: &TestApp, person: &Person) -> Value {
    app.bearer(&person.access).get(ME).await.expect(200).json()["subscription_tier"].clone()
}

each_engine! {
    async fn premium_is_for_who_has_paid(app) {
        let hook = Collector::start(Mood::Willing).await;
        let app = asking(&app, &hook).await;
        let ann = person(&app, "ann", Role::User).await;
        hook.answer(402);
        let refused = app.bearer(&ann.access).send("POST", UPGRADE, None).await.expect(402);
        assert_eq!((refused.code(), tier(&app, &ann).await), ("payment_required".to_owned(), json!("basic")));
        let asked = hook.requests();
        let (head, body) = asked[0].split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST /has-paid HTTP/1.1\r\n") && head.contains("authorization: Bearer k7"), "{head}");
        let question = json!({"user_id": ann.id, "external_id": null, "email": ann.email, "plan": "premium"});
        assert_eq!(serde_json::from_str::<Value>(body).unwrap(), question);
        hook.answer(204);
        let premium = app.bearer(&ann.access).send("POST", UPGRADE, None).await.expect(200).json();
        assert_eq!((&premium["subscription_tier"], &premium["is_premium"]), (&json!("premium"), &json!(true)));
        assert_eq!(hook.requests().len(), 2);
        // Who has it, gives it up, or may not have it, is not asked about.
        app.bearer(&ann.access).send("POST", UPGRADE, None).await.expect(409);
        app.bearer(&ann.access).send("POST", "/api/v1/users/me/downgrade", None).await.expect(200);
        let new = app.register("new").await;
        let refused = app.bearer(&new.access).send("POST", UPGRADE, None).await.expect(403);
        assert_eq!((refused.code(), hook.requests().len()), ("verification_required".to_owned(), 2));
        // What was answered is answered again, whatever is said by now.
        verify(&app, &new).await;
        let client = app.bearer(&new.access).with("idempotency-key", "one");
        let repeated = || client.send("POST", UPGRADE, None);
        let first = repeated().await.expect(200).json();
        hook.answer(402);
        assert_eq!((repeated().await.expect(200).json(), hook.requests().len()), (first, 3));
    }

    async fn who_does_not_say_puts_off_only_who_asked(app) {
        let broken = Collector::start(Mood::Willing).await;
        for status in [301, 401, 404, 500] {
            broken.answer(status);
            let app = asking(&app, &broken).await;
            let ann = person(&app, "ann", Role::User).await;
            let put_off = app.bearer(&ann.access).send("POST", UPGRADE, None).await.expect(503);
            assert_eq!((put_off.code(), put_off.header("retry-after")), ("payment_unavailable".to_owned(), Some("5")));
        }
        let app = asking(&app, &Collector::start(Mood::Deaf).await).await;
        let (ann, bob) = (person(&app, "ann", Role::User).await, person(&app, "bob", Role::User).await);
        let begun = Instant::now();
        let (client, other) = (app.bearer(&ann.access), app.bearer(&bob.access));
        let asking = async { (client.send("POST", UPGRADE, None).await.expect(503).code(), begun.elapsed()) };
        let meanwhile = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            other.put(ME, json!({"location": "Oslo"})).await.expect(200);
            begun.elapsed()
        };
        let ((code, put_off), written) = tokio::join!(asking, meanwhile);
        assert_eq!(code, "payment_unavailable");
        assert!(written < put_off && put_off < Duration::from_secs(15), "{written:?} {put_off:?}");
        assert_eq!(tier(&app, &ann).await, json!("basic"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_node_did_meanwhile_is_answered() {
    let hook = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", hook.local_addr().unwrap());
    let here = TestApp::start_with(Engine::Postgres, &[("PAYMENT_HOOK", &url)]).await;
    // It asks nobody.
    let there = here.another().await;
    let ann = person(&here, "ann", Role::User).await;
    let [asking, done] = [&here, &there].map(|app| app.bearer(&ann.access).with("idempotency-key", "one"));
    let refused_late = async {
        let (mut stream, _) = hook.accept().await.unwrap();
        assert!(stream.read(&mut [0; 4_096]).await.unwrap() > 0);
        let done = done.send("POST", UPGRADE, None).await.expect(200);
        stream.write_all(b"HTTP/1.1 402 No\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        done
    };
    let (asked, done) = tokio::join!(asking.send("POST", UPGRADE, None), refused_late);
    assert_eq!(asked.expect(200).text, done.text);
}

each_engine! {
    async fn few_wait_for_a_service_that_does_not_answer(app) {
        let app = asking(&app, &Collector::start(Mood::Deaf).await).await;
        let ann = person(&app, "ann", Role::User).await;
        let begun = Instant::now();
        let all = (0..20).map(|_| async {
            let client = app.bearer(&ann.access);
            client.send("POST", UPGRADE, None).await.expect(503);
            begun.elapsed()
        });
        let times = futures_util::future::join_all(all).await;
        let at_once = times.iter().filter(|time| **time < Duration::from_secs(4)).count();
        assert_eq!(at_once, 4, "{times:?}");
    }
}
