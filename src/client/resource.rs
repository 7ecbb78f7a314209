//! Looking at leases, and changing them only if nobody else has, through the client library.
//!
//! ```no_run
//! use std::time::Duration;
//! use leasebox::client::{CallError, Client};
//! use leasebox::message::Code;
//! use leasebox::message::resource::{Condition, Part};
//!
//! # fn main() -> Result<(), CallError> {
//! let mut client = Client::connect("localhost", 4120, Duration::from_secs(5))?;
//! let id = client.lease(64, Duration::from_secs(60))?;
//! let seen = client.inspect(id, Part::All)?;
//! match client.replace(id, Condition::OneOf(vec![seen.version]), b"new") {
//!     Err(CallError::Refused(error)) if error.code == Code::Refused => {} // somebody was faster
//!     version => println!("it has version {} now", version?),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! **Lock** none. **Source** [`crate::message::resource`].

use std::borrow::Cow;

use crate::client::{CallError, Client};
use crate::message::resource::{Condition, Inspection, Listed, Listing, Part};
use crate::message::{LeaseId, Reply, Request};

impl Client {
    /// How a lease is in one moment, and a part of what it holds.
    ///
    /// # Errors
    /// [`CallError`], with `not-found`.
    pub fn inspect(&mut self, id: LeaseId, part: Part) -> Result<Inspection, CallError> {
        match self.ask(&Request::Inspect { id, part, if_version: None })? {
            Reply::Inspected(inspection) => Ok(*inspection),
            _ => Err(CallError::Unreadable),
        }
    }

    /// Replaces what a lease holds if its version fulfils the condition; answers the version since.
    ///
    /// # Errors
    /// [`CallError`], with `refused` when it does not, `not-found` or `too-large`.
    pub fn replace(
        &mut self,
        id: LeaseId,
        condition: Condition,
        data: &[u8],
    ) -> Result<u64, CallError> {
        let (condition, data) = (condition.into(), Cow::Borrowed(data));
        match self.ask(&Request::Replace { id, condition, data })? {
            Reply::Replaced { version, .. } => Ok(version),
            _ => Err(CallError::Unreadable),
        }
    }

    /// All things of one kind, as others may see them.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn list(&mut self, what: Listed) -> Result<Listing, CallError> {
        match self.ask(&Request::List { what })? {
            Reply::List(listing) => Ok(*listing),
            _ => Err(CallError::Unreadable),
        }
    }
}
