//! The parts that every chapter uses. They import nothing else of the project.
//!
//! | file | what |
//! | --- | --- |
//! | [`error`] | a refusal: its code, its cause and its cure |
//! | [`id`] | the names of leases, sessions and processes, which nobody can guess |
//! | [`caller`] | who asks |
//! | [`description`] | how a message is described once, and read and written in every representation |
//! | `rows` | the macros that make a struct of a row |
//! | [`line`](mod@line) | a reply as a line of text |
//! | [`escape`] | any bytes within one line of printable ASCII |
//! | [`lock`](mod@lock) | the rule for a poisoned lock |
//! | [`marks`] | which boxes and steps of the documents' figures were reached |

pub mod caller;
pub mod description;
pub mod error;
pub mod escape;
pub mod id;
pub mod line;
pub mod lock;
pub mod marks;
mod rows;
