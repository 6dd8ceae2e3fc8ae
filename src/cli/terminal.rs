//! Asking whoever sits at the terminal, and reading what he typed as an argument.

use std::io::{self, IsTerminal, Read};

use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser},
};
use zeroize::Zeroizing;

use super::Failure;
use crate::{
    access::Role,
    account::{Email, Names, Username},
    http::{Input, Line},
    password::Password,
};

/// The most bytes of a line that are read: any password fits, and nobody fills the memory.
const LINE_LIMIT: u64 = 16 * 1024;

/// Where a new password comes from. Never from an argument, which every process can read.
#[derive(Args)]
pub struct NewPassword {
    /// Read the password from the first line of the standard input, instead of asking for it
    #[arg(long)]
    password_stdin: bool,
}

impl NewPassword {
    /// Reads it: at a terminal twice, without showing it.
    pub(super) fn read(&self) -> Result<Password, Failure> {
        let text = if self.password_stdin {
            line()?
        } else if io::stdin().is_terminal() {
            let text = Zeroizing::new(rpassword::prompt_password("Password: ")?);
            if text != Zeroizing::new(rpassword::prompt_password("Once more: ")?) {
                return Err(Failure::Failed("The two passwords differ, so nothing was done. Try again.".into()));
            }
            text
        } else {
            return Err(Failure::Usage(
                "There is no terminal to ask for the password on. Give it with --password-stdin.".into(),
            ));
        };
        Ok(Password::parse(&text).map_err(|rule| rule.error("password"))?)
    }
}

/// Goes on only when `expected` is typed.
pub(super) fn confirm(question: &str, expected: &str) -> Result<(), Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::Usage("There is no terminal to confirm this on. Say --yes.".into()));
    }
    eprint!("{question} ");
    if line()?.trim() == expected { Ok(()) } else { Err(Failure::Failed("Not confirmed, so nothing was done.".into())) }
}

/// The first line of the standard input, without its end.
fn line() -> io::Result<Zeroizing<String>> {
    let mut bytes = Zeroizing::new(Vec::new());
    for byte in io::stdin().lock().take(LINE_LIMIT).bytes() {
        match byte? {
            b'\n' => break,
            byte => bytes.push(byte),
        }
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| io::Error::other("the input is not UTF-8"))?;
    Ok(Zeroizing::new(text.strip_suffix('\r').unwrap_or(text).to_owned()))
}

pub(super) fn email(text: &str) -> Result<Email, String> {
    Email::parse(text).map_err(|rule| rule.message.into_owned())
}

pub(super) fn username(text: &str) -> Result<Username, String> {
    Username::parse(text).map_err(|rule| rule.message.into_owned())
}

/// A whole name, with the same rule as over HTTP.
pub(super) fn name(text: &str) -> Result<Names, String> {
    let name = Line::<2, 255>::parse(text.to_owned()).map_err(|rule| rule.message.into_owned())?;
    Ok(Names::complete(Some(name.into_string()), None, None))
}

pub(super) fn role() -> impl TypedValueParser<Value = Role> {
    PossibleValuesParser::new(Role::ALL.map(Role::as_str)).try_map(|text| Role::parse(&text).ok_or("no such role"))
}
