//! The parts that every chapter uses. They import no chapter, so `numbers` and `memory`, which
//! import only this folder, can be read and tested alone.
//!
//! | file | contents |
//! | --- | --- |
//! | [`error`] | a refusal: its code, its cause and its cure |
//! | [`id`] | the secret ids of leases and sessions, and the tokens of processes |
//! | [`name_id`] | the id of a name that a client chooses |
//! | [`caller`] | the client of a request |
//! | [`description`] | the one description of a message, by which each format reads and writes it |
//! | `rows` | the macros that make a message's struct from the row that describes it |
//! | [`line`](mod@line) | a reply as a line of text |
//! | [`escape`] | a form of any bytes that is one line of printable ASCII |
//! | [`fingerprint`](mod@fingerprint) | a hash that tells one version of some bytes from another |
//! | [`guesses`] | the budget of wrong guesses, which all strangers share |
//! | [`lock`](mod@lock) | the rule for a poisoned lock |
//! | [`marks`] | marks in the code for the boxes and steps of figures, for tests and lessons |
//! | [`warnings`] | warnings, at most one a minute |
//!
//! Begin with [`error`] and [`id`]; [`description`] is the heart of chapter 4 and can wait until
//! then.

pub mod caller;
pub mod description;
pub mod error;
pub mod escape;
pub mod fingerprint;
pub mod guesses;
pub mod id;
pub mod line;
pub mod lock;
pub mod marks;
pub mod name_id;
mod rows;
pub mod warnings;
