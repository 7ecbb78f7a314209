//! **leasebox** is one server that hands out two things, and hands neither out twice: numbers from
//! a shuffled list, and memory for a duration.
//!
//! ```text
//!   client ──socket──► thread client-1 ─┐                    ┌── the draw's lock: counter, record
//!   client ──socket──► thread client-2 ─┼──► Arc<Shared> ────┼── the tables' lock: leases, processes, sessions
//!   client ──socket──► thread client-3 ─┘                    └── a lock for each block: its bytes
//!                      decode, answer, encode
//! ```
//!
//! A server and a client in one program:
//!
//! ```
//! use std::time::Duration;
//!
//! use leasebox::client::Client;
//! use leasebox::server::config::Config;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Config { address: "127.0.0.1:0".parse()?, ..Config::default() }.start()?;
//! let port = server.address().port();
//! let mut client = Client::connect("127.0.0.1", port, Duration::from_secs(5))?;
//! assert_eq!(client.draw(4)?.len(), 4);
//! let id = client.lease(1024, Duration::from_secs(60))?;
//! client.set(id, b"this is some text")?;
//! assert_eq!(client.get(id)?, b"this is some text");
//! drop(client);
//! assert_eq!(server.stop(), 0);
//! # Ok(())
//! # }
//! ```
//!
//! # Chapters
//!
//! A folder is a chapter. You can read, test and understand it without the later ones. Begin with
//! `examples/homework.rs`, which is the homework in one file; `docs/tour.md` then follows one draw
//! and one lease through the server.
//!
//! | chapter | question | first file | lines | minutes |
//! | --- | --- | --- | --- | --- |
//! | 1 | How does every number go out exactly once? | [`numbers`], then [`numbers::draw`] | 1440 | 24 |
//! | 2 | How does every byte belong to one lease at a time, and come back? | [`memory`], then [`memory::service`] | 4560 | 76 |
//! | 3 | How does one program serve many clients at once, and stop in order? | [`server`], then [`server::accept`] | 6550 | 109 |
//! | 4 | How do bytes become commands, for tools that speak differently? | [`protocol`] | 7200 | 120 |
//! | 5 | How do processes share the memory that each has in reserve? | [`cooperative`] | 4450 | 74 |
//! | 6 | How do processes talk without copying more than once? | [`sessions`] | 6800 | 113 |
//! | 7 | How is a race seen, proved, and found in the work of others? | [`lab`], then [`lab::explorer`] | 10110 | 168 |
//! | 8 | What are the lecture's own programs? | [`lecture`], then [`lecture::echo`] | 1860 | 31 |
//! | 9 | How does a class see all this, one step at a time? | [`lessons`], then [`lessons::race`] | 2460 | 41 |
//!
//! All chapters share [`common`]: errors, ids, and the description of commands. After chapter 9
//! come [`client`], the library, and [`cli`], with a file for each subcommand. [`commands`] is the
//! one list of all commands.
//!
//! # Who may import whom
//!
//! `numbers` and `memory` import [`common`] alone. A later chapter imports `common`, `commands`,
//! and the chapters before it; `lab` also the library. The modules that put the chapters together
//! may import all: `commands`, `server`, `client` and `cli`. The test `who_may_import_whom` reads
//! the sources.
//!
//! # Threads
//!
//! | thread | one for | does |
//! | --- | --- | --- |
//! | main | the process | waits for a signal, then stops the server |
//! | `ctrl-c` | the process | turns a signal into a message to main; the crate `ctrlc` spawns it |
//! | `accept` | the server | accepts each client and spawns its thread |
//! | `client-N` | each client | reads, answers, writes |
//! | `refuse` | the server | tells clients over the limit that the server is busy |
//! | `reap` | the server | ends expired leases and silent processes; asks processes for memory |
//! | `look` | the server | looks whether clients whose requests wait are still there |
//! | `udp` | a server with `--udp` | answers one datagram after the other |
//! | `log` | the process | writes the lines of the log |
//!
//! Other subcommands spawn threads of their own. For example, `race` spawns a `draw-A` for each
//! client of its case, `lesson` does so for each question about the race, `grade` one for each
//! connection that draws, `echo` an `echo-N` for each connection, and `lossy` a `back-N` for each
//! client.
//!
//! # Locks
//!
//! No thread holds two of them at once. A thread that holds one neither reads nor writes a socket,
//! and logs nothing.
//!
//! | lock | guards | how many |
//! | --- | --- | --- |
//! | the draw's, [`numbers::draw`] | the counter, the record, the undelivered count | one |
//! | the tables', [`memory::service`] | leases, processes, sessions, blocks, messages | one |
//! | a block's, [`memory::contents`] | bytes, length, generation | one for each block in use |
//! | the clients', [`server::clients`] | the connected clients | one |
//! | a turnstile's, [`server::turnstile`] | how many threads do one kind of long work now: make a list, end a client, answer a lesson | one for each kind |
//! | the account's, [`server::buffers`] | the memory that each connection's buffers take | one |
//! | the lookout's, [`server::lookout`] | the sockets of clients whose requests wait | one |
//! | the guesses', [`common::guesses`] | how many wrong guesses are left | one |
//! | the parking's, [`numbers::parking`] | the parked draws, the plan | one in a lab server, in `race`, or for a question about it |
//!
//! Condition variables go with the tables' lock: one for the reaper, one for each process, and one
//! for each request that waits for a name or for room. One more goes with each of these locks: the
//! clients', a turnstile's, the account's and the lookout's. Two go with the guesses' lock.
//!
//! # Words
//!
//! The words of chapters 1 to 3; each later chapter explains its own.
//!
//! | word | means |
//! | --- | --- |
//! | list, counter | the shuffled numbers, and the index of the next one |
//! | draw | to take the next numbers of the list |
//! | record | the indices that each client took |
//! | client | one connection and its thread, or one sender of datagrams |
//! | process | in the table of threads this program; with leases and sessions, a group of clients that share memory (chapters 5 and 6) |
//! | caller | the client whose command runs |
//! | arena | all the memory that the server leases out |
//! | block | a part of the arena that the buddy allocator dealt: 32 bytes × 2^order |
//! | lease | a block for a duration |
//! | id | a lease's secret name |
//! | contents | the bytes of a block, as its last set left them |
//! | ending | a lease that has left the table, but whose block is not free yet |
//! | command, reply | one request of a client, and its answer |
//! | frame, line | one command or reply, in binary and in text |
//! | conversation | the protocol state of one connection, above all its format |
//! | shared | the one struct that all threads share |
//! | reaper | the thread that ends expired leases |
//! | the stop | the orderly end of the server |
//! | lab server | a server with `--lab`: draws have no lock, and park before each step until a client lets them go on, or 60 s are over |

#![forbid(unsafe_code)]
// Clients can reach nearly all of this code, and no bytes that they send may make it panic.
#![deny(clippy::unwrap_used, clippy::expect_used)]

pub mod cli;
pub mod client;
pub mod commands;
pub mod common;
pub mod cooperative;
pub mod lab;
pub mod lecture;
pub mod lessons;
pub mod memory;
pub mod numbers;
pub mod protocol;
pub mod server;
pub mod sessions;
