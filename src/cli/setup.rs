//! `denizen setup`.

use std::io::Write;

use clap::Args;

use super::{
    Failure,
    terminal::{self, NewPassword},
};
use crate::{
    access::Caller,
    account::{Email, Names},
    app::App,
    secret::Token,
    setup::{self, Founder},
};

const EXAMPLES: &str = "\
A server without a superadmin prints this command when it starts. The code works once; a later start replaces it.

Examples:
  denizen setup dzs_.. --email ann@example.com --name 'Ann Lee'
  denizen setup dzs_.. --email ann@example.com --name 'Ann Lee' --password-stdin < password.txt";

/// Make the first superadmin, with the code that the first start printed
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Setup {
    /// The code that the server printed
    code: String,
    /// The address of the superadmin
    #[arg(long, value_parser = terminal::email)]
    email: Email,
    /// The whole name of the superadmin
    #[arg(long, value_parser = terminal::name)]
    name: Names,
    #[command(flatten)]
    password: NewPassword,
}

impl Setup {
    pub(super) async fn run(self, app: &App, caller: &Caller, out: &mut impl Write) -> Result<(), Failure> {
        let founder = Founder { email: self.email, names: self.name, password: self.password.read()? };
        let user = setup::complete(app, caller, &Token::received(&self.code), founder).await?;
        writeln!(out, "{} ({}) is the first superadmin. Setup is over.", user.email, user.id)?;
        Ok(())
    }
}
