//! The lessons as static pages, for a course's site: no server answers, so the answers to some
//! addresses stand beside each page.
//!
//! ```text
//!   DIR/race.html           the page that the server shows
//!   DIR/race-answers.js     RUNS: titles and addresses; ANSWERS: {"race/view?…&moves=AA": {…}, …}
//! ```
//!
//! A *run* is an example with its settings and moves. For each run of a lesson, the answers are
//! those after each of its moves, so a reader can go through the run step by step and back.
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

use super::pages::{self, PlaceOfPages};
use super::settings::Settings;
use super::view::json;
use super::{LESSONS, Lesson};
use crate::protocol::http::page::Page;

/// Writes the pages into a folder, which is made if it is not there. Returns the count of files.
///
/// # Errors
/// Fails if the folder cannot be made or a file cannot be written; the error names the file.
pub fn export(folder: &Path) -> io::Result<usize> {
    fs::create_dir_all(folder)?;
    let mut files = 0;
    let mut write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        files += 1;
        fs::write(&path, bytes)
            .map_err(|error| io::Error::other(format!("{}: {error}", path.display())))
    };
    write("page.css", Page::CSS.bytes)?;
    write("icon.svg", Page::SVG.bytes)?;
    write("lessons.css", pages::STYLE.as_bytes())?;
    write("lessons.js", pages::SCRIPT.as_bytes())?;
    write("index.html", pages::index(PlaceOfPages::Folder).as_bytes())?;
    for lesson in LESSONS {
        let (name, page) = (lesson.name, pages::page(lesson, PlaceOfPages::Folder));
        write(&format!("{name}.html"), page.as_bytes())?;
        write(&format!("{name}.js"), lesson.script.as_bytes())?;
        write(&format!("{name}-answers.js"), answers(lesson, lesson.runs).as_bytes())?;
    }
    Ok(files)
}

/// Returns the script with some runs of a lesson and the answers that they need. A static page
/// looks an answer up by its path and query, so the query is written as `lessons.js` writes it. The
/// question `view` is answered after each move, the other questions only before the first move.
pub fn answers(lesson: &Lesson, runs: &[(&str, &str)]) -> String {
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
        // Rust's debug form of a text is a string of JavaScript too. Writing to a `String` cannot
        // fail.
        let _ = writeln!(script, "  [{title:?}, {address:?}],");
    }
    script += "];\nconst ANSWERS = {\n";
    for (path, answer) in &all {
        let _ = writeln!(script, "  {path:?}: {answer},");
    }
    script + "};\n"
}

/// Returns the beginnings of the moves: none of them, the first, the first two, and so on to all.
/// If `between` is empty, `split` returns each letter, and two empty texts that are left out.
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
        let lesson = &crate::lessons::race::LESSON;
        let runs = answers(lesson, &[("one", "clients=A:1,B:1&lock=none&moves=AB")]);
        let page = pages::single_page(lesson, &runs);
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
