//! Bringing the schema up to date.

use std::time::{Duration, Instant};

use denizen::{
    clock::Clock,
    db::{Db, Engine, MIGRATIONS, Migration, Tx, sql},
    error::Code,
};
use futures_util::future::join_all;

use crate::kit::database::Database;

/// Runs a test on a database that holds nothing, of either engine.
macro_rules! on_empty {
    ($($(#[$meta:meta])* async fn $name:ident($database:ident) $body:block)+) => {$(
        async fn $name($database: Database) $body

        $(#[$meta])*
        mod $name {
            use super::*;

            #[tokio::test]
            async fn sqlite() {
                super::$name(Database::new(Engine::Sqlite)).await;
            }

            #[tokio::test]
            async fn postgres() {
                super::$name(Database::new(Engine::Postgres)).await;
            }
        }
    )+};
}

const ONE: &str = "create table if not exists one (id {int} not null primary key) {table};";
const BOTH: &str = "create table if not exists one (id {int} not null primary key) {table};
                    create table if not exists two (id {int} not null primary key) {table};";

const fn step(version: i64, text: &'static str) -> Migration {
    Migration { version, name: "step", text: (text, text) }
}

fn open(database: &Database) -> Db {
    Db::open(&database.place(), Clock::default()).unwrap()
}

on_empty! {
    async fn each_step_is_applied_once(database) {
        let db = open(&database);
        let names: Vec<_> = MIGRATIONS.iter().map(|step| step.name).collect();
        assert!(db.migrations(MIGRATIONS).await.unwrap().iter().all(|status| status.applied_at.is_none()));
        assert_eq!(db.migrate(MIGRATIONS).await.unwrap(), names);
        assert!(db.migrate(MIGRATIONS).await.unwrap().is_empty());
        assert!(open(&database).migrate(MIGRATIONS).await.unwrap().is_empty());
        assert!(db.migrations(MIGRATIONS).await.unwrap().iter().all(|status| status.applied_at.is_some()));
    }

    async fn four_nodes_at_once_apply_each_step_once(database) {
        let nodes: Vec<_> = (0..4).map(|_| open(&database)).collect();
        let applied = join_all(nodes.iter().map(|node| node.migrate(MIGRATIONS))).await;
        let applied: Vec<_> = applied.into_iter().map(Result::unwrap).collect();
        let names: Vec<_> = MIGRATIONS.iter().map(|step| step.name).collect();
        let place = |name: &&str| names.iter().position(|other| other == name);
        assert!(applied.iter().all(|own| own.is_sorted_by_key(place)));
        let mut applied = applied.concat();
        if database.engine() == Engine::Sqlite {
            // One may do the first of them, and another one the next.
            applied.sort_by_key(place);
        }
        assert_eq!(applied, names);
        assert_eq!(database.number("select count(*) from users").await, 0);
    }

    async fn a_step_that_fails_leaves_nothing_and_is_done_again(database) {
        let db = open(&database);
        let broken = format!("{ONE} insert into nowhere values (1);");
        db.migrate(&[step(1, broken.leak())]).await.unwrap_err();
        database.execute("create table one (id bigint not null primary key); insert into one values (7)").await;
        assert_eq!(database.number("select count(*) from schema_migrations").await, 0);
        // Half of it is there already.
        assert_eq!(db.migrate(&[step(1, BOTH)]).await.unwrap(), ["step"]);
        assert_eq!(database.number("select id from one").await, 7);
        assert_eq!(database.number("select count(*) from two").await, 0);
    }

    async fn another_text_is_refused_and_a_newer_database_served(database) {
        let db = open(&database);
        db.migrate(&[step(1, ONE), step(2, BOTH)]).await.unwrap();
        assert!(db.migrate(&[step(1, ONE)]).await.unwrap().is_empty());
        let refused = db.migrate(&[step(1, BOTH)]).await.unwrap_err();
        assert_eq!(refused.code(), Code::Conflict);
        assert!(refused.text().contains("another text"), "{refused}");
        let refused = db.migrate(&[step(1, BOTH), step(2, BOTH), step(3, ONE)]).await.unwrap_err();
        assert_eq!(refused.code(), Code::Conflict);
        assert_eq!(database.number("select count(*) from schema_migrations").await, 2);
    }

    async fn somebody_elses_users_are_not_touched(database) {
        let db = open(&database);
        // The schema is there, and holds what another program made.
        if database.engine() == Engine::Postgres {
            db.migrate(&[]).await.unwrap();
            database.execute("drop table schema_migrations, schema_lock").await;
        }
        database.execute("create table users (id integer primary key, mail text)").await;
        let refused = db.migrate(MIGRATIONS).await.unwrap_err();
        assert_eq!(refused.code(), Code::Conflict);
        assert!(refused.text().contains("DATABASE_SCHEMA") && refused.text().contains("denizen import"), "{refused}");
        let tables = match database.engine() {
            Engine::Sqlite => "select count(*) from sqlite_schema where type = 'table'",
            Engine::Postgres => "select count(*) from pg_tables where schemaname = current_schema()",
        };
        assert_eq!(database.number(tables).await, 1);
    }
}

/// The lock in the hand of somebody who died, for as long as this.
async fn leave_lock(db: &Db, lease: Duration) {
    let lock = async |tx: &mut Tx| {
        let lock = sql("insert into schema_lock (name, owner, expires_at) values ('migrate', $1, $2)");
        lock.bind([1u8; 16]).bind(tx.now() + lease).execute(tx).await
    };
    db.write(lock).await.unwrap();
}

#[tokio::test]
async fn who_died_with_the_lock_in_his_hand_is_waited_out() {
    let database = Database::new(Engine::Postgres);
    let db = open(&database);
    db.migrate(&[]).await.unwrap();
    leave_lock(&db, Duration::from_secs(1)).await;
    let begun = Instant::now();
    assert_eq!(db.migrate(&[step(1, BOTH)]).await.unwrap(), ["step"]);
    assert!(begun.elapsed() > Duration::from_millis(900), "the lock of another was taken");
    assert_eq!(database.number("select count(*) from schema_lock").await, 0);
}

#[tokio::test]
async fn nobody_waits_for_who_died_on_sqlite() {
    let database = Database::new(Engine::Sqlite);
    // As older programs made it.
    database.execute("create table schema_lock (name text primary key, owner blob, expires_at integer)").await;
    let db = open(&database);
    leave_lock(&db, Duration::from_secs(30)).await;
    let begun = Instant::now();
    db.migrate(MIGRATIONS).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

/// A step that hands its lock to another node.
const ROBBED: &str = "update schema_lock set owner = '\\x01', expires_at = '2200-01-01'";

#[tokio::test]
async fn a_step_whose_lock_was_lost_is_left_to_whoever_has_it() {
    let database = Database::new(Engine::Postgres);
    let refused = open(&database).migrate(&[step(1, ROBBED)]).await.unwrap_err();
    assert_eq!(refused.code(), Code::DatabaseUnavailable);
    assert!(refused.cause().unwrap().contains("another node"), "{refused:?}");
    assert_eq!(database.number("select count(*) from schema_migrations").await, 0);
}

/// An index over a large table takes longer than any statement of a request may, and longer than another node would wait.
#[tokio::test]
async fn a_step_takes_as_long_as_it_takes_and_keeps_its_lock() {
    let database = Database::new(Engine::Postgres);
    let db = open(&database);
    db.migrate(&[]).await.unwrap();
    let steps = [step(1, "create table if not exists one (id {int} not null primary key); select pg_sleep(8)")];
    let migrating = tokio::spawn(async move { db.migrate(&steps).await });
    let expiry = async || {
        database.number("select coalesce(max(extract(epoch from expires_at) * 1000)::bigint, 0) from schema_lock").await
    };
    tokio::time::sleep(Duration::from_secs(2)).await;
    let early = expiry().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let late = expiry().await;
    assert!(early > 0 && late > early, "the lease was not renewed: {early} {late}");
    assert_eq!(migrating.await.unwrap().unwrap(), ["step"]);
    assert_eq!(database.number("select count(*) from schema_lock").await, 0);
}
