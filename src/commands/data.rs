//! The data of replies: up to 32 MiB that is moved and not copied.
//!
//! The connection's output takes the vector out of the reply, and writes it to the socket from
//! where it is. A reply that is not named here still works: its data is copied into the output.
//!
//! **Lock** none. **Source** ours.

use super::{Data, MessageReply, Reply};

impl Reply<'_> {
    /// Takes the data out of a reply that ends with data, and leaves an empty vector there. Returns
    /// an empty vector for any other reply.
    pub fn take_data(&mut self) -> Vec<u8> {
        match self {
            Reply::Data(Data { data, .. })
            | Reply::Message(MessageReply { data: Some(data), .. }) => std::mem::take(data),
            Reply::Inspected(inspection) => std::mem::take(&mut inspection.data),
            _ => Vec::new(),
        }
    }
}
