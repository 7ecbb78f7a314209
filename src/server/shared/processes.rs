//! What processes ask of the memory manager.
//!
//! **Invariants** a process's blocks are given back when nobody copies in them.
//!
//! **Lock** the tables; a block's when one is given back.
//!
//! **Source** `cooperative-memory-management.txt`.

use std::time::Instant;

use crate::cooperative::manager::Caller;
use crate::cooperative::process::ProcessNumber;
use crate::cooperative::words::{Account, Wanted};
use crate::message::{ClientNumber, Error, LeaseId, Reply};
use crate::server::shared::waiting::make_room_for;
use crate::server::shared::{BITE, Shared, hold};

impl Shared {
    pub(super) fn attach(&self, caller: Caller, token: LeaseId) -> Result<Reply<'_>, Error> {
        let name = self.change_now(|tables, now| tables.processes.attach(caller, token, now))?;
        Ok(Reply::Attached { name })
    }

    pub(super) fn leave(&self, client: ClientNumber) -> Result<Reply<'_>, Error> {
        let (number, name) = self.change_now(|tables, now| tables.engine().leave(client, now))?;
        self.end_process(number);
        Ok(Reply::Left { name })
    }

    pub(super) fn report(
        &self,
        client: ClientNumber,
        freeable: u64,
        efficiency: Option<u8>,
    ) -> Result<Reply<'_>, Error> {
        self.change_now(|tables, now| tables.manager().report(client, freeable, efficiency, now))?;
        Ok(Reply::Reported)
    }

    pub(super) fn request(
        &self,
        client: ClientNumber,
        wanted: &Wanted,
    ) -> Result<Reply<'_>, Error> {
        self.reap_all(Instant::now());
        let granted = self.change_now(|tables, now| {
            make_room_for(tables, wanted);
            tables.manager().request(client, wanted, now)
        })?;
        Ok(Reply::Granted(granted.into()))
    }

    pub(super) fn return_block(
        &self,
        client: ClientNumber,
        id: LeaseId,
    ) -> Result<Reply<'_>, Error> {
        let (ending, refill) = self.change(|tables| tables.manager().end_grant(client, id))?;
        self.give_back(vec![ending]);
        Ok(Reply::Returned(refill.into()))
    }

    pub(super) fn reuse(&self, client: ClientNumber, size: u64) -> Result<Reply<'_>, Error> {
        self.change(|tables| tables.processes.reuse(client, size))?;
        Ok(Reply::Reused { size })
    }

    pub(super) fn owed(&self, client: ClientNumber) -> Result<Reply<'_>, Error> {
        Ok(Reply::Owed(hold(&self.tables).processes.owed(client)?.into()))
    }

    /// The next signal that is there already.
    pub(super) fn signal(&self, client: ClientNumber) -> Result<Reply<'_>, Error> {
        Ok(Reply::Signal(hold(&self.tables).engine().next_signal(client)?))
    }

    pub(super) fn pools(&self) -> Reply<'_> {
        let (pools, pressure) = hold(&self.tables).manager().pools(Instant::now());
        Reply::Pools(pools, pressure)
    }

    /// Reads the accounts in bites, so that no request waits for many processes.
    pub(super) fn accounts(&self) -> Reply<'_> {
        let mut accounts: Vec<Account> = Vec::new();
        loop {
            let last = accounts.last().map(|account| account.name.as_str());
            let bite = hold(&self.tables).processes.accounts(last, BITE);
            let is_last = bite.len() < BITE;
            accounts.extend(bite);
            if is_last {
                return Reply::Accounts(accounts);
            }
        }
    }

    /// A client without a connection was heard.
    pub fn hear(&self, client: ClientNumber) {
        hold(&self.tables).processes.hear(client, Instant::now());
    }

    /// A connection has ended: if it was its process's last, so does that.
    pub fn disconnect(&self, client: ClientNumber) {
        let ended = self.change_now(|tables, now| tables.engine().disconnect(client, now));
        ended.into_iter().for_each(|number| self.end_process(number));
    }

    /// Gives everything back that a process held, bite by bite, once nobody copies in it.
    pub(super) fn end_process(&self, number: ProcessNumber) {
        self.await_quiet(number);
        loop {
            let endings = self.change(|tables| tables.manager().strike(number, BITE));
            if endings.is_empty() {
                return;
            }
            self.give_back(endings);
        }
    }
}
