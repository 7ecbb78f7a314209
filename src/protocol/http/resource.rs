//! The resources: the methods of each, and the command behind each method.
//!
//! Most routes stand in the rows that describe their commands, behind `@`
//! ([`crate::common::description`]). This file finds the route of a target. It reads the requests
//! of eleven routes by hand: inspect, replace and put depend on conditions; the four lists and the
//! metrics depend on the path alone; a release by name needs the id of the name; and a request for
//! the table may leave out `rows`, `which` or both.
//!
//! | resource | methods | command |
//! | --- | --- | --- |
//! | `/`, `/index.html`, `/page.css`, `/page.js`, `/icon.svg`, `/icon.png`, `/favicon.ico` | GET, HEAD | none: the live page |
//! | `/draws?n=4` | POST | draw |
//! | `/table?rows=12&which=last` | GET, HEAD | table; `which` is `first`, `each`, `twice` or `last` |
//! | `/leases?size=1024&duration=5000` | POST | lease; the answer is 201 with its `Location` |
//! | `/leases` | GET, HEAD | list leases |
//! | `/leases/ID` | GET, HEAD | inspect |
//! | | PUT | replace; the body is the new data |
//! | | DELETE | release |
//! | `/leases/ID?duration=5000` | POST | renew |
//! | `/named/NAME` | GET, HEAD, DELETE | as `/leases/ID`, with the id of the name |
//! | `/named/NAME?duration=5000` | PUT | put; 201 if there was no lease of that name |
//! | `/stats`, `/tree`, `/pools` | GET, HEAD | stats, tree, pools |
//! | `/metrics` | GET, HEAD | stats, in the form of Prometheus |
//! | `/processes` | GET, HEAD | accounts |
//! | `/sessions`, `/connections`, `/blocks` | GET, HEAD | list sessions, connections, blocks |
//! | any of them, and `*` | OPTIONS | none: its methods |
//! | any of them | TRACE | none: the request, without its secrets |
//!
//! A draw is no GET. It is not safe, because it changes the server, and it is not idempotent,
//! because a second one takes other numbers. Browsers and proxies may repeat a GET.
//!
//! HTTP leaves out the commands that only a *process* may send, and `help`, `quit`, `parked` and
//! `step`. A process ([`crate::cooperative`]) is known by its connections, and a proxy may send the
//! requests of several clients over one connection. GET and PUT do the work of `get`, `ttl` and
//! `set`.
//!
//! **Invariants** the server refuses a parameter that is unknown or given twice, and a body that
//! the method does not read. OPTIONS and TRACE do not look at parameters.
//!
//! **Lock** none.
//!
//! **Simplified** a path is decoded before it is split, so `%2F` is a slash. RFC 3986, section 2.4,
//! wants the split first; the result is the same here, because no id holds a slash, and a name is
//! all that stands behind `/named/`. The search compares a path with one route after the other.
//!
//! **Source** RFC 9110, sections 9.2 and 9.3; the lecture's seven methods.

use std::borrow::Cow;

use crate::commands::{Inspect, List, Put, Release, Replace, Request, Stats, Table};
use crate::common::description::{Source, words};
use crate::common::id::LeaseId;
use crate::common::name_id::id_of_name;
use crate::memory::named::NameId;
use crate::memory::versions::Part;
use crate::numbers::commands::{Rows, TABLE_ROWS};
use crate::protocol::http::conditions::Conditions;
use crate::protocol::http::metrics;
use crate::protocol::http::negotiation::MediaForm;
use crate::protocol::http::page::Page;
use crate::protocol::http::query::{Parameters, decoded};
use crate::protocol::http::refusal::Refusal;
use crate::server::lists::Listed;

words! {
    /// One of the lecture's seven methods.
    Method {
        /// Reads a resource.
        Get = "GET",
        /// Reads the fields that GET would send, without the body.
        Head = "HEAD",
        /// Does something: draws, leases or renews.
        Post = "POST",
        /// Stores the body.
        Put = "PUT",
        /// Ends a lease.
        Delete = "DELETE",
        /// Lists the methods.
        Options = "OPTIONS",
        /// Sends the request back.
        Trace = "TRACE",
    }
}

/// Returns the methods for which `is_one` is true, as the field `Allow` lists them.
fn listed(is_one: impl Fn(Method) -> bool) -> String {
    let methods = Method::ALL.into_iter().filter(|method| is_one(*method));
    methods.map(Method::word).collect::<Vec<_>>().join(", ")
}

