//! Many people: how fast they come in, go out, are listed, and come and go one by one.

mod bare;
mod file;
mod hashed;
mod lifecycle;
mod list;
mod process;
mod whole;

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
};

use super::{
    Bench,
    people::PASSWORD,
    server::Database,
    table::{Bound, Row, Samples},
};

/// The rows by their names, in the order of the table.
pub const ROWS: &[(&str, super::rows::Measure)] =
    &[("crowd", whole::rows), ("hashed", hashed::rows), ("lifecycle", lifecycle::rows)];

/// What the program that measures may do.
const MAY: [&str; 6] = ["users.list", "users.read", "users.create", "users.update", "users.deactivate", "users.delete"];

/// A figure beside what the machine needs for less.
fn beside(what: String, limit: Vec<f64>, figure: Vec<f64>, unit: &'static str, bound: Bound) -> Row {
    let (limit, figure) = (Samples(limit), Samples(figure));
    let service = Some((figure.clone(), unit));
    Row { what, limit: Some((limit, unit)), service, figure, unit, bound, faults: Vec::new() }
}

/// Makes a superadmin, and a key by which a program does all that he may with users.
fn admin(bench: &Bench, database: &Database) -> String {
    let create = "user create --email root@example.com --name Root --role superadmin --password-stdin";
    process::run(bench, database, &create.split(' ').collect::<Vec<_>>(), &format!("{PASSWORD}\n"));
    let mut key: Vec<_> = "api-key create --user root@example.com --name bench".split(' ').collect();
    for permission in MAY {
        key.extend(["--permission", permission]);
    }
    process::run(bench, database, &key, "").out.trim().to_owned()
}

/// Asks once, on a connection of its own; gives the status and the body.
fn ask(address: SocketAddr, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.replacen("host: bench", "host: bench\r\nconnection: close", 1).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let body = answer.split_once("\r\n\r\n").unwrap().1.to_owned();
    (answer[9..12].parse().unwrap(), body)
}
