//! MemoryLease frames: leases alone, by numbers.

use leasebox::common::error::Code;

use super::support::frames::Frames;
use super::support::{Client, Running};
use super::{Answered, Asked, LONG, Protocol};

pub fn start(server: &Running) -> Box<dyn Protocol> {
    Box::new(Old { client: server.connect(), ids: Vec::new() })
}

struct Old {
    client: Client,
    /// A granted block has no number.
    ids: Vec<Option<i32>>,
}

impl Protocol for Old {
    fn ask(&mut self, asked: &Asked) -> Option<Answered> {
        let id = |lease: usize| self.ids.get(lease).copied().unwrap_or(Some(i32::MAX));
        Some(match asked {
            Asked::Lease(size) => {
                match self.client.lease_number(i32::try_from(*size).ok()?, LONG.as_millis() as i32)
                {
                    -1 => Answered::SomeNo,
                    id => {
                        self.ids.push(Some(id));
                        Answered::Leased(None)
                    }
                }
            }
            Asked::Set(lease, data) => match self.client.set(id(*lease)?, data) {
                0 => Answered::Set(None),
                -2 => Answered::No(Code::TooLarge),
                _ => Answered::No(Code::NotFound),
            },
            Asked::Get(lease) => match self.client.get(id(*lease)?) {
                data if data.is_empty() => Answered::No(Code::NotFound),
                data => Answered::Whole(data),
            },
            Asked::Draw(_) | Asked::Renew(_) | Asked::Ttl(_) | Asked::Release(_) => return None,
            _ => return None,
        })
    }

    fn last_id(&self) -> String {
        self.ids.last().unwrap().unwrap().to_string()
    }

    fn learn(&mut self, id: &str) {
        self.ids.push(id.parse().ok());
    }
}
