//! `denizen user list`.

use std::io::Write;

use clap::Args;

use crate::{
    access::Caller,
    account::{self, User, grant, view},
    app::App,
    cli::Failure,
    error::Error,
};

const PAGE: i64 = 500;

/// List all users, oldest first
#[derive(Args)]
pub struct List {
    /// Print one JSON object a line, with everything but secrets
    #[arg(long)]
    json: bool,
}

impl List {
    /// Page by page, so that millions need no memory. The columns are of fixed width for the same reason.
    pub(super) async fn run(self, app: &App, caller: &Caller, out: &mut impl Write) -> Result<(), Failure> {
        if !self.json {
            line(out, ["ID", "ROLE", "STATE", "CREATED", "E-MAIL", "NAME"])?;
        }
        let mut last = None;
        loop {
            let users = account::walk(caller, &mut app.db.read(), last, PAGE).await?;
            let Some(newest) = users.last() else { return Ok(()) };
            last = Some(newest.id);
            let authorities =
                grant::authorities(&mut app.db.read(), app.config.auth.directory, &users, app.db.clock().now()).await?;
            for (user, authority) in users.iter().zip(&authorities) {
                if self.json {
                    writeln!(out, "{}", serde_json::to_string(&view::own(user, authority)).map_err(Error::internal)?)?;
                } else {
                    columns(user, out)?;
                }
            }
            out.flush()?;
        }
    }
}

fn columns(user: &User, out: &mut impl Write) -> Result<(), Failure> {
    let state = match (user.is_active, user.is_verified) {
        (false, _) => "deactivated",
        (true, false) => "unverified",
        (true, true) => "active",
    };
    let (id, created) = (user.id.to_string(), user.created_at.to_string());
    let created = created.get(..19).unwrap_or(&created);
    let name: String = user.full_name.as_deref().unwrap_or("-").chars().map(shown).collect();
    line(out, [&id, user.role.as_str(), state, created, &user.email, &name])
}

fn line(out: &mut impl Write, [id, role, state, created, email, name]: [&str; 6]) -> Result<(), Failure> {
    Ok(writeln!(out, "{id:<36}  {role:<10}  {state:<11}  {created:<19}  {email:<36}  {name}")?)
}

/// Nothing that a stranger gave as his name drives the operator's terminal.
fn shown(character: char) -> char {
    if character.is_control() { char::REPLACEMENT_CHARACTER } else { character }
}
