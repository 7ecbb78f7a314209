//! The user with a password, and the trusted addresses.
//!
//! **Lock** none. **Source** ours.

use std::fs;
use std::io::Read;
use std::path::Path;

use crate::protocol::log_on::User;
use crate::server::addresses::Network;

/// A value of `--trust`; `None` is the word `none`.
pub(super) type Trusted = Option<Network>;

/// Reads a value of `--trust`.
pub(super) fn trusted(text: &str) -> Result<Trusted, String> {
    if text == "none" {
        return Ok(None);
    }
    let wrong = || "give an address, a network such as 192.0.2.0/24, or none".to_string();
    Network::parse(text).map(Some).ok_or_else(wrong)
}

/// The most bytes of a password file that are read. A password has at most 256 bytes and a line
/// end, so this is enough. Without a bound, a device such as `/dev/zero` would be read for ever.
const MAX_PASSWORD_FILE: u64 = 1024;

/// Returns the user, with the first line of the file as the password. A password on the command
/// line would stand in the list of processes, where every user of the machine can read it.
///
/// # Errors
/// Fails with one line if the file cannot be read, or if the name or the password is not allowed.
pub(super) fn user(name: &str, file: &Path) -> Result<User, String> {
    let shown = file.display();
    let mut text = Vec::new();
    let opened = fs::File::open(file);
    opened.and_then(|file| file.take(MAX_PASSWORD_FILE).read_to_end(&mut text)).map_err(
        |error| format!("--password-file {shown} cannot be read ({error}); give one that can"),
    )?;
    // An editor ends the line with LF or CR LF. Neither is part of the password.
    let password = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let password = password.strip_suffix(b"\r").unwrap_or(password);
    User::new(name, password).map_err(|why| format!("--user and --password-file {shown}: {why}"))
}
