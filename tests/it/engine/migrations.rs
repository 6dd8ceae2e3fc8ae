//! Bringing the schema up to date.

use std::time::{Duration, Instant};

use denizen::{
    clock::Clock,
    db::{Db, Engine, MIGRATIONS, Migration, sql},
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
        let applied: Vec<_> = applied.into_iter().flat_map(Result::unwrap).collect();
        assert_eq!(applied, MIGRATIONS.iter().map(|step| step.name).collect::<Vec<_>>());
        assert_eq!(database.number("select count(*) from users").await, 0);
    }

    async fn an_interrupted_step_is_finished(database) {
        let db = open(&database);
        db.migrate(&[]).await.unwrap();
        // Half of it was done, by somebody who died with the lock in his hand.
        database.execute("create table one (id bigint not null primary key); insert into one values (7)").await;
        db.write(async |tx| {
            let lock = sql("insert into schema_lock (name, owner, expires_at) values ('migrate', $1, $2)");
            lock.bind([1u8; 16]).bind(tx.now() + Duration::from_secs(1)).execute(tx).await
        })
        .await
        .unwrap();
        let begun = Instant::now();
        assert_eq!(db.migrate(&[step(1, BOTH)]).await.unwrap(), ["step"]);
        assert!(begun.elapsed() > Duration::from_millis(900), "the lock of another was taken");
        assert_eq!(database.number("select id from one").await, 7);
        assert_eq!(database.number("select count(*) from two").await, 0);
        assert_eq!(database.number("select count(*) from schema_lock").await, 0);
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