impl Method {
    /// Returns the method of that name.
    ///
    /// # Errors
    /// 501 for a method that no resource has; [`Resource::check`] refuses a method that only other
    /// resources have, with 405.
    pub fn named(name: &[u8]) -> Result<Self, Refusal> {
        let is_it = |method: &Self| method.word().as_bytes() == name;
        Self::ALL.into_iter().find(is_it).ok_or_else(|| {
            let all = listed(|_| true);
            Refusal::new(501, format!("there is no such method here; send one of {all}"))
        })
    }

    /// Returns GET for HEAD, and every other method unchanged. HEAD runs the request of GET, and
    /// its answer leaves the body out.
    pub fn served_as(self) -> Self {
        if self == Method::Head { Method::Get } else { self }
    }
}

/// The thing that a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// The server as a whole: `*`, for OPTIONS alone (RFC 9112, section 3.2.4).
    Server,
    /// A file of the live page.
    Page(&'static Page),
    /// A path of the site that the server shows ([`crate::protocol::http::site`]).
    OfSite,
    /// The path of a route, as the route writes it, and the id that stands in the place of `ID`.
    Path(&'static str, Option<LeaseId>),
}

/// The path of all leases.
pub const LEASES: &str = "/leases";

/// The path of one lease.
pub const LEASE: &str = "/leases/ID";

/// The path of a lease with a name.
pub const NAMED: &str = "/named/NAME";

/// The routes of the eleven requests that [`Resource::request`] reads by hand, because a list of
/// parameters does not describe them. All other routes stand in the rows of their commands.
const BY_HAND: [&str; 11] = [
    "GET /leases",
    "GET /leases/ID",
    "PUT /leases/ID",
    "GET /named/NAME",
    "PUT /named/NAME?duration=in milliseconds",
    "DELETE /named/NAME",
    "GET /table?rows=how many&which",
    "GET /sessions",
    "GET /connections",
    "GET /blocks",
    "GET /metrics",
];

/// A method and a path that lead to a command, and the command's parameters.
struct Route {
    /// The whole text of the route, by which `Request::by_route` finds the command.
    whole: &'static str,
    method: &'static str,
    path: &'static str,
    parameters: &'static str,
}

/// Returns all routes. A command without a route has an empty text here, which is skipped.
fn routes() -> impl Iterator<Item = Route> {
    Request::ROUTES.iter().copied().chain(BY_HAND).filter_map(|whole| {
        let (method, target) = whole.split_once(' ')?;
        let (path, parameters) = target.split_once('?').unwrap_or((target, ""));
        Some(Route { whole, method, path, parameters })
    })
}

/// Returns the route with this path and method. HEAD has the routes of GET.
fn route_of(path: &str, method: Method) -> Option<Route> {
    let name = method.served_as().word();
    routes().find(|route| route.path == path && route.method == name)
}

/// Compares a path with the path of a route, part by part. Returns the id in it; the outer `None`
/// means that the paths differ.
///
/// ```text
///   route /leases/ID    path /leases/7     Some(Some(7))
///   route /leases       path /leases       Some(None): the route has no id
///   route /leases/ID    path /leases/x     None: the path of another route, or of none
/// ```
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
    /// Returns the path of its route; empty for the server itself, the live page and a site.
    pub fn path(self) -> &'static str {
        if let Resource::Path(path, _) = self { path } else { "" }
    }

    /// Returns the resource of a path.
    ///
    /// # Errors
    /// 404, also for a broken `%XX` or a broken id. The text names `/` and the paths of all routes.
    pub fn named(path: &[u8]) -> Result<Self, Refusal> {
        let path = decoded(path).ok_or_else(|| {
            let text = "two hexadecimal digits must follow a % in the path; write % as %25";
            Refusal::new(404, text)
        })?;
        if *path == *b"*" {
            return Ok(Resource::Server);
        }
        if let Some(page) = Page::named(&path) {
            return Ok(Resource::Page(page));
        }
        // A name may have slashes.
        if let Some(name) = path.strip_prefix(b"/named/").filter(|name| !name.is_empty()) {
            return Ok(Resource::Path(NAMED, Some(id_of_name(name))));
        }
        let mut found = routes()
            .filter_map(|route| id_in(&path, route.path).map(|id| Resource::Path(route.path, id)));
        found.next().ok_or_else(|| match path.strip_prefix(b"/leases/") {
            Some(id) if !id.contains(&b'/') => {
                Refusal::new(404, "that is no id of a lease; give it exactly as the reply had it")
            }
            _ => no_such(),
        })
    }

    /// Returns the methods as `Allow` lists them.
    pub fn methods(self) -> String {
        listed(|method| self.has(method))
    }

    /// Returns whether the resource has this method. Each resource has OPTIONS and TRACE; one with
    /// GET has HEAD too. `*` lists all methods of the server, although it has only OPTIONS itself.
    fn has(self, method: Method) -> bool {
        match (self, method.served_as()) {
            (Resource::Server, _) | (_, Method::Options | Method::Trace) => true,
            (Resource::Page(_), method) => method == Method::Get,
            (Resource::OfSite, method) => matches!(method, Method::Get | Method::Post),
            (Resource::Path(path, _), method) => route_of(path, method).is_some(),
        }
    }

    /// Checks that the resource has this method.
    ///
    /// # Errors
    /// 405 with the methods that it has; 400 for `*` with any method but OPTIONS.
    pub fn check(self, method: Method) -> Result<(), Refusal> {
        if self == Resource::Server && method != Method::Options {
            return Err(Refusal::new(
                400,
                "* is the server as a whole; ask OPTIONS of it, or give a path",
            ));
        }
        if self.has(method) {
            return Ok(());
        }
        let methods = self.methods();
        let text = format!("this resource has no such method; send one of {methods}");
        Err(Refusal::new(405, text).with(format!("Allow: {methods}\r\n")))
    }

    /// Returns the request that a method makes of the resource, to be answered in `form`.
    ///
    /// # Errors
    /// 400 for wrong parameters, 412 for a condition if the method or the resource takes none. No
    /// service has seen the request then.
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
        let route = route_of(path, method).ok_or_else(no_such)?;
        // Refuses each parameter that the route does not name.
        let mut fields = Parameters::new(query, route.parameters, id)?;
        Ok(match (path, method.served_as(), id) {
            ("/table", ..) => table(&mut fields)?,
            // The path of a list is its word.
            (LEASES, Method::Get, _) | ("/sessions" | "/connections" | "/blocks", ..) => {
                List { what: Listed::named(&path.as_bytes()[1..])? }.into()
            }
            (metrics::PATH, ..) => Stats.into(),
            (LEASE | NAMED, Method::Get, Some(id)) => inspect(id, method, conditions, form),
            (LEASE, Method::Put, Some(id)) => {
                Replace { id, condition: conditions.change_condition().into(), data: body }.into()
            }
            (NAMED, Method::Put, Some(id)) => {
                let (name, duration_ms) = (NameId::from_id(id), fields.u64()?);
                let condition = conditions.put_condition().into();
                Put { name, duration_ms, condition, data: body }.into()
            }
            (NAMED, Method::Delete, Some(id)) => Release { id }.into(),
            _ => Request::by_route(route.whole, &mut fields).ok_or_else(no_such)??,
        })
    }
}

