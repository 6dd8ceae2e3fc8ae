//! Escapes what could break out of a line or drive a terminal: the control characters of ASCII and the
//! eight-bit ones (U+0080 to U+009F), which some terminals obey.

use std::{
    fmt::{self, Write as _},
    io::{self, Write},
};

use tracing::field::Field;
use tracing_subscriber::{
    field::MakeExt,
    fmt::{FormatFields, format},
};

/// Fields as `message name=value`, each escaped.
pub(super) fn fields() -> impl for<'w> FormatFields<'w> + Send + Sync + 'static {
    format::debug_fn(|out: &mut format::Writer<'_>, field: &Field, value: &dyn fmt::Debug| match field.name() {
        "message" => write!(Line(out), "{value:?}"),
        // Where an event came from, for events of the `log` crate; the line says it already.
        name if name.starts_with("log.") => Ok(()),
        name => write!(Line(out), "{name}={value:?}"),
    })
    .delimited(" ")
}

struct Line<'a, 'w>(&'a mut format::Writer<'w>);

impl fmt::Write for Line<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for part in text.split_inclusive(char::is_control) {
            match part.chars().next_back().filter(|last| last.is_control()) {
                Some(last) => {
                    self.0.write_str(&part[..part.len() - last.len_utf8()])?;
                    write!(self.0, "{}", last.escape_default())?;
                }
                None => self.0.write_str(part)?,
            }
        }
        Ok(())
    }
}

/// A writer of JSON lines that also escapes the control characters which JSON lets stand. Outside strings
/// there are none but the end of the line, so the escape of JSON fits wherever one is met.
pub(super) struct Json<W>(pub W);

impl<W: Write> Write for Json<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // The formatter hands over whole events, which are valid UTF-8.
        let text = String::from_utf8_lossy(line);
        let lets_stand = |c: char| c.is_control() && !c.is_ascii_control() || c == '\u{7f}';
        if !text.contains(lets_stand) {
            return self.0.write_all(line).map(|()| line.len());
        }
        let mut escaped = String::with_capacity(line.len() + 16);
        for c in text.chars() {
            if lets_stand(c) {
                let _ = write!(escaped, "\\u{:04x}", u32::from(c));
            } else {
                escaped.push(c);
            }
        }
        self.0.write_all(escaped.as_bytes()).map(|()| line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, File},
        sync::Arc,
    };

    use tracing_subscriber::{fmt::layer, layer::SubscriberExt};

    use super::*;

    #[test]
    fn a_value_stays_in_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let out = Arc::new(File::create(&path).unwrap());
        let people = layer().without_time().with_ansi(false).fmt_fields(fields()).with_writer(out);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(people), || {
            let span = tracing::info_span!(target: "t", "s", path = %"/\r\n");
            let _inside = span.enter();
            tracing::info!(target: "t", text = "q\n", name = %"a\nb\u{1b}[31m\u{9b}é", "said {}", "x\ny");
        });
        let line = fs::read_to_string(&path).unwrap();
        let shown = r#" INFO s{path=/\r\n}: t: said x\ny text="q\n" name=a\nb\u{1b}[31m\u{9b}é"#;
        assert_eq!(line, format!("{shown}\n"));
    }
}
