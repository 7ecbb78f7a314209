//! Random steps of a few processes against a naive model: every byte arrives once, in order for
//! each session, unmixed, whatever is begun, finished or ended in between.
//!
//! Copies are under way while other things happen: each is begun, made when it has its seat, and
//! finished as steps of their own.

use leasebox::common::error::Code;
use leasebox::sessions::Copying;
use leasebox::sessions::words::SessionId;
use proptest::prelude::*;

use crate::naive::{CLIENTS, Doing, Known, Model, Said, Underway};
use crate::world::{KB, World};

/// What a step does; small numbers choose among what there is.
#[derive(Debug, Clone)]
enum Step {
    Join(u8, u64),
    Leave(u8),
    Open(u8, u8, usize),
    Send(u8, usize),
    Publish(u8, usize, usize),
    Receive(u8),
    Peek(u8, usize, usize),
    Forward(u8, u8),
    Close(u8),
    Register(u8, u64),
    Grow(u8, u64, u64),
    Shrink(u8, u64, u64),
    Make(u8),
    Finish(u8),
    Lease(u64),
    Unlease,
}

fn steps() -> impl Strategy<Value = Step> {
    let length = prop_oneof![0_usize..100, 500_usize..5000, 8000_usize..40_000];
    let size = prop_oneof![0_u64..2000, 4000_u64..80_000];
    prop_oneof![
        3 => (any::<u8>(), prop_oneof![Just(0), Just(4 * KB), Just(16 * KB), Just(40 * KB)])
            .prop_map(|(a, b)| Step::Join(a, b)),
        1 => any::<u8>().prop_map(Step::Leave),
        4 => (any::<u8>(), any::<u8>(), 0_usize..1500).prop_map(|(a, b, c)| Step::Open(a, b, c)),
        9 => (any::<u8>(), length.clone()).prop_map(|(a, b)| Step::Send(a, b)),
        3 => (any::<u8>(), 1_usize..5, length).prop_map(|(a, b, c)| Step::Publish(a, b, c)),
        9 => any::<u8>().prop_map(Step::Receive),
        2 => (any::<u8>(), 0_usize..900, 0_usize..900).prop_map(|(a, b, c)| Step::Peek(a, b, c)),
        3 => (any::<u8>(), any::<u8>()).prop_map(|(a, b)| Step::Forward(a, b)),
        1 => any::<u8>().prop_map(Step::Close),
        1 => (any::<u8>(), size.clone()).prop_map(|(a, b)| Step::Register(a, b)),
        2 => (any::<u8>(), size.clone(), 0_u64..3).prop_map(|(a, b, c)| Step::Grow(a, b, c)),
        2 => (any::<u8>(), size, 0_u64..3).prop_map(|(a, b, c)| Step::Shrink(a, b, c)),
        12 => any::<u8>().prop_map(Step::Make),
        12 => any::<u8>().prop_map(Step::Finish),
        1 => (1_u64..400_000).prop_map(Step::Lease),
        1 => Just(Step::Unlease),
    ]
}

struct Run {
    world: World,
    model: Model,
    leases: Vec<leasebox::common::id::LeaseId>,
}

impl Run {
    fn new() -> Self {
        Self { world: World::sized(512 * KB, 64 * KB), model: Model::default(), leases: Vec::new() }
    }

    fn begin(&mut self, copying: Copying, by: u64, doing: Doing) {
        let by = self.model.life(by).unwrap();
        let (is_made, read) = (false, Vec::new());
        self.model.underway.push(Underway { copying, by, doing, is_made, read });
    }

