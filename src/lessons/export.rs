//! The lessons as static pages, for a course's site: no server answers, so the answers to some
//! addresses stand beside each page.
//!
//! ```text
//!   DIR/race.html           the page that the server shows
//!   DIR/race-answers.js     RUNS: titles and addresses; ANSWERS: {"race/view?…&moves=AA": {…}, …}
//! ```
//!
//! For each run of a lesson, the answers are those after each of its moves, so a reader can go
//! through it step by step and back.
//!
//! **Invariants** an answer is byte for byte the one that the server gives.
//!
//! **Lock** none.
//!
//! **Source** ours.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::io;
use std::path::Path;

use super::settings::Settings;
use super::site::static_file;
use super::view::json;
use super::{LESSONS, Lesson};

/// The files that all pages load.
const SHARED: [&str; 4] = ["lessons.css", "lessons.js", "page.css", "icon.svg"];

/// Writes the pages into a folder, which is made if it is not there. Returns how many files.
///
/// # Errors
/// Fails if the folder or a file cannot be written, with its name.
pub fn export(folder: &Path) -> io::Result<usize> {
    fs::create_dir_all(folder)?;
    let shown =
        |name: &str| static_file(name).map_or_else(Vec::new, |file| file.bytes.into_owned());
    let mut files: Vec<(String, Vec<u8>)> =
        SHARED.into_iter().map(|name| (name.into(), shown(name))).collect();
    files.push(("index.html".into(), linked(&shown(""), "")));
    for lesson in LESSONS {
        let name = lesson.name;
        let tag = format!("<script src=\"{name}-answers.js\" defer></script>");
        files.push((format!("{name}.html"), linked(&shown(name), &tag)));
        files.push((format!("{name}.js"), lesson.script.into()));
        files.push((format!("{name}-answers.js"), answers(lesson, lesson.runs).into_bytes()));
    }
    for (name, bytes) in &files {
        let path = folder.join(name);
        let named = |error| io::Error::other(format!("{}: {error}", path.display()));
        fs::write(&path, bytes).map_err(named)?;
    }
    Ok(files.len())
}

/// Returns one page for one run of a lesson, with all that it needs inside: `race --html` writes it.
pub fn single_page(lesson: &Lesson, title: &str, address: &str) -> String {
    let shown = |name: &str| {
        let bytes = static_file(name).map_or_else(Vec::new, |file| file.bytes.into_owned());
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let mut page = lesson.html.replace("<!--nav-->", "");
    for name in ["page.css", "lessons.css"] {
        let link = format!("<link rel=\"stylesheet\" href=\"{name}\">");
        page = page.replace(&link, &format!("<style>\n{}</style>", shown(name)));
    }
    page = page.replace("<link rel=\"icon\" href=\"icon.svg\" type=\"image/svg+xml\">\n", "");
    // A script inside a page runs where it stands, so all scripts go behind the page's elements.
    for name in ["lessons.js".to_string(), format!("{}.js", lesson.name)] {
        page = page.replace(&format!("<script src=\"{name}\" defer></script>\n"), "");
    }
    let scripts = [answers(lesson, &[(title, address)]), shown("lessons.js"), lesson.script.into()];
    let scripts = scripts.map(|script| format!("<script>\n{script}</script>\n")).concat();
    page.replace("</body>", &format!("{scripts}</body>"))
}

/// Returns a page whose links lead to files, such as `race.html` in the place of `race`, with a tag
/// for the script of its answers.
fn linked(page: &[u8], answers: &str) -> Vec<u8> {
    let mut page = String::from_utf8_lossy(page).replace("<!--answers-->", answers);
    page = page.replace("href=\"./\"", "href=\"index.html\"");
    for Lesson { name, .. } in LESSONS {
        page = page.replace(&format!("href=\"{name}\""), &format!("href=\"{name}.html\""));
    }
    page.into_bytes()
}

/// Returns the script with some runs of a lesson and the answers that they need.
fn answers(lesson: &Lesson, runs: &[(&str, &str)]) -> String {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for (_, address) in runs {
        let (settings, moves) = address.split_once("moves=").unwrap_or((address, ""));
        let settings = settings.trim_end_matches('&');
        for moves in beginnings(moves, lesson.between) {
            let is_first = moves.is_empty();
            let own = if is_first { String::new() } else { format!("moves={moves}") };
            let both = [settings, &own].into_iter().filter(|part| !part.is_empty());
            let query = both.collect::<Vec<_>>().join("&");
            let asked = lesson.questions.iter().filter(|(name, _)| is_first || *name == "view");
            for (name, question) in asked {
                let read = Settings::read(Some(query.as_bytes()), lesson.settings);
                // A question that fails has no answer here, and the page says so.
                if let Some(answer) = read.ok().and_then(|settings| question(&settings).ok()) {
                    all.insert(format!("{}/{name}?{query}", lesson.name), json(&answer));
                }
            }
        }
    }
    let mut script = String::from("const RUNS = [\n");
    for (title, address) in runs {
        let _ = writeln!(script, "  [{title:?}, {address:?}],");
    }
    script += "];\nconst ANSWERS = {\n";
    for (path, answer) in &all {
        let _ = writeln!(script, "  {path:?}: {answer},");
    }
    script + "};\n"
}

/// Returns the moves after 0, 1, 2, … of them.
fn beginnings(moves: &str, between: &str) -> Vec<String> {
    let one_by_one: Vec<&str> = moves.split(between).filter(|one| !one.is_empty()).collect();
    (0..=one_by_one.len()).map(|count| one_by_one[..count].join(between)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_run_has_an_answer_after_each_of_its_moves() {
        for lesson in LESSONS {
            let script = answers(lesson, lesson.runs);
            for (title, address) in lesson.runs {
                let key = format!("\"{}/view?{address}\": {{", lesson.name);
                assert!(script.contains(&key), "{title}");
            }
        }
        assert_eq!(beginnings("AB", ""), ["", "A", "AB"]);
        assert_eq!(beginnings("A1.-1", "."), ["", "A1", "A1.-1"]);
    }

    #[test]
    fn a_single_page_loads_nothing() {
        let page =
            single_page(&crate::lessons::race::LESSON, "one", "clients=A:1,B:1&lock=none&moves=AB");
        assert!(!page.contains("src=") && !page.contains("<link"), "{page}");
        assert!(page.contains("const ANSWERS") && page.contains("begin({"));
    }

    #[test]
    fn the_script_of_a_lesson_knows_the_settings_that_the_server_reads() {
        for lesson in LESSONS {
            let settings: Vec<String> =
                lesson.settings.iter().map(|one| format!("{one:?}")).collect();
            let line = format!("settings: [{}]", settings.join(", "));
            assert!(lesson.script.contains(&line), "{line}");
            assert!(lesson.script.contains(&format!("between: {:?}", lesson.between)));
        }
    }
}
