//! Importing, exporting and making people up: the real program beside a server, and the routes.

mod abreast;
mod arrivals;
mod crash;
mod foreign;
mod progress;
mod rehearsal;
mod standing;

use std::{
    fmt::Write,
    path::{Path, PathBuf},
};

use denizen::access::Role;
use serde_json::{Value, json};

use crate::{
    each_engine,
    kit::{
        TestApp,
        client::PASSWORD,
        program::{Answer, Program},
    },
    people::person,
};

const PEOPLE: &str = include_str!("../data/people.csv");
const OTHER: &str = "Another-Horse-8-Charger";
/// The password whose hashes stand below.
const KNOWN: &str = "Tr\u{e8}s-S\u{fb}r 42";
const USERS: &str = "select count(*) from users";
const CREATED: &str = "select count(*) from (select kind from events union all select kind from events_pending) as log
                       where kind = 'user.created'";

/// A file in the database's folder.
fn file(app: &TestApp, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
    let path = app.database.root().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn import(app: &TestApp, path: &Path, options: &[&str]) -> Answer {
    Program::on(&app.database).run(&[&["import", path.to_str().unwrap()], options].concat())
}

/// The counts of a report: created, updated, skipped, rejected.
#[track_caller]
fn counts(answer: &Answer) -> [u64; 4] {
    ["created", "updated", "skipped", "rejected"].map(|name| {
        let line = answer.out.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{answer:?}"));
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    })
}

fn exported(app: &TestApp, options: &[&str]) -> String {
    Program::on(&app.database).run(&[&["export"], options].concat()).expect(0).out
}

/// The users of an export in JSON lines.
fn people(app: &TestApp) -> Vec<Value> {
    exported(app, &["--format", "jsonl"]).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn with_email(people: &[Value], email: &str) -> Value {
    people.iter().find(|user| user["email"] == email).unwrap_or_else(|| panic!("no {email}")).clone()
}

each_engine! {
    async fn people_of_a_file_come_in_and_choose_another_password(app) {
        let path = file(&app, "people.csv", PEOPLE);
        let answer = import(&app, &path, &["--default-password", PASSWORD]).expect(0);
        assert_eq!(counts(&answer), [50, 0, 0, 0]);
        assert!(answer.err.contains("id") && answer.err.contains("external_id"), "{answer:?}");
        let first = PEOPLE.lines().nth(1).unwrap().split(',').collect::<Vec<_>>();
        let user = with_email(&people(&app), first[3]);
        for (field, value) in [("external_id", first[0]), ("first_name", first[1]), ("gender", first[4]), ("ip_address", first[5])] {
            assert_eq!(user[field], value, "{field}");
        }
        assert_eq!((&user["is_verified"], &user["must_change_password"]), (&json!(true), &json!(true)));

        let told = app.login_with(first[3], PASSWORD).await.expect(403);
        assert_eq!(told.code(), "password_change_required");
        let token = told.json()["password_change_token"].as_str().unwrap().to_owned();
        let change = json!({"new_password": OTHER, "confirm_password": OTHER});
        app.bearer(&token).post("/api/v1/auth/change-password", change).await.expect(200);
        app.login_with(first[3], OTHER).await.expect(200);

        assert_eq!(counts(&import(&app, &path, &["--default-password", PASSWORD]).expect(0)), [0, 0, 50, 0]);
        app.login_with(first[3], OTHER).await.expect(200);
        app.numbered().await;
        assert_eq!(app.database.numbers(&[USERS, CREATED, "select count(*) from imports"]).await, [50, 50, 0]);
        assert!(Program::on(&app.database).run(&["audit", "verify"]).expect(0).out.contains("sound"));
    }

    async fn a_password_that_is_kept_opens_at_once(app) {
        let path = file(&app, "kept.csv", format!("email,password\nann@example.com,{PASSWORD}\nbob@example.com,weak\n"));
        let answer = import(&app, &path, &["--keep-password"]);
        assert_eq!((answer.code, counts(&answer)), (1, [1, 0, 0, 1]));
        app.login_with("ann@example.com", PASSWORD).await.expect(200);
        let path = file(&app, "weak.csv", "email,password\nbob@example.com,weak\n");
        import(&app, &path, &[]).expect(0);
        assert_eq!(app.login_with("bob@example.com", "weak").await.expect(403).code(), "password_change_required");
    }

    async fn a_rehearsal_changes_nothing(app) {
        let path = file(&app, "people.csv", format!("{PEOPLE}x,No,Body,nobody,,\n"));
        import(&app, &path, &["--dry-run", "--default-password", "weak"]).refused(&["default_password"]);
        let answer = import(&app, &path, &["--dry-run", "--default-password", PASSWORD]);
        assert_eq!((answer.code, counts(&answer)), (1, [50, 0, 0, 1]));
        assert!(answer.out.contains("row 52: email:"), "{answer:?}");
        assert_eq!(app.database.numbers(&[USERS, CREATED, "select count(*) from imports"]).await, [0, 0, 0]);
        assert!(!path.with_extension("csv.rejects.csv").exists());
    }

    async fn each_bad_row_is_told_and_the_others_come_in(app) {
        let long = "x".repeat(70_000);
        let mut text = format!(
            "id,email,full_name,role,is_active,password_hash,created_at\n\
             1,ann@example.com,Ann Lee,,,,2020-05-01\n\
             2,not an address,Bob Ray,,,,\n\
             3,boss@example.com,The Boss,admin,,,\n\
             4,cut@example.com,Cut\n\
             5,flag@example.com,Flag Lee,,perhaps,,\n\
             6,hash@example.com,Hash Lee,,,5f4dcc3b5aa765d61d8327deb882cf99,\n\
             7,{long}@example.com,Long Lee,,,,\n\
             me,word@example.com,Word Lee,,,,\n\
             9,time@example.com,Time Lee,,,,yesterday\n\
             1,same@example.com,Same Lee,,,,\n\
             11,zoe@example.com,Zoe Lee,user,no,,\n"
        ).into_bytes();
        text.extend(b"12,nul\0@example.com,N,,,,\n13,latin@example.com,Andr\xe9,,,,\n14,end@example.com,End Lee,,,,\n");
        let path = file(&app, "bad.csv", text);
        let answer = import(&app, &path, &[]);
        assert_eq!((answer.code, counts(&answer)), (1, [3, 0, 1, 10]));
        let kept = std::fs::read_to_string(app.database.root().join("bad.csv.rejects.csv")).unwrap();
        for told in [
            "3,email,invalid_email,", "4,role,role_refused,", "5,row,wrong_columns,", "6,is_active,wrong_type,",
            "7,password_hash,unknown_hash,", "8,row,too_long,", "9,external_id,reserved,", "10,created_at,invalid_time,",
            "13,row,nul,", "14,row,not_utf8,",
        ] {
            assert!(kept.contains(&format!("\n{told}")), "{told} is not in {kept}");
        }
        assert!(kept.contains("not an address,Bob Ray") && !kept.contains("5f4dcc3b"), "{kept}");
        let people = people(&app);
        assert_eq!(with_email(&people, "ann@example.com")["created_at"].as_str().unwrap()[..10], *"2020-05-01");
        assert_eq!(with_email(&people, "zoe@example.com")["is_active"], false);
        for (name, bytes) in [
            ("utf16.csv", &b"\xff\xfee\0m\0a\0i\0l\0"[..]), ("empty.csv", b""), ("none.csv", b"name,shoe\nAnn,38\n"),
            ("latin.csv", b"email,pr\xe9nom\nann@example.com,x\n"),
        ] {
            let path = file(&app, name, bytes);
            assert_eq!(import(&app, &path, &[]).code, 1, "{name}");
        }
        let quote = format!("email\n\"{}\nlast@example.com\n", "open@example.com\n".repeat(10_000));
        let path = file(&app, "quote.csv", quote);
        let answer = import(&app, &path, &[]);
        assert_eq!(counts(&answer), [0, 0, 0, 1], "{answer:?}");
    }

    async fn a_role_comes_in_only_when_it_is_allowed(app) {
        let path = file(&app, "roles.csv", "email,role\nboss@example.com,ADMIN\n");
        import(&app, &path, &[]).expect(1);
        import(&app, &path, &["--allow-roles"]).expect(0);
        assert_eq!(with_email(&people(&app), "boss@example.com")["role"], "admin");
    }

    async fn whoever_is_here_is_skipped_changed_or_ends_the_import(app) {
        let ann = person(&app, "ann", Role::User).await;
        let path = file(&app, "more.csv", "uid;mail;name;job\n77;Ann@Example.com;Ann New;Smith\n78;bob@example.com;Bob Ray;\n");
        let fail = import(&app, &path, &["--map", "job=current_title", "--on-conflict", "fail"]);
        fail.refused(&["Row 2: Ann@Example.com is here already"]);
        assert_eq!(app.database.number(USERS).await, 1);
        let skip = import(&app, &path, &["--map", "job=current_title"]).expect(0);
        assert_eq!(counts(&skip), [1, 0, 1, 0]);
        let update = import(&app, &path, &["--map", "job=current_title", "--on-conflict", "update"]).expect(0);
        assert_eq!(counts(&update), [0, 1, 1, 0]);
        let user = app.me(&ann.access).await.expect(200).json();
        assert_eq!((&user["full_name"], &user["current_title"], &user["external_id"]), (&json!("Ann New"), &json!("Smith"), &json!("77")));
        assert_eq!(user["email"], "ann@example.com");
        app.login(&ann.email).await.expect(200);
        let taken = file(&app, "taken.csv", "id,email\n78,ann@example.com\n");
        let answer = import(&app, &taken, &["--on-conflict", "update"]);
        assert!(answer.out.contains("external_id_taken"), "{answer:?}");
    }

    async fn hashes_made_elsewhere_open(app) {
        // In a column of their own, or among passwords.
        let mut text = "email,password,password_hash\n".to_owned();
        for (n, hash) in HASHES.iter().enumerate() {
            let (before, behind) = if n % 2 == 0 { (",", "") } else { ("", ",") };
            writeln!(text, "h{n}@example.com,{before}\"{hash}\"{behind}").unwrap();
        }
        let path = file(&app, "hashes.csv", text);
        assert_eq!(counts(&import(&app, &path, &[]).expect(0)), [HASHES.len() as u64, 0, 0, 0]);
        for n in 0..HASHES.len() {
            app.login_with(&format!("h{n}@example.com"), KNOWN).await.expect(200);
            app.login_with(&format!("h{n}@example.com"), "Wrong-Horse-1").await.expect(401);
        }
    }

    async fn what_is_exported_runs_nothing_and_comes_in_again(app) {
        let path = file(&app, "odd.csv", format!(
            "email,password,full_name,bio,phone,location,subscription_tier,is_premium,user_metadata,id,created_at\n\
             +ann@example.com,{PASSWORD},=HYPERLINK(1) x,\"- a list,\nof \"\"two\"\"\",+351 21,'@home,premium,yes,\"{{\"\"a\"\":1}}\",77,2019-01-02T03:04:05Z\n"
        ));
        import(&app, &path, &[]).expect(0);
        let out = exported(&app, &[]);
        assert!(out.contains("'=HYPERLINK(1) x") && out.contains("'+351 21") && out.contains("'+ann@example.com") && out.contains("'@home"), "{out}");
        assert!(!out.contains("$argon2"), "{out}");
        let hashes = exported(&app, &["--format", "jsonl", "--with-hashes"]);
        assert!(hashes.contains("\"password_hash\":\"$argon2id$"), "{hashes}");
        let again = TestApp::start(app.database.engine()).await;
        let path = file(&again, "again.csv", &out);
        import(&again, &path, &[]).expect(0);
        let (before, mut after) = (people(&app).remove(0), people(&again).remove(0));
        for own in ["id", "updated_at", "must_change_password"] {
            after[own] = before[own].clone();
        }
        assert_eq!(after, before);
        assert_eq!(before["email"], "+ann@example.com");
    }

    async fn people_are_made_up_but_not_among_real_ones(app) {
        let program = Program::on(&app.database);
        program.run(&["fake", "--users", "1500", "--seed", "4"]).expect(0);
        assert!(program.run(&["fake", "--users", "1500", "--seed", "4"]).expect(0).out.contains("0 people were made up; 1500 were"));
        let flags = ["is_active", "is_verified", "is_premium"].map(|flag| (flag, people(&app).iter().filter(|user| user[flag] == true).count()));
        for (flag, count) in flags {
            assert!((50..1_480).contains(&count), "{flag}: {count}");
        }
        app.numbered().await;
        assert_eq!(app.get("/metrics").await.status, 200);
        app.register("ann").await;
        program.run(&["fake", "--users", "5", "--seed", "5"]).refused(&["real users"]);
        program.run(&["fake", "--users", "5", "--seed", "5", "--force"]).expect(0);
    }

    async fn whoever_may_imports_and_exports_over_http(app) {
        let ann = app.register("ann").await;
        let csv = |text: String| Some(("text/csv", text.into_bytes()));
        let (to, from) = ("/api/v1/users/import", "/api/v1/users/export");
        app.send("POST", to, csv(PEOPLE.into())).await.expect(401);
        app.bearer(&ann.access).send("POST", to, csv(PEOPLE.into())).await.expect(403);
        app.bearer(&ann.access).get(from).await.expect(403);
        app.set_role(&ann.id, Role::Superadmin).await;
        let boss = app.bearer(&app.login(&ann.email).await.expect(200).person().access);
        let rehearsed = boss.send("POST", &format!("{to}?dry_run=true"), csv(PEOPLE.into())).await.expect(200).json();
        assert_eq!((&rehearsed["created"], &rehearsed["dry_run"]), (&json!(50), &json!(true)));
        let mut long = PEOPLE.to_owned();
        for n in 0..3_000 {
            writeln!(long, "m{n},Many,People,many{n}@example.com,,").unwrap();
        }
        long.push_str("x,No,Body,nobody,,\n");
        let told = boss.send("POST", to, csv(long.clone())).await.expect(200).json();
        assert_eq!((&told["created"], &told["rejected"], &told["mapping"]["id"]), (&json!(3_050), &json!(1), &json!("external_id")));
        assert_eq!(told["errors"][0]["row"], 3_052);
        let again = boss.send("POST", to, csv(long)).await.expect(200).json();
        assert_eq!((&again["created"], &again["skipped"]), (&json!(0), &json!(3_050)));
        for (path, kind, text, status) in [
            (to.to_owned(), "application/json", "{}", 415),
            (to.to_owned(), "text/csv", "", 400),
            (to.to_owned(), "text/csv", "name\nAnn\n", 422),
            (format!("{to}?on_conflict=what"), "text/csv", PEOPLE, 422),
            (format!("{to}?shoe=1"), "text/csv", PEOPLE, 422),
            (format!("{to}?map=shoe=email"), "text/csv", PEOPLE, 422),
        ] {
            boss.send("POST", &path, Some((kind, text.as_bytes().to_vec()))).await.expect(status);
        }
        let found = boss.get("/api/v1/users/search?query=many2999").await.expect(200).json();
        assert_eq!(found["items"][0]["email"], "many2999@example.com", "{found}");
        assert_eq!(boss.get(from).await.expect(200).text.lines().count(), 3_052);
        assert_eq!(boss.get(&format!("{from}?format=jsonl")).await.expect(200).text.lines().count(), 3_051);
        boss.get(&format!("{from}?format=xml")).await.expect(422);
    }
}

/// Of [`KNOWN`], in each family of hashes.
const HASHES: &[&str] = &[
    "$2b$05$ZtTq7bPjNTa2MyQ2WSEVZefI4xNl5yRbtMiUecAhYU9o6sysp.6Z.",
    "$2y$05$bhLjMMO8cASXZ3bb5ciZWO40XSOVoVwBcRPzlxhQ9NEDWCCE9SKtG",
    "$pbkdf2-sha256$i=1000,l=32$+/8gc2l4dGVlbiBieXRlcw$lqRu2zWPif9lYavd1B7/FiNfv5E1T/m9FS2wuXpfydc",
    "pbkdf2_sha256$1000$e55n9mj4mr4d$EZC3U3WUnwV+q0W77dSBXGG5pK6RdsVQWnTejAqc7ZU=",
    "$scrypt$ln=10,r=8,p=2$TEnpPSeklBKiNIbQ2rsXwg$ljBJq1t+ATydLD1J8s32GLDDNupelY+NMHKmm68TMd8",
    "$firebase-scrypt$ln=10,r=8,sep=Bw,key=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA$c2FsdHNhbHRzYWx0$k/mYBYibuUsIr4cW9t2yx+pSb82anphD0++iTk+z9lRtHfzVW9tjOU7w2h8zoi+NLvYWIeC1LO83svwoCMSE5Q",
    "$5$rounds=1000$A4Qhg9IQ3TZjJr0u$kmXi1Ye5v0iGUKaXPtT3bW4Wh.lI2ur1QutJOdGZQG0",
    "$5$VqjU9rn6foeBuvpG$O8dzzM1bVLNWBlSXZyU.zIrNJQt.VUCcac4z6MORmu6",
    "$6$rounds=1000$saltstring12345$exL3Ek/5.my1Y.RNqMC7UfV9bPszOfMBNoqvzu9BLAnq3BG5EcOBn5POJCQMKW5mEXtWXZKL0l8xQHWKG6SRG0",
    "$6$saltsalt4567$utDZObebX0yb8epY16ls0ekhgJz78LsgMQDdVTFGPRCs8avW32DQRqeMRjPi8.4n2MQR7gKVeaFScBJdZwH69.",
    "$argon2id$v=19$m=256,t=2,p=2$c2l4dGVlbiBieXRlIHNsdA$6OjTV+3ktYY+WCh4carJgGl1fGs28JOTK0H7ZnRGoNM",
    "$argon2i$v=19$m=256,t=2,p=2$c2l4dGVlbiBieXRlIHNsdA$5DUzVYXH0hYmn61p6rED8T1cP7H+TpXsmXufqvfbxAY",
    "$argon2d$v=19$m=256,t=2,p=2$c2l4dGVlbiBieXRlIHNsdA$QIlpdjnkT+mxxrdStxrPOpUIIddd8suyTj+RRBXWN+4",
    "$2a$05$x38v3FHyiDDgsRtKPx1qgemqGmgi5qOmWpseTBOI5MbjwwdjpxI9i",
    "$pbkdf2-sha512$i=1000,l=32$+/8gc2l4dGVlbiBieXRlcw$mo6+lga79jDCjSMLz/SvDaB7c6aEJ/i4R7Fh3hhO+qA",
    "pbkdf2_sha1$1000$exHwvTlJV0cy$yGSgX950r4RBw+ujIMayix+fNC0=",
];
