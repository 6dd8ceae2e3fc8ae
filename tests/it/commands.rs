//! What the commands tell of themselves: help, completions, manual pages, and refusals that name the next step.

use std::{fs, net::TcpListener, process::Command};

use denizen::db::Engine;

use crate::kit::{database::Database, program::Program};

fn program() -> (Program, Database) {
    let database = Database::new(Engine::Sqlite);
    (Program::on(&database), database)
}

/// Every command by its words, as the help lists them.
fn commands(program: &Program, words: &[String]) -> Vec<Vec<String>> {
    let mut asked: Vec<_> = words.iter().map(String::as_str).collect();
    asked.push("-h");
    let help = program.run(&asked).expect(0).out;
    let listed = help.split_once("Commands:\n").map_or("", |(_, rest)| rest.split("\n\n").next().unwrap());
    let below = listed.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next().filter(|w| !w.is_empty()));
    let mut all = vec![words.to_vec()];
    for word in below {
        all.extend(commands(program, &[words, &[word.to_owned()]].concat()));
    }
    all
}

#[test]
fn every_command_explains_itself() {
    let (program, database) = program();
    let all = commands(&program, &[]);
    assert!(all.len() > 20, "{all:?}");
    for words in &all {
        let mut asked: Vec<_> = words.iter().map(String::as_str).collect();
        asked.push("--help");
        let help = program.run(&asked).expect(0).out;
        let has_commands = help.contains("\nCommands:\n");
        assert!(
            words.is_empty() || has_commands || help.contains("Examples:\n  "),
            "{words:?} shows no example: {help}"
        );
    }
    assert_eq!(fs::read_dir(database.folder()).unwrap().count(), 0, "asking for help left something behind");
}

#[test]
fn completions_are_understood_by_their_shells() {
    let (program, database) = program();
    for shell in ["bash", "zsh", "fish"] {
        let text = program.run(&["completions", shell]).expect(0).out;
        assert!(text.contains("set-password") && text.contains("signing-key"), "{shell}: {text}");
    }
    let file = database.folder().join("denizen.bash");
    fs::write(&file, program.run(&["completions", "bash"]).expect(0).out).unwrap();
    let line = "source denizen.bash && COMP_WORDS=(denizen user pro) COMP_CWORD=2 && _denizen denizen pro user && \
                echo \"${COMPREPLY[@]}\"";
    let done = Command::new("bash").args(["-c", line]).current_dir(database.folder()).output().unwrap();
    assert_eq!(String::from_utf8(done.stdout).unwrap().trim(), "promote", "{}", String::from_utf8_lossy(&done.stderr));
    program.run(&["completions", "tcsh"]).expect(2);
}

#[test]
fn there_is_a_manual_page_for_each_command() {
    let (program, database) = program();
    program.run(&["man", "pages"]).expect(0);
    let folder = database.folder().join("pages");
    for words in commands(&program, &[]) {
        let name = [&["denizen".to_owned()][..], &words].concat().join("-");
        let page = fs::read_to_string(folder.join(format!("{name}.1"))).unwrap();
        assert!(page.contains(".SH NAME") && page.contains(".SH SYNOPSIS"), "{page}");
        // Where there is a formatter, it understands the page.
        if let Ok(done) =
            Command::new("groff").args(["-man", "-Tutf8", "-ww"]).arg(folder.join(format!("{name}.1"))).output()
        {
            let told = String::from_utf8_lossy(&done.stderr).into_owned();
            assert!(done.status.success() && told.is_empty(), "{name}: {told}");
        }
    }
    assert!(program.run(&["man"]).expect(0).out.contains("denizen\\-user(1)"));
    fs::write(database.folder().join("file"), "").unwrap();
    program.run(&["man", "file"]).refused(&["Name another folder"]);
}

#[test]
fn they_need_no_valid_settings() {
    let (program, _database) = program();
    let broken = program.with("PORT", "x");
    for words in [&["completions", "bash"][..], &["man"], &["config", "--reference"], &["--help"]] {
        broken.run(words).expect(0);
    }
    broken.run(&["migrate"]).expect(2);
}

#[test]
fn refusals_name_the_next_step() {
    let (program, database) = program();
    let told = |words: &[&str]| program.run(words).expect(2).err;
    for (words, tip) in [
        (&["migrat"][..], "'migrate'"),
        (&["user", "lst"], "'list'"),
        (&["usr"], "'user'"),
        (&["backup", "--forse", "x"], "'--force'"),
        (&["user", "create", "--email", "ann@example.com"], "--name"),
        (&["user", "promote", "ann", "--role", "amdin"], "'admin'"),
    ] {
        let err = told(words);
        assert!(err.contains(tip) && err.contains("--help"), "{words:?}: {err}");
    }
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    program.clone().with("PORT", &port).run(&["serve"]).refused(&["Cannot listen on", "Set HOST and PORT"]);
    program.run(&["user", "list"]).expect(0);
    fs::remove_file(database.folder().join("master.key")).unwrap();
    program.run(&["user", "list"]).refused(&["master.key is gone", "Restore it from your backup"]);
}
