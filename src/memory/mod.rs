//! # Chapter 2: memory is handed out once
//!
//! **The question.** A server has 64 MiB. Clients on other machines lease pieces of it for a
//! duration, write into them, read them, and often vanish without a word. How does every byte
//! belong to one lease at a time, and how does it come back?
//!
//! **The wrong way.** Two mistakes are common. A server keeps a list of free pieces and searches it
//! from the front: then the pieces become smaller and smaller, and a large lease does not fit
//! although most bytes are free. Or one thread removes a lease from a table while another thread
//! still copies its bytes: then the copy goes on in the bytes of the next lease.
//!
//! **The right way.** There are two ideas.
//!
//! ```text
//!   buddy     │ 512               │ 128 │ 128 │ 256    │    blocks are halves of halves: two free
//!                                                          halves join, so large blocks come back
//!   ending    tables: strike ─ block: mark released ─ tables: give back
//!                             a copy under way ends first; a later one sees the mark
//! ```
//!
//! The *buddy allocator* ([`buddy`]) splits a block in halves until one fits, and joins two halves
//! as soon as both are free. The *lease table* ([`lease`]) has the block, the size and the expiry
//! of each lease. The table checks the time on each access, so a lease ends at the same time for
//! all clients. The table also has *held blocks*: they have no expiry, and later chapters give them
//! to processes. A *grant*, or granted block, is a held block whose id clients know.
//!
//! A lease *ends in two steps* ([`service`]). First the table *strikes* the lease: it removes the
//! entry. Then the contents are marked released, and the block is given back to the allocator. So a
//! block gets no new lease while a copy is under way in it. The *reaper*, a thread of the server,
//! ends the leases that have expired.
//!
//! **The data and their locks**
//!
//! | data | guarded by |
//! | --- | --- |
//! | the leases, and the owner of each block | the tables' lock |
//! | the bytes of a block, their length, version and generation | the lock of the block's contents |
//!
//! **Simplified.** There is one lock for all tables. Threads keep no caches of free blocks, and
//! there are no sizes between powers of two. A sorted list keeps the order in which leases end; a
//! bigger system would use a timer wheel.
//!
//! | file | contents |
//! | --- | --- |
//! | [`buddy`] over [`bits`] | the used and free blocks of the arena, as offsets |
//! | [`arena`] | the bytes |
//! | [`contents`] | the contents of each block, and its lock |
//! | [`lease`], [`ids`] | the leases and their expiry, and ids that are hard to guess |
//! | [`service`] | the locks, and the work under each |
//! | [`commands`], [`versions`] | the commands, their replies, and their functions |
//! | [`named`] | leases whose names the clients choose |
//! | [`compact`] | numbers and times in few bytes |
//! | [`picture`], [`nodes`] | the buddy tree as a line of text, and as nodes that change step by step |
//!
//! **Source** `memorylease.txt`: the leases, the buddy tree, best fit.

pub mod arena;
pub mod bits;
pub mod buddy;
pub mod commands;
pub mod compact;
pub mod contents;
pub mod ids;
pub mod lease;
pub mod named;
pub mod nodes;
pub mod picture;
pub mod service;
pub mod versions;