    fn step(&mut self, step: Step) {
        let client = |choice: u8| u64::from(choice % CLIENTS) + 1;
        match step {
            Step::Join(who, block) => {
                if let Ok(Ok(())) = self.world.try_join(client(who), block) {
                    self.model.births += 1;
                    let births = self.model.births;
                    assert_eq!(self.model.lives.insert(client(who), births), None);
                }
            }
            Step::Leave(who) => {
                if let Some(life) = self.model.life(client(who)) {
                    self.world.leave(life.0);
                    self.model.lives.remove(&life.0);
                    self.model.died(life);
                }
            }
            Step::Open(who, whom, length) => self.open(client(who), client(whom), length),
            Step::Send(end, length) => {
                let Some((session, _, by)) = self.model.end(end) else { return };
                let data = self.model.data(length);
                let begun = self.world.engine().begin_send(by, session, length as u64, false);
                match begun {
                    Ok(copying) => {
                        assert!(self.model.hears(session, by));
                        self.begin(copying, by, Doing::Fill(vec![session], data));
                    }
                    Err(error) => {
                        let is_deaf = error.code == Code::NotFound;
                        assert_eq!(is_deaf, !self.model.hears(session, by), "{error}");
                    }
                }
            }
            Step::Publish(end, most, length) => self.publish(end, most, length),
            Step::Receive(end) => {
                let Some((session, side, by)) = self.model.end(end) else { return };
                let begun = self.world.engine().begin_receive(by, session, u64::MAX).unwrap();
                let said = self.model.sessions.get_mut(&session).unwrap().inboxes[side].pop_front();
                self.model.tidy();
                assert_eq!(begun.is_some(), said.is_some());
                if let (Some(copying), Some(said)) = (begun, said) {
                    let data = said.data.clone();
                    self.begin(copying, by, Doing::Read(said, data));
                }
            }
            Step::Peek(end, offset, length) => {
                let Some((session, side, by)) = self.model.end(end) else { return };
                let part = (offset as u64, length as u64);
                let begun = self.world.engine().begin_peek(by, session, part, u64::MAX).unwrap();
                let said = self.model.sessions[&session].inboxes[side].front().cloned();
                assert_eq!(begun.is_some(), said.is_some());
                if let (Some(copying), Some(said)) = (begun, said) {
                    let from = offset.min(said.data.len());
                    let data = said.data[from..(from + length).min(said.data.len())].to_vec();
                    self.begin(copying, by, Doing::Read(said, data));
                }
            }
            Step::Forward(from, to) => self.forward(from, to),
            Step::Close(end) => {
                let Some((session, side, by)) = self.model.end(end) else { return };
                self.world.engine().close(by, session).unwrap();
                self.model.close(session, side);
                self.model.tidy();
            }
            Step::Register(who, size) => drop(self.world.engine().register(client(who), size)),
            Step::Grow(who, size, block) => {
                drop(self.world.engine().grow(client(who), block, size));
            }
            Step::Shrink(who, size, block) => {
                drop(self.world.shrink(client(who), block, size));
            }
            Step::Make(which) => self.make(which),
            Step::Finish(which) => self.finish(which),
            Step::Lease(size) => {
                let (tables, now) = (&mut self.world.tables, self.world.now);
                tables.engine().make_room(0, size);
                let kind = leasebox::common::id::IdKind::Uuid;
                self.leases.extend(tables.leases.lease(size, 1000, kind, now));
            }
            Step::Unlease => {
                if let Some(id) = self.leases.pop() {
                    let now = self.world.now;
                    let ending = self.world.tables.leases.end(id, now).unwrap();
                    self.world.tables.engine().give_back(vec![ending], now);
                }
            }
        }
        self.world.check();
    }

    fn open(&mut self, by: u64, whom: u64, length: usize) {
        let begun = self.world.engine().begin_open(by, &format!("p{whom}"), length as u64);
        let Ok((session, first)) = begun else { return };
        let (by, whom) = (self.model.life(by).unwrap(), self.model.life(whom).unwrap());
        match first {
            None => {
                let known = Known { ends: [by.0, whom.0], ..Known::default() };
                assert!(self.model.sessions.insert(session, known).is_none());
            }
            Some(copying) => {
                let data = self.model.data(length);
                self.begin(copying, by.0, Doing::Open(session, [by, whom], data));
            }
        }
    }

    fn publish(&mut self, end: u8, most: usize, length: usize) {
        let Some((_, _, by)) = self.model.end(end) else { return };
        let sessions = self.model.sessions.keys().copied();
        let sessions: Vec<_> =
            sessions.filter(|&session| self.model.hears(session, by)).take(most).collect();
        let data = self.model.data(length);
        if let Ok(copying) = self.world.engine().begin_publish(by, &sessions, length as u64) {
            self.begin(copying, by, Doing::Fill(sessions, data));
        }
    }

    fn forward(&mut self, from: u8, to: u8) {
        let Some((session, side, by)) = self.model.end(from) else { return };
        let Some((other, _, _)) = self.model.end(to) else { return };
        let waits = self.model.sessions[&session].inboxes[side].front().cloned();
        let may = self.model.hears(other, by) && waits.is_some();
        let forwarded = self.world.engine().forward(by, session, other);
        assert_eq!(forwarded.is_ok(), may, "{forwarded:?}");
        if let (Ok(length), Some(said)) = (forwarded, waits) {
            assert_eq!(length, said.data.len() as u64);
            self.model.sessions.get_mut(&session).unwrap().inboxes[side].pop_front();
            self.model.post(other, by, said);
            self.model.tidy();
        }
    }

