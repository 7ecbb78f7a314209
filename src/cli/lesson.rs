//! `leasebox lesson`: the lessons, for a browser.
//!
//! ```text
//!   $ leasebox lesson
//!   the lessons are at http://127.0.0.1:4122/
//! ```
//!
//! The server is a leasebox server whose HTTP shows the lessons' site and nothing else, so it has
//! the limits, the time-outs and the stop of any other.
//!
//! **Invariants** as in [`crate::cli`].
//!
//! **Lock** none here.
//!
//! **Source** ours.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use super::logging::Log;
use super::serve::until_signal;
use super::{announce, host_and_port, no_answer, print, resolve};
use crate::lessons::export::export;
use crate::lessons::site::{LabServer, LessonSite};
use crate::protocol::Policy;
use crate::server::config::Config;
use crate::server::connection::Limits;

/// The port without `--port`. `serve` has 4120, and the examples of `lossy` have 4121: all three
/// can run at once.
const PORT: u16 = 4122;

/// The bytes that this server can lease. Few are enough: the lessons have memory of their own.
const MEMORY: u64 = 1 << 20;

#[derive(Args)]
#[command(after_help = "Examples:\n  \
    leasebox lesson                            then open http://127.0.0.1:4122/\n  \
    leasebox lesson --bind 0.0.0.0             for a class: all machines may look\n  \
    leasebox lesson --lab 127.0.0.1:4120       a race is replayed on serve --lab\n  \
    leasebox lesson --export site              static pages for a course's site\n\n\
    It serves until Ctrl-C. Exit 0: it was stopped; 2: it could not start.")]
pub(super) struct LessonArguments {
    /// Port to listen on; 0 takes a free one
    #[arg(long, default_value_t = PORT)]
    port: u16,
    /// Address or name of the interface to listen on
    #[arg(long, default_value = "127.0.0.1")]
    bind: String,
    /// A server that was started with serve --lab: the race's page can replay its schedule there
    #[arg(long, value_name = "HOST:PORT", value_parser = lab_server)]
    lab: Option<LabServer>,
    /// Write the lessons into this folder as static pages with fixed runs, and end
    #[arg(long, value_name = "DIR", conflicts_with_all = ["port", "bind", "lab"])]
    export: Option<PathBuf>,
}

/// Reads the address of a lab server.
fn lab_server(text: &str) -> Result<LabServer, String> {
    let (host, port) =
        host_and_port(text).ok_or("give a host and a port, such as 127.0.0.1:4120")?;
    Ok((host.to_string(), port))
}

/// Serves the lessons until the first signal.
pub(super) fn run(arguments: &LessonArguments) -> ExitCode {
    if let Some(folder) = &arguments.export {
        return match export(folder) {
            Ok(files) => {
                let first = folder.join("index.html");
                let said = format!("{files} files; begin with {}\n", first.display());
                print(said.as_bytes(), ExitCode::SUCCESS)
            }
            Err(why) => no_answer(format!("a page cannot be written ({why}); give another folder")),
        };
    }
    let log = Log::start("warn", io::stderr);
    let served = serve(arguments);
    // The drop writes the rest of the log. Then an error of `served` is the last line.
    drop(log);
    served.map_or_else(no_answer, |()| ExitCode::SUCCESS)
}

/// Starts a server with the lessons' site, and serves until the first signal.
///
/// # Errors
/// Fails with one line if the server cannot start.
fn serve(arguments: &LessonArguments) -> Result<(), String> {
    let defaults = Config::default();
    let site = Arc::new(LessonSite::new(arguments.lab.clone()));
    let policy = Policy { site: Some(site), ..defaults.limits.policy };
    let config = Config {
        address: resolve("--bind", &arguments.bind, arguments.port)?,
        memory: MEMORY,
        limits: Limits { policy, ..defaults.limits },
        ..Config::default()
    };
    until_signal(config, |server, _| {
        announce(&format!("the lessons are at http://{}/", server.address()));
        Ok(())
    })
}
