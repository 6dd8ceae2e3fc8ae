//! Mail: queued with its cause, sealed, and waiting for a transport.

use std::time::Duration;

use denizen::{
    access::Role,
    mail::{self, Kind, Link, Mail, Notice},
    secret::Token,
};
use serde_json::json;

use crate::{
    each_engine,
    kit::{TestApp, client::PASSWORD, eventually, exposition::Page, program::Program},
    people::person,
};

const USERS: &str = "/api/v1/users";
const DAY: Duration = Duration::from_secs(86_400);
const MAILS: &str = "select count(*) from jobs where kind like 'mail.%' and kind <> 'mail.sweep'";

async fn waiting(app: &TestApp) -> i64 {
    mail::waiting(&mut app.app.db.read()).await.unwrap()
}

/// Makes a user who is to choose his password.
async fn invite(app: &TestApp, name: &str) -> String {
    let root = person(app, &format!("root-{name}"), Role::Superadmin).await;
    let body = json!({"email": format!("{name}@example.com"), "full_name": "Ann Lee"});
    app.bearer(&root.access).post(USERS, body).await.expect(201).json()["id"].as_str().unwrap().to_owned()
}

each_engine! {
    async fn without_a_transport_mail_waits_untried_where_it_is_seen(app) {
        let ann = invite(&app, "ann").await;
        app.app.db.clock().advance(Duration::from_secs(3_600));
        // Whatever came before it in the queue is done again, and so would it be.
        app.database.execute("update jobs set run_at = created_at where kind = 'once.sweep'").await;
        eventually("nobody works", async || {
            app.database.number("select count(*) from jobs where kind = 'once.sweep' and run_at > created_at").await == 1
        })
        .await;
        let tried = format!("{MAILS} and (attempts > 0 or locked_until is not null or parked_at is not null)");
        assert_eq!(app.database.numbers(&[MAILS, &tried]).await, [1, 0]);
        let page = Page::read(&app.get("/metrics").await.expect(200).text);
        let told = |name: &str| page.samples.iter().find(|sample| sample.name == name).unwrap().value;
        // The alert of jobs that nobody does is not for it.
        assert_eq!((told("denizen_mail_waiting"), told("denizen_jobs_waiting"), told("denizen_jobs_parked")), (1.0, 0.0, 0.0));
        let doctor = Program::on(&app.database).run(&["doctor"]).out;
        assert!(doctor.contains("1 mails wait and are not sent: no transport is configured"), "{doctor}");
        // Whoever does mail finds it as it was.
        let letters = app.letters().await;
        assert_eq!((letters.len(), letters[0].kind, &letters[0].to), (1, Kind::Link(Link::Welcome), &ann));
        assert_eq!(app.database.number(MAILS).await, 0);
        let doctor = Program::on(&app.database).run(&["doctor"]).out;
        assert!(doctor.contains("No mail waits"), "{doctor}");
    }

    async fn a_start_says_that_mail_is_not_sent(app) {
        let serving = Program::on(&app.stop().await).serve();
        let told = serving.err();
        assert_eq!(told.matches("mail is queued and not sent: no transport is configured").count(), 1, "{told}");
    }

    async fn there_is_no_mail_without_its_cause(app) {
        let root = person(&app, "root", Role::Superadmin).await;
        let client = app.bearer(&root.access);
        let body = |name: &str| json!({"email": format!("{name}@example.com"), "full_name": "Ann Lee", "external_id": "7"});
        client.post(USERS, body("ann")).await.expect(201);
        assert_eq!(client.post(USERS, body("bob")).await.expect(409).code(), "external_id_taken");
        assert_eq!(client.post(USERS, body("ann")).await.expect(409).code(), "email_taken");
        let both = [MAILS, "select count(*) from proofs"];
        assert_eq!(app.database.numbers(&both).await, [1, 1]);
        // The same request again is the same mail.
        let once = client.with("idempotency-key", "one");
        for _ in 0..2 {
            once.post(USERS, json!({"email": "cid@example.com", "full_name": "Cid Lee"})).await.expect(201);
        }
        assert_eq!(app.database.numbers(&both).await, [2, 2]);
    }

    async fn no_table_holds_what_opens_an_account(app) {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let ann = invite(&app, "ann").await;
        app.numbered().await;
        let before = app.database.texts().await;
        let payloads = format!("{MAILS} and {}", match app.database.engine() {
            denizen::db::Engine::Sqlite => "payload like '%@%'",
            denizen::db::Engine::Postgres => "payload::text like '%@%'",
        });
        assert_eq!(app.database.number(&payloads).await, 0, "a job holds no address");
        let token = app.mailed_token().await;
        let encoded = STANDARD.encode(&token);
        let digest = Token::received(&token).digest();
        assert!(token.starts_with("dzp_") && token.len() > 40);
        for text in before {
            assert!(!text.contains(&token[4..]) && !text.contains(&encoded), "{text}");
        }
        assert_ne!(digest.to_vec(), token.as_bytes());
        // Its seal is for this person and this kind of mail.
        let id = ann.parse().unwrap();
        let other = app.register("bob").await.id.parse().unwrap();
        let token = Token::received(&token);
        let keys = &app.app.keys;
        let sealed = Mail::link(Link::Welcome, id, keys, &token).unwrap();
        assert_eq!(sealed.token(keys).unwrap().unwrap().expose(), token.expose());
        for (kind, to) in [("mail.password_link", id), ("mail.welcome", other)] {
            let queued = sealed.clone();
            app.app.db.write(async |tx| mail::queue(tx, &queued).await).await.unwrap();
            let readdress = match app.database.engine() {
                denizen::db::Engine::Sqlite => format!("update jobs set kind = '{kind}', payload = json_set(payload, '$.to', '{to}') where kind = 'mail.welcome'"),
                denizen::db::Engine::Postgres => format!("update jobs set kind = '{kind}', payload = jsonb_set(payload, '{{to}}', '\"{to}\"') where kind = 'mail.welcome'"),
            };
            app.database.execute(&readdress).await;
            let (_worker, told) = refused(&app);
            eventually("it is not read", async || told.lock().unwrap().is_some()).await;
            assert!(told.lock().unwrap().take().unwrap().contains("does not open"), "{kind} {to}");
        }
    }

    async fn what_is_not_worth_sending_any_more_is_removed(app) {
        let ann = invite(&app, "ann").await;
        let root = person(&app, "root", Role::Superadmin).await;
        app.bearer(&root.access).send("POST", &format!("{USERS}/{ann}/unlock"), None).await.expect(200);
        let sweep = async |after: Duration| {
            app.app.db.clock().advance(after);
            mail::job::sweep(&app.app).await.unwrap();
            denizen::proof::job::sweep(&app.app).await.unwrap();
            (waiting(&app).await, app.database.number("select count(*) from proofs").await)
        };
        let hour = Duration::from_secs(3_600);
        assert_eq!(sweep(23 * hour).await, (2, 1));
        assert_eq!(sweep(2 * hour).await, (1, 0), "a link is good for a day");
        assert_eq!(sweep(5 * DAY).await, (1, 0));
        assert_eq!(sweep(DAY).await, (0, 0), "a notice is news for a week");
    }

    async fn whoever_is_helped_is_told(app) {
        let ann = app.register("ann").await;
        let desk = person(&app, "desk", Role::Admin).await;
        let client = app.bearer(&desk.access);
        let of = format!("{USERS}/{}", ann.id);
        let password = json!({"password": "Another-Horse-8-Battery"});
        client.send("POST", &format!("{of}/force-password-change"), None).await.expect(200);
        client.send("POST", &format!("{of}/unlock"), None).await.expect(200);
        client.post(&format!("{of}/password"), password.clone()).await.expect(200);
        client.patch(&of, password).await.expect(200);
        let told: Vec<_> = app.letters().await.into_iter().map(|letter| (letter.kind, letter.to, letter.url)).collect();
        let notices = [Notice::PasswordChangeRequired, Notice::Unlocked, Notice::PasswordSet, Notice::PasswordSet];
        assert_eq!(told, notices.map(|notice| (Kind::Notice(notice), ann.id.clone(), None)));
        // What was refused, and what one does oneself, is no news.
        client.send("POST", &format!("{USERS}/{}/unlock", desk.id), None).await.expect(403);
        client.post(&format!("{of}/password"), json!({"password": "short"})).await.expect(422);
        let own = json!({"current_password": PASSWORD, "new_password": "Another-Horse-8-Battery"});
        client.post("/api/v1/auth/change-password", own).await.expect(200);
        assert_eq!(waiting(&app).await, 0);
    }
}

/// A worker that cannot open what it takes, and why.
fn refused(app: &TestApp) -> (denizen::job::Worker, std::sync::Arc<std::sync::Mutex<Option<String>>>) {
    use denizen::job::{Verdict, Worker};
    let (keys, told) = (app.app.keys.clone(), std::sync::Arc::default());
    let why: std::sync::Arc<std::sync::Mutex<Option<String>>> = std::sync::Arc::clone(&told);
    let worker = Worker::start(&app.app.db, crate::kit::post::POSTMAN, move |job| {
        let error = Mail::read(&job).unwrap().token(&keys).err();
        *why.lock().unwrap() = Some(error.map_or_else(|| "opened".to_owned(), |error| format!("{error:?}")));
        async { Verdict::Done }
    });
    (worker, told)
}
