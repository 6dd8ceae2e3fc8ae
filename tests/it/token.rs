//! Access tokens: nothing but what this service signed, for this use, passes; and keys can be replaced.

use std::collections::BTreeSet;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use denizen::{access::Caller, token};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Validation, crypto, jwk::JwkSet};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::{
    each_engine,
    kit::{
        TestApp,
        client::{Client, Person},
        eventually,
    },
};

const CHANGE: &str = "/api/v1/auth/change-password";

/// What signs here, taken out of the database.
struct Signer {
    key: EncodingKey,
    algorithm: Algorithm,
}

impl Signer {
    async fn of(app: &TestApp) -> Self {
        let keys = token::list(&mut app.app.db.read()).await.unwrap();
        let key = keys.iter().find(|key| key.retired_at.is_none()).unwrap();
        let der = app.app.keys.open(&format!("signing key {}", key.id), &key.private).unwrap();
        assert!(!key.private.windows(16).any(|part| der.expose_secret().windows(16).any(|plain| plain == part)));
        Self { key: EncodingKey::from_ed_der(der.expose_secret()), algorithm: Algorithm::EdDSA }
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let signature = crypto::sign(message.as_bytes(), &self.key, self.algorithm).unwrap();
        format!("{message}.{signature}")
    }
}

fn encode(text: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// Header and claims of a token.
fn parts(token: &str) -> (Value, Value) {
    let mut parts = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap());
    let mut next = || serde_json::from_slice(&parts.next().unwrap()).unwrap();
    (next(), next())
}

/// The object with some members replaced; null takes one away.
fn with(base: &Value, changes: &Value) -> Value {
    let mut base = base.clone();
    for (name, value) in changes.as_object().unwrap() {
        base[name] = value.clone();
    }
    base.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    base
}

