//! Who may send whom a link, and what a link makes of an account that somebody else began.

use denizen::access::Role;
use serde_json::json;

use super::{NEW, USERS, confirm, desk, link, of};
use crate::{each_engine, people::person};

each_engine! {
    async fn a_link_is_sent_by_whoever_may_set_the_password(app) {
        let desk = desk(&app).await;
        let (ann, peer) = (app.register("ann").await, person(&app, "peer", Role::Admin).await);
        let (admin, root) = (person(&app, "admin", Role::Admin).await, person(&app, "root", Role::Superadmin).await);
        let body = json!({"name": "desk", "permissions": ["users.support"]});
        let key = app.bearer(&root.access).post("/api/v1/keys", body).await.expect(201).json();
        let by_admin = app.bearer(&admin.access);
        for (client, target) in [
            (&by_admin, &peer),
            (&by_admin, &root),
            (&by_admin, &admin),
            (&app.bearer(&ann.access), &peer),
            (&app.bearer(&ann.access), &ann),
            (&app.bearer(&root.access), &root),
            (&app.bearer(key["key"].as_str().unwrap()), &root),
        ] {
            for body in [None, Some(("application/json", b"{}".to_vec()))] {
                client.send("POST", &format!("{}/password", of(target)), body).await.expect(403);
            }
        }
        app.send("POST", &format!("{}/password", of(&ann)), None).await.expect(401);
        let nobody = format!("{USERS}/01890a5d-ac96-774b-bcce-b302099a8057/password");
        by_admin.send("POST", &nobody, None).await.expect(404);
        let both = ["select count(*) from jobs where kind = 'mail.password_link'", "select count(*) from proofs"];
        assert_eq!(app.database.numbers(&both).await, [0, 0]);
        for client in [&by_admin, &app.bearer(key["key"].as_str().unwrap())] {
            client.post(&format!("{}/password", of(&ann)), json!({"password": null})).await.expect(200);
        }
        assert_eq!(app.database.numbers(&both).await, [2, 1]);
        app.deactivate(&ann.id).await;
        let refused = desk.send("POST", &format!("{}/password", of(&ann)), None).await.expect(409);
        assert_eq!(refused.code(), "conflict");
        assert_eq!(app.database.numbers(&both).await, [2, 0]);
        // Nobody makes users who may not, with a password or without.
        let body = json!({"email": "new@example.com", "full_name": "New User"});
        by_admin.post(USERS, body.clone()).await.expect(403);
        let half = json!({"email": "new@example.com", "full_name": "New User", "confirm_password": NEW});
        assert_eq!(desk.post(USERS, half).await.expect(422).faults(), ["password:required"]);
        assert_eq!(desk.post(USERS, json!({"email": "new@example.com"})).await.expect(422).faults(), ["full_name:required"]);
        desk.post(USERS, body).await.expect(201);
    }

    // Somebody may have registered an address that is not his, and wait for its owner.
    async fn whoever_proves_the_mailbox_has_the_account_to_himself(app) {
        let desk = desk(&app).await;
        for (name, is_proved) in [("stranger", false), ("owner", true)] {
            let squatter = if is_proved { person(&app, name, Role::Superadmin).await } else {
                let squatter = app.register(name).await;
                app.set_role(&squatter.id, Role::Superadmin).await;
                squatter
            };
            let body = json!({"name": "kept", "permissions": ["users.read"]});
            let key = app.bearer(&squatter.access).post("/api/v1/keys", body).await.expect(201).json();
            let key = app.bearer(key["key"].as_str().unwrap());
            key.get(&of(&squatter)).await.expect(200);
            let token = link(&app, &desk, &squatter).await;
            confirm(&app, &token, NEW).await.expect(200);
            app.me(&squatter.access).await.expect(401);
            app.login(&squatter.email).await.expect(401);
            let status = key.get(&of(&squatter)).await.status;
            assert_eq!(status, if is_proved { 200 } else { 401 }, "{name}");
            let owner = app.login_with(&squatter.email, NEW).await.expect(200).json();
            assert_eq!(owner["user"]["is_verified"], true);
        }
    }
}
