//! CSV, record by record, in memory that does not grow: a record that is too long is passed over, not kept.

use std::io::{self, Read};

use csv_core::ReadRecordResult as Step;

use crate::error::{Code, Error, Result, Rule};

/// The longest record, in bytes.
pub const RECORD_BYTES: usize = 64 * 1024;
/// The most columns.
const COLUMNS: usize = 256;

/// A source of records.
pub struct Csv {
    input: Box<dyn Read + Send>,
    core: csv_core::Reader,
    buffer: Vec<u8>,
    filled: std::ops::Range<usize>,
    output: Vec<u8>,
    ends: Vec<usize>,
    /// Of the record read last; the header is 1.
    pub number: u64,
    /// Bytes read so far.
    pub position: u64,
}

/// The cells of a record, or why it has none.
pub type Cells = Result<Vec<String>, Rule>;

impl Csv {
    /// Reads the header. The delimiter is the one of comma, semicolon and tab that the header holds most of.
    ///
    /// # Errors
    /// `malformed` when the source is no CSV in UTF-8; `internal` when it cannot be read.
    pub fn open(input: Box<dyn Read + Send>) -> Result<(Self, Vec<String>)> {
        let mut csv = Self {
            input,
            core: csv_core::Reader::new(),
            buffer: vec![0; RECORD_BYTES],
            filled: 0..0,
            output: vec![0; RECORD_BYTES],
            ends: vec![0; COLUMNS],
            number: 0,
            position: 0,
        };
        while csv.filled.end < 1_024 && csv.fill().map_err(|e| unreadable(&e))? > 0 {}
        let start = &csv.buffer[csv.filled.clone()];
        if start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff") || start.contains(&0) {
            return Err(malformed("This is UTF-16 or no text. Convert it: iconv -f UTF-16 -t UTF-8."));
        }
        if start.starts_with(b"\xef\xbb\xbf") {
            csv.filled.start += 3;
        }
        let first = csv.buffer[csv.filled.clone()].split(|byte| *byte == b'\n').next().unwrap_or_default();
        let count = |wanted: u8| first.split(|byte| *byte == wanted).count();
        let delimiter = [b',', b';', b'\t'].into_iter().rev().max_by_key(|byte| count(*byte)).unwrap_or(b',');
        csv.core = csv_core::ReaderBuilder::new().delimiter(delimiter).build();
        match csv.record().map_err(|e| unreadable(&e))? {
            Some(Ok(headers)) => Ok((csv, headers)),
            Some(Err(rule)) => Err(malformed(format!("Row 1, the header: {}", rule.message))),
            None => Err(malformed("There is no header: the file is empty.")),
        }
    }

    /// The next record; nothing at the end.
    ///
    /// # Errors
    /// Of the input.
    pub fn record(&mut self) -> io::Result<Option<Cells>> {
        let (mut out, mut end, mut is_over) = (0, 0, None);
        loop {
            if self.filled.is_empty() {
                self.filled = 0..0;
                self.fill()?;
            }
            let input = &self.buffer[self.filled.clone()];
            let (step, read, written, ended) =
                self.core.read_record(input, &mut self.output[out..], &mut self.ends[end..]);
            self.filled.start += read;
            (out, end) = (out + written, end + ended);
            match step {
                Step::InputEmpty => {}
                Step::OutputFull => (out, is_over) = (0, Some("A row has at most 65536 bytes: is a quote left open?")),
                Step::OutputEndsFull => (end, is_over) = (0, Some("A row has at most 256 columns.")),
                Step::End => return Ok(None),
                Step::Record => break,
            }
        }
        self.number += 1;
        if let Some(message) = is_over {
            return Ok(Some(Err(Rule::new("too_long", message))));
        }
        let mut cells = Vec::with_capacity(end);
        let mut start = 0;
        for stop in &self.ends[..end] {
            match std::str::from_utf8(&self.output[start..*stop]) {
                Ok(text) if text.contains('\0') => {
                    return Ok(Some(Err(Rule::new("nul", "This row holds a NUL byte."))));
                }
                Ok(text) => cells.push(text.to_owned()),
                Err(_) => {
                    let message = "This row is not UTF-8. If the file is Latin-1: iconv -f LATIN1 -t UTF-8.";
                    return Ok(Some(Err(Rule::new("not_utf8", message))));
                }
            }
            start = *stop;
        }
        Ok(Some(Ok(cells)))
    }

    fn fill(&mut self) -> io::Result<usize> {
        loop {
            match self.input.read(&mut self.buffer[self.filled.end..]) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                read => {
                    let read = read?;
                    self.filled.end += read;
                    self.position += read as u64;
                    return Ok(read);
                }
            }
        }
    }
}

pub(super) fn malformed(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(Code::Malformed).detail(message)
}

pub(super) fn unreadable(error: &io::Error) -> Error {
    malformed(format!("The source broke off: {error}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: impl Into<Vec<u8>>) -> Result<Vec<Result<Vec<String>, &'static str>>> {
        let (mut csv, headers) = Csv::open(Box::new(io::Cursor::new(text.into())))?;
        let mut all = vec![Ok(headers)];
        while let Some(cells) = csv.record().unwrap() {
            all.push(cells.map_err(|rule| rule.code));
        }
        Ok(all)
    }

    #[test]
    fn records_are_read_and_what_is_not_fit_is_told_alone() {
        let rows = all("\u{feff}a;b\r\n1;\"x;\n\"\"y\"\"\"\r\n\n2;3").unwrap();
        let row = |a: &str, b: &str| Ok(vec![a.to_owned(), b.to_owned()]);
        assert_eq!(rows, [row("a", "b"), row("1", "x;\n\"y\""), row("2", "3")]);
        let mut hostile = b"a,b\n".to_vec();
        hostile.extend(b"x".repeat(RECORD_BYTES * 3));
        hostile.extend(b",1\n\xe9t\xe9,2\n");
        hostile.extend(b",".repeat(5_000));
        hostile.extend(b"\n1\0,2\n1,2");
        let rows = all(hostile).unwrap();
        assert_eq!(rows[1..], [Err("too_long"), Err("not_utf8"), Err("too_long"), Err("nul"), row("1", "2")]);
        for bad in [&b""[..], b"\xff\xfea\0", b"e\0m\0a\0", b"\xe9,b\n1,2"] {
            assert!(all(bad).is_err(), "{bad:?}");
        }
    }
}
