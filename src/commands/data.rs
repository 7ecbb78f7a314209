//! The data of requests and replies: up to 32 MiB that is moved and not copied.
//!
//! A reply that is not named here still works: its data is copied. A request that is not named is not
//! checked for an answer that would be longer than a message: name a new one that carries data.
//!
//! **Lock** none. **Source** ours.

use super::{Data, Deliver, MessageReply, Open, Publish, Replace, Reply, Request, Send, Set};

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

impl Request<'_> {
    /// The data that it carries, and that its answer may carry back.
    pub fn data(&self) -> Option<&[u8]> {
        match self {
            Request::Set(Set { data, .. })
            | Request::Replace(Replace { data, .. })
            | Request::Open(Open { data, .. })
            | Request::Send(Send { data, .. })
            | Request::Deliver(Deliver { data, .. })
            | Request::Publish(Publish { data, .. }) => Some(data),
            _ => None,
        }
    }
}
