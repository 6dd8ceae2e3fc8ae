//! TLS towards clients: what is spoken, when files change, and whoever plays for time.

use std::{fs, time::Duration};

use denizen::db::Engine;
use http_body_util::{BodyExt, Empty};
use hyper::{Request, body::Bytes};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    each_engine,
    kit::{
        database::Database,
        eventually,
        program::Program,
        tls::{Files, Pair},
    },
};

const PATIENCE: Duration = Duration::from_secs(30);

/// The refusal of a server that is started with these files.
fn refused(pair: (&str, &str), parts: &[&str]) {
    let database = Database::new(Engine::Sqlite);
    let (cert, key) = (database.root().join("c.pem"), database.root().join("k.pem"));
    fs::write(&cert, pair.0).unwrap();
    fs::write(&key, pair.1).unwrap();
    let program = Program::on(&database).with("TLS_CERT", cert.to_str().unwrap());
    program.with("TLS_KEY", key.to_str().unwrap()).run(&["serve"]).refused(parts);
}

each_engine! {
    async fn https_is_spoken_in_both_versions_of_http(app) {
        let (folder, pair) = (tempfile::tempdir().unwrap(), Pair::new());
        let app = app.with_settings(&Files::new(folder.path(), &pair).settings()).await;
        for (offers, chosen) in [
            (&["h2", "http/1.1"][..], "h2"),
            (&["http/1.1"], "http/1.1"),
            (&["h2"], "h2"),
            (&[], ""),
        ] {
            let (status, protocol, headers) = pair.get(app.address, offers, "/health/live").await;
            assert_eq!((status, protocol.as_str()), (200, chosen));
            assert_eq!(headers["strict-transport-security"], "max-age=31536000; includeSubDomains");
        }
        let unknown = pair.connect(app.address, &["spdy/1"]).await;
        assert!(unknown.is_err(), "RFC 7301, 3.2: no protocol in common ends the handshake");
        assert!(Pair::new().connect(app.address, &[]).await.is_err(), "a stranger's root was enough");
        assert_eq!(app.app.config.app.public_url.as_str(), "https://127.0.0.1:0");
    }

    async fn a_new_pair_is_shown_to_new_connections_and_open_ones_go_on(app) {
        let (folder, old, new) = (tempfile::tempdir().unwrap(), Pair::new(), Pair::new());
        let files = Files::new(folder.path(), &old);
        let app = app.with_settings(&files.settings()).await;
        let stream = old.connect(app.address, &["http/1.1"]).await.unwrap();
        let (mut send, conn) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(conn);
        let mut ask = async || {
            let request = Request::get("/health/live").header("host", "x").body(Empty::<Bytes>::new()).unwrap();
            send.ready().await.unwrap();
            let response = send.send_request(request).await.unwrap();
            assert_eq!(response.status(), 200);
            response.into_body().collect().await.unwrap();
        };
        ask().await;

        // Whatever is written in between, the old pair stays whole.
        for (cert, key) in [
            (new.cert.as_str(), old.key.as_str()),
            (&new.cert[..new.cert.len() / 2], new.key.as_str()),
            ("", ""),
            ("no PEM at all", "neither"),
        ] {
            fs::write(&files.cert, cert).unwrap();
            fs::write(&files.key, key).unwrap();
            tokio::time::sleep(Duration::from_millis(2_500)).await;
            assert_eq!(old.get(app.address, &[], "/health/live").await.0, 200);
            ask().await;
        }
        fs::remove_file(&files.key).unwrap();
        files.hold(&new);
        eventually("the new certificate is never shown", async || new.connect(app.address, &[]).await.is_ok()).await;
        assert!(old.connect(app.address, &[]).await.is_err(), "the old certificate is still shown");
        ask().await;
    }

    async fn who_does_not_finish_his_handshake_holds_nobody_up(app) {
        let (folder, pair) = (tempfile::tempdir().unwrap(), Pair::new());
        let app = app.with_settings(&Files::new(folder.path(), &pair).settings()).await;
        let mut idle = Vec::new();
        for n in 0..200_usize {
            let mut stream = TcpStream::connect(app.address).await.unwrap();
            // The beginning of a record that says a hello of 512 bytes follows: some of it, or nothing.
            stream.write_all(&[22, 3, 1, 2, 0, 1, 0, 1, 252][..n % 10]).await.unwrap();
            idle.push(stream);
        }
        for _ in 0..20 {
            let answer = timeout(PATIENCE, pair.get(app.address, &["h2"], "/health/live")).await.unwrap();
            assert_eq!(answer.0, 200);
        }
        // Nor an orderly stop.
        timeout(Duration::from_secs(4), app.stop()).await.expect("half handshakes outlast the grace");
        let mut byte = [0];
        for mut stream in idle {
            let end = timeout(PATIENCE, stream.read(&mut byte)).await.unwrap();
            assert!(matches!(end, Ok(0) | Err(_)));
        }
    }

    async fn plain_http_at_the_port_of_tls_is_let_go(app) {
        let (folder, pair) = (tempfile::tempdir().unwrap(), Pair::new());
        let app = app.with_settings(&Files::new(folder.path(), &pair).settings()).await;
        let mut stream = TcpStream::connect(app.address).await.unwrap();
        stream.write_all(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        let _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("it is not let go");
        assert!(!String::from_utf8_lossy(&answer).contains("HTTP/"), "{answer:?}");
        assert_eq!(pair.get(app.address, &[], "/health/live").await.0, 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handshake_has_ten_seconds() {
    let (folder, pair) = (tempfile::tempdir().unwrap(), Pair::new());
    let app = crate::kit::TestApp::start_with(Engine::Sqlite, &Files::new(folder.path(), &pair).settings()).await;
    let mut stream = TcpStream::connect(app.address).await.unwrap();
    stream.write_all(&[22, 3, 1]).await.unwrap();
    let begun = std::time::Instant::now();
    let mut byte = [0];
    let end = timeout(PATIENCE, stream.read(&mut byte)).await.expect("it waits for ever");
    assert!(matches!(end, Ok(0) | Err(_)) && begun.elapsed() > Duration::from_secs(9), "{end:?} {:?}", begun.elapsed());
}

#[test]
fn what_is_wrong_with_a_pair_is_said_at_the_start() {
    let (one, two) = (Pair::new(), Pair::new());
    refused((&one.cert, &two.key), &["TLS_KEY", "does not belong to the first certificate of TLS_CERT"]);
    refused(("words", &one.key), &["TLS_CERT", "holds no certificate in PEM", "full chain"]);
    refused((&one.cert, "words"), &["TLS_KEY", "holds no private key in PEM"]);
    refused((&one.cert, &one.cert), &["TLS_KEY", "holds no private key in PEM"]);
    refused((&one.cert[..one.cert.len() - 30], &one.key), &["TLS_CERT", "not whole"]);
    let garbled = one.cert.replacen("MII", "AAA", 1);
    refused((&garbled, &one.key), &["TLS_CERT"]);
    for encrypted in [
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIF\n-----END ENCRYPTED PRIVATE KEY-----\n",
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nMIIF\n-----END RSA PRIVATE KEY-----\n",
    ] {
        refused((&one.cert, encrypted), &["TLS_KEY", "encrypted", "openssl pkey"]);
    }
    let database = Database::new(Engine::Sqlite);
    let program = Program::on(&database).with("TLS_CERT", "/nowhere/c.pem");
    program
        .clone()
        .with("TLS_KEY", "/nowhere/k.pem")
        .run(&["serve"])
        .refused(&["TLS_CERT is /nowhere/c.pem", "cannot be read"]);
    let alone = program.run(&["serve"]).expect(2);
    assert!(alone.err.contains("TLS_CERT is set, which needs TLS_KEY"), "{alone:?}");
}

#[test]
fn the_program_says_https_and_hears_sighup() {
    let (database, old, new) = (Database::new(Engine::Sqlite), Pair::until(2_001), Pair::new());
    let files = Files::new(&database.root(), &old);
    let [(cert, cert_path), (key, key_path)] = files.settings();
    let mut serving = Program::on(&database).with(cert, cert_path).with(key, key_path).serve();
    assert!(serving.err().contains("Denizen listens on https://127.0.0.1:"), "{}", serving.err());
    serving.wait_for(|err| err.contains("the TLS certificate has expired").then_some(()));

    fs::write(&files.key, "half").unwrap();
    serving.signal("HUP");
    serving.wait_for(|err| err.contains("the old certificate stays").then_some(()));
    files.hold(&new);
    serving.signal("HUP");
    serving.wait_for(|err| err.contains("new connections get the new TLS certificate").then_some(()));
    assert!(serving.runs());
    let told = serving.err();
    assert_eq!(told.matches("the old certificate stays").count(), 1, "{told}");
    assert!(!told.contains("expires soon"), "{told}");
    serving.signal("TERM");
    assert_eq!(serving.end().0, 0);
}

#[test]
fn the_end_of_a_certificate_is_told_of_thirty_days_before() {
    for (days, is_told) in [(29, true), (33, false)] {
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let now = denizen::clock::Clock::default().now().seconds();
        params.not_after = time::OffsetDateTime::from_unix_timestamp(now).unwrap() + time::Duration::days(days);
        let database = Database::new(Engine::Sqlite);
        let files = Files::new(&database.root(), &Pair::of(&params));
        let [(cert, cert_path), (key, key_path)] = files.settings();
        let mut serving = Program::on(&database).with(cert, cert_path).with(key, key_path).serve();
        // The answer to the signal comes after the first look.
        serving.signal("HUP");
        serving.wait_for(|err| err.contains("SIGHUP").then_some(()));
        std::thread::sleep(Duration::from_millis(500));
        assert_eq!(serving.err().contains("the TLS certificate expires soon"), is_told, "{}", serving.err());
    }
}
