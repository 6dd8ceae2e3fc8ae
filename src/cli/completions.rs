//! `denizen completions`.

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use super::Arguments;

const EXAMPLES: &str = "\
Examples:
  denizen completions bash > /etc/bash_completion.d/denizen
  denizen completions zsh > ~/.zfunc/_denizen              with ~/.zfunc in fpath
  denizen completions fish > ~/.config/fish/completions/denizen.fish";

/// Print what lets a shell complete the commands
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(super) fn document(&self) -> Vec<u8> {
        let mut text = Vec::new();
        generate(self.shell, &mut <Arguments as CommandFactory>::command(), "denizen", &mut text);
        text
    }
}
