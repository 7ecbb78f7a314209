//! Short forms of the library's `call`, for tests that say a lot: a method for each command of a
//! process, with what its reply tells. Only what is said differs from `client.call(Join { .. })`.

use std::time::Duration;

use leasebox::client::{CallError, Client, milliseconds};
use leasebox::commands::{
    Account, Accounts, Attach, Close, Deliver, Forward, Granted, Inspect, Inspection, Join, Leave,
    List, ListSessions, Listing, Lookup, Open, Owed, Peek, Pools, Publish, Replace, Report, Return,
    Reuse, Row, SessionState, Stats, Table, Told, Tree, Ttl, Wait, Wanted, Watch,
};
use leasebox::common::id::LeaseId;
use leasebox::cooperative::words::{Amounts, PoolState, Pressure, ProcessToken, Reason};
use leasebox::memory::versions::{Condition, Part};
use leasebox::numbers::commands::Rows;
use leasebox::server::lists::Listed;
use leasebox::sessions::words::SessionId;

type Called<T> = Result<T, CallError>;

pub trait Calls {
    fn table(&mut self, rows: u64, which: Rows) -> Called<Vec<Row>>;
    fn ttl(&mut self, id: LeaseId) -> Called<Duration>;
    fn tree(&mut self) -> Called<String>;
    fn stats(&mut self) -> Called<Vec<(String, String)>>;
    fn inspect(&mut self, id: LeaseId, part: Part) -> Called<Inspection>;
    fn replace(&mut self, id: LeaseId, condition: Condition, data: &[u8]) -> Called<u64>;
    fn list(&mut self, what: Listed) -> Called<Listing>;
    fn join(&mut self, name: &str, committed: Option<u64>) -> Called<ProcessToken>;
    fn attach(&mut self, token: ProcessToken) -> Called<String>;
    fn leave(&mut self) -> Called<()>;
    fn report(&mut self, freeable: u64, efficiency: Option<u8>) -> Called<()>;
    fn request(&mut self, size: u64, reason: Reason) -> Called<Granted>;
    fn request_as(&mut self, wanted: &Wanted) -> Called<Granted>;
    fn give_back(&mut self, id: LeaseId) -> Called<Amounts>;
    fn reuse(&mut self, size: u64) -> Called<()>;
    fn owed(&mut self) -> Called<Amounts>;
    fn pools(&mut self) -> Called<(Vec<PoolState>, Pressure)>;
    fn accounts(&mut self) -> Called<Vec<Account>>;
    fn wait(&mut self, time: Duration) -> Called<Option<Told>>;
    fn open(&mut self, name: &str, data: &[u8]) -> Called<SessionId>;
    fn deliver(&mut self, session: SessionId, data: &[u8], time: Duration) -> Called<()>;
    fn publish(&mut self, sessions: &[SessionId], data: &[u8]) -> Called<u64>;
    fn peek(&mut self, session: SessionId, offset: u64, length: u64) -> Called<Option<Vec<u8>>>;
    fn forward(&mut self, session: SessionId, to: SessionId) -> Called<u64>;
    fn close(&mut self, session: SessionId) -> Called<()>;
    fn sessions(&mut self) -> Called<Vec<SessionState>>;
    fn lookup(&mut self, name: &str, time: Duration) -> Called<()>;
    fn watch(&mut self) -> Called<Vec<String>>;
}

impl Calls for Client {
    fn table(&mut self, rows: u64, which: Rows) -> Called<Vec<Row>> {
        self.call(Table { rows, which })
    }

    fn ttl(&mut self, id: LeaseId) -> Called<Duration> {
        Ok(Duration::from_millis(self.call(Ttl { id })?.left_ms))
    }

    fn tree(&mut self) -> Called<String> {
        Ok(self.call(Tree)?.picture)
    }

    fn stats(&mut self) -> Called<Vec<(String, String)>> {
        let figures = self.call(Stats)?;
        Ok(figures.into_iter().map(|(name, value)| (name.into_owned(), value)).collect())
    }

    fn inspect(&mut self, id: LeaseId, part: Part) -> Called<Inspection> {
        Ok(*self.call(Inspect { id, part, if_version: None })?)
    }

    fn replace(&mut self, id: LeaseId, condition: Condition, data: &[u8]) -> Called<u64> {
        Ok(self.call(Replace { id, condition: condition.into(), data: data.into() })?.version)
    }

    fn list(&mut self, what: Listed) -> Called<Listing> {
        Ok(*self.call(List { what })?)
    }

    fn join(&mut self, name: &str, committed: Option<u64>) -> Called<ProcessToken> {
        Ok(self.call(Join { name: name.into(), committed, space: None })?.token)
    }

    fn attach(&mut self, token: ProcessToken) -> Called<String> {
        Ok(self.call(Attach { token })?.name)
    }

    fn leave(&mut self) -> Called<()> {
        self.call(Leave).map(drop)
    }

    fn report(&mut self, freeable: u64, efficiency: Option<u8>) -> Called<()> {
        self.call(Report { freeable, efficiency }).map(drop)
    }

    fn request(&mut self, size: u64, reason: Reason) -> Called<Granted> {
        self.request_as(&Wanted::new(size, reason))
    }

    fn request_as(&mut self, wanted: &Wanted) -> Called<Granted> {
        Ok(*self.call(*wanted)?)
    }

    fn give_back(&mut self, id: LeaseId) -> Called<Amounts> {
        Ok(self.call(Return { id })?.amounts)
    }

    fn reuse(&mut self, size: u64) -> Called<()> {
        self.call(Reuse { size }).map(drop)
    }

    fn owed(&mut self) -> Called<Amounts> {
        Ok(self.call(Owed)?.amounts)
    }

    fn pools(&mut self) -> Called<(Vec<PoolState>, Pressure)> {
        let statement = self.call(Pools)?;
        Ok((statement.pools, statement.pressure))
    }

    fn accounts(&mut self) -> Called<Vec<Account>> {
        self.call(Accounts)
    }

    fn wait(&mut self, time: Duration) -> Called<Option<Told>> {
        self.call(Wait { ms: Some(milliseconds(time)) })
    }

    fn open(&mut self, name: &str, data: &[u8]) -> Called<SessionId> {
        Ok(self.call(Open { name: name.into(), data: data.into() })?.session)
    }

    fn deliver(&mut self, session: SessionId, data: &[u8], time: Duration) -> Called<()> {
        self.call(Deliver { session, ms: milliseconds(time), data: data.into() }).map(drop)
    }

    fn publish(&mut self, sessions: &[SessionId], data: &[u8]) -> Called<u64> {
        Ok(self.call(Publish { sessions: sessions.to_vec(), data: data.into() })?.count)
    }

    fn peek(&mut self, session: SessionId, offset: u64, length: u64) -> Called<Option<Vec<u8>>> {
        Ok(self.call(Peek { session, offset, length })?.data)
    }

    fn forward(&mut self, session: SessionId, to: SessionId) -> Called<u64> {
        Ok(self.call(Forward { session, to })?.length)
    }

    fn close(&mut self, session: SessionId) -> Called<()> {
        self.call(Close { session }).map(drop)
    }

    fn sessions(&mut self) -> Called<Vec<SessionState>> {
        self.call(ListSessions)
    }

    fn lookup(&mut self, name: &str, time: Duration) -> Called<()> {
        self.call(Lookup { name: name.into(), ms: milliseconds(time) }).map(drop)
    }

    fn watch(&mut self) -> Called<Vec<String>> {
        Ok(self.call(Watch)?.names)
    }
}
