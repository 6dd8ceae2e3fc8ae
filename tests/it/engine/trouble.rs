//! When another one is in the way.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use denizen::{
    db::{Db, Engine, Tx, sql},
    error::{Code, Result},
};
use futures_util::future::join_all;
use tokio::sync::Barrier;

use super::{count, insert, scratch};
use crate::kit::{
    TestApp,
    proxy::{Proxy, Wire},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_serialization_failure_is_tried_again_by_postgres() {
    let app = TestApp::start(Engine::Postgres).await;
    let db = scratch(&app).await;
    app.database
        .execute(
            "create sequence tries; create function fails(times bigint) returns bigint language plpgsql as $f$ begin
                 if nextval('tries') <= times then raise exception 'on purpose' using errcode = '40001'; end if;
                 return 1;
             end $f$",
        )
        .await;
    let runs = AtomicUsize::new(0);
    let work = async |tx: &mut Tx, times: i64| -> Result<()> {
        runs.fetch_add(1, Ordering::Relaxed);
        insert(tx, times).await?;
        sql("select fails($1)").bind(times).scalar::<i64>(tx).await?;
        Ok(())
    };
    db.write(async |tx| work(tx, 2).await).await.unwrap();
    assert!(runs.swap(0, Ordering::Relaxed) >= 3);
    // Not for ever.
    let error = db.write(async |tx| work(tx, 1_000).await).await.unwrap_err();
    assert_eq!((error.code(), runs.load(Ordering::Relaxed)), (Code::DatabaseUnavailable, 12));
    assert_eq!(count(&db).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadlock_is_untied_by_postgres() {
    let app = TestApp::start(Engine::Postgres).await;
    let db = scratch(&app).await;
    db.write(async |tx| sql("insert into scratch (id, n) values (1, 0), (2, 0)").execute(tx).await).await.unwrap();
    let both = Barrier::new(2);
    let add = async |first: i64, second: i64| {
        let (is_first, both) = (&AtomicBool::new(true), &both);
        db.write(async |tx: &mut Tx| {
            let add = |id| sql("update scratch set n = n + 1 where id = $1").bind(id);
            add(first).execute(tx).await?;
            if is_first.swap(false, Ordering::Relaxed) {
                both.wait().await;
            }
            add(second).execute(tx).await
        })
        .await
    };
    let (one, other) = tokio::join!(add(1, 2), add(2, 1));
    assert_eq!((one.unwrap(), other.unwrap()), (1, 1));
    let sums = sql("select n from scratch order by id").fetch_all::<(i64,)>(&mut db.read()).await.unwrap();
    assert_eq!(sums, [(2,), (2,)]);
}

/// The server ends a session that stands still in a transaction. Its word meets the next statement on the way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_the_server_ended_is_no_mistake_of_ours() {
    let proxy = Proxy::start().await;
    let impatient = "options=-c%20idle_in_transaction_session_timeout%3D300";
    let url = proxy.url();
    let url = format!("{url}{}{impatient}", if url.contains('?') { "&" } else { "?" });
    let app = TestApp::start_with(Engine::Postgres, &[("DATABASE_URL", &url)]).await;
    let db = scratch(&app).await;
    let runs = AtomicUsize::new(0);
    let work = async |tx: &mut Tx| -> Result<u64> {
        insert(tx, 1).await?;
        if runs.fetch_add(1, Ordering::Relaxed) == 0 {
            proxy.set(Wire::Hung);
        }
        insert(tx, 2).await
    };
    let heal = async {
        while runs.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        proxy.set(Wire::Whole);
    };
    let (written, ()) = tokio::join!(db.write(async |tx| work(tx).await), heal);
    written.unwrap();
    assert_eq!((count(&db).await, runs.load(Ordering::Relaxed)), (2, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_process_in_the_file_is_waited_for() {
    let app = TestApp::start(Engine::Sqlite).await;
    let db = scratch(&app).await;
    let other = app.database.sqlite();
    other.execute_batch("begin immediate; insert into scratch (id) values (7)").unwrap();
    let leaves = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(700));
        other.execute_batch("commit").unwrap();
    });
    db.write(async |tx| insert(tx, 8).await).await.unwrap();
    leaves.join().unwrap();
    assert_eq!(count(&db).await, 2);
}

/// Counts to `most`, which takes about a fifth of a microsecond for each.
async fn count_to(db: Db, most: i64) {
    let text = "with recursive n (n) as (select 1 union all select n + 1 from n where n < $1) select count(*) from n";
    assert_eq!(sql(text).bind(most).long().scalar::<i64>(&mut db.read()).await.unwrap(), most);
}

/// Whoever asks for much and goes away, again and again, would otherwise have every thread at work for him.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_read_has_its_turn_until_it_ends_though_nobody_waits_for_it() {
    let app = TestApp::start(Engine::Sqlite).await;
    let db = app.app.db.clone();
    let begun = Instant::now();
    count_to(db.clone(), 5_000_000).await;
    let part = begun.elapsed() / 8;
    let turns = 2 * std::thread::available_parallelism().unwrap().get();
    let asked: Vec<_> = (0..3 * turns).map(|_| tokio::spawn(count_to(db.clone(), 5_000_000))).collect();
    tokio::time::sleep(part).await;
    for one in asked {
        one.abort();
    }
    let begun = Instant::now();
    count_to(db, 1).await;
    assert!(begun.elapsed() > part, "it waited only {:?}", begun.elapsed());
}

/// It may take everything along that was to be committed with it; then all are told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_told_to_all_whom_it_concerns_and_passes() {
    let app = TestApp::start(Engine::Sqlite).await;
    let db = scratch(&app).await;
    let fill = async |tx: &mut Tx| sql("insert into scratch (id, y) values (0, zeroblob(4000000))").execute(tx).await;
    let pages = |limit: &'static str| db.write(async move |tx| sql(limit).fetch_all::<(i64,)>(tx).await);
    pages("pragma max_page_count = 200").await.unwrap();
    let neighbours = (1..40)
        .map(async |id| if id == 20 { db.write(fill).await } else { db.write(async |tx| insert(tx, id).await).await });
    let told = join_all(neighbours).await;
    assert_eq!(told[19].as_ref().unwrap_err().code(), Code::DatabaseUnavailable);
    for (id, told) in (1i64..).zip(&told) {
        let there = sql("select count(*) from scratch where id = $1").bind(id);
        assert_eq!(there.scalar::<i64>(&mut db.read()).await.unwrap() == 1, told.is_ok(), "{id}: {told:?}");
    }
    pages("pragma max_page_count = 1000000").await.unwrap();
    assert_eq!(db.write(fill).await.unwrap(), 1);
}
