//! What README.md tells to type does what it says there, and so does the example.

use std::{fmt::Write, process::Command};

use denizen::db::Engine;

use crate::{
    each_engine,
    kit::{database::Database, program::Program},
};

#[path = "../../examples/register_csv.rs"]
#[expect(dead_code, reason = "a program, whose beginning is not called here")]
mod register_csv;

const README: &str = include_str!("../../README.md");

/// The lines for a shell below a heading, from the line on that holds `mark`.
fn block(heading: &str, mark: &str) -> String {
    let (_, below) = README.split_once(&format!("\n## {heading}\n")).unwrap();
    let mut blocks = below.split("\n```sh\n").skip(1).map(|rest| rest.split("\n```").next().unwrap());
    blocks.find(|block| block.contains(mark)).unwrap().to_owned()
}

/// The statuses that the comments of a paragraph name.
fn promised(paragraph: &str) -> Vec<u16> {
    let comments = paragraph.lines().filter(|line| line.starts_with('#'));
    let words = comments.flat_map(|line| line.split(|c: char| !c.is_ascii_digit()));
    words.filter(|word| word.len() == 3).map(|word| word.parse().unwrap()).collect()
}

each_engine! {
    async fn the_lines_to_try_answer_as_their_comments_say(app) {
        let block = block("Try it", "curl");
        let local = block.replace("127.0.0.1:8000", &app.address.to_string());
        assert_ne!(local, block);
        let paragraphs: Vec<_> = local.split("\n\n").collect();
        // Each status goes to the standard error, which the lines leave alone.
        let mut script = String::from("curl() { command curl -w '%{stderr}%{http_code} ' \"$@\"; }\n");
        for paragraph in &paragraphs {
            write!(script, "{paragraph}\necho >&2\n").unwrap();
        }
        let typed = tokio::task::spawn_blocking(move || Command::new("bash").args(["-euc", &script]).output().unwrap());
        let typed = typed.await.unwrap();
        let (out, err) = (String::from_utf8(typed.stdout).unwrap(), String::from_utf8(typed.stderr).unwrap());
        let told: Vec<Vec<u16>> =
            err.lines().map(|line| line.split_whitespace().map(|word| word.parse().unwrap()).collect()).collect();
        assert_eq!(told, [&[][..], &[201], &[200], &[200], &[200], &[200, 401], &[200, 200]], "{out}{err}");
        for (paragraph, told) in paragraphs.iter().zip(told) {
            let promised = promised(paragraph);
            assert_eq!(promised.first(), told.first(), "{paragraph}");
            assert!(told.iter().all(|status| promised.contains(status)), "{paragraph}: {told:?}");
        }
        // What is to be opened in a browser.
        let (before, _) = README.split_once("> in a browser").unwrap();
        let (_, path) = before.rsplit_once("<http://127.0.0.1:8000").unwrap();
        let page = app.get(path).await.expect(200);
        assert!(page.header("content-type").unwrap().starts_with("text/html"));
        let flow = app.get("/openapi.json").await.json()["components"]["securitySchemes"]["password"]["flows"].clone();
        let door = flow["password"]["tokenUrl"].as_str().unwrap();
        app.form(door, "username=ada@example.com&password=Analytical-Engine-1843").await.expect(200);
        let answers = ["\"email\":\"ada@example.com\"", "etag: ", "\"token_refused\"", "\"healthy\"", "denizen_build_info"];
        for answer in answers {
            assert!(out.contains(answer), "no {answer} in {out}");
        }
    }

    async fn everybody_of_a_csv_is_registered_by_the_example_and_signs_in_again(app) {
        let mut csv = String::from("id,first_name,last_name,email,gender,ip_address\n");
        for n in 1..=100 {
            writeln!(csv, "{n},First{n},Last{n},person{n}@example.com,{},192.0.2.{n}", ["Male", "Female"][n % 2]).unwrap();
        }
        let people = app.database.root().join("people.csv");
        std::fs::write(&people, csv).unwrap();
        let arguments = register_csv::Arguments { server: format!("http://{}/", app.address), people, callers: 64 };
        register_csv::run(arguments).await.unwrap();
        let users = "select count(*) from users where email_key like 'person%@example.com' and first_name like 'First%'";
        assert_eq!(app.database.numbers(&[users, "select count(*) from sessions"]).await, [100, 100]);
    }
}

#[test]
fn the_first_minutes_go_as_they_are_told() {
    let database = Database::new(Engine::Sqlite);
    let program = Program::on(&database);
    let mut server = program.serve();
    let code = server.wait_for(|err| {
        let mut words = err.split_whitespace();
        words.find(|word| word.starts_with("dzs_")).filter(|code| code.len() > 40).map(str::to_owned)
    });
    let lines = block("Three minutes", "target/release/denizen setup");
    let typed = lines.replace("target/release/denizen", env!("CARGO_BIN_EXE_denizen")).replace("dzs_..", &code);
    // There is no terminal to ask at.
    let typed = typed.replace("'Your Name'", "'Your Name' --password-stdin");
    assert_ne!(typed, lines);
    let answer = program.shell(&format!("set -e\n{typed}"), "Correct-Horse-7-Battery\n").expect(0);
    for part in ["you@example.com", "superadmin", "schema", "Usage: denizen"] {
        assert!(answer.out.contains(part), "no '{part}' in {answer:?}");
    }
    let names = std::fs::read_dir(database.folder()).unwrap().map(|entry| entry.unwrap().file_name());
    let copies = names.filter_map(|name| name.into_string().ok()).filter(|name| name.starts_with("denizen-"));
    // It is named by the day.
    assert_eq!(copies.map(|name| name.len()).collect::<Vec<_>>(), ["denizen-2026-01-31.db".len()]);
}
