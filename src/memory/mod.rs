//! # Chapter 2: memory is handed out once
//!
//! **The question.** A server has 64 MiB. Clients on other machines lease pieces of it for a
//! duration, write into them, read them, and often vanish without a word. How does every byte belong
//! to one lease at a time, and how does it come back?
//!
//! **The wrong way.** A list of free pieces, searched from the front: the pieces become smaller and
//! smaller, and a large lease finds no place although most bytes are free. And a lease that is
//! simply struck from a table while another thread still copies out of it: the copy goes on in the
//! next tenant's bytes.
//!
//! **The right way.** Two ideas.
//!
//! ```text
//!   buddy     │ 512               │ 128 │ 128 │ 256    │    blocks are halves of halves: two free
//!                                                          halves join, so large blocks come back
//!   ending    tables: strike ─ block: mark released ─ tables: give back
//!                             a copy ends first; a later one sees the mark
//! ```
//!
//! The *buddy allocator* ([`buddy`]) splits a block in halves until one fits, and joins two halves as
//! soon as both are free. The *lease table* ([`lease`]) knows which block is whose and until when: it
//! checks the time on each access, so no lease is early or late for anyone. A lease *ends in two
//! steps* ([`service`]), so its block is never given away under a copy.
//!
//! **What is guarded by what**
//!
//! | data | guarded by |
//! | --- | --- |
//! | which lease there is, and whose each block is | the tables' lock |
//! | the bytes of one block, how many were set, and whether it was released | that block's own lock |
//! | the words of the arena | nothing: they mean something only under their block's lock |
//!
//! **What was simplified.** One lock for all tables. No caches for threads, no sizes between powers of
//! two. The order in which leases end is a B-tree and no timer wheel.
//!
//! | file | what |
//! | --- | --- |
//! | [`buddy`] over [`bits`] | which part of the arena is whose, in offsets alone |
//! | [`arena`] | the bytes, and one block's contents |
//! | [`lease`], [`ids`] | which lease there is, when it ends, and names that nobody can guess |
//! | [`service`] | the locks, and what is done under each |
//! | [`commands`], [`versions`] | the messages, and what each does |
//! | [`picture`] | the buddy tree, drawn |
//!
//! **Source** `memorylease.txt`: the leases, the buddy tree, best fit.

pub mod arena;
pub mod bits;
pub mod buddy;
pub mod commands;
pub mod ids;
pub mod lease;
pub mod picture;
pub mod service;
pub mod versions;
