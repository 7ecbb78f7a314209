//! The name of the program that `cargo` builds of a submission.
//!
//! ```text
//!   [package]  name = "loot"                          ──► loot, if there is no `[[bin]]`
//!   [[bin]]    name = "server"  path = "src/s.rs"     ──► server, if the server's file is s.rs
//! ```
//!
//! **Lock** none. **Simplified** a table of TOML is taken by its lines, and a value by its quotes.
//!
//! **Source** the manual of cargo, "Cargo Targets".

/// Returns the name of the program whose main file is `file`, as a `Cargo.toml` gives it: that of
/// the `[[bin]]` that names the file, or of the first `[[bin]]`, or of the package.
pub(super) fn program(manifest: &str, file: &str) -> Option<String> {
    // Each table but the first begins behind a bracket: `package]`, or `[bin]]`.
    let tables: Vec<&str> = manifest.split("\n[").collect();
    let all = |head: &'static str| {
        tables.iter().filter(move |table| table.trim_start_matches('[').starts_with(head))
    };
    // A path is a word in quotes, which ends with the file.
    let paths = [format!("/{file}\""), format!("\"{file}\"")];
    let own = all("bin]]").find(|table| paths.iter().any(|path| table.contains(path)));
    let table = own.or_else(|| all("bin]]").next()).or_else(|| all("package]").next())?;
    let is_name = |line: &&str| line.split('=').next().is_some_and(|key| key.trim() == "name");
    table.lines().find(is_name)?.split('"').nth(1).map(str::to_string)
}

#[cfg(test)]
mod tests {
    use super::program;

    #[test]
    fn a_bin_comes_before_the_package_and_that_of_the_file_before_others() {
        let package =
            "[package]\nnamespace = \"no\"\nname = \"loot\"\n[dependencies]\nname = \"1\"\n";
        let client = "[[bin]]\nname = \"client\"\npath = \"src/client.rs\"\n";
        let server = "[[bin]]\npath = \"src/main.rs\"\nname = \"server\"\n";
        let named = |tables: &[&str]| program(&tables.concat(), "main.rs");
        assert_eq!(named(&[package]).as_deref(), Some("loot"));
        assert_eq!(named(&[package, client]).as_deref(), Some("client"));
        assert_eq!(named(&[package, client, server]).as_deref(), Some("server"));
        assert_eq!(named(&[server, package]).as_deref(), Some("server"));
        let beside = server.replace("src/", "");
        assert_eq!(named(&[client, &beside]).as_deref(), Some("server"));
        assert_eq!(named(&["[lib]\nname = \"a\"\n"]), None);
    }
}
