//! # Chapter 5: headroom is shared
//!
//! **The question.** Ten processes with garbage collectors share a machine. Each keeps memory in reserve,
//! for the moment when it needs more. Together they keep ten reserves, and seldom use one. How can they
//! share one reserve, and still get memory when they must have it?
//!
//! **The wrong way.** One pool for all: the process that asks most often takes everything, and one that
//! needs memory in an emergency finds nothing. Or a fixed part for each: that is ten reserves again.
//!
//! **The right way.** A *memory manager* with pools, each for a reason to ask:
//!
//! ```text
//!   committed │ what processes run on, and plain leases
//!   le, lp    │ lent against collateral: to collect less often (e), to avoid a pause (p)
//!   gp, gl    │ given without collateral: to avoid a pause (p), to one that would end (l)
//! ```
//!
//! A process reports how much of its memory is garbage: that is *freeable*, and secures its loans as
//! *collateral*. It is given memory from the first pool that its reason permits ([`decision`]), and owes
//! each pool what it took. When a pool is low, the manager asks processes to *collect*, those first that
//! can return most. What is returned repays in a fixed order ([`repayment`]).
//!
//! **What is guarded by what.** All of it by the tables' lock. [`decision`], [`repayment`] and [`pool`] are
//! pure functions over numbers; [`manager`] borrows the lease table for the blocks.
//!
//! **What was simplified.** One machine, one manager, no priorities but the reason.
//!
//! | word | means |
//! | --- | --- |
//! | pool | a number of the arena's bytes, wherever they lie |
//! | grant | a block given to a process; its pool gives it or loans it |
//! | owed | what a process has to return to each pool |
//! | freeable, secured, collateral | reported garbage; the part that secures loans; the rest |
//! | low-water mark | a pool with less than this is low |
//! | collect | to ask a process to return memory |
//! | box | a step of the document's figures, by its number |
//! | ticket | the place of a request that waits for memory |
//!
//! | file | what |
//! | --- | --- |
//! | [`words`] | what is said: reasons, pools, amounts, signals |
//! | [`decision`], [`repayment`] | figures 5 to 12, box by box |
//! | [`pool`], [`process`], [`pressure`] | the parts that the manager keeps |
//! | [`manager`] | all around them: joining, asking, returning, collecting |
//! | [`commands`], [`waiting`] | the commands, and those that wait for memory |
//! | [`figures`] | the tables of boxes, for tests and for REPORT.md |
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
