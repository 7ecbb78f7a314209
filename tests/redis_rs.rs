//! redis-rs, by its default settings but the port: it connects, draws and leases.

mod support;

use support::Running;

#[test]
fn redis_rs_draws_and_leases() {
    let server = Running::start(&["--numbers", "5000"]);
    let client = redis::Client::open(format!("redis://{}/", server.address)).unwrap();
    let mut connection = client.get_connection().unwrap();
    let numbers: Vec<u32> = redis::cmd("draw").arg(4).query(&mut connection).unwrap();
    assert_eq!(numbers.len(), 4);
    let leased: String = redis::cmd("lease").arg(64).arg(60_000).query(&mut connection).unwrap();
    let id = leased.split(' ').nth(1).unwrap();
    let () = redis::cmd("set").arg(id).arg(&b"a\0b\r\n"[..]).query(&mut connection).unwrap();
    let data: Vec<u8> = redis::cmd("get").arg(id).query(&mut connection).unwrap();
    assert_eq!(data, b"a\0b\r\n");
    let wrong = redis::cmd("draw").arg("x").query::<Vec<u32>>(&mut connection).unwrap_err();
    assert!(wrong.to_string().contains("bad-request"), "{wrong}");
}
