//! What the benches share.

use std::process::Command;

/// Runs this program again on one core, servers and all, with `--pinned` and the wanted rows;
/// answers whether that could be done. Where server and generator share a core, ratios are steady.
pub fn runs_pinned(wanted: &str) -> bool {
    let this = std::env::current_exe().unwrap();
    let pinned =
        Command::new("taskset").args(["-c", "0"]).arg(this).args(["--pinned", wanted]).status();
    match pinned {
        Ok(status) => assert!(status.success(), "the pinned run failed"),
        Err(_) => {
            println!("taskset is not installed: not pinned, so judge nothing by these figures");
        }
    }
    pinned.is_ok()
}
