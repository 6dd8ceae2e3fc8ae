//! `denizen man`.

use std::{fs, io::Write, path::PathBuf};

use clap::{Args, CommandFactory};
use clap_mangen::generate_to;

use super::{Arguments, Failure};

const EXAMPLES: &str = "\
Examples:
  denizen man | man -l -                      read the first page
  denizen man /usr/local/share/man/man1       write a page for each command";

/// Print the manual page, or write one for each command into a folder
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Man {
    /// The folder for all pages; it is made if it is not there
    dir: Option<PathBuf>,
}

impl Man {
    pub(super) fn run(&self, out: &mut impl Write) -> Result<(), Failure> {
        let tree = <Arguments as CommandFactory>::command();
        let Some(folder) = &self.dir else { return Ok(clap_mangen::Man::new(tree).render(out)?) };
        // Named as `man` is asked: denizen-user-create.1.
        fs::create_dir_all(folder).and_then(|()| generate_to(tree, folder)).map_err(|e| {
            Failure::Failed(format!("{} cannot be written to: {e}. Name another folder.", folder.display()))
        })?;
        writeln!(out, "The pages are in {}: man -l {}", folder.display(), folder.join("denizen.1").display())?;
        Ok(())
    }
}
