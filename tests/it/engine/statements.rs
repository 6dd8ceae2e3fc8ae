//! Values and statements.

use denizen::{
    clock::Time,
    db::{Record, Sql, Value, sql},
    error::Code,
    record, sql,
};
use serde_json::{Map, json};
use uuid::Uuid;

use super::{insert, scratch};
use crate::each_engine;

record! {
    #[derive(Clone, Debug, Default, PartialEq)]
    pub struct Row {
        pub b: Option<bool>,
        pub n: Option<i64>,
        pub t: Option<String>,
        pub y: Option<Vec<u8>>,
        pub u: Option<Uuid>,
        pub z: Option<Time>,
        pub j: Option<Map<String, serde_json::Value>>,
    }
}

impl Row {
    fn values(&self) -> [Value; 7] {
        let row = self.clone();
        [row.b.into(), row.n.into(), row.t.into(), row.y.into(), row.u.into(), row.z.into(), row.j.into()]
    }
}

/// Ordinary values, and those at the borders of each kind.
fn rows() -> Vec<Row> {
    let object = |value: serde_json::Value| value.as_object().cloned();
    let texts = ["", " a ", "O'Brien -- \"x\" $1 \\", "Gr\u{fc}\u{df}e \u{1F600} e\u{301} \u{202E}", "line\nend\ttab"];
    let numbers = [0, -1, i64::MIN, i64::MAX];
    let times =
        ["1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "1999-12-31T23:59:59.000001Z"];
    let bytes = [vec![], vec![0], vec![0xff, 0, 0x80], vec![7; 100_000]];
    let objects = [
        json!({}),
        json!({"a": null, "b": [1, -2.5, 1e300, true], "\u{e4}": {"deep": {"er": "\"\\/\n\u{1F600}"}}, "": ""}),
        json!({"big": u64::MAX, "small": i64::MIN, "text": "x".repeat(50_000)}),
    ];
    let mut rows = vec![Row::default()];
    rows.extend([true, false].map(|b| Row { b: Some(b), ..Row::default() }));
    rows.extend(numbers.map(|n| Row { n: Some(n), ..Row::default() }));
    rows.extend(texts.map(|t| Row { t: Some(t.into()), ..Row::default() }));
    rows.extend(bytes.map(|y| Row { y: Some(y), ..Row::default() }));
    rows.extend([Uuid::nil(), Uuid::max(), Uuid::from_u128(77)].map(|u| Row { u: Some(u), ..Row::default() }));
    rows.extend(times.map(|z| Row { z: Time::parse(z), ..Row::default() }));
    rows.extend(objects.map(|j| Row { j: object(j), ..Row::default() }));
    rows
}

each_engine! {
    async fn every_value_comes_back_as_it_was(app) {
        let db = scratch(&app).await;
        for (id, row) in (0..).zip(rows()) {
            let written = db
                .write(async |tx| {
                    let mut values = vec![Value::Int(id)];
                    values.extend(row.values());
                    sql!("insert into scratch (id, ", Row::COLUMNS, ") values").rows([values]).execute(tx).await?;
                    let query = sql!("select ", Row::COLUMNS, " from scratch where id = $1").bind(id);
                    query.fetch_one::<Row>(tx).await
                })
                .await
                .unwrap();
            let read = sql!("select ", Row::COLUMNS, " from scratch where id = $1").bind(id);
            assert_eq!(read.fetch_one::<Row>(&mut db.read()).await.unwrap(), row);
            assert_eq!(written, row);
        }
    }

    async fn values_are_found_by_what_they_are(app) {
        let db = scratch(&app).await;
        let row = rows().into_iter().fold(Row::default(), |row, other| Row {
            b: other.b.or(row.b),
            n: other.n.or(row.n),
            t: other.t.or(row.t),
            y: other.y.or(row.y),
            u: other.u.or(row.u),
            z: other.z.or(row.z),
            j: None,
        });
        let mut values = vec![Value::Int(1)];
        values.extend(row.values());
        let values = &values;
        db.write(async |tx| sql!("insert into scratch (id, ", Row::COLUMNS, ") values").rows([values.clone()]).execute(tx).await)
            .await
            .unwrap();
        // The numbers of the places need not ascend, and one may serve twice.
        let query = sql("select id from scratch where b = $6 and n = $5 and t = $4 and y = $3 and u = $2 and z = $1
                             and z >= $1 and j is null and (t = $7 or $7 is null)");
        let query = row.values().into_iter().take(6).rev().fold(query, Sql::bind).bind(None::<String>);
        assert_eq!(query.scalar::<i64>(&mut db.read()).await.unwrap(), 1);
    }

    async fn every_shape_of_statement(app) {
        let db = scratch(&app).await;
        db.write(async |tx| {
            let rows = (1..=5).map(|id| vec![id.into(), Value::Int(id * 10), "a".into()]);
            assert_eq!(sql("insert into scratch (id, n, t) values").rows(rows).execute(tx).await?, 5);
            let again = || sql("insert into scratch (id, n, t) values (1, 11, 'b')");
            assert_eq!(again().push(" on conflict (id) do nothing").execute(tx).await?, 0);
            assert_eq!(again().push(" on conflict (id) do update set n = excluded.n").execute(tx).await?, 1);
            assert_eq!(
                again().push(" on conflict (id) do update set n = 12 where scratch.n > 50").execute(tx).await?,
                0
            );
            assert_eq!(sql("update scratch set t = 'c' where n > ").value(25).execute(tx).await?, 3);
            assert_eq!(sql("update scratch set t = 'c' where n > 1000").execute(tx).await?, 0);
            let some = sql("select n from scratch where id in ").list([1i64, 4, 9].map(Value::from));
            let some = some.push(" order by n").for_update().fetch_all::<(i64,)>(tx).await?;
            assert_eq!(some, [(11,), (40,)]);
            let gone = sql("delete from scratch where n >= $1 returning id, t").bind(40).fetch_all::<(i64, String)>(tx);
            let mut gone = gone.await?;
            gone.sort();
            assert_eq!(gone, [(4, "c".to_owned()), (5, "c".to_owned())]);
            assert_eq!(sql("delete from scratch where id = 2 returning id").execute(tx).await?, 1);
            Ok(())
        })
        .await
        .unwrap();
        let mut conn = db.read();
        let all = sql("select id, n, t from scratch order by id").long().fetch_all::<(i64, i64, String)>(&mut conn).await;
        assert_eq!(all.unwrap(), [(1, 11, "a".to_owned()), (3, 30, "c".to_owned())]);
        let row = sql("select id from scratch where n = 7").fetch_optional::<(i64,)>(&mut conn).await.unwrap();
        assert_eq!(row, None);
        let sum = sql("select cast(coalesce(sum(n), 0) as bigint) from scratch").scalar::<i64>(&mut conn).await.unwrap();
        assert_eq!(sum, 41);
    }

    async fn what_does_not_fit_is_refused(app) {
        let db = scratch(&app).await;
        db.write(async |tx| { insert(tx, 1).await?; insert(tx, 2).await }).await.unwrap();
        let one = || sql("select id from scratch where id = $1");
        let wrong: [fn() -> Sql; 6] = [
            || sql("select id from scratch where id = $1"),
            || sql("select id from scratch where id = $1").bind(1).bind(2),
            || sql("select id from scratch"),
            || sql("select id from scratch where id = $1").bind(3),
            || sql("select id from nowhere"),
            || sql("select 1 from"),
        ];
        let read = &mut db.read();
        for wrong in wrong {
            assert_eq!(wrong().fetch_one::<(i64,)>(read).await.unwrap_err().code(), Code::Internal);
            let written = db.write(async |tx| wrong().fetch_one::<(i64,)>(tx).await).await;
            assert_eq!(written.unwrap_err().code(), Code::Internal);
        }
        assert_eq!(one().bind(1).for_update().fetch_one::<(i64,)>(read).await.unwrap_err().code(), Code::Internal);
        assert_eq!(one().bind(1).fetch_one::<(String,)>(read).await.unwrap_err().code(), Code::Internal);
        assert_eq!(one().bind(1).fetch_one::<(i64, i64)>(read).await.unwrap_err().code(), Code::Internal);
        let null = sql("select n from scratch where id = 1");
        assert_eq!(null.scalar::<i64>(read).await.unwrap_err().code(), Code::Internal);
        assert!(sql("insert into scratch (id) values (9)").execute(read).await.is_err(), "a read has written");
    }

    async fn broken_rules_are_told_apart(app) {
        let db = scratch(&app).await;
        app.register("ann").await;
        let broken = async |text: &'static str| {
            let error = db.write(async |tx| sql(text).execute(tx).await).await.unwrap_err();
            (error.code(), error.broken().first().map(|fault| fault.field.to_string()))
        };
        let identity = "insert into identities (source, subject, user_id, created_at)
                            select 'external', '7', id, created_at from users";
        db.write(async |tx| sql(identity).execute(tx).await).await.unwrap();
        assert_eq!(broken(identity).await, (Code::ExternalIdTaken, Some("external_id".to_owned())));
        let pair = "insert into scratch (id, n, t) select 1 + (select count(*) from scratch), 1, 'a'";
        db.write(async |tx| sql(pair).execute(tx).await).await.unwrap();
        assert_eq!(broken(pair).await, (Code::Conflict, None));
        assert_eq!(broken("insert into scratch (id) values (1)").await, (Code::Conflict, None));
        assert_eq!(broken("update identities set source = null").await, (Code::Internal, None));
        let orphan = "update identities set user_id = (select id from sessions)";
        assert_eq!(broken(orphan).await, (Code::Internal, None));
        assert_eq!(broken("insert into scratch (id, n) values (5, 'x')").await, (Code::Internal, None));
    }
}
