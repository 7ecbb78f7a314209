//! Attacks on a running server that ended or held up an earlier edition, each as an experiment.
//!
//! Here they are small enough for each run of the tests. Those that need thousands of clients are
//! run whole by `./run.sh soak`.

mod support;

#[path = "attacks/addresses.rs"]
mod addresses;
#[path = "attacks/buffers.rs"]
mod buffers;
#[path = "attacks/guesses.rs"]
mod guesses;
#[path = "attacks/injected.rs"]
mod injected;
#[path = "attacks/late.rs"]
mod late;
#[path = "attacks/leases.rs"]
mod leases;
#[path = "attacks/limits.rs"]
mod limits;
#[path = "attacks/log.rs"]
mod log;
#[path = "attacks/stalls.rs"]
mod stalls;
#[path = "attacks/stop.rs"]
mod stop;
#[path = "attacks/turns.rs"]
mod turns;
#[path = "attacks/vanished.rs"]
mod vanished;
#[path = "attacks/waiting.rs"]
mod waiting;
#[path = "attacks/watchers.rs"]
mod watchers;
