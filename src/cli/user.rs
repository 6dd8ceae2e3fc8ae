//! `denizen user`.

mod list;

use std::io::Write;

use clap::{Args, Subcommand};

use super::{
    Failure,
    terminal::{self, NewPassword},
};
use crate::{
    access::{Caller, Role},
    account::{self, Email, Identifier, Names, New, Username, Verification},
    app::App,
    error::Error,
    login::{change_password, register},
};

const CREATE: &str = "\
Examples:
  denizen user create --email ann@example.com --name 'Ann Lee'
  denizen user create --email bob@example.com --name 'Bob Ray' --username bob --role admin
  pass show bob | denizen user create --email bob@example.com --name 'Bob Ray' --password-stdin";
const LIST: &str = "\
Examples:
  denizen user list
  denizen user list --json | jq -r 'select(.role == \"admin\") | .email'";
const PROMOTE: &str = "\
The last superadmin cannot be given another role.

Examples:
  denizen user promote ann@example.com --role superadmin
  denizen user promote ann@example.com --role user";
const VERIFY: &str = "\
Examples:
  denizen user verify ann@example.com";
const DEACTIVATE: &str = "\
Every server refuses the user's tokens within a second. The last superadmin cannot be deactivated.

Examples:
  denizen user deactivate ann@example.com";
const ACTIVATE: &str = "\
Examples:
  denizen user activate ann@example.com";
const SET_PASSWORD: &str = "\
Every session of the user ends, and failed attempts are forgiven.

Examples:
  denizen user set-password ann@example.com
  pwgen 20 1 | tee /dev/tty | denizen user set-password ann --password-stdin";
const DELETE: &str = "\
The address and the username are free at once. The record is erased after DELETE_GRACE_DAYS.

Examples:
  denizen user delete ann@example.com
  denizen user delete 0197f3a4-7c52-7d1e-9d0c-2f6f3f1f8a11 --yes";

/// Look after users
#[derive(Subcommand)]
pub enum User {
    /// Make an account
    Create(Create),
    /// List all users, oldest first
    #[command(after_long_help = LIST)]
    List(list::List),
    /// Give a user another role
    #[command(after_long_help = PROMOTE)]
    Promote {
        #[command(flatten)]
        user: Named,
        /// The role to give
        #[arg(long, value_parser = terminal::role())]
        role: Role,
    },
    /// Vouch for a user's e-mail address
    #[command(after_long_help = VERIFY)]
    Verify(Named),
    /// Let a user sign in no more, and end all sessions
    #[command(after_long_help = DEACTIVATE)]
    Deactivate(Named),
    /// Let a deactivated user sign in again
    #[command(after_long_help = ACTIVATE)]
    Activate(Named),
    /// Give a user another password
    #[command(after_long_help = SET_PASSWORD)]
    SetPassword {
        #[command(flatten)]
        user: Named,
        #[command(flatten)]
        password: NewPassword,
    },
    /// Delete a user
    #[command(after_long_help = DELETE)]
    Delete {
        #[command(flatten)]
        user: Named,
        /// Do not ask for a confirmation
        #[arg(long)]
        yes: bool,
    },
}

/// Make an account
#[derive(Args)]
#[command(after_long_help = CREATE)]
pub struct Create {
    /// The e-mail address, which counts as proved
    #[arg(long, value_parser = terminal::email)]
    email: Email,
    /// The whole name
    #[arg(long, value_parser = terminal::name)]
    name: Names,
    /// A name to sign in with, beside the address
    #[arg(long, value_parser = terminal::username)]
    username: Option<Username>,
    /// The role
    #[arg(long, value_parser = terminal::role(), default_value = Role::User.as_str())]
    role: Role,
    /// Leave the e-mail address unproved
    #[arg(long)]
    unverified: bool,
    #[command(flatten)]
    password: NewPassword,
}

/// Somebody who has an account.
#[derive(Args)]
pub struct Named {
    /// E-mail address, username or id
    user: String,
}

impl User {
    pub(super) async fn run(self, app: &App, caller: &Caller, out: &mut impl Write) -> Result<(), Failure> {
        let db = &app.db;
        match self {
            Self::Create(create) => return create.run(app, caller, out).await,
            Self::List(list) => return list.run(app, caller, out).await,
            Self::Promote { user, role } => {
                let id = user.find(app).await?.id;
                let user = db.write(async |tx| account::set_role(tx, caller, id, role).await).await?;
                writeln!(out, "{} has the role {}.", whom(&user), user.role.as_str())?;
            }
            Self::Verify(user) => {
                let id = user.find(app).await?.id;
                let user = db.write(async |tx| account::verify(tx, caller, id).await).await?;
                writeln!(out, "{} is verified.", whom(&user))?;
            }
            Self::Deactivate(user) => {
                let id = user.find(app).await?.id;
                let user = db.withdraw(async |tx| account::deactivate(tx, caller, id, |_| Ok(())).await).await?;
                writeln!(out, "{} is deactivated.", whom(&user))?;
            }
            Self::Activate(user) => {
                let id = user.find(app).await?.id;
                let user = db.write(async |tx| account::activate(tx, caller, id, |_| Ok(())).await).await?;
                writeln!(out, "{} is active.", whom(&user))?;
            }
            Self::SetPassword { user, password } => {
                let user = user.find(app).await?;
                change_password::by_operator(app, caller, user.id, &password.read()?).await?;
                writeln!(out, "{} has another password, and no session.", whom(&user))?;
            }
            Self::Delete { user, yes } => {
                let user = user.find(app).await?;
                if !yes {
                    let question = format!("Type {} to delete {}:", user.email, whom(&user));
                    terminal::confirm(&question, &user.email)?;
                }
                let (id, grace) = (user.id, app.config.auth.delete_grace);
                db.write(async |tx| account::delete(tx, caller, id, grace, |_| Ok(())).await).await?;
                writeln!(out, "{} is deleted, and erased in {} days.", whom(&user), grace.as_secs() / 86_400)?;
            }
        }
        Ok(())
    }
}

impl Create {
    async fn run(self, app: &App, caller: &Caller, out: &mut impl Write) -> Result<(), Failure> {
        let new = New {
            email: self.email,
            username: self.username,
            names: self.name,
            gender: None,
            phone: None,
            ip_address: None,
            role: self.role,
            verification: if self.unverified { Verification::Pending } else { Verification::Proved },
        };
        let user = register::by_operator(app, caller, new, &self.password.read()?).await?;
        writeln!(out, "{} has an account, with the role {}.", whom(&user), user.role.as_str())?;
        Ok(())
    }
}

impl Named {
    async fn find(&self, app: &App) -> Result<account::User, Failure> {
        find(app, &self.user).await
    }
}

/// Somebody by e-mail address, username or id. What reads as an id is one: a username made to look like it names
/// nobody here.
pub(super) async fn find(app: &App, user: &str) -> Result<account::User, Failure> {
    let found = match user.parse() {
        Ok(id) => account::get(&mut app.db.read(), id).await?,
        Err(_) => account::find(&mut app.db.read(), &Identifier::parse(user)).await?,
    };
    let text =
        || format!("There is no user '{user}'. Name an e-mail address, a username or an id: see 'denizen user list'.");
    Ok(found.ok_or_else(|| Error::not_found().detail(text()))?)
}

fn whom(user: &account::User) -> String {
    format!("{} ({})", user.email, user.id)
}
