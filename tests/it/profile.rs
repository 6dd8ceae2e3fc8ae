//! The extended profile and the preferences of a person.

use serde_json::{Value, json};

use crate::each_engine;

const PROFILE: &str = "/api/v1/users/me/profile";
const PREFERENCES: &str = "/api/v1/users/me/preferences";

each_engine! {
    async fn a_document_that_was_never_set_shows_its_defaults(app) {
        let ann = app.register("ann").await;
        let client = app.bearer(&ann.access);
        let profile = client.get(PROFILE).await.expect(200).json();
        assert_eq!((&profile["id"], &profile["user_id"]), (&Value::Null, &json!(ann.id)));
        assert_eq!((&profile["skills"], &profile["profile_visibility"]), (&json!([]), &json!("public")));
        assert_eq!(profile["contact_visibility"], "connections");
        let preferences = client.get(PREFERENCES).await.expect(200).json();
        assert_eq!((&preferences["privacy_level"], &preferences["auto_apply_enabled"]), (&json!("standard"), &json!(false)));
        assert_eq!(preferences["notification_preferences"], json!({}));
        app.get(PROFILE).await.expect(401);
        app.put(PREFERENCES, json!({})).await.expect(401);
    }

    async fn an_update_changes_the_fields_given_and_null_clears_one(app) {
        let ann = app.register("ann").await;
        let client = app.bearer(&ann.access);
        let first = json!({"github_url": "https://code.example/ann", "skills": ["Rust", {"name": "SQL", "level": 3}], "travel_willing": true});
        let set = client.put(PROFILE, first).await.expect(200).json();
        assert_eq!((&set["skills"][1]["level"], &set["travel_willing"]), (&json!(3), &json!(true)));
        assert!(set["id"].is_string() && set["created_at"].is_string());
        let changed = client.put(PROFILE, json!({"travel_willing": null, "work_style": "remote"})).await.expect(200).json();
        assert_eq!((&changed["travel_willing"], &changed["work_style"]), (&Value::Null, &json!("remote")));
        assert_eq!((&changed["github_url"], &changed["id"]), (&json!("https://code.example/ann"), &set["id"]));
        assert_eq!(client.get(PROFILE).await.expect(200).json(), changed);
        // Nobody else sees it as his own.
        let bob = app.register("bob").await;
        assert_eq!(app.bearer(&bob.access).get(PROFILE).await.expect(200).json()["github_url"], Value::Null);
    }

    async fn both_verbs_do_the_same(app) {
        let ann = app.register("ann").await;
        let client = app.bearer(&ann.access);
        for (path, field, one, other) in [
            (PROFILE, "work_style", json!("remote"), json!("hybrid")),
            (PREFERENCES, "max_commute_minutes", json!(45), json!(30)),
        ] {
            app.patch(path, json!({})).await.expect(401);
            client.put(path, json!({field: one, "relocation_willing": true})).await.expect(200);
            let changed = client.patch(path, json!({field: other})).await.expect(200).json();
            assert_eq!((&changed[field], &changed["relocation_willing"]), (&other, &json!(true)), "{path}");
            assert_eq!(client.patch(path, json!({"shoe": 38})).await.expect(422).faults(), ["shoe:unknown_field"]);
            assert_eq!(client.patch(path, json!({field: null})).await.expect(200).json()[field], Value::Null);
        }
    }

    async fn each_field_has_its_rule(app) {
        let ann = app.register("ann").await;
        let client = app.bearer(&ann.access);
        let wrong = json!({
            "linkedin_url": "javascript:alert(1)", "skills": [1], "languages": vec!["x"; 101], "relocation_willing": "yes",
            "profile_visibility": "secret", "certifications": ["y".repeat(3_000)], "user_id": ann.id,
        });
        let mut faults = client.put(PROFILE, wrong).await.expect(422).faults();
        faults.sort();
        assert_eq!(faults, [
            "certifications:too_long", "languages:too_many", "linkedin_url:invalid_url", "profile_visibility:not_allowed",
            "relocation_willing:wrong_type", "skills:wrong_type", "user_id:unknown_field",
        ]);
        let wrong = json!({"max_commute_minutes": 301, "work_life_balance_importance": 0, "privacy_level": "none", "target_titles": [""]});
        let mut faults = client.put(PREFERENCES, wrong).await.expect(422).faults();
        faults.sort();
        assert_eq!(faults.len(), 4, "{faults:?}");
        assert_eq!(client.get(PREFERENCES).await.expect(200).json()["id"], Value::Null);
    }

    async fn a_change_is_one_event_and_no_change_is_none(app) {
        let ann = app.register("ann").await;
        let client = app.bearer(&ann.access);
        for _ in 0..3 {
            client.put(PREFERENCES, json!({"max_commute_minutes": 45, "target_titles": ["Baker"]})).await.expect(200);
        }
        client.put(PREFERENCES, json!({"max_commute_minutes": 30})).await.expect(200);
        let both = |kind: &str| format!("select (select count(*) from events where kind = '{kind}')
                                             + (select count(*) from events_pending where kind = '{kind}')");
        assert_eq!(app.database.number(&both("preferences.updated")).await, 2);
        assert_eq!(app.database.number(&both("profile.updated")).await, 0);
    }

    async fn twenty_writers_lose_no_field_of_one_document(app) {
        let ann = app.register("ann").await;
        let client = app.bearer(&ann.access);
        let fields = ["linkedin_url", "github_url", "portfolio_url", "website_url"];
        let writers = (0..20).map(|n| {
            let (client, field) = (client.clone(), fields[n % 4]);
            tokio::spawn(async move { client.put(PROFILE, json!({field: format!("https://{n}.example")})).await.expect(200) })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
        let profile = client.get(PROFILE).await.expect(200).json();
        for field in fields {
            assert!(profile[field].is_string(), "{field}");
        }
    }
}
