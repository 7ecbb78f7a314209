//! MemoryLease frames as a client's bytes, put together without the code under test.

use super::Client;

/// A frame as a little-endian machine sends it.
pub fn frame(kind: i32, payload: &[&[u8]]) -> Vec<u8> {
    let payload = payload.concat();
    let length = (payload.len() as i64).to_le_bytes();
    [&kind.to_le_bytes()[..], &length, &payload].concat()
}

pub fn lease_frame(size: i32, ms: i32) -> Vec<u8> {
    frame(1, &[&size.to_le_bytes(), &ms.to_le_bytes()])
}

pub fn set_frame(id: i32, data: &[u8]) -> Vec<u8> {
    frame(3, &[&id.to_le_bytes(), &(data.len() as i64).to_le_bytes(), data])
}

pub fn get_frame(id: i32) -> Vec<u8> {
    frame(4, &[&id.to_le_bytes()])
}

/// Frames over one connection.
pub trait Frames {
    fn lease_number(&mut self, size: i32, ms: i32) -> i32;
    fn set(&mut self, id: i32, data: &[u8]) -> i32;
    fn get(&mut self, id: i32) -> Vec<u8>;
}

impl Frames for Client {
    fn lease_number(&mut self, size: i32, ms: i32) -> i32 {
        self.send(lease_frame(size, ms));
        number(self.exactly::<16>(), 2)
    }

    fn set(&mut self, id: i32, data: &[u8]) -> i32 {
        self.send(set_frame(id, data));
        number(self.exactly::<16>(), 5)
    }

    fn get(&mut self, id: i32) -> Vec<u8> {
        self.send(get_frame(id));
        let header = self.exactly::<24>();
        assert_eq!(header[..4], 4_i32.to_le_bytes());
        assert_eq!(header[12..16], id.to_le_bytes());
        let length = i64::from_le_bytes(header[16..].try_into().unwrap());
        assert_eq!(i64::from_le_bytes(header[4..12].try_into().unwrap()), 12 + length);
        self.bytes(length as usize)
    }
}

pub fn number(reply: [u8; 16], kind: i32) -> i32 {
    let head = [&kind.to_le_bytes()[..], &4_i64.to_le_bytes()].concat();
    assert_eq!(reply[..12], head);
    i32::from_le_bytes(reply[12..].try_into().unwrap())
}
