//! Whoever holds the database and not the key cannot change the log unseen.

use denizen::{
    access::Caller,
    db::Tx,
    event::{
        self, Event, Kind, sequencer,
        verify::{Report, verify},
    },
};

use crate::{each_engine, kit};

/// What is done to event 5, or to its neighbours, and what is found.
const TAMPERINGS: &[(&str, &str)] = &[
    ("update events set data = data || ' ' where seq = 5", "the data of event 5 was altered"),
    ("update events set salt = seal where seq = 5", "the data of event 5 was altered"),
    ("update events set data = null where seq = 5", "the data of event 5 was altered"),
    ("update events set ip = '203.0.113.9' where seq = 5", "the address of event 5 is not the one in its data"),
    ("update events set digest = seal where seq = 5", "the seal of event 5 does not fit"),
    (
        "update events set data = (select data from saved where seq = 4), salt = (select salt from saved where seq = 4),
             digest = (select digest from saved where seq = 4) where seq = 5",
        "the seal of event 5 does not fit",
    ),
    ("update events set id = user_id where seq = 5", "the seal of event 5 does not fit"),
    ("update events set at = (select at from saved where seq = 1) where seq = 5", "the seal of event 5 does not fit"),
    ("update events set kind = kind || 'x' where seq = 5", "the seal of event 5 does not fit"),
    ("update events set outcome = 'refused' where seq = 5", "the seal of event 5 does not fit"),
    ("update events set actor_kind = 'system' where seq = 5", "the seal of event 5 does not fit"),
    ("update events set actor = id where seq = 5", "the seal of event 5 does not fit"),
    ("update events set user_id = id where seq = 5", "the seal of event 5 does not fit"),
    ("update events set user_id = null where seq = 5", "the seal of event 5 does not fit"),
    ("update events set user_version = 77 where seq = 5", "the seal of event 5 does not fit"),
    ("update events set session_id = id where seq = 5", "the seal of event 5 does not fit"),
    ("update events set schema_version = 2 where seq = 5", "the seal of event 5 does not fit"),
    ("update events set key_id = '00000000' where seq = 5", "event 5 was sealed under another master key"),
    ("update events set seal = digest where seq = 5", "the seal of event 5 does not fit"),
    ("delete from events where seq = 5", "events 5 to 5 are missing"),
    ("delete from events where seq = 1", "events 1 to 1 are missing"),
    ("delete from events where seq = (select head from log_head)", "are missing"),
    ("delete from events", "are missing"),
    (
        "delete from events where seq = 5; update events set seq = -seq where seq > 5;
         update events set seq = -seq - 1 where seq < 0; update log_head set head = head - 1",
        "the seal of event 5 does not fit",
    ),
    (
        "update events set seq = -seq where seq in (5, 6); update events set seq = 11 + seq where seq < 0",
        "the seal of event 5 does not fit",
    ),
    (
        "insert into events (seq, id, at, kind, outcome, actor_kind, schema_version, data, salt, digest, seal, key_id)
             select head + 1, user_id, at, 'setup.completed', outcome, 'operator', schema_version, data, salt, digest,
                 e.seal, key_id from events e, log_head where seq = 5;
         update log_head set head = head + 1, seal = (select seal from saved where seq = 5)",
        "does not fit",
    ),
    ("update log_head set head = head - 1", "the head's seal is not that of event"),
    ("update log_head set seal = (select seal from saved where seq = 5)", "the head's seal is not that of event"),
    ("update events set data = null, salt = null where seq = 5", "event 5 of user"),
];

each_engine! {
    async fn every_tampering_is_found(app) {
        for name in ["ann", "bob"] {
            let person = app.register(name).await;
            app.bearer(&person.access).patch("/api/v1/users/me", serde_json::json!({"bio": "New"})).await.expect(200);
        }
        app.numbered().await;
        let database = app.stop().await;
        database.make_calm().await;
        database.execute("create table saved as select * from events; create table saved_head as select * from log_head").await;
        let node = kit::open(&database, &[]).await;
        let proof = async || verify(&node.db, &node.keys, |_, _| {}).await.unwrap();
        let untouched = proof().await;
        assert!(untouched.is_sound() && untouched.events > 8, "{untouched:?}");
        for (tampering, finding) in TAMPERINGS {
            database.execute(tampering).await;
            let Report { faults, .. } = proof().await;
            assert!(faults.iter().any(|fault| fault.contains(finding)), "{tampering}: {faults:?}");
            database.execute("delete from events; delete from log_head; insert into events select * from saved;
                insert into log_head select * from saved_head").await;
        }
        assert_eq!(proof().await, untouched);
    }

    // Restored from a backup, a database goes on with other events under the same numbers. Both are sealed.
    async fn an_event_of_another_history_is_found(app) {
        app.numbered().await;
        let database = app.stop().await;
        database.make_calm().await;
        let node = kit::open(&database, &[]).await;
        let proof = async || verify(&node.db, &node.keys, |_, _| {}).await.unwrap();
        let happen = async || {
            let event = async |tx: &mut Tx| {
                event::record(tx, Event::new(Kind::SetupCompleted, &Caller::system())).await
            };
            node.db.write(event).await.unwrap();
            sequencer::drain(&node.db, &node.keys).await.unwrap()
        };
        let begin = happen().await;
        database.execute("create table saved_head as select * from log_head").await;
        happen().await;
        let fork = format!("where seq = {}", begin + 1);
        database
            .execute(&format!(
                "create table other as select * from events {fork}; delete from events {fork};
                 delete from log_head; insert into log_head select * from saved_head"
            ))
            .await;
        happen().await;
        assert_eq!(happen().await, begin + 2);
        assert!(proof().await.is_sound());
        database.execute(&format!("delete from events {fork}; insert into events select * from other")).await;
        let finding = format!("the seal of event {} does not fit", begin + 2);
        let faults = proof().await.faults;
        assert!(faults.len() == 1 && faults[0].contains(&finding), "{faults:?}");
    }
}
