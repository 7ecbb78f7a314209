//! The commands that change a process's own blocks: register, grow, shrink.
//!
//! **Lock** the tables. **Source** paragraphs 24 and 39 of `interprocess-communication-patent.txt`.

use std::time::Instant;

use crate::common::caller::Caller;
use crate::common::description::{Execute, command, reply};
use crate::common::error::Error;
use crate::server::shared::Shared;

command! {
    /// Registers one more block of the process's own.
    0x25 "register SIZE" Register -> Registered {
        /// Bytes.
        size: u64,
    }
}

reply! {
    /// A block was registered.
    0xa5 "registered" Registered {
        /// Which one.
        block: u64,
        /// Its bytes.
        size: u64,
    }
}

impl Execute<Shared> for Register {
    type Done = Registered;

    fn execute(
        &self,
        shared: &Shared,
        caller: Caller,
        _: &mut Vec<u8>,
    ) -> Result<Registered, Error> {
        let (block, size) = shared
            .rendezvous(caller, |tables, _| tables.engine().register(caller.client, self.size))?;
        Ok(Registered { block, size })
    }
}

command! {
    /// Lets one of the process's own blocks have more bytes.
    0x26 "grow SIZE [BLOCK]" Grow -> Resized {
        /// The bytes that it has then, at least.
        size: u64,
        /// Which block; 0 is the one it joined with.
        block: u64 = 0,
    }
}

reply! {
    /// A block has another size.
    0xa6 "block" Resized {
        /// Its bytes.
        size: u64,
    }
}

impl Execute<Shared> for Grow {
    type Done = Resized;

    fn execute(&self, shared: &Shared, caller: Caller, _: &mut Vec<u8>) -> Result<Resized, Error> {
        shared.memory.reap_all(Instant::now());
        let size = shared
            .memory
            .change(|tables, _| tables.engine().grow(caller.client, self.block, self.size))?;
        Ok(Resized { size })
    }
}

command! {
    /// Lets one of the process's own blocks have fewer bytes.
    0x27 "shrink SIZE [BLOCK]" Shrink -> Resized {
        /// The bytes that it needs.
        size: u64,
        /// Which block.
        block: u64 = 0,
    }
}

impl Execute<Shared> for Shrink {
    type Done = Resized;

    fn execute(&self, shared: &Shared, caller: Caller, _: &mut Vec<u8>) -> Result<Resized, Error> {
        let size = shared.memory.change(|tables, now| {
            tables.engine().shrink(caller.client, self.block, self.size, now)
        })?;
        Ok(Resized { size })
    }
}
