//! The site of the lessons: the paths of the pages, and those of the questions.
//!
//! | path | what |
//! | --- | --- |
//! | `/`, `/index.html` | the list of the lessons |
//! | `/race` | the page of a lesson |
//! | `/lessons.css`, `/lessons.js`, `/race.js` | the style and the scripts of the pages |
//! | `/page.css`, `/icon.svg`, `/favicon.ico` | the style and the icon of the server's live page |
//! | `/lab` | host and port of the lab server, or an empty text |
//! | `/race/view?…` | GET: the answer to a question of a lesson, as JSON |
//! | `/race/replay?…` | POST: carries a schedule of the race out on the lab server |
//!
//! **Invariants** the server works on at most two short questions, two long questions and one
//! replay at a time; further ones wait at a turnstile ([`crate::server::turnstile`]).
//!
//! **Lock** that of each turnstile, for its count alone.
//!
//! **Simplified** the server works on a question to its end, even if the client has gone meanwhile.
//!
//! **Source** ours.

use std::borrow::Cow;

use super::pages::{self, PlaceOfPages};
use super::settings::Settings;
use super::view::json;
use super::{LESSONS, Lesson, race};
use crate::protocol::http::page::Page;
use crate::protocol::http::refusal::Refusal;
use crate::protocol::http::resource::Method;
use crate::protocol::http::site::{Site, SiteFile};
use crate::server::turnstile::Turnstile;

/// The questions that take some milliseconds. All others count as long.
const SHORT: [&str; 3] = ["view", "source", "charts"];

/// The address of a lab server: its host and its port.
pub type LabServer = (String, u16);

/// The site of the lessons.
#[derive(Debug)]
pub struct LessonSite {
    /// The lab server on which the race's schedules can be replayed.
    lab: Option<LabServer>,
    /// The turnstile of short questions.
    questions: Turnstile,
    /// The turnstile of long questions, such as the search through all schedules. A short question
    /// does not wait behind them.
    searches: Turnstile,
    /// The turnstile of replays, which lets one in. A replay takes each new client of the lab
    /// server for its own, so two replays at once would mix up their clients.
    replays: Turnstile,
}

impl LessonSite {
    /// Makes the site. If there is a lab server, a race can be replayed on it.
    pub fn new(lab: Option<LabServer>) -> Self {
        let (questions, searches) = (Turnstile::default(), Turnstile::default());
        Self { lab, questions, searches, replays: Turnstile::with_most(1) }
    }

    /// Answers a question of a lesson.
    ///
    /// # Errors
    /// 404 for an unknown question, 400 for settings that cannot be read, 503 when the server
    /// stops.
    fn answer_question(
        &self,
        lesson: &Lesson,
        name: &str,
        query: Option<&[u8]>,
    ) -> Result<SiteFile, Refusal> {
        let found = lesson.questions.iter().find(|(known, _)| *known == name);
        let (_, question) = found.ok_or_else(no_such_page)?;
        let settings = Settings::read(query, lesson.settings)?;
        let turnstile = if SHORT.contains(&name) { &self.questions } else { &self.searches };
        // `enter` waits until there is a place, and returns `None` when the server stops. The end
        // of this function drops `_turn`, which makes the place free again.
        let _turn = turnstile.enter().ok_or_else(stopping)?;
        let answer = question(&settings).map_err(|why| Refusal::new(400, why))?;
        Ok(file("application/json", json(&answer)))
    }

    /// Replays a schedule of the race on the lab server.
    ///
    /// # Errors
    /// 404 without a lab server, 400 with the reason if the replay failed, 503 when the server
    /// stops.
    fn replay(&self, query: Option<&[u8]>) -> Result<SiteFile, Refusal> {
        let no_lab = || Refusal::new(404, "no lab server is named; start lesson with --lab");
        let (host, port) = self.lab.as_ref().ok_or_else(no_lab)?;
        let settings = Settings::read(query, race::LESSON.settings)?;
        let _turn = self.replays.enter().ok_or_else(stopping)?;
        let answer = race::replayed(&settings, host, *port);
        Ok(file("application/json", json(&answer.map_err(|why| Refusal::new(400, why))?)))
    }
}

impl Site for LessonSite {
    fn answer(
        &self,
        method: Method,
        path: &[u8],
        query: Option<&[u8]>,
    ) -> Result<SiteFile, Refusal> {
        let path = str::from_utf8(path).map_err(|_| no_such_page())?;
        let name = path.trim_start_matches('/');
        if method == Method::Post {
            return if name == "race/replay" { self.replay(query) } else { Err(no_post()) };
        }
        if let Some((lesson, question)) = name.split_once('/') {
            let lesson = LESSONS.iter().find(|one| one.name == lesson).ok_or_else(no_such_page)?;
            return self.answer_question(lesson, question, query);
        }
        if name == "lab" {
            let lab = self.lab.as_ref().map(|(host, port)| format!("{host} {port}"));
            return Ok(file("text/plain; charset=utf-8", lab.unwrap_or_default()));
        }
        static_file(name).ok_or_else(no_such_page)
    }

    fn close(&self) {
        self.questions.close();
        self.searches.close();
        self.replays.close();
    }
}

/// Returns a file that is the same for everybody; `None` for another name.
fn static_file(name: &str) -> Option<SiteFile> {
    let html = "text/html; charset=utf-8";
    let script = "text/javascript; charset=utf-8";
    let of_page =
        |page: Page| SiteFile { content_type: page.content_type, bytes: Cow::Borrowed(page.bytes) };
    let named = |name: &str| LESSONS.iter().find(|lesson| lesson.name == name);
    Some(match (name, named(name)) {
        ("" | "index.html", _) => file(html, pages::index(PlaceOfPages::Server)),
        ("lessons.css", _) => file("text/css; charset=utf-8", pages::STYLE),
        ("lessons.js", _) => file(script, pages::SCRIPT),
        ("page.css", _) => of_page(Page::CSS),
        ("icon.svg" | "favicon.ico", _) => of_page(Page::SVG),
        (_, Some(lesson)) => file(html, pages::page(lesson, PlaceOfPages::Server)),
        (name, None) => file(script, named(name.strip_suffix(".js")?)?.script),
    })
}

/// Makes a file of a text.
fn file(content_type: &'static str, text: impl Into<Cow<'static, str>>) -> SiteFile {
    let bytes = match text.into() {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    };
    SiteFile { content_type, bytes }
}

fn no_such_page() -> Refusal {
    Refusal::new(404, "there is no such page; / has a list of the lessons")
}

fn stopping() -> Refusal {
    Refusal::last(503, "the server stops")
}

fn no_post() -> Refusal {
    let text = "nothing here is changed by POST; send GET";
    Refusal::new(405, text).with("Allow: GET, HEAD, OPTIONS, TRACE\r\n")
}
