//! Everything or nothing.

use std::time::Duration;

use denizen::{
    db::{Engine, Figures, Tx, sql},
    error::{Code, Error},
};
use futures_util::future::join_all;
use tokio::sync::mpsc;

use super::{count, insert, scratch};
use crate::{each_engine, kit::random::Random};

each_engine! {
    async fn an_error_rolls_back(app) {
        let db = scratch(&app).await;
        let failed = db.write(async |tx| {
            insert(tx, 1).await?;
            Err::<(), _>(Error::new(Code::Forbidden))
        });
        assert_eq!(failed.await.unwrap_err().code(), Code::Forbidden);
        assert_eq!(count(&db).await, 0);
        db.write(async |tx| insert(tx, 1).await).await.unwrap();
    }

    async fn a_failed_statement_that_is_passed_over_fails_all(app) {
        let db = scratch(&app).await;
        let failed = db.write(async |tx| {
            insert(tx, 1).await?;
            assert_eq!(insert(tx, 1).await.unwrap_err().code(), Code::Conflict);
            assert_eq!(insert(tx, 2).await.unwrap_err().code(), Code::Internal);
            Ok(())
        });
        assert_eq!(failed.await.unwrap_err().code(), Code::Internal);
        assert_eq!(count(&db).await, 0);
    }

    async fn what_is_sent_takes_place_in_its_order_and_with_the_rest(app) {
        let db = scratch(&app).await;
        // More than travel together, and each depends on the one before it.
        let sent = async |tx: &mut Tx| {
            insert(tx, 1).await?;
            for n in 1..40_i64 {
                sql("update scratch set id = id + $1 where id = $2").bind(1_i64).bind(n).send(tx).await?;
            }
            Ok(())
        };
        db.write(sent).await.unwrap();
        let (ids,): (i64,) = sql("select id from scratch").fetch_one(&mut db.read()).await.unwrap();
        assert_eq!(ids, 40);
    }

    async fn what_is_sent_and_fails_fails_the_statement_after_it_or_the_commit(app) {
        let db = scratch(&app).await;
        db.write(async |tx| insert(tx, 1).await).await.unwrap();
        let again = || sql("insert into scratch (id) values ($1)").bind(1_i64);
        let at_the_commit = db.write(async |tx| {
            insert(tx, 2).await?;
            again().send(tx).await
        });
        assert_eq!(at_the_commit.await.unwrap_err().code(), Code::Conflict);
        let before_another = db.write(async |tx| {
            again().send(tx).await?;
            insert(tx, 3).await
        });
        assert_eq!(before_another.await.unwrap_err().code(), Code::Conflict);
        let alone = db.write(async |tx| again().send(tx).await);
        assert_eq!(alone.await.unwrap_err().code(), Code::Conflict);
        assert_eq!(count(&db).await, 1);
        // The connection is as good as before.
        db.write(async |tx| insert(tx, 4).await).await.unwrap();
        assert_eq!(count(&db).await, 2);
    }

    async fn a_panic_leaves_nothing_and_harms_nobody(app) {
        let db = scratch(&app).await;
        let work = (0..30).map(|n| {
            let db = db.clone();
            tokio::spawn(async move {
                let work = async |tx: &mut Tx| {
                    insert(tx, n).await?;
                    assert!(n % 3 > 0, "on purpose");
                    Ok(())
                };
                db.write(work).await.unwrap();
            })
        });
        for (n, work) in work.collect::<Vec<_>>().into_iter().enumerate() {
            assert_eq!(work.await.is_err(), n % 3 == 0);
        }
        assert_eq!(count(&db).await, 20);
    }

    async fn whoever_goes_away_leaves_nothing_open(app) {
        let db = scratch(&app).await;
        let (begun, mut has_begun) = mpsc::unbounded_channel();
        let begun = &begun;
        for _ in 0..3 {
            let waits_for_ever = db.write(async |tx: &mut Tx| {
                insert(tx, 1).await?;
                let _ = begun.send(());
                std::future::pending::<()>().await;
                Ok(())
            });
            tokio::select! {
                _ = waits_for_ever => unreachable!("it waits for ever"),
                _ = has_begun.recv() => {}
            }
        }
        let write = db.write(async |tx| insert(tx, 1).await);
        tokio::time::timeout(Duration::from_secs(2), write).await.expect("a transaction is still open").unwrap();
        assert_eq!(count(&db).await, 1);
    }

    async fn whoever_is_cut_off_did_all_or_nothing(app) {
        let db = scratch(&app).await;
        let mut random = Random::new(64);
        let callers = (1..=64).map(|n| (n, Duration::from_micros(random.next() % 30_000)));
        join_all(callers.map(async |(n, patience)| {
            let pair = db.write(async |tx: &mut Tx| {
                insert(tx, n).await?;
                insert(tx, -n).await
            });
            let _ = tokio::time::timeout(patience, pair).await;
        }))
        .await;
        // What was under way when its caller went may still be committed.
        db.write(async |tx| insert(tx, 0).await).await.unwrap();
        let torn = sql("select count(*) from scratch s where not exists (select 1 from scratch t where t.id = -s.id)");
        assert_eq!(torn.scalar::<i64>(&mut db.read()).await.unwrap(), 0);
        if let Figures::Postgres { busy, .. } = db.figures() {
            assert!(busy <= 4, "{busy} connections are still in use, though only the background works");
        }
    }

    async fn sixty_four_callers_share_commits(app) {
        let db = scratch(&app).await;
        let before = db.figures();
        let callers = (0..64).map(|caller| {
            let db = db.clone();
            tokio::spawn(async move {
                for n in 0..5 {
                    db.write(async |tx| insert(tx, caller * 5 + n).await).await.unwrap();
                }
            })
        });
        for caller in callers.collect::<Vec<_>>() {
            caller.await.unwrap();
        }
        assert_eq!(count(&db).await, 320);
        let Figures::Sqlite { transactions: t0, commits: c0 } = before else { return };
        let Figures::Sqlite { transactions, commits } = db.figures() else { unreachable!("{:?}", Engine::Sqlite) };
        let (transactions, commits) = (transactions - t0, commits - c0);
        assert!(transactions >= 320 && commits < transactions / 4, "{transactions} transactions in {commits} commits");
    }

    async fn notes_are_told_after_the_commit_and_only_then(app) {
        use denizen::db::Note;
        let db = crate::kit::open(&app.database, &[]).await.db.clone();
        let (told, mut heard) = mpsc::unbounded_channel();
        db.listen(move |notes| notes.iter().for_each(|note| told.send(note.kind).unwrap()));
        let note = |kind| Note { kind, user: None, session: None };
        let failed = db.write(async |tx| {
            tx.note(note("undone"));
            Err::<(), _>(Error::new(Code::Forbidden))
        });
        assert!(failed.await.is_err());
        db.write(async |tx| { tx.note(note("done")); Ok(()) }).await.unwrap();
        assert_eq!(heard.try_recv(), Ok("done"));
        assert!(heard.try_recv().is_err());
    }
}
