//! `denizen api-key`.

use std::io::Write;

use clap::{Args, Subcommand};

use super::{Failure, user};
use crate::{
    access::{Caller, Permission, Permissions},
    app::App,
    clock::Time,
    id::KeyId,
    key::{self, New},
};

const CREATE: &str = "\
The key is printed this once. It holds nothing that the user lacks, never does what he may not do by then, and ends
with his account.

Examples:
  denizen api-key create --user ann@example.com --name crm --permission users.list --permission users.read
  denizen api-key create --user ann@example.com --name import --permission users.create \\
      --expires-at 2030-01-31T12:00:00Z";
const LIST: &str = "\
Of a key itself only its beginning is known here.

Examples:
  denizen api-key list";
const REVOKE: &str = "\
Every server refuses the key within a second.

Examples:
  denizen api-key revoke 0197f3a4-7c52-7d1e-9d0c-2f6f3f1f8a11";

const PAGE: i64 = 100;

/// Look after API keys
#[derive(Subcommand)]
pub enum ApiKey {
    /// Make a key by which a program acts for a user
    Create(Create),
    /// List the keys that are not revoked, newest first
    #[command(after_long_help = LIST)]
    List,
    /// End a key
    #[command(after_long_help = REVOKE)]
    Revoke {
        /// Its id
        id: KeyId,
    },
}

/// Make a key by which a program acts for a user
#[derive(Args)]
#[command(after_long_help = CREATE)]
pub struct Create {
    /// For whom: e-mail address, username or id
    #[arg(long)]
    user: String,
    /// What it is for
    #[arg(long)]
    name: String,
    /// What it may do; repeat it for more
    #[arg(long = "permission", value_name = "PERMISSION", required = true, value_parser = permission)]
    permissions: Vec<Permission>,
    /// When it ends, as 2030-01-31T12:00:00Z; never, unless it is given
    #[arg(long, value_parser = time)]
    expires_at: Option<Time>,
}

impl ApiKey {
    pub(super) async fn run(self, app: &App, caller: &Caller, out: &mut impl Write) -> Result<(), Failure> {
        match self {
            Self::Create(create) => create.run(app, caller, out).await?,
            Self::List => list(app, caller, out).await?,
            Self::Revoke { id } => {
                app.db.withdraw(async |tx| key::revoke(tx, caller, id).await).await?;
                writeln!(out, "{id} is revoked.")?;
            }
        }
        Ok(())
    }
}

impl Create {
    async fn run(self, app: &App, caller: &Caller, out: &mut impl Write) -> Result<(), Failure> {
        let user = user::find(app, &self.user).await?.id;
        let new = New { name: self.name, permissions: Permissions::of(&self.permissions), expires_at: self.expires_at };
        let directory = app.config.auth.directory;
        let (_, token) = app.db.write(async |tx| key::create(tx, caller, directory, user, new).await).await?;
        writeln!(out, "{}", token.expose())?;
        Ok(())
    }
}

async fn list(app: &App, caller: &Caller, out: &mut impl Write) -> Result<(), Failure> {
    let mut below = None;
    loop {
        let (keys, _) = key::list(caller, &mut app.db.read(), below, PAGE, 0).await?;
        let Some(last) = keys.last() else { return Ok(()) };
        below = Some(last.id);
        for key in keys {
            let used = key.last_used_at.map_or_else(|| "never used".to_owned(), |at| format!("last used {at}"));
            let name: String = key.name.chars().filter(|c| !c.is_control()).collect();
            writeln!(out, "{}  {}..  {}  {used}  {}  {name}", key.id, key.prefix, key.user_id, key.permissions)?;
        }
    }
}

fn permission(text: &str) -> Result<Permission, String> {
    let names = || Permission::ALL.iter().map(|permission| permission.as_str()).collect::<Vec<_>>().join(", ");
    Permission::parse(text).ok_or_else(|| format!("it is one of {}", names()))
}

fn time(text: &str) -> Result<Time, &'static str> {
    Time::parse(text).ok_or("it looks like 2030-01-31T12:00:00Z")
}
