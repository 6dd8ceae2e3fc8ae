//! Accounts: making one, and one's own data.

use std::collections::BTreeSet;

use denizen::clock::Time;
use serde_json::{Value, json};

use crate::{each_engine, kit::client::PASSWORD};

/// The fields of a user, as the HTTP contract lists them.
pub const FIELDS: &str = "id email username full_name first_name last_name phone gender ip_address avatar_url bio \
    current_title experience_years education_level current_role_level location timezone user_metadata app_metadata \
    role roles permissions is_active is_verified is_premium subscription_tier subscription_status synced external_id \
    must_change_password mfa_enabled created_at updated_at last_login last_activity";

const REGISTER: &str = "/api/v1/auth/register";
const SIGN_UP: &str = "/api/v1/auth/sign-up";
const ME: &str = "/api/v1/users/me";

fn names(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn applicant() -> Value {
    json!({"email": "ann@example.com", "password": PASSWORD, "full_name": "Ann Lee"})
}

/// The object with some members replaced; null takes one away.
fn with(mut base: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        base[name] = value.clone();
    }
    base.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    base
}

each_engine! {
    async fn register_answers_tokens_and_the_whole_user(app) {
        let body = json!({"email": " Ann.Lee@Example.com ", "password": PASSWORD, "confirm_password": PASSWORD,
            "full_name": " Ann Mary Lee ", "username": "Ann_Lee", "gender": "female", "phone": "+49 30 1234"});
        let reply = app.with("user-agent", "test/1").post(REGISTER, body).await.expect(201);
        assert!(reply.header("set-cookie").unwrap().starts_with("denizen_device="));
        assert!(!reply.text.contains(PASSWORD));
        let body = reply.json();
        assert_eq!(names(&body), ["access_token", "expires_in", "refresh_token", "token_type", "user"].into());
        assert_eq!((body["token_type"].as_str(), body["expires_in"].as_i64()), (Some("Bearer"), Some(1_800)));
        let user = &body["user"];
        assert_eq!(names(user), FIELDS.split_whitespace().collect());
        let expected = json!({"email": "Ann.Lee@Example.com", "username": "Ann_Lee", "full_name": "Ann Mary Lee",
            "first_name": "Ann Mary", "last_name": "Lee", "phone": "+49 30 1234", "gender": "female",
            "ip_address": "127.0.0.1", "avatar_url": null, "bio": null, "current_title": null,
            "experience_years": null, "education_level": null, "current_role_level": null, "location": null,
            "timezone": null, "user_metadata": {}, "app_metadata": {}, "role": "user", "roles": ["user"],
            "is_active": true, "is_verified": false, "is_premium": false, "subscription_tier": "basic",
            "subscription_status": "active", "synced": "no", "external_id": null, "must_change_password": false,
            "mfa_enabled": false});
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&user[name], value, "{name}");
        }
        assert_eq!(user["id"].as_str().unwrap().parse::<uuid::Uuid>().unwrap().get_version_num(), 7);
        assert_eq!(user["created_at"], user["updated_at"]);
        for name in ["created_at", "last_login", "last_activity"] {
            let text = user[name].as_str().unwrap();
            assert!(text.ends_with('Z') && Time::parse(text).is_some(), "{name}: {text}");
        }
        let person = reply.person();
        for path in [ME, "/api/v1/auth/me"] {
            let me = app.bearer(&person.access).get(path).await.expect(200);
            assert_eq!(&me.json(), user, "{path}");
        }
    }

    async fn sign_up_answers_the_user_and_no_tokens(app) {
        let body = with(applicant(), &json!({"ip_address": "2001:DB8:0::7", "role": "user", "username": null}));
        let reply = app.post(SIGN_UP, body).await.expect(201);
        assert_eq!(reply.header("set-cookie"), None);
        let user = reply.json();
        assert_eq!(names(&user), FIELDS.split_whitespace().collect());
        assert_eq!((&user["ip_address"], &user["role"]), (&json!("2001:db8::7"), &json!("user")));
        assert_eq!((&user["last_login"], &user["username"]), (&Value::Null, &Value::Null));
        assert_eq!(app.database.number("select count(*) from sessions").await, 0);
        assert_eq!(app.login("ann@example.com").await.expect(200).person().id, user["id"].as_str().unwrap());
    }

    async fn a_mailbox_has_one_owner_however_it_is_typed(app) {
        let owner = with(applicant(), &json!({"email": "Ann.Lee@Bücher.example"}));
        app.post(REGISTER, owner).await.expect(201);
        for email in [
            "Ann.Lee@Bücher.example",
            "ann.lee@BÜCHER.EXAMPLE",
            "\t ANN.LEE@bu\u{308}cher.example ",
            "ann.lee@xn--bcher-kva.example",
            "ann.lee@XN--BCHER-KVA.example",
            "ann.lee@BU\u{308}CHER.example",
        ] {
            for path in [REGISTER, SIGN_UP] {
                let reply = app.post(path, with(applicant(), &json!({"email": email}))).await.expect(409);
                assert_eq!((reply.code(), reply.faults()), ("email_taken".into(), vec!["email:email_taken".into()]));
            }
            app.login(email).await.expect(200);
        }
        assert_eq!(app.database.number("select count(*) from users").await, 1);
    }

    async fn a_username_has_one_owner_however_it_is_typed(app) {
        app.post(REGISTER, with(applicant(), &json!({"username": "Ann_Lee.1"}))).await.expect(201);
        let bob = app.register("bob").await;
        for username in ["Ann_Lee.1", "ann_lee.1", "ANN_LEE.1"] {
            let reply = app.post(REGISTER, with(applicant(), &json!({"email": "b@example.com", "username": username})));
            let reply = reply.await.expect(409);
            assert_eq!(
                (reply.code(), reply.faults()),
                ("username_taken".into(), vec!["username:username_taken".into()])
            );
            let reply = app.bearer(&bob.access).patch(ME, json!({"username": username})).await.expect(409);
            assert_eq!(reply.code(), "username_taken");
            app.login(username).await.expect(200);
        }
        assert_eq!(app.me(&bob.access).await.json()["username"], Value::Null);
        app.bearer(&bob.access).patch(ME, json!({"username": "bob", "bio": "b"})).await.expect(200);
        app.bearer(&bob.access).patch(ME, json!({"username": "BOB"})).await.expect(200);
    }

    async fn of_twenty_at_once_one_gets_the_address(app) {
        let tries: Vec<_> = (0..20)
            .map(|n| {
                let client = app.clone_client();
                let email = if n % 2 == 0 { "ANN@example.com" } else { "ann@example.com" };
                tokio::spawn(
                    async move { client.post(SIGN_UP, with(applicant(), &json!({"email": email}))).await.status },
                )
            })
            .collect();
        let mut statuses = Vec::new();
        for reply in tries {
            statuses.push(reply.await.unwrap());
        }
        statuses.sort_unstable();
        assert_eq!(statuses, [vec![201], vec![409; 19]].concat());
        assert_eq!(app.database.number("select count(*) from users").await, 1);
    }

    async fn look_alikes_are_refused(app) {
        for email in [
            "",
            " ",
            "@",
            "ann",
            "ann@",
            "@example.com",
            "a@b@example.com",
            "ann@localhost",
            "an\u{200b}n@example.com",
            "\u{ff41}nn@example.com",
            "m\u{131}ke@example.com",
            "ann@exam\u{200b}ple.com",
            "ann@ex\u{ad}ample.com",
            "ann@\u{ff45}xample.com",
            "ann@example\u{3002}com",
            "ann\u{a0}@example.com",
            "\u{feff}ann@example.com",
            "ann@example.com\r\nBcc: x@example.com",
            "ann@127.0.0.1",
            "ann@[127.0.0.1]",
            "\"ann\"@example.com",
            "a..b@example.com",
            "ann@example.com.",
            "ann@-example.com",
            "ann@ex ample.com",
            "ann@example.com,bob@example.com",
            "<ann@example.com>",
        ] {
            let reply = app.post(SIGN_UP, with(applicant(), &json!({"email": email}))).await.expect(422);
            assert_eq!(reply.faults(), ["email:invalid_email"], "{email:?}");
        }
        for username in [
            "",
            "an",
            "ann lee",
            " ann",
            "ann@example.com",
            "ann\u{e9}",
            "\u{ff41}nn",
            "an\u{200b}n",
            "ann/..",
            "ann\n",
            &"x".repeat(51),
        ] {
            let reply = app.post(SIGN_UP, with(applicant(), &json!({"username": username}))).await.expect(422);
            assert_eq!(reply.code(), "invalid", "{username:?}");
            assert!(reply.faults()[0].starts_with("username:"), "{username:?} {}", reply.text);
        }
        assert_eq!(app.database.number("select count(*) from users").await, 0);
    }

    async fn every_fault_names_its_field_and_rule(app) {
        let long = |n: usize| "x".repeat(n);
        for (changes, faults) in [
            (json!({"email": null, "password": null}), &["email:required", "password:required"][..]),
            (
                json!({"email": 1, "password": {}, "full_name": []}),
                &["email:wrong_type", "password:wrong_type", "full_name:wrong_type"],
            ),
            (json!({"email": format!("{}@example.com", long(243))}), &["email:too_long"]),
            (json!({"email": format!("{}@example.com", long(65))}), &["email:invalid_email"]),
            (json!({"full_name": null}), &["full_name:required"]),
            (json!({"full_name": null, "first_name": "Ann"}), &["full_name:required"]),
            (json!({"full_name": "A"}), &["full_name:too_short"]),
            (json!({"full_name": long(256)}), &["full_name:too_long"]),
            (json!({"full_name": "Ann\nLee"}), &["full_name:control_character"]),
            (json!({"first_name": "", "last_name": long(101)}), &["first_name:too_short", "last_name:too_long"]),
            (json!({"phone": long(21)}), &["phone:too_long"]),
            (json!({"confirm_password": "Other-Horse-7"}), &["confirm_password:mismatch"]),
            (json!({"password": "Sh0rt!x"}), &["password:too_short"]),
            (json!({"password": "no-upper-case-7"}), &["password:no_upper_case"]),
            (json!({"password": "NO-LOWER-CASE-7"}), &["password:no_lower_case"]),
            (json!({"password": "No-Digit-In-Here"}), &["password:no_digit"]),
            (json!({"password": "Passw0rd!"}), &["password:too_common"]),
            (json!({"password": "Ann@example.com1"}), &["password:contains_identity"]),
            (json!({"password": format!("Aa1{}", long(1_022))}), &["password:too_long"]),
            (json!({"password": ""}), &["password:required"]),
            (json!({"emial": "x", "role_": 1}), &["emial:unknown_field", "role_:unknown_field"]),
        ] {
            for path in [REGISTER, SIGN_UP] {
                let reply = app.post(path, with(applicant(), &changes)).await.expect(422);
                assert_eq!(
                    (reply.code(), reply.faults()),
                    ("invalid".into(), faults.iter().map(ToString::to_string).collect())
                );
                let told = reply.json();
                assert!(told["errors"].as_array().unwrap().iter().all(|fault| fault["message"].as_str() > Some("")));
            }
        }
        for (changes, fault) in
            [(json!({"role": "admin"}), "role:not_allowed"), (json!({"ip_address": "1.2.3"}), "ip_address:invalid_ip")]
        {
            assert_eq!(app.post(SIGN_UP, with(applicant(), &changes)).await.expect(422).faults(), [fault]);
        }
        assert_eq!(app.database.number("select count(*) from users").await, 0);
    }

    async fn names_complete_each_other(app) {
        let parts = with(applicant(), &json!({"full_name": null, "first_name": "Ann Mary", "last_name": "Lee"}));
        let reply = app.post(REGISTER, parts).await.expect(201);
        assert_eq!(reply.json()["user"]["full_name"], "Ann Mary Lee");
        let ann = app.bearer(&reply.person().access);
        for (changes, full, first, last) in [
            (json!({"first_name": "Eve"}), json!("Eve Lee"), json!("Eve"), json!("Lee")),
            (json!({"full_name": "Eva  Maria  Lang"}), json!("Eva  Maria  Lang"), json!("Eva  Maria"), json!("Lang")),
            (json!({"full_name": "Plato"}), json!("Plato"), json!("Plato"), Value::Null),
            (json!({"last_name": "Roe"}), json!("Plato Roe"), json!("Plato"), json!("Roe")),
            (json!({"first_name": null}), json!("Roe"), Value::Null, json!("Roe")),
            (json!({"full_name": "Dr. X", "first_name": "Xa"}), json!("Dr. X"), json!("Xa"), json!("Roe")),
            (json!({"full_name": null}), Value::Null, json!("Xa"), json!("Roe")),
            (json!({"first_name": null, "last_name": null}), Value::Null, Value::Null, Value::Null),
            (json!({"first_name": "Ann", "last_name": "Lee"}), json!("Ann Lee"), json!("Ann"), json!("Lee")),
        ] {
            let user = ann.patch(ME, changes.clone()).await.expect(200).json();
            assert_eq!(
                (&user["full_name"], &user["first_name"], &user["last_name"]),
                (&full, &first, &last),
                "{changes}"
            );
        }
    }

    async fn both_verbs_change_only_what_is_given_and_null_clears(app) {
        let ann = app.register("ann").await;
        let client = app.bearer(&ann.access);
        let all = json!({"username": "ann", "full_name": "Ann Lee", "first_name": "Ann", "last_name": "Lee",
            "current_title": "Engineer", "experience_years": 50, "education_level": "MSc",
            "current_role_level": "senior", "phone": "+1 555", "location": "Köln", "timezone": "Europe/Berlin",
            "bio": "line one\nline two", "avatar_url": "https://example.com/a.png", "gender": "f",
            "user_metadata": {"theme": "dark", "nested": {"a": [1, 2.5, null, true, "\u{1f600}"]}}});
        for verb in ["PUT", "PATCH"] {
            let send = async |body: &Value| {
                client
                    .send(verb, ME, Some(("application/json", body.to_string().into_bytes())))
                    .await
                    .expect(200)
                    .json()
            };
            let mut expected = send(&all).await;
            for (name, value) in all.as_object().unwrap() {
                assert_eq!(&expected[name], value, "{verb} {name}");
            }
            assert_eq!(send(&json!({})).await, expected, "{verb} of nothing changes nothing");
            for name in all.as_object().unwrap().keys().filter(|name| !name.ends_with("_name")) {
                let changed = send(&json!({name.as_str(): null})).await;
                expected[name] = if name == "user_metadata" { json!({}) } else { Value::Null };
                // As text, an instant that ends in a zero comes behind later ones.
                let at = |user: &Value| Time::parse(user["updated_at"].as_str().unwrap()).unwrap();
                assert!(at(&changed) > at(&expected));
                expected["updated_at"] = changed["updated_at"].clone();
                assert_eq!(changed, expected, "{verb} {name}: null");
                assert_eq!(app.me(&ann.access).await.json(), expected);
            }
        }
    }

    async fn the_limits_of_an_update_hold(app) {
        let ann = app.register("ann").await;
        let (client, before) = (app.bearer(&ann.access), app.me(&ann.access).await.json());
        let long = |n: usize| json!("x".repeat(n));
        for (field, value, rule) in [
            ("full_name", long(256), "too_long"),
            ("full_name", json!("A"), "too_short"),
            ("first_name", long(101), "too_long"),
            ("last_name", json!(""), "too_short"),
            ("experience_years", json!(51), "out_of_range"),
            ("experience_years", json!(-1), "out_of_range"),
            ("experience_years", json!(1.0), "wrong_type"),
            ("experience_years", json!("7"), "wrong_type"),
            ("experience_years", json!(u64::MAX), "out_of_range"),
            ("bio", long(1_001), "too_long"),
            ("bio", json!("\u{7}"), "control_character"),
            ("phone", long(21), "too_long"),
            ("username", json!("ab"), "length"),
            ("username", json!("a b c"), "invalid_username"),
            ("avatar_url", json!("javascript:alert(1)"), "invalid_url"),
            ("avatar_url", json!("data:text/html,x"), "invalid_url"),
            ("avatar_url", json!("https://a b"), "invalid_url"),
            ("avatar_url", json!("//example.com/a"), "invalid_url"),
            ("user_metadata", json!([]), "wrong_type"),
            ("user_metadata", json!({"a": "x".repeat(16_377)}), "too_large"),
            ("timezone", json!("x\r\ny"), "control_character"),
            ("location", json!(["Köln"]), "wrong_type"),
        ] {
            let reply = client.patch(ME, json!({"gender": "new", field: value})).await.expect(422);
            assert_eq!(reply.faults(), [format!("{field}:{rule}")]);
        }
        assert_eq!(app.me(&ann.access).await.json(), before, "a refused change leaves no trace");
        for (field, value) in [
            ("bio", "é".repeat(1_000)),
            ("phone", "é".repeat(20)),
            ("full_name", "é".repeat(255)),
            ("first_name", "é".repeat(100)),
        ] {
            let user = client.put(ME, json!({field: value})).await.expect(200).json();
            assert_eq!(user[field], value);
        }
        client.put(ME, json!({"experience_years": 0, "user_metadata": {"a": "x".repeat(16_376)}})).await.expect(200);
    }

    async fn a_write_may_insist_on_a_version(app) {
        let ann = app.register("ann").await;
        let client = app.bearer(&ann.access);
        let first = app.me(&ann.access).await.header("etag").unwrap().to_owned();
        let reply = client.with("if-match", &first).patch(ME, json!({"bio": "1"})).await.expect(200);
        let second = reply.header("etag").unwrap().to_owned();
        assert_ne!(first, second);
        for (verb, body) in [
            ("PUT", Some(("application/json", b"{\"bio\":\"2\"}".to_vec()))),
            ("PATCH", Some(("application/json", b"{}".to_vec()))),
            ("DELETE", None),
        ] {
            for stale in [&first, "\"other\"", &format!("W/{second}")] {
                let reply = client.with("if-match", stale).send(verb, ME, body.clone()).await.expect(412);
                assert_eq!(reply.code(), "stale_version", "{verb} {stale}");
            }
            assert_eq!(client.with("if-match", "v1").send(verb, ME, body).await.expect(400).code(), "malformed");
        }
        client.with("if-match", &format!("\"x\", {second}")).put(ME, json!({"bio": "1"})).await.expect(200);
        app.login(&ann.email).await.expect(200);
        let me = app.me(&ann.access).await;
        assert_eq!(
            (me.header("etag"), &me.json()["bio"]),
            (Some(second.as_str()), &json!("1")),
            "activity is no change"
        );
        client.with("if-match", "*").put(ME, json!({"bio": "3"})).await.expect(200);
    }

    async fn of_parallel_writes_with_one_tag_one_wins(app) {
        let ann = app.register("ann").await;
        let tag = app.me(&ann.access).await.header("etag").unwrap().to_owned();
        let tries: Vec<_> = (0..20)
            .map(|n| {
                let client = app.bearer(&ann.access).with("if-match", &tag);
                tokio::spawn(async move { client.patch(ME, json!({"bio": n.to_string()})).await.status })
            })
            .collect();
        let mut statuses = Vec::new();
        for reply in tries {
            statuses.push(reply.await.unwrap());
        }
        statuses.sort_unstable();
        assert_eq!(statuses, [vec![200], vec![412; 19]].concat());
    }
}
