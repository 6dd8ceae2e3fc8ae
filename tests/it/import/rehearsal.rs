//! A rehearsal tells what the import then does.

use denizen::access::Role;
use serde_json::json;

use super::{counts, file, import};
use crate::{each_engine, kit::TestApp, people::person};

/// Rows that want what earlier rows have, near and far: batches have two rows.
const REPEATED: &str = "id,email,username,full_name\n\
    1,a@example.com,,First Lee\n\
    2,A@Example.com,,Second Lee\n\
    1,b@example.com,,Third Lee\n\
    3,c@example.com,aaa,Fourth Lee\n\
    4,d@example.com,AAA,Fifth Lee\n\
    5,e@example.com,eee,Sixth Lee\n\
    3,e@example.com,,Seventh Lee\n\
    5,e@example.com,eee,Eighth Lee\n\
    6,e@example.com,aaa,Ninth Lee\n";

each_engine! {
    async fn a_rehearsal_knows_what_rows_before_would_have_made(app) {
        let path = file(&app, "repeated.csv", REPEATED);
        let rehearse = |conflict: &str| import(&app, &path, &["--on-conflict", conflict, "--dry-run", "--batch", "2"]);
        let update = rehearse("update");
        assert_eq!(counts(&update), [3, 3, 0, 3], "{update:?}");
        for told in ["row 6: username:", "row 8: external_id:", "row 10: username:"] {
            assert!(update.out.contains(told), "{told} is not in {update:?}");
        }
        let fail = rehearse("fail");
        assert_eq!((fail.code, counts(&fail)), (1, [3, 0, 0, 6]), "{fail:?}");
        let skip = rehearse("skip");
        assert_eq!(counts(&skip), [3, 0, 5, 1], "{skip:?}");
        assert_eq!(app.database.number(super::USERS).await, 0);
        assert_eq!(counts(&import(&app, &path, &["--on-conflict", "update", "--batch", "2"])), counts(&update));
        let other = TestApp::start(app.database.engine()).await;
        let skipped = import(&other, &path, &["--batch", "2"]);
        assert_eq!(counts(&skipped), counts(&skip), "{skipped:?}");
    }

    async fn a_rehearsal_knows_who_may_be_changed_and_who_is_so_already(app) {
        let root = app.bearer(&person(&app, "root", Role::Superadmin).await.access);
        let lower = person(&app, "lower", Role::User).await;
        person(&app, "admin", Role::Admin).await;
        root.post("/api/v1/roles", json!({"name": "importer", "permissions": ["users.import"]})).await.expect(201);
        root.post(&format!("/api/v1/users/{}/roles", lower.id), json!({"role": "importer"})).await.expect(200);
        person(&app, "ann", Role::User).await;
        let text = "email,full_name\nadmin@example.com,Admin Lee\nann@example.com,Ann Lee\n";
        for (query, updated, skipped) in [("&dry_run=true", 1, 0), ("", 1, 0), ("&dry_run=true", 0, 1), ("", 0, 1)] {
            let path = format!("/api/v1/users/import?on_conflict=update{query}");
            let body = Some(("text/csv", text.as_bytes().to_vec()));
            let told = app.bearer(&lower.access).send("POST", &path, body).await.expect(200).json();
            assert_eq!((&told["updated"], &told["skipped"]), (&json!(updated), &json!(skipped)), "{query}: {told}");
            let error = &told["errors"][0];
            assert_eq!((&error["row"], &error["field"], &error["code"]), (&json!(2), &json!("role"), &json!("forbidden")), "{told}");
        }
    }
}