    /// Makes one copy under way, if it has its seat.
    fn make(&mut self, which: u8) {
        let count = self.model.underway.len();
        let Some(underway) = self.model.underway.get_mut(usize::from(which) % count.max(1)) else {
            return;
        };
        let seated = self.world.engine().is_seated(underway.copying.number);
        if underway.is_made || seated != Some(true) {
            return;
        }
        underway.is_made = true;
        match &underway.doing {
            Doing::Open(_, _, data) | Doing::Fill(_, data) => {
                let data = data.clone();
                self.world.write(&underway.copying, &data);
            }
            Doing::Read(..) => underway.read = self.world.bytes(&underway.copying),
        }
    }

    /// Finishes one copy under way: one that was made, or whose block has gone.
    fn finish(&mut self, which: u8) {
        let count = self.model.underway.len().max(1);
        let at = usize::from(which) % count;
        let Some(underway) = self.model.underway.get(at) else { return };
        let is_waiting = self.world.engine().is_seated(underway.copying.number).is_some();
        if !underway.is_made && is_waiting {
            return;
        }
        let Underway { copying, by, doing, is_made, read } = self.model.underway.remove(at);
        let finished = self.world.finish(copying.number, is_made);
        match doing {
            Doing::Read(said, data) => {
                let is_there = is_made && self.model.is_alive(said.owner);
                assert_eq!(finished.is_ok(), is_there, "{finished:?}");
                if is_there {
                    assert_eq!(read, data, "the bytes that were said");
                }
            }
            Doing::Open(session, lives, data) => {
                let both = lives.iter().all(|&life| self.model.is_alive(life));
                assert_eq!(finished.is_ok(), both && is_made, "{finished:?}");
                if finished.is_ok() {
                    let ends = [lives[0].0, lives[1].0];
                    self.model.sessions.insert(session, Known { ends, ..Known::default() });
                    self.model.post(session, by.0, Said { data, owner: lives[1] });
                }
            }
            Doing::Fill(sessions, data) => {
                let hearing = sessions.into_iter().filter(|&s| self.model.hears(s, by.0));
                let hearing: Vec<_> = hearing.filter(|_| self.model.is_alive(by)).collect();
                assert_eq!(finished.is_ok(), !hearing.is_empty() && is_made, "{finished:?}");
                if let Ok(count) = finished {
                    assert_eq!(count as usize, hearing.len());
                }
                for session in hearing {
                    self.model.post(session, by.0, Said { data: data.clone(), owner: by });
                }
            }
        }
    }

    /// Everybody finishes and leaves.
    fn end(mut self) {
        for _ in 0..=self.model.underway.len() {
            for which in 0..self.model.underway.len() {
                self.make(which as u8);
            }
            for which in (0..self.model.underway.len()).rev() {
                self.finish(which as u8);
            }
        }
        assert!(self.model.underway.is_empty(), "a seat was never had");
        self.receive_all();
        while !self.leases.is_empty() {
            self.step(Step::Unlease);
        }
        for client in self.model.lives.keys().copied().collect::<Vec<_>>() {
            self.world.leave(client);
        }
        assert!(self.world.is_empty(), "{:?}", self.world.tables.sessions.figures());
    }

    /// What was sent and not received is received now, in its order.
    fn receive_all(&mut self) {
        while let Some((session, side, by)) = self.first_waiting() {
            let said = self.model.sessions.get_mut(&session).unwrap().inboxes[side].pop_front();
            let received = self.world.receive(by, session).unwrap();
            assert_eq!(received, said.map(|said| said.data));
            self.model.tidy();
        }
    }

    fn first_waiting(&self) -> Option<(SessionId, usize, u64)> {
        let mut ends = self.model.sessions.iter().flat_map(|(&id, known)| {
            (0..2).filter(|&s| !known.inboxes[s].is_empty()).map(move |s| (id, s, known.ends[s]))
        });
        ends.next()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 2000, ..ProptestConfig::default() })]

    #[test]
    fn every_byte_arrives_once_in_order_and_unmixed(
        steps in prop::collection::vec(steps(), 1..250),
    ) {
        let mut run = Run::new();
        [1, 2, 3].into_iter().for_each(|client| run.step(Step::Join(client, 16 * KB)));
        steps.into_iter().for_each(|step| run.step(step));
        run.end();
    }
}
