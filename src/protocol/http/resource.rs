//! The resources: which methods each has, and what they ask.
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
//! **Invariants** a parameter that is unknown or given twice is refused (but OPTIONS and TRACE are about any), and
//! so is a body that nothing is done with.
//!
//! **Lock** none. **Source** RFC 9110, section 9; the lecture's seven methods.

use std::borrow::Cow;

use crate::commands::{
    Accounts, Draw, Inspect, Lease, List, Pools, Release, Renew, Replace, Request, Stats, Table,
    Tree,
};
use crate::common::id::{IdKind, LeaseId, parse_decimal};
use crate::memory::versions::Part;
use crate::numbers::commands::Rows;
use crate::protocol::http::conditions::Conditions;
use crate::protocol::http::negotiation::Form;
use crate::protocol::http::page::Page;
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
    /// Numbers.
    Draws,
    /// Who drew what.
    Table,
    /// Leases, all of them.
    Leases,
    /// One of them.
    Lease(LeaseId),
    /// Figures.
    Stats,
    /// The buddy tree.
    Tree,
    /// Pools.
    Pools,
    /// Accounts.
    Processes,
    /// Who talks with whom.
    Sessions,
    /// Who is connected.
    Connections,
}

impl Resource {
    /// The resource of a path.
    ///
    /// # Errors
    /// 404.
    pub fn named(path: &[u8]) -> Result<Self, Refusal> {
        let path = decoded(path).ok_or_else(no_such)?;
        Ok(match &*path {
            b"*" => Resource::Server,
            b"/draws" => Resource::Draws,
            b"/table" => Resource::Table,
            b"/leases" => Resource::Leases,
            b"/stats" => Resource::Stats,
            b"/tree" => Resource::Tree,
            b"/pools" => Resource::Pools,
            b"/processes" => Resource::Processes,
            b"/sessions" => Resource::Sessions,
            b"/connections" => Resource::Connections,
            path => match (Page::named(path), path.strip_prefix(b"/leases/")) {
                (Some(page), _) => Resource::Page(page),
                (None, Some(id)) => Resource::Lease(LeaseId::parse(id).map_err(|_| no_such())?),
                (None, None) => return Err(no_such()),
            },
        })
    }

    /// The methods that it has.
    pub fn methods(self) -> &'static str {
        match self {
            Resource::Server => ALL,
            Resource::Draws => "POST, OPTIONS, TRACE",
            Resource::Leases => "GET, HEAD, POST, OPTIONS, TRACE",
            Resource::Lease(_) => ALL,
            _ => "GET, HEAD, OPTIONS, TRACE",
        }
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

    /// What a method that it has asks of the services. `form` is that of the answer.
    ///
    /// # Errors
    /// 400 for wrong parameters or an unwanted body, 412 for a condition that cannot be kept.
    pub fn request<'a>(
        self,
        method: Method,
        query: Option<&[u8]>,
        body: Cow<'a, [u8]>,
        conditions: &Conditions,
        form: Form,
    ) -> Result<Request<'a>, Refusal> {
        let is_lease = matches!(self, Resource::Lease(_));
        if method == Method::Post && conditions.is_conditional() {
            return Err(Refusal::new(
                412,
                "what POST does has no version; leave the condition out",
            ));
        }
        if !is_lease && !conditions.holds_without_tag() {
            return Err(Refusal::new(412, "what is asked for has no tag; leave If-Match out"));
        }
        if self == Resource::Draws {
            let [n] = parameters(query, ["n"])?;
            return Ok(Request::Draw(Draw { count: required(n, "n, how many numbers")? }));
        }
        match (self, method) {
            (Resource::Leases, Method::Post) => {
                let [size, duration] = parameters(query, ["size", "duration"])?;
                let size = required(size, "size, in bytes")?;
                let duration_ms = required(duration, "duration, in milliseconds")?;
                Ok(Request::Lease(Lease { size, duration_ms, id_kind: IdKind::Uuid }))
            }
            (Resource::Lease(id), Method::Post) => {
                let [duration] = parameters(query, ["duration"])?;
                let duration_ms = required(duration, "duration, in milliseconds")?;
                Ok(Request::Renew(Renew { id, duration_ms }))
            }
            (Resource::Table, _) => table(query),
            _ => {
                let [] = parameters(query, [])?;
                self.plain(method, body, conditions, form)
            }
        }
    }

    /// The same of those that have no parameters.
    fn plain<'a>(
        self,
        method: Method,
        data: Cow<'a, [u8]>,
        conditions: &Conditions,
        form: Form,
    ) -> Result<Request<'a>, Refusal> {
        Ok(match self {
            Resource::Lease(id) => match method {
                Method::Put => {
                    let condition = conditions.of_change()?.into();
                    Request::Replace(Replace { id, condition, data })
                }
                Method::Delete if conditions.is_conditional() => {
                    let text =
                        "a release takes no condition; leave it out, or replace the lease first";
                    return Err(Refusal::new(412, text));
                }
                Method::Delete => Request::Release(Release { id }),
                _ => inspect(id, method, conditions, form),
            },
            Resource::Tree => Request::Tree(Tree),
            Resource::Pools => Request::Pools(Pools),
            Resource::Processes => Request::Accounts(Accounts),
            Resource::Leases => Request::List(List { what: Listed::Leases }),
            Resource::Sessions => Request::List(List { what: Listed::Sessions }),
            Resource::Connections => Request::List(List { what: Listed::Connections }),
            _ => Request::Stats(Stats),
        })
    }
}

