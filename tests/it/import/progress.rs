//! What a terminal sees of an import.

use std::{
    fs::File,
    io::{Read, Write},
    process::Stdio,
};

use nix::pty::{Winsize, openpty};

use super::file;
use crate::{
    each_engine,
    kit::{TestApp, program::Program},
};

/// What is drawn while it imports.
fn drawn(app: &TestApp, source: &str, input: String) -> String {
    let size = Winsize { ws_row: 24, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0 };
    let terminal = openpty(Some(&size), None).unwrap();
    let mut command = Program::on(&app.database).command(env!("CARGO_BIN_EXE_denizen"));
    command.args(["import", source, "--batch", "100"]).env("TERM", "xterm");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(terminal.slave).spawn().unwrap();
    // Otherwise this process would hold the terminal open too.
    drop(command);
    let mut stdin = child.stdin.take().unwrap();
    std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let (mut seen, mut bytes, mut master) = (Vec::new(), [0; 4_096], File::from(terminal.master));
    while let Ok(length) = master.read(&mut bytes) {
        if length == 0 {
            break;
        }
        seen.extend_from_slice(&bytes[..length]);
    }
    assert!(child.wait().unwrap().success());
    String::from_utf8_lossy(&seen).into_owned()
}

each_engine! {
    async fn a_bar_tells_the_rate_and_a_stream_without_an_end_has_none(app) {
        let text = |name: &str| (0..1_500).fold("email\n".to_owned(), |text, n| text + name + &n.to_string() + "@example.com\n");
        let path = file(&app, "people.csv", text("file"));
        let bar = drawn(&app, path.to_str().unwrap(), String::new());
        assert!(bar.contains(" rows, ") && bar.contains("/s  ") && bar.contains("% ") && bar.contains(" left"), "{bar:?}");
        let spinner = drawn(&app, "-", text("stream"));
        assert!(spinner.contains(" rows, ") && spinner.contains("/s  ") && spinner.contains(" gone"), "{spinner:?}");
        assert!(!spinner.contains('%') && !spinner.contains(" left"), "{spinner:?}");
        assert_eq!(app.database.number(super::USERS).await, 3_000);
    }
}
