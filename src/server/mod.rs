//! # Chapter 3: a thread for each client
//!
//! **The question.** Some clients are fast, some are slow, some say nothing for hours, some vanish. How
//! does one program serve all of them at the same time, and how does it stop without losing a reply?
//!
//! **The wrong way.** One loop that accepts a client, serves it until it leaves, and accepts the next: a
//! client that says nothing keeps all others waiting. A thread for each client is right, but three
//! mistakes are near: a lock that is held while a socket is written, so one client that does not read
//! stops everybody; a spawn that is believed to succeed always; and a stop that closes a socket with
//! unread bytes in it, after which the system throws the last replies away.
//!
//! **The right way.**
//!
//! ```text
//!   accept ──► spawn client-1 ──► read ─► decode ─► lock, change, unlock ─► encode ─► write ─┐
//!     ▲        spawn client-2 ──► …  ▲                                                       │
//!     └── the next                   └───────────────────────────────────────────────────────┘
//! ```
//!
//! The accepting thread ([`accept`]) spawns a thread for each client. That thread ([`connection`]) reads,
//! answers and writes in turn, and holds a lock only between reading and writing. All threads share one
//! struct ([`shared`]), whose fields are the locks. The stop sets a flag, shuts reading down on every
//! socket, and joins every thread; replies under way are still written.
//!
//! **What is guarded by what**
//!
//! | data | guarded by |
//! | --- | --- |
//! | the numbers, the tables, the blocks | the locks of chapters 1 and 2 |
//! | who is connected | the clients' lock ([`clients`]) |
//! | whether the server stops | nothing: an atomic flag, set once |
//! | the history of datagrams | nothing: the `udp` thread owns it |
//!
//! **What was simplified.** A thread costs memory and a switch, so this is no server for 100,000 clients;
//! one that waits for many sockets on one thread would be, and could not be read as easily.
//!
//! | file | what |
//! | --- | --- |
//! | [`accept`] | the accepting thread: it spawns a thread for each client |
//! | [`threads`] | how all threads start, and the stop |
//! | [`connection`] | one client's thread, from its first byte to its close |
//! | [`shared`], [`tables`] | the one struct that all threads share, and the tables in it |
//! | [`clients`] | who is connected: for lists, and for the stop |
//! | [`waiting`] | commands that wait for other clients |
//! | [`commands`], [`lists`] | `stats`, `help`, `quit` and `list` |
//! | [`config`] | what a server is made of |
//! | [`input`], [`patience`], [`writing`] | what was read; how long a read may take; a whole write, and the close |
//! | [`turned_away`] | clients over the limit |
//! | [`udp`], [`datagrams`], [`history`], [`token`] | requests by datagrams, executed at most once |
//!
//! **Source** the homework, and the lecture's server with a thread for each client.

pub mod accept;
pub mod clients;
pub mod commands;
pub mod config;
pub mod connection;
pub mod datagrams;
pub mod history;
pub mod input;
pub mod lists;
pub mod patience;
pub mod shared;
pub mod tables;
pub mod threads;
pub mod token;
pub mod turned_away;
pub mod udp;
pub mod waiting;
pub mod writing;