async fn refused(client: &Client, token: &str, what: &str) {
    let reply = client.me(token).await;
    assert_eq!((reply.status, reply.code().as_str()), (401, "token_refused"), "{what}: {}", reply.text);
    assert_eq!(reply.header("www-authenticate"), Some(r#"Bearer realm="denizen", error="invalid_token""#));
    let body = json!({"new_password": "Another-Horse-8-Battery"});
    assert_eq!(client.bearer(token).post(CHANGE, body).await.status, 401, "{what} as a password-change token");
}

async fn rotate(app: &TestApp, algorithm: token::Algorithm) -> String {
    let keys = &app.app.keys;
    app.app.db.write(async |tx| token::rotate(tx, &Caller::operator(), keys, algorithm).await).await.unwrap()
}

async fn jwks(app: &TestApp) -> Value {
    app.get("/.well-known/jwks.json").await.expect(200).json()
}

/// Verifies a token as another service would: by what is published, and nothing else.
async fn verify_elsewhere(app: &TestApp, person: &Person, algorithm: Algorithm) {
    let set: JwkSet = serde_json::from_value(jwks(app).await).unwrap();
    let header = jsonwebtoken::decode_header(&person.access).unwrap();
    assert_eq!((header.alg, header.typ.as_deref()), (algorithm, Some("at+jwt")));
    let jwk = set.find(&header.kid.unwrap()).unwrap();
    let mut rules = Validation::new(algorithm);
    rules.set_issuer(&["http://127.0.0.1:0"]);
    rules.set_audience(&["http://127.0.0.1:0"]);
    rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    let token = jsonwebtoken::decode::<Value>(&person.access, &DecodingKey::from_jwk(jwk).unwrap(), &rules).unwrap();
    assert_eq!(token.claims["sub"], person.id);
}

each_engine! {
    async fn a_token_is_an_access_token_of_rfc_9068(app) {
        let ann = app.register("ann").await;
        let (header, claims) = parts(&ann.access);
        let names: BTreeSet<_> = header.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, ["alg", "kid", "typ"].into());
        assert_eq!((&header["alg"], &header["typ"]), (&json!("EdDSA"), &json!("at+jwt")));
        let names: BTreeSet<_> = claims.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, ["aud", "exp", "iat", "iss", "jti", "sid", "sub", "ver"].into());
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 1_800);
        assert_eq!((&claims["sub"], &claims["iss"]), (&json!(ann.id), &claims["aud"]));
        // The way these tests sign is the right one: only then does a refusal mean anything.
        let signer = Signer::of(&app).await;
        app.me(&signer.sign(&header, &claims)).await.expect(200);
        app.me(&signer.sign(&header, &with(&claims, &json!({"extra": 1})))).await.expect(200);
        // The machine may be slow: seconds pass by themselves.
        app.app.db.clock().advance(std::time::Duration::from_secs(1_780));
        app.me(&ann.access).await.expect(200);
        app.app.db.clock().advance(std::time::Duration::from_secs(20));
        refused(&app, &ann.access, "expired, though remembered").await;
    }

    async fn headers_choose_neither_key_nor_algorithm(app) {
        let ann = app.register("ann").await;
        let (header, claims) = parts(&ann.access);
        let (signer, own) = (Signer::of(&app).await, jwks(&app).await["keys"][0].clone());
        let public = own["x"].as_str().unwrap();
        let kid = header["kid"].as_str().unwrap();
        for alg in ["none", "None", "NONE", ""] {
            let head = encode(with(&header, &json!({"alg": alg})).to_string());
            for signature in ["", "AA", ann.access.rsplit('.').next().unwrap()] {
                refused(&app, &format!("{head}.{}.{signature}", encode(claims.to_string())), alg).await;
            }
        }
        let secrets = [
            public.as_bytes().to_vec(),
            URL_SAFE_NO_PAD.decode(public).unwrap(),
            own.to_string().into_bytes(),
            kid.as_bytes().to_vec(),
            Vec::new(),
        ];
        for (n, secret) in secrets.iter().enumerate() {
            let forger = Signer { key: EncodingKey::from_secret(secret), algorithm: Algorithm::HS256 };
            refused(&app, &forger.sign(&with(&header, &json!({"alg": "HS256"})), &claims), &format!("HS256 {n}")).await;
            refused(&app, &forger.sign(&header, &claims), &format!("HS256 as EdDSA {n}")).await;
        }
        // A stranger's key, offered in every way there is.
        let stranger = app.with_settings(&[]).await;
        let forger = Signer::of(&stranger).await;
        let offered = jwks(&stranger).await["keys"][0].clone();
        // Where the keys are said to be, nobody may ask.
        let asked = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        asked.set_nonblocking(true).unwrap();
        let url = format!("http://{}/.well-known/jwks.json", asked.local_addr().unwrap());
        for changes in [
            json!({}),
            json!({"kid": offered["kid"]}),
            json!({"jwk": offered}),
            json!({"jku": url}),
            json!({"x5u": url}),
            json!({"x5c": ["AAAA"]}),
            json!({"kid": "../../dev/null"}),
            json!({"kid": ""}),
            json!({"kid": "' or 1=1 --"}),
            json!({"kid": "x".repeat(4_000)}),
            json!({"kid": "\0"}),
            json!({"kid": "A".repeat(43)}),
            json!({"kid": 7}),
            json!({"kid": [kid]}),
            json!({"kid": null}),
        ] {
            refused(&app, &forger.sign(&with(&header, &changes), &claims), &changes.to_string()).await;
        }
        let nobody = asked.accept().map(|(_, who)| who).unwrap_err();
        assert_eq!(nobody.kind(), std::io::ErrorKind::WouldBlock);
        // The right signature does not excuse a header that names another algorithm, or no key.
        for changes in [
            json!({"alg": "HS256"}),
            json!({"alg": "ES256"}),
            json!({"alg": "RS256"}),
            json!({"alg": 1}),
            json!({"alg": null}),
            json!({"kid": null}),
            json!({"kid": "other"}),
        ] {
            refused(&app, &signer.sign(&with(&header, &changes), &claims), &changes.to_string()).await;
        }
        app.me(&ann.access).await.expect(200);
    }

    async fn every_claim_counts(app) {
        let ann = app.register("ann").await;
        let bob = app.register("bob").await;
        let (header, claims) = parts(&ann.access);
        let signer = Signer::of(&app).await;
        let (now, nil) = (claims["iat"].as_i64().unwrap(), "00000000-0000-0000-0000-000000000000");
        let iss = claims["iss"].as_str().unwrap();
        for changes in [
            json!({"exp": null}),
            json!({"exp": now}),
            json!({"exp": now - 1}),
            json!({"exp": 0}),
            json!({"exp": -1}),
            json!({"exp": (now + 1_800).to_string()}),
            json!({"exp": 4_102_444_800.5}),
            json!({"exp": 1e300}),
            json!({"exp": u64::MAX}),
            json!({"exp": [now + 1_800]}),
            json!({"exp": {}}),
            json!({"exp": true}),
            json!({"iss": null}),
            json!({"iss": "https://evil.example"}),
            json!({"iss": format!("{iss}/")}),
            json!({"iss": [iss]}),
            json!({"iss": ""}),
            json!({"aud": null}),
            json!({"aud": "other"}),
            json!({"aud": ""}),
            json!({"aud": []}),
            json!({"aud": ["other"]}),
            json!({"aud": 1}),
            json!({"sub": null}),
            json!({"sub": "ann"}),
            json!({"sub": 1}),
            json!({"sid": null}),
            json!({"sid": nil}),
            json!({"sid": bob.id}),
            json!({"sid": "' or 1=1"}),
            json!({"jti": null}),
            json!({"iat": null}),
            json!({"iat": "x"}),
            json!({"ver": null}),
            json!({"ver": "1"}),
        ] {
            refused(&app, &signer.sign(&header, &with(&claims, &changes)), &changes.to_string()).await;
        }
        for changes in [
            json!({"typ": null}),
            json!({"typ": "JWT"}),
            json!({"typ": "jwt"}),
            json!({"typ": "password-change+jwt"}),
            json!({"typ": 1}),
        ] {
            refused(&app, &signer.sign(&with(&header, &changes), &claims), &changes.to_string()).await;
        }
        for (head, body) in [
            ("[]", claims.to_string()),
            (&header.to_string(), "[]".into()),
            (&header.to_string(), "x".into()),
            ("", String::new()),
        ] {
            let message = format!("{}.{}", encode(head), encode(body));
            let signature = crypto::sign(message.as_bytes(), &signer.key, signer.algorithm).unwrap();
            refused(&app, &format!("{message}.{signature}"), head).await;
        }
    }

    async fn a_subject_other_than_the_sessions_own_is_refused(app) {
        let (ann, bob) = (app.register("ann").await, app.register("bob").await);
        let (header, claims) = parts(&ann.access);
        let token = Signer::of(&app).await.sign(&header, &with(&claims, &json!({"sub": bob.id})));
        refused(&app, &token, "a session of somebody else").await;
        refused(&app, &token, "the same once more").await;
    }

    async fn mangled_tokens_are_refused(app) {
        let ann = app.register("ann").await;
        let parts: Vec<_> = ann.access.split('.').collect();
        let flip = |text: &str| text.chars().rev().collect::<String>();
        for token in [
            format!("{}.{}", parts[0], parts[1]),
            format!("{}.{}.", parts[0], parts[1]),
            format!("{}.", ann.access),
            format!(".{}", ann.access),
            format!("{}.{}.{}", parts[0], parts[1], flip(parts[2])),
            format!("{}=", ann.access),
            format!("{}.{}.{}", parts[0], flip(parts[1]), parts[2]),
            "...".into(),
            ".".into(),
            "x".into(),
            "a b".into(),
            ann.refresh.clone(),
            ann.id.clone(),
            "null".into(),
            "x".repeat(8_000),
            "a.".repeat(4_000),
            format!("{} {}", ann.access, ann.access),
            format!("{},{}", ann.access, ann.access),
        ] {
            refused(&app, &token, &token).await;
            assert_eq!(app.refresh(&token).await.status == 200, token == ann.refresh, "{token}");
        }
        for value in [
            "",
            "Bearer",
            "Bearer ",
            "Basic x",
            &ann.access,
            &format!("Token {}", ann.access),
            &format!("Bearer{}", ann.access),
        ] {
            let reply = app.with("authorization", value).get("/api/v1/users/me").await.expect(401);
            assert_eq!(reply.header("www-authenticate"), Some(r#"Bearer realm="denizen""#));
            assert_eq!(reply.code(), "not_signed_in", "{value:?}");
        }
        app.with("authorization", &format!("bEARER   {}", ann.access)).get("/api/v1/users/me").await.expect(200);
        assert_eq!(app.refresh(&ann.access).await.expect(401).code(), "refresh_expired");
    }

    async fn other_services_verify_by_what_is_published(app) {
        let ann = app.register("ann").await;
        verify_elsewhere(&app, &ann, Algorithm::EdDSA).await;
        let reply = app.get("/.well-known/jwks.json").await;
        assert_eq!(reply.header("content-type"), Some("application/json"));
        assert_eq!(reply.header("cache-control"), Some("public, max-age=300"));
        let set = reply.json();
        let names: BTreeSet<_> = set["keys"][0].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, ["alg", "crv", "kid", "kty", "use", "x"].into(), "the public half alone");
        let key = &set["keys"][0];
        assert_eq!(
            (&key["kty"], &key["crv"], &key["alg"], &key["use"]),
            (&json!("OKP"), &json!("Ed25519"), &json!("EdDSA"), &json!("sig"))
        );
    }

    async fn after_a_rotation_old_tokens_hold_and_new_ones_name_the_new_key(app) {
        let ann = app.register("ann").await;
        let old = jwks(&app).await["keys"][0]["kid"].clone();
        let kid = rotate(&app, token::Algorithm::EdDsa).await;
        eventually("the new key is not used", async || {
            let token = app.login(&ann.email).await.expect(200).person();
            app.me(&token.access).await.expect(200);
            parts(&token.access).0["kid"] == json!(kid)
        })
        .await;
        app.me(&ann.access).await.expect(200);
        let listed: Vec<Value> =
            jwks(&app).await["keys"].as_array().unwrap().iter().map(|key| key["kid"].clone()).collect();
        assert_eq!(listed, [old, json!(kid)]);
        let ann = app.login(&ann.email).await.expect(200).person();
        verify_elsewhere(&app, &ann, Algorithm::EdDSA).await;
        app.app.db.clock().advance(std::time::Duration::from_secs(86_400 + 3_700));
        denizen::login::job::sweep(&app.app).await.unwrap();
        app.app.tokens.reload().await.unwrap();
        assert_eq!(jwks(&app).await["keys"].as_array().unwrap().len(), 1, "the old key is forgotten");
    }

    async fn the_algorithm_can_be_another(app) {
        for (name, algorithm, fields) in
            [("ES256", Algorithm::ES256, "alg crv kid kty use x y"), ("RS256", Algorithm::RS256, "alg e kid kty n use")]
        {
            let app = app.with_settings(&[("JWT_ALGORITHM", name)]).await;
            let ann = app.register("ann").await;
            verify_elsewhere(&app, &ann, algorithm).await;
            let set = jwks(&app).await;
            let names: BTreeSet<_> = set["keys"][0].as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(names, fields.split(' ').collect(), "{name}: the public half alone");
            app.me(&ann.access).await.expect(200);
            let forger = Signer {
                key: EncodingKey::from_secret(set["keys"][0].to_string().as_bytes()),
                algorithm: Algorithm::HS256,
            };
            let (header, claims) = parts(&ann.access);
            refused(&app, &forger.sign(&with(&header, &json!({"alg": "HS256"})), &claims), name).await;
        }
    }

    async fn a_shared_secret_is_not_published_and_can_be_taken_back(app) {
        let secret = "0123456789abcdef0123456789abcdef";
        let app = app.with_settings(&[("JWT_SECRET_KEY", secret)]).await;
        let ann = app.register("ann").await;
        let (header, claims) = parts(&ann.access);
        assert_eq!(header["alg"], "HS256");
        assert_eq!(jwks(&app).await, json!({"keys": []}));
        let signer = Signer { key: EncodingKey::from_secret(secret.as_bytes()), algorithm: Algorithm::HS256 };
        app.me(&signer.sign(&header, &claims)).await.expect(200);
        refused(&app, &signer.sign(&header, &with(&claims, &json!({"exp": 1}))), "expired").await;
        let app = TestApp::on(app.stop().await, &[]).await;
        refused(&app, &ann.access, "signed by a secret that is not configured any more").await;
        let again = app.login(&ann.email).await.expect(200).person();
        assert_eq!(parts(&again.access).0["alg"], "EdDSA");
        let app = TestApp::on(app.stop().await, &[("JWT_SECRET_KEY", secret)]).await;
        app.me(&again.access).await.expect(200);
        app.me(&ann.access).await.expect(200);
    }
}

/// Keys are replaced on one node, and another learns of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_node_takes_tokens_of_a_new_key_at_once() {
    let one = TestApp::start(denizen::db::Engine::Postgres).await;
    let other = one.another().await;
    let ann = one.register("ann").await;
    let mut new = ann.clone();
    for _ in 0..8 {
        let kid = rotate(&one, token::Algorithm::EdDsa).await;
        one.app.tokens.reload().await.unwrap();
        new = one.refresh(&new.refresh).await.expect(200).person();
        assert_eq!(parts(&new.access).0["kid"], kid.as_str());
        other.me(&new.access).await.expect(200);
    }
    other.me(&ann.access).await.expect(200);
}
