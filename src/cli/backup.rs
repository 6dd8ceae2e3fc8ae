//! `denizen backup`.

use std::{io::Write, path::PathBuf};

use clap::Args;

use super::{Failure, progress::Progress};
use crate::{
    config::{Config, DatabaseUrl},
    db::{self, Existing},
    error::Error,
};

const EXAMPLES: &str = "\
On SQLite it copies the database as it is at this instant, beside a server that goes on. The copy is one file of mode \
0600, examined and synced before it gets its name. The master key is not in it: keep that too, and elsewhere.

On PostgreSQL it prints the line for pg_dump, and does nothing.

To restore: stop the server, put the copy in the place of denizen.db, remove denizen.db-wal and denizen.db-shm, and put \
master.key back if it is gone. Then 'denizen session revoke --all', since sessions that were ended after the copy would \
live again, and start.

Examples:
  denizen backup /backup/denizen.db
  denizen backup --force /backup/newest.db
  denizen backup \"/backup/denizen-$(date +%F).db\"";

/// Copy the database to a file, also while a server runs
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Backup {
    /// The file to make
    file: PathBuf,
    /// Replace the file if it is there
    #[arg(long)]
    force: bool,
}

impl Backup {
    pub(super) async fn run(self, config: &Config, out: &mut impl Write) -> Result<(), Failure> {
        let DatabaseUrl::Sqlite(from) = config.database.url.clone() else { return Err(self.elsewhere(config)) };
        let existing = if self.force { Existing::Replace } else { Existing::Keep };
        let (progress, to) = (Progress::new("pages")?, self.file.clone());
        let copying =
            tokio::task::spawn_blocking(move || db::backup(&from, &to, existing, |done, of| progress.at(done, of)));
        let length = copying.await.map_err(Error::internal)??;
        writeln!(out, "{} holds the database, {length} bytes, examined.", self.file.display())?;
        let key = match &config.secrets.master_key {
            Some(_) => "MASTER_KEY".to_owned(),
            None => config.app.data_dir.join("master.key").display().to_string(),
        };
        writeln!(out, "It is of no use without the master key: keep {key} too, and apart from it.")?;
        Ok(())
    }

    fn elsewhere(&self, config: &Config) -> Failure {
        let schema = config.database.schema.as_ref().map(|schema| format!(" --schema={}", schema.as_str()));
        Failure::Usage(format!(
            "This database is PostgreSQL, whose own tool makes the backup:\n\n  \
             pg_dump --format=custom{} --file={} '{}'\n\n\
             It asks for the password, or reads PGPASSWORD. MASTER_KEY is not in the copy: keep it too, and apart.",
            schema.unwrap_or_default(),
            self.file.display(),
            config.database.url
        ))
    }
}
