//! leasebox: one server that hands out two things that must never be handed out twice,
//! **numbers** (draws from a shuffled list) and **memory** (leases of bytes).
//!
//! ```text
//!   bytes ──► transport ──► representation ──► service ──► representation ──► transport ──► bytes
//!             who talks     what was said      what is so   what to answer
//!
//!   cli ──► lab ──► client ──► transport ──► representation ──► service ──► message    who may import whom
//! ```
//!
//! # Words
//!
//! | word | means |
//! | --- | --- |
//! | list, counter | the shuffled numbers, and the index of the next one |
//! | draw, turn | to take numbers off the list; who drew from which index on |
//! | arena, word | the memory that is leased; eight bytes of it |
//! | block, order, unit | a part of the arena that the buddy allocator dealt; its size is 32 bytes × 2^order; a unit is 32 bytes |
//! | lease, id, expiry | memory for a duration, its secret name, the instant from which it is gone |
//! | contents | what was last set in a block, and how long that is |
//! | ending | a lease or grant struck from the table whose block is not given back yet |
//! | process | a client that joined by name, and the further ones that attached |
//! | pool | a part of the arena's bytes, wherever they lie: committed, gl, gp, le, lp |
//! | grant | a block given to a process; its pool lends it (a loan) or gives it |
//! | owed | what a process has yet to return to each pool |
//! | freeable, secured, collateral | garbage that a process reported; the part that secures loans; the rest |
//! | box, path | a step of the document's figures by its number; those one decision took |
//! | mark, collect | how much of a pool is low; to ask a process to return memory |
//! | frame, line | what is asked or answered at once in a binary and in the text representation |
//! | datagram | one frame sent by itself, over UDP |
//! | token, welcome | what proves a datagram's sender, and the answer that brings it; a process's token is what others attach by |
//! | exchange | one request by datagrams until its reply, or the end of its time |
//! | history | the last reply to each client that asks at most once |
//! | waiting, ticket | a request that memory did not suffice for; its place in the queue |
//! | engine, entry | what mediates between processes; what it knows of each, and holds twice |
//! | own block, extent, span | the memory that a process says things from; a piece of it; where that lies |
//! | session, end, inbox | two processes that talk; one's half; what it is yet to receive |
//! | message, location | what is said; where its bytes lie |
//! | sub-block, manager | a part of an own block that one message has; the allocator that deals them |
//! | seat, copy | the right to contend for a block's lock; bytes that are filled in or read out |
//! | notice | what the engine tells a process: a signal, when it is heard |
//! | rendezvous | to enter administrative memory, which is all the tables |
//! | waker | the condition variable of a process |
//! | user, log-on | who alone may use a server, when one is given; to prove it |
//! | refusal, tag | what HTTP itself says no to; a version's name in one form |
//! | manners | what all conversations keep to: the longest message, hosts, the user, the clock |
//! | tail | what is known of the bytes that follow the input |
//! | resource, form | what a path names; text, bytes, JSON or XML |
//! | version, condition, part | how often a lease was set; of which version it has to be; a range of its bytes |
//! | listing, census | all things of one kind, without their ids; who is connected |
//! | gauge | what a connection shows of itself |
//! | step, schedule | one load or store of a draw (or all of it, under the lock); who does each step |
//! | parked, plan | a draw that waits before its next step; whose turns come next |
//! | preemption | a switch away from a client that has steps left |
//! | window | the time between loading the counter and storing it |
//! | operation, record | one request of a client and what came of it, with its times; all of them |
//! | client | one connection and its thread, or one token: numbered as they come, and whoever calls |
//!
//! # Reading order
//!
//! 1. [`message`]: all that can be asked and answered.
//! 2. [`numbers::draw`]: the draw, and why it needs a lock.
//! 3. [`memory::buddy`] over [`memory::bits`], then [`memory::arena`] and
//!    [`memory::lease`], which uses [`memory::ids`].
//! 4. [`representation`] chooses; [`protocol::text`] and
//!    [`protocol::memorylease`] are each their own specification.
//! 5. [`server::shared`]: the locks, and where a request meets its service.
//! 6. [`server::connection`]: one client's life; [`server::accept`]: all of them, and
//!    the stop; [`server::events`]: what they tell each other.
//! 7. Request-reply: [`protocol::frame`] and [`protocol::datagram`] are the
//!    formats; [`client::exchange`] is the client's half of R, RR and RRA,
//!    [`server::datagrams`] and [`server::history`] the server's; [`client`] is the
//!    library. [`lecture::marshal`] has the lecture's other representations.
//! 8. Cooperative memory: [`cooperative::words`] has its words, [`cooperative::decision`] and
//!    [`cooperative::repayment`] the document's figures, [`cooperative::manager`] all around them;
//!    [`server::shared::waiting`] is where clients wait, and [`lab::simulation`] runs
//!    the same manager on a simulated clock.
//! 9. Sessions: [`sessions::words`] has the words, [`sessions`] the document's figures
//!    4 and 5, with the three turns of a copy; [`server::shared`]'s `sessions` makes the copy.
//! 10. The tools that people have: [`protocol::http`] and its parts from the first line to
//!     the status, [`protocol::resp`]; [`message::resource`] is what they added to the vocabulary.
//!     The live page is `protocol/http/page.html`, `.css` and `.js`.
//! 11. The lab: [`numbers::parking`] lets one draw do one step; [`lab::explorer`] runs the
//!     server's own draw under every schedule; [`lab::grader`] judges any server.
//!
//! # Threads
//!
//! | thread | one for | does |
//! | --- | --- | --- |
//! | main | the process | waits for a signal, then stops the server |
//! | `ctrl-c` | the process | made by `ctrlc`; turns signals into a message to main |
//! | `accept` | the server | accepts, hands each socket on |
//! | `spawn` | the server | makes and joins the clients' threads; tells who is connected |
//! | `reap` | the server | sleeps until a lease ends or pools are to be looked at; gives memory back, asks processes for it |
//! | `client-N` | each client | reads, answers, writes |
//! | `udp` | the server, when it takes datagrams | treats one after the other |
//!
//! `race` has a thread `draw-A` for each client of its case, and `grade` one for each
//! connection that draws at once; `echo` has an `echo-N` for each connection, and `lossy` a
//! `back-N` for each client.
//!
//! # Locks
//!
//! All of a server's are in [`server::shared`], but for a lab server's parking, which is
//! in [`numbers::parking`]; no thread ever holds two.
//!
//! | lock | guards | how many |
//! | --- | --- | --- |
//! | the draw | the counter, the turns, the count of undelivered numbers | one |
//! | the tables | which lease, process and session exists, which block is whose, where each message lies | one |
//! | a block's | its contents | one for each lease, grant and extent |
//! | the parking's | who is parked, and whose step is next | one in a lab server |
//!
//! The `udp` thread owns the history alone, so that has no lock. A connection's gauge has none either: its own
//! thread sets it, and it guards nothing.
//! The explorer has its parking's, its case's draw and its trace; the grader its ledger's.
//!
//! # Messages between threads
//!
//! A channel into the spawning thread: *accepted* (from `accept`), *ended* (from each
//! client), *census* (from a client that lists the connections, with a channel for the answer),
//! *stop* (from main). A channel into main: a signal came. With the tables, one
//! condition variable for the reaper (something is to be done sooner than it sleeps, or the
//! server stops), one for each process (a signal came for it, or what it waits for), and one for
//! each request that waits for a name or for room.

#![forbid(unsafe_code)]
// A client can reach nearly everything here: nothing may panic on what it sends.
#![deny(clippy::unwrap_used, clippy::expect_used)]

pub mod cli;
pub mod client;
pub mod common;
pub mod cooperative;
pub mod lab;
pub mod lecture;
pub mod memory;
pub mod message;
pub mod numbers;
pub mod protocol;
pub mod server;
pub mod sessions;
