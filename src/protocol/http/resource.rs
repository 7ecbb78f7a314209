//! The resources: which methods each has, and which command each method is.
//!
//! Most routes stand in the rows of their commands, behind `@`. This file finds the route of a
//! target, and reads by hand the few requests that depend on conditions or on the path alone.
//!
//! | resource | methods | asks |
//! | --- | --- | --- |
//! | `/`, `/index.html`, `/page.css`, `/page.js` | GET, HEAD | the live page |
//! | `/draws?n=4` | POST | draw |
//! | `/table?rows=12&which=last` | GET, HEAD | table; `which` is `first`, `each`, `twice` or `last` |
//! | `/leases?size=1024&duration=5000` | POST | lease; 201 and its `Location` |
//! | `/leases` | GET, HEAD | list leases |
//! | `/leases/ID` | GET, HEAD | inspect |
//! | | PUT | replace, with what the body holds |
//! | | DELETE | release |
//! | `/leases/ID?duration=5000` | POST | renew |
//! | `/stats`, `/tree`, `/pools` | GET, HEAD | the same |
//! | `/processes` | GET, HEAD | accounts |
//! | `/sessions`, `/connections` | GET, HEAD | list them |
//! | any of them, and `*` | OPTIONS | its methods |
//! | any of them | TRACE | the request, without what is secret in it |
//!
//! A draw is neither safe nor idempotent, so it is no GET. What a *process* asks is left out, as are
//! `help`, `quit` and a lab server's `parked` and `step`: a process is
//! its connections, and between a client and this server there may be others who share one.
//!
//! **Invariants** a parameter that is unknown or given twice is refused (but OPTIONS and TRACE are
//! about any), and so is a body that no method reads.
//!
//! **Lock** none. **Source** RFC 9110, section 9; the lecture's seven methods.

use std::borrow::Cow;

use crate::commands::{Inspect, List, Replace, Request, Table};
use crate::common::id::LeaseId;
use crate::memory::versions::Part;
use crate::numbers::commands::Rows;
use crate::protocol::http::conditions::Conditions;
use crate::protocol::http::negotiation::MediaForm;
use crate::protocol::http::page::Page;
use crate::protocol::http::query::{Parameters, decoded, number, parameters};
use crate::protocol::http::refusal::Refusal;
use crate::server::lists::Listed;

/// The lecture's methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Read.
    Get,
    /// Read all but the body.
    Head,
    /// Do something.
    Post,
    /// Store.
    Put,
    /// End.
    Delete,
    /// Which methods.
    Options,
    /// What came.
    Trace,
}

/// Every method, for OPTIONS of the whole server.
const ALL: &str = "GET, HEAD, POST, PUT, DELETE, OPTIONS, TRACE";

impl Method {
    const ALL: [Self; 7] = [
        Method::Get,
        Method::Head,
        Method::Post,
        Method::Put,
        Method::Delete,
        Method::Options,
        Method::Trace,
    ];

    fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
            Method::Options => "OPTIONS",
            Method::Trace => "TRACE",
        }
    }

    /// A method by its name.
    ///
    /// # Errors
    /// 501.
    pub fn named(name: &[u8]) -> Result<Self, Refusal> {
        let is_it = |method: &Self| method.name().as_bytes() == name;
        Self::ALL.into_iter().find(is_it).ok_or_else(|| {
            Refusal::new(501, format!("there is no such method here; send one of {ALL}"))
        })
    }
}

/// What a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// The server: `*`.
    Server,
    /// A file of the live page.
    Page(Page),
    /// The end of a route: its path as the route has it, and the id that stands for `ID`.
    Path(&'static str, Option<LeaseId>),
}

/// All leases.
pub const LEASES: &str = "/leases";

/// One lease.
pub const LEASE: &str = "/leases/ID";

/// The routes whose fields do not stand in the target alone: the functions below read them. All
/// other routes stand in the rows of their commands.
const BY_HAND: [&str; 6] = [
    "GET /leases",
    "GET /leases/ID",
    "PUT /leases/ID",
    "GET /table",
    "GET /sessions",
    "GET /connections",
];

/// A route: a method and a path that lead to a command, and the parameters that it takes.
struct Route {
    /// All of it, as the row has it.
    whole: &'static str,
    method: &'static str,
    path: &'static str,
    parameters: &'static str,
}

fn routes() -> impl Iterator<Item = Route> {
    Request::ROUTES.iter().copied().chain(BY_HAND).filter_map(|whole| {
        let (method, target) = whole.split_once(' ')?;
        let (path, parameters) = target.split_once('?').unwrap_or((target, ""));
        Some(Route { whole, method, path, parameters })
    })
}

/// The id that stands in a path where the route has `ID`; `None` for the path of another route.
fn id_in(path: &[u8], of_route: &str) -> Option<Option<LeaseId>> {
    let mut id = None;
    let mut parts = path.split(|&byte| byte == b'/');
    for expected in of_route.split('/') {
        let part = parts.next()?;
        if expected == "ID" {
            id = Some(LeaseId::parse(part).ok()?);
        } else if expected.as_bytes() != part {
            return None;
        }
    }
    parts.next().is_none().then_some(id)
}

impl Resource {
    /// The resource of a path.
    ///
    /// # Errors
    /// 404.
    pub fn named(path: &[u8]) -> Result<Self, Refusal> {
        let path = decoded(path).ok_or_else(no_such)?;
        if *path == *b"*" {
            return Ok(Resource::Server);
        }
        if let Some(page) = Page::named(&path) {
            return Ok(Resource::Page(page));
        }
        let mut found = routes()
            .filter_map(|route| id_in(&path, route.path).map(|id| Resource::Path(route.path, id)));
        found.next().ok_or_else(no_such)
    }

