//! Sessions and refresh tokens.

use std::time::Duration;

use denizen::event::counters;
use serde_json::json;

use crate::{
    each_engine,
    kit::{client::PASSWORD, eventually},
};

each_engine! {
    async fn fifty_parallel_refreshes_give_one_successor(app) {
        let ann = app.register("ann").await;
        let refreshes = (0..50).map(|_| {
            let (client, token) = (app.clone_client(), ann.refresh.clone());
            tokio::spawn(async move { client.refresh(&token).await.expect(200).person() })
        });
        let mut successors = Vec::new();
        for refresh in refreshes.collect::<Vec<_>>() {
            successors.push(refresh.await.unwrap());
        }
        assert!(successors.iter().all(|person| person.refresh == successors[0].refresh));
        for person in &successors {
            app.me(&person.access).await.expect(200);
        }
        let heads = "select count(*) from refresh_tokens where used_at is null";
        assert_eq!(app.database.number(heads).await, 1);
        app.refresh(&successors[0].refresh).await.expect(200);
    }

    async fn a_lost_answer_can_be_repeated_within_a_minute(app) {
        let ann = app.register("ann").await;
        let first = app.refresh(&ann.refresh).await.expect(200).person();
        app.app.db.clock().advance(Duration::from_secs(30));
        let again = app.refresh(&ann.refresh).await.expect(200).person();
        assert_eq!(first.refresh, again.refresh);
        app.me(&again.access).await.expect(200);
        app.app.db.clock().advance(Duration::from_secs(31));
        assert_eq!(app.refresh(&ann.refresh).await.expect(401).code(), "refresh_reused");
    }

    async fn reuse_after_the_child_was_presented_ends_the_family(app) {
        let ann = app.register("ann").await;
        let other = app.login(&ann.email).await.expect(200).person();
        let child = app.refresh(&ann.refresh).await.expect(200).person();
        let grandchild = app.refresh(&child.refresh).await.expect(200).person();
        assert_eq!(app.refresh(&ann.refresh).await.expect(401).code(), "refresh_reused");
        for token in [&ann.refresh, &child.refresh, &grandchild.refresh] {
            assert_eq!(app.refresh(token).await.expect(401).code(), "refresh_expired");
        }
        for access in [&ann.access, &child.access, &grandchild.access] {
            assert_eq!(app.me(access).await.expect(401).code(), "token_refused");
        }
        app.refresh(&other.refresh).await.expect(200);
    }

    async fn sessions_are_listed_and_ended(app) {
        let ann = app.register("ann").await;
        let phone = app.with("user-agent", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1");
        let second = phone.login(&ann.email).await.expect(200).person();
        let listed = app.bearer(&ann.access).get("/api/v1/auth/sessions").await.expect(200).json();
        assert_eq!(listed["total_count"], 2);
        let of = |current: bool| {
            listed["sessions"].as_array().unwrap().iter().find(|s| s["is_current"] == json!(current)).unwrap().clone()
        };
        assert_eq!(of(false)["device_type"], "mobile");
        let path = format!("/api/v1/auth/sessions/{}", of(false)["id"].as_str().unwrap());
        let bob = app.register("bob").await;
        assert_eq!(app.bearer(&bob.access).delete(&path).await.expect(404).code(), "not_found");
        app.bearer(&ann.access).delete(&path).await.expect(200);
        app.bearer(&ann.access).delete(&path).await.expect(404);
        app.me(&second.access).await.expect(401);
        app.refresh(&second.refresh).await.expect(401);
        app.me(&ann.access).await.expect(200);
    }

    async fn logout_ends_one_session_and_logout_all_every_one(app) {
        let ann = app.register("ann").await;
        let second = app.login(&ann.email).await.expect(200).person();
        let third = app.login(&ann.email).await.expect(200).person();
        let bye = app.bearer(&ann.access).post("/api/v1/auth/logout", json!({})).await.expect(200);
        assert_eq!(bye.json()["message"], "User logged out successfully");
        app.me(&ann.access).await.expect(401);
        app.post("/api/v1/auth/logout", json!({"refresh_token": second.refresh})).await.expect(200);
        app.me(&second.access).await.expect(401);
        app.post("/api/v1/auth/logout", json!({"refresh_token": "dzr_unknown"})).await.expect(200);
        app.bearer("nonsense").post("/api/v1/auth/logout", json!({})).await.expect(200);
        app.post("/api/v1/auth/logout", json!({})).await.expect(401);
        let fourth = app.login(&ann.email).await.expect(200).person();
        app.bearer(&third.access).send("POST", "/api/v1/auth/logout-all", None).await.expect(200);
        for person in [&third, &fourth] {
            app.me(&person.access).await.expect(401);
            app.refresh(&person.refresh).await.expect(401);
        }
        app.login_with(&ann.email, PASSWORD).await.expect(200);
    }

    async fn leaving_late_ends_the_session_all_the_same(app) {
        const LOGOUT: &str = "/api/v1/auth/logout";
        let ann = app.register("ann").await;
        let (second, third) = (app.login(&ann.email).await.expect(200).person(), app.login(&ann.email).await.expect(200).person());
        let bob = app.register("bob").await;
        // A living bearer says which session is meant, whatever else is sent.
        app.bearer(&bob.access).post(LOGOUT, json!({"refresh_token": third.refresh})).await.expect(200);
        app.refresh(&bob.refresh).await.expect(401);
        let third = app.refresh(&third.refresh).await.expect(200).person();
        app.app.db.clock().advance(Duration::from_secs(31 * 60));
        app.me(&ann.access).await.expect(401);
        app.bearer(&ann.access).post(LOGOUT, json!({})).await.expect(200);
        assert_eq!(app.refresh(&ann.refresh).await.expect(401).code(), "refresh_expired");
        app.bearer(&second.access).post(LOGOUT, json!({"refresh_token": second.refresh})).await.expect(200);
        assert_eq!(app.refresh(&second.refresh).await.expect(401).code(), "refresh_expired");
        // One that was never ours names nobody.
        let forged = format!("{}x", third.access);
        app.bearer(&forged).post(LOGOUT, json!({})).await.expect(200);
        let third = app.refresh(&third.refresh).await.expect(200).person();
        app.bearer(&forged).post(LOGOUT, json!({"refresh_token": third.refresh})).await.expect(200);
        assert_eq!(app.refresh(&third.refresh).await.expect(401).code(), "refresh_expired");
        app.numbered().await;
        let ended = "select count(*) from events where kind = 'session.revoked' and data like '%\"reason\":\"logout\"%'";
        assert_eq!(app.database.number(ended).await, 4);
    }

    async fn a_session_that_nobody_can_refresh_is_over(app) {
        let ann = app.register("ann").await;
        let body = json!({"email": ann.email, "password": PASSWORD, "remember_me": true});
        let kept = app.post("/api/v1/auth/login", body).await.expect(200).person();
        let own = app.bearer(&kept.access);
        assert_eq!(own.get("/api/v1/auth/sessions").await.expect(200).json()["total_count"], 2);
        app.app.db.clock().advance(Duration::from_secs(8 * 86_400));
        app.refresh(&ann.refresh).await.expect(401);
        // Nobody has swept yet.
        let kept = app.refresh(&kept.refresh).await.expect(200).person();
        let own = app.bearer(&kept.access);
        let listed = own.get("/api/v1/auth/sessions").await.expect(200).json();
        assert_eq!((&listed["total_count"], &listed["sessions"][0]["is_current"]), (&json!(1), &json!(true)));
        let stats = own.get("/api/v1/users/me/stats").await.expect(200).json();
        assert_eq!((&stats["active_sessions"], &stats["refresh_tokens"]), (&json!(1), &json!(1)));
        denizen::session::job::sweep(&app.app).await.unwrap();
        app.numbered().await;
        assert_eq!(counters::read(&mut app.app.db.read()).await.unwrap().active_sessions, 1);
        own.get("/api/v1/auth/sessions").await.expect(200);
    }

    async fn activity_is_noted_once_a_minute_also_of_a_token_that_is_remembered(app) {
        let ann = app.register("ann").await;
        let noted = "select count(*) from sessions where last_activity > created_at";
        for _ in 0..3 {
            app.me(&ann.access).await.expect(200);
        }
        assert_eq!(app.database.number(noted).await, 0);
        let version = app.me(&ann.access).await.header("etag").unwrap().to_owned();
        app.app.db.clock().advance(Duration::from_secs(61));
        app.me(&ann.access).await.expect(200);
        eventually("activity is not noted", async || app.database.number(noted).await == 1).await;
        let me = app.me(&ann.access).await;
        assert!(me.json()["last_activity"].as_str() > me.json()["last_login"].as_str());
        assert_eq!(me.header("etag"), Some(version.as_str()));
    }
}
