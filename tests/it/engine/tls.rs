//! TLS to `PostgreSQL`: whoever cannot show a certificate that is trusted, for the name that was asked for, gets no word.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown},
    path::Path,
};

use nix::unistd::{Group, Uid};

use crate::kit::{
    database::{Database, server},
    program::{Answer, Program},
    server::Server,
    tls::Pair,
};

/// Leaves a key to root and the server's group alone, which is what a server demands.
fn give_to_the_server(key: &Path) {
    let mode = if Uid::effective().is_root() { 0o640 } else { 0o600 };
    fs::set_permissions(key, fs::Permissions::from_mode(mode)).unwrap();
    if Uid::effective().is_root() {
        let group = Group::from_name("postgres").unwrap().expect("the group of PostgreSQL");
        chown(key, None, Some(group.gid.as_raw())).unwrap();
    }
}

fn migrate(url: &str, roots: Option<&Path>) -> Answer {
    let program = Program::on(&Database::on_server(url.to_owned())).with("DATABASE_URL", url);
    roots
        .iter()
        .fold(program, |program, roots| program.with("SSL_CERT_FILE", roots.to_str().unwrap()))
        .run(&["migrate"])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_is_believed_by_its_certificate_alone() {
    let (folder, pair) = (tempfile::tempdir().unwrap(), Pair::new());
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let [cert, key] = ["cert.pem", "key.pem"].map(|name| folder.path().join(name));
    fs::write(&cert, &pair.cert).unwrap();
    fs::write(&key, &pair.key).unwrap();
    give_to_the_server(&key);
    let files = [format!("ssl_cert_file={}", cert.display()), format!("ssl_key_file={}", key.display())];
    let server = Server::start_with(&["ssl=on", &files[0], &files[1]]);
    let (number, name) = (server.url(), server.url().replace("127.0.0.1", "localhost"));

    for mode in ["prefer", "require", "verify-ca", "verify-full"] {
        let url = format!("{name}?sslmode={mode}");
        migrate(&url, Some(&cert)).expect(0);
        // Nobody vouches for it; or it vouches for another name.
        migrate(&url, None).refused(&["certificate"]);
        migrate(&format!("{number}?sslmode={mode}"), Some(&cert)).refused(&["certificate"]);
    }
    migrate(&format!("{name}?sslmode=disable"), None).expect(0);

    // Every connection that a server keeps is encrypted, those for reads too.
    let database = Database::on_server(server.url());
    let program = Program::on(&database).with("SSL_CERT_FILE", cert.to_str().unwrap());
    let ours = "select count(*) from pg_stat_ssl join pg_stat_activity using (pid) where application_name = 'denizen'";
    for mode in ["prefer", "require"] {
        let _serving = program.clone().with("DATABASE_URL", &format!("{name}?sslmode={mode}")).serve();
        assert!(database.number(ours).await > 1);
        assert_eq!(database.number(&format!("{ours} and not ssl")).await, 0, "{mode}");
    }
}

#[tokio::test]
async fn a_database_without_tls_is_spoken_to_only_where_that_is_allowed() {
    migrate(&format!("{}?sslmode=require", server()), None).refused(&["TLS"]);
}
