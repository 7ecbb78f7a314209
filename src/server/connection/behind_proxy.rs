//! The first bytes of a connection. Behind a proxy they are a header with the client's address.
//!
//! **Lock** the clients', to count the client under its own address.
//!
//! **Source** ours; the header is that of [`crate::protocol::proxy`].

use std::net::IpAddr;

use crate::commands::Reply;
use crate::common::error::{Code, Error};
use crate::protocol::{Tail, proxy};
use crate::server::connection::Connection;
use crate::server::connection::ending::ConnectionEnd;

impl Connection<'_> {
    /// Receives the first bytes of the client. Behind a proxy, reads and drops the proxy's header
    /// before them.
    ///
    /// # Errors
    /// As [`Connection::receive`]; also if there is no header, or if the client's address may have
    /// no further client.
    pub(super) fn receive_first(&mut self) -> Result<Tail, ConnectionEnd> {
        let mut tail = self.receive()?;
        if !self.limits.behind_proxy {
            return Ok(tail);
        }
        loop {
            match proxy::read_header(self.input.pending()) {
                Ok(None) if tail == Tail::Ended => return Err(ConnectionEnd::Theirs),
                Ok(None) => tail = self.receive()?,
                Err(error) => return Err(self.refuse(error)),
                Ok(Some((source, used))) => {
                    self.skip(used);
                    // A header without an address leaves the client counted under the proxy's.
                    source.map_or(Ok(()), |source| self.come_from(source))?;
                    // Bytes behind the header may be a whole request: it is answered at once.
                    let has_more = !self.input.pending().is_empty() || tail == Tail::Ended;
                    return if has_more { Ok(tail) } else { self.receive() };
                }
            }
        }
    }

    /// Counts this client under its own address, and no longer under that of the proxy.
    ///
    /// # Errors
    /// Fails if that address may have no further client. The client is told so.
    fn come_from(&mut self, source: IpAddr) -> Result<(), ConnectionEnd> {
        let (clients, client) = (&self.shared.clients, self.caller.client);
        log::info!("client-{client} comes from {source}, through the proxy");
        match clients.move_to(client, source, &self.limits.addresses) {
            None => {
                self.caller.stranger = self.limits.addresses.stranger(source);
                Ok(())
            }
            Some(why) => Err(self.refuse(Error::new(Code::Busy, why))),
        }
    }

    /// Tells the client, in a line of text, why its connection is closed.
    fn refuse(&mut self, error: Error) -> ConnectionEnd {
        self.conversation.encode(&mut Reply::Error(error), &mut self.output);
        // The connection closes also if this fails.
        let _ = self.flush();
        ConnectionEnd::Ours
    }
}
