//! Takes the data out of a reply, so that a frame moves it instead of copying it. A reply can carry
//! up to `--max-message` bytes of data, by default 32 MiB.
//!
//! The output gets the vector of the data. A connection writes a vector of 16 KiB or more to
//! the socket as it is; shorter data is copied, which is cheaper. A reply that is not named here
//! still works: its data is copied into the output.
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
            Reply::Value(value) => std::mem::take(&mut value.data),
            Reply::Inspected(inspection) => std::mem::take(&mut inspection.data),
            _ => Vec::new(),
        }
    }
}