    /// The methods that it has.
    pub fn methods(self) -> String {
        let own = match self {
            Resource::Server => return ALL.to_string(),
            Resource::Page(_) => vec!["GET"],
            Resource::Path(path, _) => {
                routes().filter(|route| route.path == path).map(|route| route.method).collect()
            }
        };
        let has = |name: &&str| match *name {
            "OPTIONS" | "TRACE" => true,
            "HEAD" => own.contains(&"GET"),
            name => own.contains(&name),
        };
        ALL.split(", ").filter(has).collect::<Vec<_>>().join(", ")
    }

    /// Whether it has that method.
    ///
    /// # Errors
    /// 405; 400 for `*` with another than OPTIONS.
    pub fn check(self, method: Method) -> Result<(), Refusal> {
        if self == Resource::Server && method != Method::Options {
            return Err(Refusal::new(
                400,
                "* is the server as a whole; ask OPTIONS of it, or give a path",
            ));
        }
        let methods = self.methods();
        if methods.split(", ").any(|name| name == method.name()) {
            return Ok(());
        }
        let text = format!("this resource has no such method; send one of {methods}");
        Err(Refusal { allow: Some(methods), ..Refusal::new(405, text) })
    }

    /// The request that a method makes of it. `form` is that of the answer.
    ///
    /// # Errors
    /// 400 for wrong parameters, 412 for a condition that cannot be kept.
    pub fn request<'a>(
        self,
        method: Method,
        query: Option<&'a [u8]>,
        body: Cow<'a, [u8]>,
        conditions: &Conditions,
        form: MediaForm,
    ) -> Result<Request<'a>, Refusal> {
        let Resource::Path(path, id) = self else { return Err(no_such()) };
        check_conditions(path, method, conditions)?;
        match (path, method, id) {
            ("/table", ..) => table(query),
            (LEASES, Method::Get | Method::Head, _) => list(query, Listed::Leases),
            ("/sessions", ..) => list(query, Listed::Sessions),
            ("/connections", ..) => list(query, Listed::Connections),
            (LEASE, Method::Get | Method::Head, Some(id)) => {
                parameters(query, &[])?;
                Ok(inspect(id, method, conditions, form))
            }
            (LEASE, Method::Put, Some(id)) => {
                parameters(query, &[])?;
                let condition = conditions.of_change()?.into();
                Ok(Request::Replace(Replace { id, condition, data: body }))
            }
            _ => {
                let name = if method == Method::Head { "GET" } else { method.name() };
                let mut routes = routes();
                let is_it = |route: &Route| route.method == name && route.path == path;
                let route = routes.find(is_it).ok_or_else(no_such)?;
                let mut fields = Parameters::new(query, route.parameters, id, body)?;
                let request = Request::by_route(route.whole, &mut fields).ok_or_else(no_such)?;
                Ok(request?)
            }
        }
    }
}

/// Whether a condition can be kept.
///
/// # Errors
/// 412.
fn check_conditions(path: &str, method: Method, conditions: &Conditions) -> Result<(), Refusal> {
    let text = match method {
        Method::Post if conditions.is_conditional() => {
            "what POST does has no version; leave the condition out"
        }
        Method::Delete if conditions.is_conditional() => {
            "a release takes no condition; leave it out, or replace the lease first"
        }
        _ if path != LEASE && !conditions.holds_without_tag() => {
            "what is asked for has no tag; leave If-Match out"
        }
        _ => return Ok(()),
    };
    Err(Refusal::new(412, text))
}

/// Looks at a lease: a part of it only by GET.
fn inspect<'a>(
    id: LeaseId,
    method: Method,
    conditions: &Conditions,
    form: MediaForm,
) -> Request<'a> {
    let is_bytes = matches!(form, MediaForm::Text | MediaForm::Bytes);
    let (part, if_version) = match conditions.part(form) {
        _ if method == Method::Head && is_bytes => (Part::None, None),
        Some(wanted) => wanted,
        None => (Part::All, None),
    };
    Request::Inspect(Inspect { id, part, if_version })
}

fn list<'a>(query: Option<&[u8]>, what: Listed) -> Result<Request<'a>, Refusal> {
    parameters(query, &[])?;
    Ok(Request::List(List { what }))
}

fn table<'a>(query: Option<&[u8]>) -> Result<Request<'a>, Refusal> {
    /// Two of the homework's.
    const ROWS: u64 = 12;
    let mut values = parameters(query, &["rows", "which"])?.into_iter();
    let (rows, which) = (values.next().flatten(), values.next().flatten());
    let rows = if rows.is_some() { number(rows, "rows, how many")? } else { ROWS };
    let which = match which.as_deref() {
        None | Some(b"first") => Rows::First,
        Some(b"each") => Rows::Each,
        Some(b"twice") => Rows::Twice,
        Some(b"last") => Rows::Last,
        Some(_) => return Err(Refusal::new(400, "which is first, each, twice or last; give one")),
    };
    Ok(Request::Table(Table { rows, which }))
}

fn no_such() -> Refusal {
    let mut paths = vec!["/"];
    for route in routes() {
        if !paths.contains(&route.path) {
            paths.push(route.path);
        }
    }
    let last = paths.pop().unwrap_or_default();
    let paths = paths.join(", ");
    Refusal::new(404, format!("there is no such resource; there are {paths} and {last}"))
}

#[cfg(test)]
#[path = "resource_tests.rs"]
mod tests;
