//! Tests of waiting: memory that comes back wakes the requests that wait for it.

use std::sync::Barrier;
use std::thread;

use super::*;
use crate::commands::{Join, Request, Return, Wanted};
use crate::cooperative::pool::Share;
use crate::cooperative::words::{Pool, Reason};
use crate::server::config::Config;

/// Eight processes share one block of memory: each requests it, waits for it, and returns it. Here
/// a slice is as long as the whole wait, so a request whose wake-up is lost would be refused after
/// 60 s.
#[test]
fn whoever_waits_is_woken_when_memory_comes_back() {
    let mut config = Config { memory: 4096, ..Config::default() };
    config.pools.insert(Pool::GrantedPause, Share::Bytes(1024));
    let shared = config.share().unwrap();
    let long = Duration::from_secs(60);
    let barrier = Barrier::new(8);
    let reason = Reason::Pause;
    let wanted = Wanted { wait_ms: 60_000, ..Wanted::new(1024, reason) };
    let take_turns = |client: u64| {
        let caller = Caller::connected(client);
        let ask = |request: Request<'static>| request.execute(&shared, caller, &mut Vec::new());
        let join = Request::Join(Join {
            name: format!("p{client}").into(),
            committed: Some(0),
            space: None,
        });
        assert!(matches!(ask(join), Reply::Joined(_)));
        barrier.wait();
        for _ in 0..200 {
            let reply = match Request::Grant(wanted).begin(&shared, caller, &mut Vec::new()) {
                Ok(reply) => reply,
                Err(mut waits) => loop {
                    let resumed = shared.resume(&mut waits, long, true, &mut Vec::new());
                    if let Resumed::Answered(reply) = resumed {
                        break reply;
                    }
                },
            };
            let Reply::Granted(granted) = reply else { panic!("{reply:?}") };
            assert!(matches!(ask(Request::Return(Return { id: granted.id })), Reply::Returned(_)));
        }
        shared.disconnect(client);
    };
    thread::scope(|scope| {
        (1..=8).for_each(|client| drop(scope.spawn(move || take_turns(client))));
    });
    assert_eq!(shared.check(), Ok(()));
    assert_eq!(lock(shared.memory.tables()).processes.living_count(), 0);
}
