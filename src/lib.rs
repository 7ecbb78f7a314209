//! **leasebox** is one server that hands out two things, and hands neither out twice: numbers from a
//! shuffled list, and memory for a duration.
//!
//! ```text
//!   client ──socket──► thread client-1 ─┐                    ┌── the draw's lock: counter, record
//!   client ──socket──► thread client-2 ─┼──► Arc<Shared> ────┼── the tables' lock: leases, processes, sessions
//!   client ──socket──► thread client-3 ─┘                    └── a lock for each block: its bytes
//!                      decode, answer, encode
//! ```
//!
//! # Chapters
//!
//! A folder is a chapter. It can be read, tested and understood without the later ones. Begin with
//! `examples/homework.rs`, which is the homework in one file; `docs/tour.md` then follows one draw and
//! one lease through the server.
//!
//! | chapter | question | first file | lines | minutes |
//! | --- | --- | --- | --- | --- |
//! | 1 | How does every number go out exactly once? | [`numbers`], then [`numbers::draw`] | 1100 | 20 |
//! | 2 | How does every byte belong to one lease at a time, and come back? | [`memory`], then [`memory::service`] | 2700 | 45 |
//! | 3 | How does one program serve many clients at once, and stop in order? | [`server`], then [`server::accept`] | 3900 | 65 |
//! | 4 | How do bytes become commands, for tools that speak differently? | [`protocol`] | 5800 | 95 |
//! | 5 | How do processes share the memory that each has in reserve? | [`cooperative`] | 4000 | 65 |
//! | 6 | How do processes talk without copying more than once? | [`sessions`] | 5500 | 90 |
//! | 7 | How is a race seen, proved, and found in the work of others? | [`lab`], then [`lab::explorer`] | 5800 | 95 |
//! | 8 | What are the lecture's own programs? | [`lecture`], then [`lecture::echo`] | 1000 | 15 |
//!
//! Before chapter 1 stands what all of them share: [`common`] has errors, ids, and the description of
//! commands. After chapter 8 stand [`client`], the library, and [`cli`], a file for each subcommand.
//! [`commands`] is the one list of all commands.
//!
//! # Who may import whom
//!
//! `numbers` and `memory` import [`common`] alone. A later chapter imports `common`, `commands`, and the
//! chapters before it; `lab` also the library. What puts the chapters together may import all:
//! `commands`, `server`, `client` and `cli`. The test `who_may_import_whom` reads the sources.
//!
//! # Threads
//!
//! | thread | one for | does |
//! | --- | --- | --- |
//! | main | the process | waits for a signal, then stops the server |
//! | `ctrl-c` | the process | made by `ctrlc`; turns a signal into a message to main |
//! | `accept` | the server | accepts each client and spawns its thread |
//! | `client-N` | each client | reads, answers, writes |
//! | `refuse` | the server | tells clients over the limit that the server is busy |
//! | `reap` | the server | ends expired leases, and asks processes for memory when a pool is low |
//! | `udp` | the server, when it takes datagrams | answers one datagram after the other |
//!
//! `race` has a thread `draw-A` for each client of its case, and `grade` one for each connection that
//! draws; `echo` has an `echo-N` for each connection, and `lossy` a `back-N` for each client.
//!
//! # Locks
//!
//! No thread holds two of them. Under none of them is a socket read or written, or anything logged.
//!
//! | lock | guards | how many |
//! | --- | --- | --- |
//! | the draw, [`numbers::draw`] | the counter, the record, the count of undelivered numbers | one |
//! | the tables, [`memory::service`] | which lease, process and session there is, which block is whose, where each message lies | one |
//! | a block's, [`memory::arena`] | its bytes, and whether it was released | one for each lease, grant and block of a process |
//! | the clients, [`server::clients`] | who is connected | one |
//! | the parking's, [`numbers::parking`] | which draw waits, and whose step is next | one in a lab server |
//!
//! With the tables go condition variables: one for the reaper, and one for each process.
//!
//! # Words
//!
//! The words of chapters 1 to 3; each later chapter explains its own.
//!
//! | word | means |
//! | --- | --- |
//! | list, counter | the shuffled numbers, and the index of the next one |
//! | draw | to take the next numbers off the list |
//! | record | who took which indices |
//! | client | one connection and its thread, or one sender of datagrams |
//! | caller | the client that a command is carried out for |
//! | arena | all the memory that is leased |
//! | block | a part of the arena that the buddy allocator dealt: 32 bytes × 2^order |
//! | lease | a block for a duration |
//! | id | a lease's secret name |
//! | contents | what was last set in a block |
//! | ending | a lease that has left the table, and whose block is not given back yet |
//! | command, reply | one thing that a client asks, and its answer |
//! | frame, line | one command or reply, in binary and in text |
//! | conversation | what one connection said so far, and how it speaks |
//! | shared | the one struct that all threads share |
//! | reaper | the thread that ends expired leases |
//! | the stop | the orderly end of the server |

#![forbid(unsafe_code)]
// A client can reach nearly everything here: nothing may panic on what it sends.
#![deny(clippy::unwrap_used, clippy::expect_used)]

pub mod cli;
pub mod client;
pub mod commands;
pub mod common;
pub mod cooperative;
pub mod lab;
pub mod lecture;
pub mod memory;
pub mod numbers;
pub mod protocol;
pub mod server;
pub mod sessions;
