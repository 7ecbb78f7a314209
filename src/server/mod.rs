//! # Chapter 3: a thread for each client
//!
//! **The question.** Some clients are fast, some are slow, some say nothing for hours, some vanish.
//! How does one program serve all of them at the same time, and how does it stop without losing a
//! reply?
//!
//! **The wrong way.** One loop accepts a client, serves it until it leaves, and accepts the next. A
//! client that says nothing then keeps all others waiting. A thread for each client is right, but
//! three mistakes are easy to make:
//!
//! - A thread holds a lock while it writes to a socket. One client that does not read its replies
//!   then stops every client that needs the lock.
//! - `std::thread::spawn` panics when the system has no thread left. One client too many then ends
//!   the accepting thread. `thread::Builder` returns an error instead.
//! - The stop closes a socket that holds unread bytes. The system then resets the connection, and
//!   the client loses the last replies ([`closing`]).
//!
//! **The right way.**
//!
//! ```text
//!   accept ──► spawn client-1 ──► read ─► decode ─► lock, change, unlock ─► encode ─► write ─┐
//!     ▲        spawn client-2 ──► …  ▲                                                       │
//!     └── the next                   └───────────────────────────────────────────────────────┘
//! ```
//!
//! The accepting thread ([`accept`]) spawns a thread for each client. That thread ([`connection`])
//! reads, answers and writes in turn, and holds a lock only between reading and writing. All
//! threads share one struct ([`shared`]), whose fields have the locks. The stop ([`threads`]) sets
//! a flag, shuts down reading on every socket, and waits up to 2 s for the threads to end. Replies
//! under way are still written, for 1 s.
//!
//! **Locks**
//!
//! | data | lock |
//! | --- | --- |
//! | the numbers, the tables, the blocks | the locks of chapters 1 and 2 |
//! | the list of the connected clients, the last client number | the clients' lock ([`clients`]) |
//! | the flag that the server stops | none: an atomic, set once |
//! | the room for buffers, the turnstiles, the lookout, the wrong guesses | a lock each ([`shared`]) |
//! | the history and the turns of datagrams | none: the `udp` thread owns them |
//! | the sockets of clients that are turned away | none: the `refuse` thread owns them |
//! | the buffers and the format of a connection | none: its own thread owns them |
//!
//! **Simplified** a thread costs memory for its stack, and a switch between threads for each
//! request, so this is no server for 100,000 clients. A server for so many waits for many sockets
//! on one thread (an event loop), and keeps the state of each request in a struct instead of on a
//! stack; that is harder to read.
//!
//! **Reading order** top down; stop after [`closing`] if you came for the homework.
//!
//! | file | content |
//! | --- | --- |
//! | [`accept`] | the accepting thread: it spawns a thread for each client |
//! | [`connection`] | one client's thread, from its first byte to its close |
//! | [`shared`], [`tables`] | the one struct that all threads share, and the tables in it |
//! | [`threads`] | the start of all threads, and the stop |
//! | [`clients`] | the list of the connected clients, for `list` and for the stop |
//! | [`input`], [`patience`] | the bytes that were read; the longest wait of a read |
//! | [`writing`], [`closing`] | a write, and a close that loses no reply |
//! | [`buffers`], [`holding`] | the memory that all buffers may take together; one connection's part of it |
//! | [`guesses`] | how many numbers of leases strangers may try |
//! | [`room`], [`addresses`] | the most clients: within the system's limits; of one address |
//! | [`turnstile`] | only two threads at a time make a list, and only two end a client |
//! | [`turned_away`] | clients over the limit |
//! | [`waiting`], [`lookout`] | commands that wait for other clients; the look whether the client that sent one is still there |
//! | [`commands`], [`lists`] | `stats`, `help`, `quit` and `list` |
//! | [`config`], [`listening`] | the configuration, and its ranges; the socket of all clients |
//! | [`udp`], [`turns`] | the thread for datagrams; a fair part of its time for each address |
//! | [`datagrams`], [`history`], [`token`] | requests by datagrams, also repeated ones |
//!
//! **Source** `loot-box.txt`, points 1 and 4; the lecture's `TCPServer` with a thread for each
//! connection.

pub mod accept;
pub mod addresses;
pub mod buffers;
pub mod clients;
pub mod closing;
pub mod commands;
pub mod config;
pub mod connection;
pub mod datagrams;
pub mod guesses;
pub mod history;
pub mod holding;
pub mod input;
pub mod listening;
pub mod lists;
pub mod lookout;
pub mod patience;
pub mod room;
pub mod shared;
pub mod tables;
pub mod threads;
pub mod token;
pub mod turned_away;
pub mod turns;
pub mod turnstile;
pub mod udp;
pub mod waiting;
pub mod writing;
