//! The new command by the library, in frames of either byte order.

use std::time::Duration;

use leasebox::client::{CallError, Client};
use leasebox::commands::{Leased, Touch};
use leasebox::protocol::byte_order::ByteOrder;

fn main() -> Result<(), CallError> {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok()).unwrap_or(4120);
    for order in [ByteOrder::Little, ByteOrder::Big] {
        let mut client = Client::connect("127.0.0.1", port, Duration::from_secs(30))?;
        client.set_order(order);
        let id = client.lease(64, Duration::from_secs(60))?;
        let Leased { size, duration_ms, .. } = client.call(Touch { id })?;
        println!("{order:?} {size} {duration_ms}");
    }
    Ok(())
}
