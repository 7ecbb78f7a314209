//! # Chapter 9: the lessons
//!
//! **The question.** How does a class see a race, a tree of blocks, a lost datagram, one step at a
//! time and in a browser, without a second program that only looks like the server?
//!
//! **The wrong way.** Write the race again in JavaScript. The page then shows what its author
//! believes about the server, and stays as it is when the server changes.
//!
//! **The right way.** The page decides nothing. Its address holds the settings and all moves so
//! far; it asks for the *view* of that address, and draws the answer. The answer comes from the
//! code that the server runs, from the beginning, each time.
//!
//! ```text
//!   browser   address  race?clients=A:4,B:2&lock=none&moves=AABA
//!                │ GET race/view?…                      ▲ JSON: who holds what, who is next, why
//!   server    site ──► Settings ──► race::view ──► explorer: the server's own draw, step by step
//! ```
//!
//! So undo is the address without its last move, and a link shows the same run to everybody. Static
//! pages ([`export`]) are the same pages with the answers to some addresses beside them.
//!
//! **What is guarded by what.** A view shares nothing, so no lock guards it. Turnstiles limit how
//! many questions the server answers at a time ([`site`]), and the others wait: so a class of sixty
//! leaves processor time for other programs.
//!
//! **What was simplified.** The server makes each view from the first move on, even if a page has
//! added only one move. A run has some dozens of moves, and all of them take milliseconds.
//!
//! | word | means |
//! | --- | --- |
//! | lesson | one page, and the questions that it may ask |
//! | question | a request of a page to the server, such as `race/view`; the answer is JSON |
//! | settings | the parameters of an address, by name |
//! | moves | the steps that the reader has chosen so far; one of the settings |
//! | view | the question for the state after the last move, and its answer |
//! | run | the settings and moves of one example; a static page has answers to its runs alone |
//!
//! | file | content |
//! | --- | --- |
//! | [`site`] | the paths of the pages and of the questions |
//! | [`pages`], [`export`] | the frame of all pages; static pages for a course's site |
//! | [`settings`], [`view`] | an address, read; the fields of an answer |
//! | [`race`] | lesson 1: two clients, one counter |
//! | [`tree`] | lesson 2: blocks, split and joined |
//! | [`weather`] | lesson 3: a request, and datagrams that are lost |
//! | [`headroom`], [`charts`], [`headline`] | lesson 4: memory that processes share, figures 8 to 12, ten processes |
//! | [`message`] | lesson 5: figures 4 and 5, a message from block to reader |
//!
//! **Source** ours; the first lesson is `loot-box.txt`.

pub mod charts;
pub mod export;
pub mod headline;
pub mod headroom;
pub mod message;
pub mod pages;
pub mod race;
pub mod settings;
pub mod site;
pub mod tree;
pub mod view;
pub mod weather;

use crate::common::caller::ClientNumber;
use crate::protocol::http::value::Value;
use settings::Settings;

/// A lesson: a page, and the questions that its script may ask.
#[derive(Debug)]
pub struct Lesson {
    /// Its name in addresses, such as `race`.
    pub name: &'static str,
    /// Its title.
    pub title: &'static str,
    /// The question that the lesson answers, as one sentence for the list of the lessons.
    pub question: &'static str,
    /// The sections of its page.
    pub html: &'static str,
    /// The script of the page, which comes after the script of all lessons.
    pub script: &'static str,
    /// The separator between two moves in the address; empty if each move is one letter.
    pub between: &'static str,
    /// The names of its settings, in the order of the address; the last one is `moves`.
    pub settings: &'static [&'static str],
    /// The questions that its script may ask the server, by the name in the path.
    pub questions: &'static [(&'static str, Question)],
    /// The runs of its static page.
    pub runs: &'static [FixedRun],
}

/// A run of a static page: its title, and the query of its address. The query has each setting that
/// the page has a field for, in the order of [`Lesson::settings`], and the moves: the script looks
/// the answer up by this text.
pub type FixedRun = (&'static str, &'static str);

/// Answers one question about an address.
///
/// # Errors
/// Fails with one line that names the cause and the cure: a setting that cannot be read, a move
/// that is not possible.
pub type Question = fn(&Settings) -> Result<Value, String>;

/// All lessons, in the order in which they are done.
pub const LESSONS: [&Lesson; 5] =
    [&race::LESSON, &tree::LESSON, &weather::LESSON, &headroom::LESSON, &message::LESSON];

/// Returns the client of a process: A is 1. Each process has one client.
fn client_of(name: char) -> ClientNumber {
    u64::from(name as u32 - 'A' as u32) + 1
}
