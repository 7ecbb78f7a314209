//! Tests of the resources: what each method of each asks.

use super::*;
use crate::commands::{Accounts, Draw, Inspect, Lease, List, Release, Renew, Stats, Table};
use crate::common::id::IdKind;

fn asked(method: Method, target: &'static str) -> Result<Request<'static>, u16> {
    let (path, query) = target.split_once('?').map_or((target, None), |(p, q)| (p, Some(q)));
    let resource = Resource::named(path.as_bytes()).map_err(|refusal| refusal.status)?;
    resource.check(method).map_err(|refusal| refusal.status)?;
    let query = query.map(str::as_bytes);
    let (body, conditions) = (Cow::Borrowed(&b""[..]), Conditions::default());
    let request = resource.request(method, query, body, &conditions, MediaForm::Text);
    request.map_err(|refusal| refusal.status)
}

#[test]
fn a_target_is_what_the_table_says() {
    use Method::{Delete, Get, Post, Put};
    let id = LeaseId::from_number(7);
    let lease = Request::Lease(Lease { size: 64, duration_ms: 5000, id_kind: IdKind::Uuid });
    let list = |what| Ok(Request::List(List { what }));
    let cases = [
        (Post, "/draws?n=4", Ok(Request::Draw(Draw { count: 4 }))),
        (Post, "/draws?n=%34", Ok(Request::Draw(Draw { count: 4 }))),
        (Post, "/%64raws?n=4", Ok(Request::Draw(Draw { count: 4 }))),
        (Post, "/draws", Err(400)),
        (Post, "/draws?n=", Err(400)),
        (Post, "/draws?n=-1", Err(400)),
        (Post, "/draws?n=4&n=5", Err(400)),
        (Post, "/draws?n=4&m=5", Err(400)),
        (Post, "/draws?n=%3", Err(400)),
        (Get, "/draws?n=4", Err(405)),
        (Post, "/leases?size=64&duration=5000", Ok(lease.clone())),
        (Post, "/leases?duration=5000&size=64", Ok(lease)),
        (Post, "/leases?size=64", Err(400)),
        (Get, "/leases", list(Listed::Leases)),
        (Get, "/leases/7", Ok(Request::Inspect(Inspect { id, part: Part::All, if_version: None }))),
        (
            Method::Head,
            "/leases/7",
            Ok(Request::Inspect(Inspect { id, part: Part::None, if_version: None })),
        ),
        (Delete, "/leases/7", Ok(Request::Release(Release { id }))),
        (Post, "/leases/7?duration=9", Ok(Request::Renew(Renew { id, duration_ms: 9 }))),
        (Get, "/leases/x", Err(404)),
        (Get, "/leases/", Err(404)),
        (Get, "/leases/7/8", Err(404)),
        (Get, "/stats", Ok(Request::Stats(Stats))),
        (Get, "/stats?x=1", Err(400)),
        (Put, "/stats", Err(405)),
        (Get, "/table", Ok(Request::Table(Table { rows: 12, which: Rows::First }))),
        (Get, "/table?rows=3&which=last", Ok(Request::Table(Table { rows: 3, which: Rows::Last }))),
        (Get, "/table?which=best", Err(400)),
        (Get, "/processes", Ok(Request::Accounts(Accounts))),
        (Get, "/connections", list(Listed::Connections)),
        (Get, "/blocks", list(Listed::Blocks)),
        (Get, "/nothing", Err(404)),
        (Get, "/../etc/passwd", Err(404)),
        (Get, "//", Err(404)),
        (Get, "*", Err(400)),
        (Method::Trace, "*", Err(400)),
    ];
    for (method, target, expected) in cases {
        assert_eq!(asked(method, target), expected, "{method:?} {target}");
    }
}

#[test]
fn a_resource_has_the_methods_of_its_routes() {
    let methods = |path: &str| Resource::named(path.as_bytes()).map(Resource::methods).unwrap();
    assert_eq!(methods("/"), "GET, HEAD, OPTIONS, TRACE");
    assert_eq!(methods("/stats"), "GET, HEAD, OPTIONS, TRACE");
    assert_eq!(methods("/draws"), "POST, OPTIONS, TRACE");
    assert_eq!(methods("/leases"), "GET, HEAD, POST, OPTIONS, TRACE");
    let all = "GET, HEAD, POST, PUT, DELETE, OPTIONS, TRACE";
    assert_eq!((&*methods("/leases/7"), &*methods("*")), (all, all));
    assert_eq!(methods("/named/a%20b.txt"), "GET, HEAD, PUT, DELETE, OPTIONS, TRACE");
    assert!(Resource::named(b"/named/").is_err());
    let slashed = Resource::Path(NAMED, Some(id_of_name(b"a/b")));
    assert_eq!(Resource::named(b"/named/a/b").ok(), Some(slashed));
    assert_eq!(Resource::named(b"/named/a%2Fb").ok(), Some(slashed));
}

#[test]
fn a_refusal_names_all_resources() {
    let text = Resource::named(b"/nothing").map_err(|refusal| refusal.text).unwrap_err();
    let expected = "there is no such resource; there are /, /draws, /leases, /leases/ID, /stats, /tree, \
                    /pools, /processes, /named/NAME, /table, /sessions, /connections, \
                    /blocks and /metrics";
    assert_eq!(text, expected);
}

#[test]
fn a_method_that_is_none_is_not_implemented() {
    assert_eq!(Method::named(b"PATCH").map_err(|refusal| refusal.status), Err(501));
    assert_eq!(Method::named(b"get").map_err(|refusal| refusal.status), Err(501));
}
