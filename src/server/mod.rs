//! Who talks: sockets, threads, the locks, time limits, and an orderly stop.
//!
//! ```text
//!   accepting thread ── spawns ──► client-1, client-2, …
//!   reaping thread ── sleeps until the next lease ends
//!   udp thread ── one datagram after the other, when they are served
//! ```
//!
//! | file | what |
//! | --- | --- |
//! | [`config`] | what a server is made of |
//! | [`shared`] | every lock, and the one place where requests meet services |
//! | [`tcp`] | the three threads above, and the stop |
//! | [`udp`] | the thread for datagrams |
//! | [`datagrams`] | what it does with each, as a pure function of time |
//! | [`history`] | which requests were executed, and the last reply to each client |
//! | [`token`] | what a datagram's sender proves its address by |
//! | [`echo`] | the lecture's echo servers, beside the server |
//! | [`parking`] | where a lab server's draws wait to be told whose step is next |
//! | [`clients`] | who is connected: for lists, and for the stop |
//! | [`connection`] | one client's thread, from its first byte to its close |
//! | [`input`] | what was read and not yet used |
//! | [`patience`] | how long a read may wait, as a pure function of time |
//! | [`writing`] | a whole write within its time, and the close that loses no reply |
//! | [`turned_away`] | clients over the limit, told so without waiting for them |

pub mod accept;
pub mod clients;
pub mod config;
pub mod connection;
pub mod datagrams;
pub mod history;
pub mod input;
pub mod patience;
pub mod shared;
pub mod token;
pub mod turned_away;
pub mod udp;
pub mod writing;
