//! # Chapter 5: headroom is shared
//!
//! **The question.** Ten processes with garbage collectors share a machine. A collector needs free
//! memory in addition to the live objects. This free memory is the *headroom*, for example five
//! times the bytes of the live objects. Each process keeps a headroom of its own, and most of it
//! lies idle, because few processes are busy at the same time. How can they share one headroom, and
//! still get memory when they must have it?
//!
//! **The wrong way.** If there is one pool for all, the process that asks most often takes
//! everything, and a process in an emergency finds nothing. If each process has a fixed part, the
//! machine needs ten headrooms again.
//!
//! **The right way.** A *memory manager* divides the memory into five pools:
//!
//! ```text
//!   pool      │ gives memory                             │ asks for collateral
//!   committed │ that a process runs on; to plain leases  │ no
//!   le        │ to collect less often                    │ one byte is enough
//!             │ to avoid a pause, if lp and gp cannot    │ no
//!   lp        │ to avoid a pause                         │ as much as the request
//!   gp        │ to avoid a pause                         │ no
//!   gl        │ to a process that would end without it   │ no
//! ```
//!
//! The two letters stand for *loaned efficiency*, *loaned pause*, *granted pause* and *granted
//! leak*.
//!
//! A process *pauses* when its program must stop until the collector has freed memory. A process
//! reports how many bytes of its memory are garbage. These bytes are *freeable*. The freeable bytes
//! that secure no loan yet are the process's *collateral*. A request names its reason. [`decision`]
//! tries the pools that this reason permits, in a fixed order. The block comes from the first pool
//! that has enough free bytes, that asks for no more collateral than the process has, and whose cap
//! lets the process owe so many bytes. The process then owes that pool the bytes of the block. (If
//! the arena has no free block of that size, the request is refused.) When a pool is low, or a
//! request waits, the manager asks processes to *collect*. By default it first asks the process
//! with the largest product of freeable bytes and *efficiency*. Returned memory repays the debts in
//! a fixed order ([`repayment`]).
//!
//! An example, in MiB. The process runs on 256, has garbage of 200, and needs 50 for its collector
//! (the 200 and the 50 are from *the document*, the patent named at **Source**):
//!
//! ```text
//!   step                            free in lp │ owed to lp │ freeable │ collateral
//!   report 200                          64     │      0     │   200    │    200
//!   request 50 pause: a block of 64      0     │     64     │   200    │    136
//!   collect, and return that block      64     │      0     │   136    │    136
//! ```
//!
//! **What is guarded by what.** The tables' lock guards all data of this chapter. [`decision`] and
//! [`repayment`] are pure functions, [`pool`] and [`pressure`] are plain types, and time is an
//! argument: none of them knows a lock or a clock. [`manager`] borrows the lease table for the
//! blocks. Of the files of this chapter, only [`commands`] and [`waiting`] lock the tables.
//!
//! **What was simplified.** There is one machine with one manager. The manager believes the
//! processes: it cannot see whether reported garbage exists.
//!
//! | word | means |
//! | --- | --- |
//! | pool | a number of the arena's bytes, wherever they lie |
//! | grant, granted block | a block that a pool gave or lent to a process on request |
//! | own block | memory of a process for its messages, from `join`, `register` or `grow`; `return` refuses it. It is committed memory, if it lies in the first space |
//! | extent | a block of the arena that is a part of an own block: an own block can grow |
//! | strike | to take a block out of the lease table; `give_back`, the second step, makes it free |
//! | owed | the bytes that a process has to return to each pool |
//! | cap | the most that one process may owe a pool |
//! | freeable | the garbage that a process reported and has not returned |
//! | secured, collateral | the freeable bytes that secure loans; the freeable bytes that do not |
//! | efficiency | the share of the examined bytes that a process's last collection freed |
//! | low-water mark | a pool with fewer free bytes than this is low |
//! | collect | to find garbage and return its memory, when the manager asks for it |
//! | level | the urgency of a signal to collect, 1 to 3 ([`words::Level`]) |
//! | due signal | a signal to collect for a pool that lacks bytes; the process has not obeyed yet |
//! | deaf process | one that did not obey such a signal in time, and has obeyed none since |
//! | boost | a block for a process that did not ask, but reported a low efficiency |
//! | plain lease | a lease of chapter 2, which belongs to no process |
//! | space | a part of the arena (`--memory`); leases, pools and granted blocks lie in the first, space 0 |
//! | waker | wakes the threads that wait for a process: in the server a condition variable |
//! | box | a step of the document's figures, by its number |
//! | ticket | the number of a request that waits for memory |
//! | signal | a message of the manager to a process, which reads it with `wait` |
//! | look | the manager's check of the pools; in [`waiting`], a thread's check of its ticket |
//!
//! | file | content |
//! | --- | --- |
//! | [`words`] | reasons, pools, amounts and signals: the words of requests and replies |
//! | [`decision`], [`repayment`] | figures 8 to 11 and figure 12, box by box |
//! | [`pool`], [`process`], [`pressure`] | the parts that the manager keeps |
//! | [`manager`] | figures 5 to 7: joining, asking, returning, collecting |
//! | [`commands`], [`waiting`] | the commands, and the requests that wait for memory |
//! | [`figures`] | the path of a decision or a repayment, as the numbers of its boxes |
//!
//! **Source** `cooperative-memory-management.txt`, a patent: figures 5 to 12.

pub mod commands;
pub mod decision;
pub mod figures;
pub mod manager;
pub mod pool;
pub mod pressure;
pub mod process;
pub mod repayment;
pub mod waiting;
pub mod words;
