//! The pages: the frame that all lessons have, around the sections of each lesson. A page is
//! served, exported into a folder, or a single file; the links and scripts in its frame differ.
//!
//! ```text
//!   frame.html  {head} {title} {navigation} {main} {scripts}
//!   served      links to page.css, lessons.css, lessons.js, race.js
//!   exported    the same, and race-answers.js; other lessons are race.html, not race
//!   single      styles, answers and scripts within the page
//! ```
//!
//! **Invariants** a page names nothing outside its own folder.
//!
//! **Lock** none: texts.
//!
//! **Source** ours.

use super::{LESSONS, Lesson};
use crate::protocol::http::page::Page;

const FRAME: &str = include_str!("pages/frame.html");

/// The style of all lessons. A page loads it after the style of the server's live page, so that it
/// can change rules of that one.
pub const STYLE: &str = include_str!("pages/lessons.css");

/// The script of all lessons. A page loads it before the script of its lesson, which calls it.
pub const SCRIPT: &str = include_str!("pages/lessons.js");

/// The head of a page that loads its style from files beside it.
const LINKS: &str = "<link rel=\"icon\" href=\"icon.svg\" type=\"image/svg+xml\">\n\
    <link rel=\"stylesheet\" href=\"page.css\">\n<link rel=\"stylesheet\" href=\"lessons.css\">\n";

/// The place from which a browser gets the pages. It decides the addresses in their links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceOfPages {
    /// A server answers.
    Server,
    /// Files in a folder; the answers stand beside each page.
    Folder,
}

impl PlaceOfPages {
    /// Returns the address of a lesson's page: its name on a server, with `.html` in a folder.
    fn address_of(self, lesson: &Lesson) -> String {
        match self {
            PlaceOfPages::Server => lesson.name.into(),
            PlaceOfPages::Folder => format!("{}.html", lesson.name),
        }
    }

    /// Returns the address of the list of lessons.
    fn home(self) -> &'static str {
        match self {
            PlaceOfPages::Server => "./",
            PlaceOfPages::Folder => "index.html",
        }
    }
}

/// Returns the list of the lessons.
pub fn index(place: PlaceOfPages) -> String {
    let line = |lesson: &&Lesson| {
        let Lesson { title, question, .. } = lesson;
        format!("<li><a href=\"{}\">{title}</a>: {question}</li>\n", place.address_of(lesson))
    };
    let lines: String = LESSONS.iter().map(line).collect();
    let main = format!(
        "<section id=\"play\" aria-labelledby=\"list\" tabindex=\"-1\"><h2 id=\"list\">The lessons</h2>\n\
         <ol class=\"lessons\">\n{lines}</ol>\n<p class=\"note\">All that the pages show comes from the code \
         that the server runs. The address of a page holds all its moves: send it to somebody, and they see \
         the same.</p></section>\n"
    );
    // The list has no navigation, because it is one itself, and no script.
    framed("Lessons", LINKS, "", &main, "")
}

/// Returns the page of a lesson.
pub fn page(lesson: &Lesson, place: PlaceOfPages) -> String {
    let link = |other: &&Lesson| {
        let is_current = if other.name == lesson.name { " aria-current=\"page\"" } else { "" };
        format!("<a href=\"{}\"{is_current}>{}</a>", place.address_of(other), other.title)
    };
    let links: String = LESSONS.iter().map(link).collect();
    let home = place.home();
    let navigation =
        format!("<nav aria-label=\"Lessons\"><a href=\"{home}\">All lessons</a>{links}</nav>\n");
    let answers = format!("{}-answers", lesson.name);
    let answers = (place == PlaceOfPages::Folder).then_some(answers.as_str());
    let scripts = answers.into_iter().chain(["lessons", lesson.name]);
    let scripts: String =
        scripts.map(|name| format!("<script src=\"{name}.js\"></script>\n")).collect();
    framed(&title(lesson), LINKS, &navigation, lesson.html, &scripts)
}

/// Returns a page that needs no other file, and has no navigation, because there is no other page.
/// `answers` is the script with the runs of the page ([`crate::lessons::export::answers`]).
pub fn single_page(lesson: &Lesson, answers: &str) -> String {
    let styles = [&String::from_utf8_lossy(Page::CSS.bytes), STYLE];
    let head = styles.map(|style| format!("<style>\n{style}</style>\n")).concat();
    let scripts = [answers, SCRIPT, lesson.script];
    let scripts = scripts.map(|script| format!("<script>\n{script}</script>\n")).concat();
    framed(&title(lesson), &head, "", lesson.html, &scripts)
}

/// Returns the title with the number of the lesson. Each lesson is in [`LESSONS`], so its place is
/// always found.
fn title(lesson: &Lesson) -> String {
    let at = LESSONS.iter().position(|other| other.name == lesson.name).unwrap_or_default();
    format!("Lesson {}: {}", at + 1, lesson.title)
}

/// Fills the frame. `{scripts}` is filled last: a script may hold a word in braces.
fn framed(title: &str, head: &str, navigation: &str, main: &str, scripts: &str) -> String {
    FRAME
        .replace("{title}", title)
        .replace("{head}", head)
        .replace("{navigation}", navigation)
        .replace("{main}", main)
        .replace("{scripts}", scripts)
}