/// Looks at a lease: a part of it only by GET.
fn inspect<'a>(id: LeaseId, method: Method, conditions: &Conditions, form: Form) -> Request<'a> {
    let is_bytes = matches!(form, Form::Text | Form::Bytes);
    let (part, if_version) = match conditions.part(form) {
        _ if method == Method::Head && is_bytes => (Part::None, None),
        Some(wanted) => wanted,
        None => (Part::All, None),
    };
    Request::Inspect(Inspect { id, part, if_version })
}

fn table<'a>(query: Option<&[u8]>) -> Result<Request<'a>, Refusal> {
    /// Two of the homework's.
    const ROWS: u64 = 12;
    let [rows, which] = parameters(query, ["rows", "which"])?;
    let rows = if rows.is_some() { required(rows, "rows, how many")? } else { ROWS };
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
    let text = "there is no such resource; there are /, /draws, /table, /leases, /leases/ID, /stats, \
                /tree, /pools, /processes, /sessions and /connections";
    Refusal::new(404, text)
}

fn required(value: Option<Cow<'_, [u8]>>, what: &str) -> Result<u64, Refusal> {
    value.and_then(|value| parse_decimal(&value)).ok_or_else(|| {
        Refusal::new(400, format!("a parameter is missing or no number; give {what}"))
    })
}

/// The values of those names, each once at most, and no others.
///
/// # Errors
/// 400.
pub fn parameters<'a, const N: usize>(
    query: Option<&'a [u8]>,
    names: [&str; N],
) -> Result<[Option<Cow<'a, [u8]>>; N], Refusal> {
    let mut values = [const { None }; N];
    let pairs = query.unwrap_or_default().split(|&byte| byte == b'&');
    for pair in pairs.filter(|pair| !pair.is_empty()) {
        let equals = pair.iter().position(|&byte| byte == b'=').unwrap_or(pair.len());
        let (name, value) = (&pair[..equals], pair.get(equals + 1..).unwrap_or_default());
        let at = names.iter().position(|known| known.as_bytes() == name);
        let value = decoded(value);
        match (at.and_then(|at| values.get_mut(at)), value) {
            (Some(slot @ None), Some(value)) => *slot = Some(value),
            _ => {
                let names = if N == 0 { "none".into() } else { names.join(" and ") };
                let text = format!("a parameter is unknown, or given twice; give {names}");
                return Err(Refusal::new(400, text));
            }
        }
    }
    Ok(values)
}

/// Without `%XX`; `None` when those are no digits.
fn decoded(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    if !text.contains(&b'%') {
        return Some(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        let (byte, left) = match (first, after) {
            (b'%', [high, low, left @ ..]) => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16);
                ((digit(high)? << 4 | digit(low)?) as u8, left)
            }
            (b'%', _) => return None,
            (byte, left) => (*byte, left),
        };
        bytes.push(byte);
        rest = left;
    }
    Some(Cow::Owned(bytes))
}

#[cfg(test)]
#[path = "resource_tests.rs"]
mod tests;