/// Refuses, with 412, a condition that the method cannot keep. To ignore it would be worse: the
/// client would believe that no other client's change was lost.
fn check_conditions(path: &str, method: Method, conditions: &Conditions) -> Result<(), Refusal> {
    let text = match method {
        Method::Post if conditions.is_conditional() => {
            "what POST does has no version; leave the condition out"
        }
        Method::Delete if conditions.is_conditional() => {
            "a release takes no condition; leave it out, or replace the lease first"
        }
        _ if path != LEASE && path != NAMED && !conditions.holds_without_tag() => {
            "what is asked for has no tag; leave If-Match out"
        }
        _ => return Ok(()),
    };
    Err(Refusal::new(412, text))
}

/// Makes the request that looks at a lease.
///
/// HEAD needs no bytes of the lease in the forms text and bytes: the length is known without them.
/// In JSON and XML it needs them all, because the length depends on their encoding.
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

/// Makes the request for the homework's table; both parameters may be left out.
fn table<'a>(fields: &mut Parameters<'_>) -> Result<Request<'a>, Refusal> {
    let rows = fields.optional()?.unwrap_or(TABLE_ROWS);
    let (which, _) = fields.next_parameter();
    let which = match which.as_deref() {
        None | Some(b"first") => Rows::First,
        Some(b"each") => Rows::Each,
        Some(b"twice") => Rows::Twice,
        Some(b"last") => Rows::Last,
        Some(_) => return Err(Refusal::new(400, "which is first, each, twice or last; give one")),
    };
    Ok(Request::Table(Table { rows, which }))
}

/// Makes the refusal of an unknown path: 404, with `/` and the paths of all routes.
pub(super) fn no_such() -> Refusal {
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
