//! Which server is found in a submission, and by which commands it is built and started.

use super::*;

/// Makes the files of a submission, and returns its folder; the test removes it.
fn submission(files: &[(&str, &str)]) -> PathBuf {
    let name = format!("leasebox-recipe-{:016x}", rand::random::<u64>());
    let folder = std::env::temp_dir().join(name);
    for (file, text) in files {
        let file = folder.join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    folder
}

/// Returns the folder and the commands of the recipe, on one line.
fn guess(files: &[(&str, &str)]) -> Result<String, String> {
    let folder = submission(files);
    let recipe = Recipe::of(&folder);
    fs::remove_dir_all(folder).unwrap();
    recipe.map(|recipe| match recipe.folder.to_string_lossy() {
        here if here.is_empty() => recipe.line(),
        below => format!("{below}: {}", recipe.line()),
    })
}

#[test]
fn each_language_is_built_and_started_in_its_way() {
    let c = "int main() { listen(fd, 5); }";
    for (files, expected) in [
        (vec![("s.py", "listen()")], "python3 s.py {port}"),
        (vec![("s.js", "createServer()")], "node s.js {port}"),
        (
            vec![("s.c", c)],
            "cc -O2 -pthread -o leasebox-server s.c -lm && ./leasebox-server {port}",
        ),
        (
            vec![("s.cpp", c)],
            "c++ -O2 -std=c++17 -pthread -o leasebox-server s.cpp && ./leasebox-server {port}",
        ),
        (
            vec![("S.java", "new ServerSocket()")],
            "javac -d classes S.java && java -cp classes S {port}",
        ),
        (
            vec![("s.rs", "TcpListener")],
            "rustc -O --edition 2021 -o leasebox-server s.rs && ./leasebox-server {port}",
        ),
        (
            vec![("s.go", "net.Listen")],
            "go build -o leasebox-server s.go && ./leasebox-server {port}",
        ),
        (
            vec![("Cargo.toml", "[package]\nname = \"loot\"\n"), ("src/main.rs", "TcpListener")],
            "src: cargo build --release --target-dir leasebox-target --manifest-path ../Cargo.toml \
             && leasebox-target/release/loot {port}",
        ),
        (
            vec![
                (
                    "Cargo.toml",
                    "[lib]\nname = \"other\"\n[package]\nnames = \"no\"\nname = \"a b\"",
                ),
                ("src/main.rs", "TcpListener"),
            ],
            "src: cargo build --release --target-dir leasebox-target --manifest-path ../Cargo.toml \
             && 'leasebox-target/release/a b' {port}",
        ),
    ] {
        assert_eq!(guess(&files).as_deref(), Ok(expected), "{files:?}");
    }
}

#[test]
fn the_server_is_found_among_clients_and_parts() {
    let client = ("client.py", "sock.connect()");
    assert_eq!(guess(&[client, ("loot.py", "s.listen(5)")]).unwrap(), "python3 loot.py {port}");
    let parts = [("base.py", "s.listen(5)"), ("run.py", "from base import Server"), client];
    assert_eq!(guess(&parts).unwrap(), "python3 run.py {port}");
    let java = [
        ("loot/Server.java", "package loot;\nnew ServerSocket(1)"),
        ("loot/Box.java", "package loot;"),
        client,
    ];
    assert_eq!(
        guess(&java).unwrap(),
        "javac -d classes loot/Box.java loot/Server.java && java -cp classes loot.Server {port}"
    );
    let c = [
        ("client.c", "int main() { connect(); }"),
        ("list.c", "// called by main()\nint numbers_remain(void) {}"),
        ("server.c", "int main() { listen(1, 2); }"),
    ];
    assert_eq!(
        guess(&c).unwrap(),
        "cc -O2 -pthread -o leasebox-server list.c server.c -lm && ./leasebox-server {port}"
    );
}

#[test]
fn an_archive_with_one_folder_is_opened() {
    let files = [("ali/homework/my server.py", "s.listen()"), ("ali/homework/list.txt", "5 19")];
    assert_eq!(guess(&files).unwrap(), "ali/homework: python3 'my server.py' {port}");
}

#[test]
fn no_file_above_a_submission_is_read() {
    let manifest = "[package]\nname = \"other\"";
    let all = submission(&[("Cargo.toml", manifest), ("src/main.rs", "TcpListener")]);
    let recipe = Recipe::of(&all.join("src")).unwrap();
    fs::remove_dir_all(all).unwrap();
    assert_eq!(recipe.tool, Some("rustc"), "{}", recipe.line());
}

#[test]
fn run_txt_comes_before_a_guess() {
    let run = "# ours\n\nmake\n ./server -p {port} \n";
    let files = [("a/run.txt", run), ("a/server.py", "s.listen()")];
    assert_eq!(guess(&files).unwrap(), "a: make && ./server -p {port}");
    assert!(guess(&[("run.txt", "# nothing\n")]).unwrap_err().contains("run.txt is empty"));
}

#[test]
fn what_is_no_program_is_told() {
    let why = guess(&[("README.md", "listen(")]).unwrap_err();
    assert_eq!(why, "it has no run.txt, and no file in .py .c .cpp .java .js .rs .go");
}

#[test]
fn a_run_txt_is_utf_8_and_short() {
    let of = |text: &str| guess(&[("run.txt", text)]);
    assert_eq!(of("\u{feff}./server\r\n").unwrap(), "./server", "as Windows writes it");
    assert!(of("p\0y\0").unwrap_err().contains("no text in UTF-8"));
    let long = "true\n".repeat(5000);
    assert!(of(&long).unwrap_err().contains("more than 8192 bytes"));
}

#[test]
fn one_file_is_a_submission_if_it_is_a_program() {
    let folder = submission(&[("ali.zip", "PK"), ("bo.py", "listen()")]);
    assert!(Recipe::of(&folder.join("ali.zip")).is_err());
    let recipe = Recipe::of(&folder.join("bo.py")).unwrap();
    assert_eq!((recipe.line().as_str(), recipe.folder), ("python3 bo.py {port}", PathBuf::new()));
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn what_others_wrote_is_not_the_server() {
    let files = [
        ("env/pyvenv.cfg", ""),
        ("env/lib/aserver.py", "listen()"),
        ("node_modules/server.js", "createServer()"),
        ("game.py", "s.listen()"),
    ];
    assert_eq!(guess(&files).unwrap(), "python3 game.py {port}");
}

#[test]
fn the_shell_reads_each_file_name_as_it_is() {
    use std::os::unix::ffi::OsStrExt;
    for name in
        [&b"server.py"[..], b"my server.py", b"it's.py", b"serv\xf6r.py", b"\xff'$(x)\"\n.c"]
    {
        let word = quoted(Path::new(std::ffi::OsStr::from_bytes(name)));
        let script = format!("printf %s {word}");
        let said = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
        assert_eq!(said.stdout, name, "{word}");
    }
    assert_eq!(quoted(Path::new("-rf")), "./-rf");
    let dashed = std::ffi::OsStr::from_bytes(b"-\xff");
    assert!(quoted(Path::new(dashed)).starts_with("\"./"));
}
