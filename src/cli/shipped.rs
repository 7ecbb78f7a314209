//! `leasebox completions` and `leasebox man`: print files that are made from the description of
//! the command line. The program contains these files.
//!
//! ```text
//!   Arguments ─ clap's companions, in a test ─► docs/completions, docs/man ─ include_str ─► here
//! ```
//!
//! **Invariants** the files are those that clap's companions, the crates `clap_complete` and
//! `clap_mangen`, write for the command line as it is. A test compares them;
//! `LEASEBOX_WRITE=1 cargo test --lib shipped` writes them anew.
//!
//! **Lock** none. **Simplified** three shells. **Source** ours; man(7), and the manuals of the
//! shells.

use std::process::ExitCode;

use clap::Args;

use crate::cli::{no_answer, print, units};

#[derive(Args)]
#[command(after_help = "Examples:\n  \
    leasebox completions bash > ~/.local/share/bash-completion/completions/leasebox\n  \
    leasebox completions zsh > ~/.zfunc/_leasebox         a folder of $fpath\n  \
    leasebox completions fish > ~/.config/fish/completions/leasebox.fish\n\n\
    Exit 0: it was written; 2: there is no such shell.")]
pub struct Completions {
    /// The shell that will complete the words
    // The value is the text of the shell's file.
    #[arg(value_parser = units::one_of(SHELLS))]
    shell: &'static str,
}

/// The shells, and the text of the file for each.
const SHELLS: [(&str, &str); 3] = [
    ("bash", include_str!("../../docs/completions/leasebox.bash")),
    ("zsh", include_str!("../../docs/completions/_leasebox")),
    ("fish", include_str!("../../docs/completions/leasebox.fish")),
];

/// Prints the completions for a shell.
pub fn completions(arguments: &Completions) -> ExitCode {
    print(arguments.shell.as_bytes(), ExitCode::SUCCESS)
}

#[derive(Args)]
#[command(after_help = "Examples:\n  \
    leasebox man | man -l -                    the page of the program\n  \
    leasebox man serve | man -l -              the page of a command\n\n\
    Exit 0: it was written; 2: there is no such command.")]
pub struct Manual {
    /// The command; the program as a whole when left out
    command: Option<String>,
}

/// The manual pages by the names of their commands. The page of the whole program has the name "".
const PAGES: [(&str, &str); 15] = [
    ("", include_str!("../../docs/man/leasebox.1")),
    ("serve", include_str!("../../docs/man/leasebox-serve.1")),
    ("client", include_str!("../../docs/man/leasebox-client.1")),
    ("check", include_str!("../../docs/man/leasebox-check.1")),
    ("race", include_str!("../../docs/man/leasebox-race.1")),
    ("grade", include_str!("../../docs/man/leasebox-grade.1")),
    ("lesson", include_str!("../../docs/man/leasebox-lesson.1")),
    ("simulate", include_str!("../../docs/man/leasebox-simulate.1")),
    ("echo", include_str!("../../docs/man/leasebox-echo.1")),
    ("echo-client", include_str!("../../docs/man/leasebox-echo-client.1")),
    ("lossy", include_str!("../../docs/man/leasebox-lossy.1")),
    ("marshal", include_str!("../../docs/man/leasebox-marshal.1")),
    ("unmarshal", include_str!("../../docs/man/leasebox-unmarshal.1")),
    ("completions", include_str!("../../docs/man/leasebox-completions.1")),
    ("man", include_str!("../../docs/man/leasebox-man.1")),
];

/// Prints a manual page.
pub fn manual(arguments: &Manual) -> ExitCode {
    let name = arguments.command.as_deref().unwrap_or_default();
    match PAGES.iter().find(|(command, _)| *command == name) {
        Some((_, page)) => print(page.as_bytes(), ExitCode::SUCCESS),
        None => no_answer(format!("there is no command {name}; leasebox --help lists them")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::{Path, PathBuf};

    use clap::{Command, CommandFactory};
    use clap_complete::Shell as Completed;

    use super::*;
    use crate::cli::Arguments;

    /// Returns all files as clap's companions write them, by their names below docs.
    fn made() -> BTreeMap<PathBuf, String> {
        let root = std::env::temp_dir().join(format!("leasebox-shipped-{}", std::process::id()));
        let [man, completed] = ["man", "completions"].map(|name| root.join(name));
        fs::create_dir_all(&man).and_then(|()| fs::create_dir_all(&completed)).unwrap();
        // The shipped files name no commit, and there is no page for clap's own command `help`.
        let command = || Arguments::command().version(env!("CARGO_PKG_VERSION"));
        clap_mangen::generate_to(command().disable_help_subcommand(true), &man).unwrap();
        for shell in [Completed::Bash, Completed::Zsh, Completed::Fish] {
            clap_complete::generate_to(shell, &mut command(), "leasebox", &completed).unwrap();
        }
        let mut files = BTreeMap::new();
        for file in [man, completed].iter().flat_map(|folder| fs::read_dir(folder).unwrap()) {
            let path = file.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            files.insert(path.strip_prefix(&root).unwrap().to_owned(), text);
        }
        fs::remove_dir_all(root).unwrap();
        files
    }

    #[test]
    fn the_shipped_files_describe_the_command_line_as_it_is() {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
        for (name, text) in made() {
            let path = docs.join(&name);
            if std::env::var_os("LEASEBOX_WRITE").is_some() {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(&path, &text).unwrap();
            }
            let shipped = fs::read_to_string(&path).unwrap_or_default();
            assert!(shipped == text, "{} is old; LEASEBOX_WRITE=1 writes it", name.display());
        }
    }

    #[test]
    fn each_command_has_a_page_two_examples_and_its_exit_codes() {
        let program = Arguments::command();
        let commands: Vec<&Command> = program.get_subcommands().collect();
        assert_eq!(commands.len() + 1, PAGES.len());
        for command in commands {
            let name = command.get_name();
            assert!(PAGES.iter().any(|(known, _)| *known == name), "{name} has no page");
            let help = command.get_after_help().unwrap_or_default().to_string();
            let examples = help.split("Examples:").nth(1).unwrap_or_default();
            let ours = examples.lines().filter(|line| line.trim_start().starts_with("leasebox "));
            assert!(ours.count() >= 2, "{name}: {help}");
            assert!(
                help.contains("Exit 0: ") && help.split_whitespace().any(|word| word == "2:"),
                "{name}: {help}"
            );
        }
    }
}
