//! What the indexes of the search cost whoever writes: registrations without a hash, and an import, each with them and
//! without. What waits to be sorted in is sorted in within the time that is measured, beside those who register, as a
//! server does.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use denizen::{
    access::{Caller, Role},
    account::{self, Email, Names, New, Verification},
    db::Engine,
    search::settle,
};

use super::place::Place;

const CALLERS: usize = 64;
/// How often a server sorts in what waits.
const SETTLE: Duration = Duration::from_millis(200);
const IMPORTED: u64 = 20_000;

/// Rates a second.
pub struct Cost {
    pub registrations: f64,
    pub imported: f64,
}

/// In a database of its own.
pub async fn measure(denizen: &Path, place: &Place, with_indexes: bool, length: Duration) -> Cost {
    let app = place.open().await;
    if !with_indexes {
        drop_indexes(place).await;
    }
    let begun = Instant::now();
    let callers = (0..CALLERS).map(|caller| {
        let app = app.clone();
        tokio::spawn(async move {
            let mut count = 0u32;
            while begun.elapsed() < length {
                let new = new(caller, count);
                app.db.write(async |tx| account::create(tx, &Caller::operator(), new.clone()).await).await.unwrap();
                count += 1;
            }
            count
        })
    });
    let callers: Vec<_> = callers.collect();
    let settling = tokio::spawn({
        let app = app.clone();
        async move {
            while begun.elapsed() < length {
                tokio::time::sleep(SETTLE).await;
                settle(&app.db).await.unwrap();
            }
        }
    });
    let mut count = 0;
    for caller in callers {
        count += caller.await.unwrap();
    }
    settling.await.unwrap();
    settle(&app.db).await.unwrap();
    if with_indexes {
        // Those that wait inside the index of `PostgreSQL`.
        app.db.narrow().await.unwrap();
    }
    let registrations = f64::from(count) / begun.elapsed().as_secs_f64();
    drop(app);
    let mut fake = Command::new(denizen);
    fake.env_clear().envs(place.settings()).args(["fake", "--force", "--users", &IMPORTED.to_string()]);
    let begun = Instant::now();
    assert!(fake.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success());
    #[expect(clippy::cast_precision_loss, reason = "figures are rounded anyhow")]
    let imported = IMPORTED as f64 / begun.elapsed().as_secs_f64();
    Cost { registrations, imported }
}

fn new(caller: usize, count: u32) -> New {
    New {
        email: Email::parse(&format!("new.{caller}.{count}@example.com")).unwrap(),
        username: None,
        names: Names::complete(Some(format!("First{count} Last{caller}")), None, None),
        gender: None,
        phone: None,
        ip_address: None,
        role: Role::User,
        verification: Verification::Proved,
    }
}

const ORDERS: [&str; 8] =
    ["created_at", "updated_at", "last_login", "email", "username", "last_name", "first_name", "role"];

/// Leaves the tables without what finds anything in them.
async fn drop_indexes(place: &Place) {
    let mut text: String = ORDERS.map(|order| format!("drop index search_users_by_{order};")).concat();
    if place.engine == Engine::Sqlite {
        text.push_str("drop table search_grams; create table search_grams (rowid integer primary key, grams text);");
        rusqlite::Connection::open(place.folder.join("denizen.db")).unwrap().execute_batch(&text).unwrap();
        return;
    }
    text.push_str("drop index search_grams_grams;");
    let (client, connection) = tokio_postgres::connect(&place.url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute(&format!("set search_path = {}; {text}", place.schema)).await.unwrap();
}
