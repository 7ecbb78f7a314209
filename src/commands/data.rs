//! The data of replies: up to 32 MiB that is moved and not copied.
//!
//! A reply that is not named here still works: its data is copied.
//!
//! **Lock** none. **Source** ours.

use super::{Data, MessageReply, Reply};

impl Reply<'_> {
    /// Takes the data out of a reply that ends with data, so that it is moved and not copied.
    pub fn take_data(&mut self) -> Vec<u8> {
        match self {
            Reply::Data(Data { data, .. })
            | Reply::Message(MessageReply { data: Some(data), .. }) => std::mem::take(data),
            Reply::Inspected(inspection) => std::mem::take(&mut inspection.data),
            _ => Vec::new(),
        }
    }
}
