//! The lines that look at what the server has, and that change a lease only if nobody else has.
//!
//! | request | reply |
//! | --- | --- |
//! | `inspect ID [FIRST [LAST]]` | `inspected ID SIZE LENGTH VERSION CHANGED LEFT FIRST DATA`: how a lease is, and the bytes from FIRST to LAST of what was last set, both included; without FIRST none, without LAST all that follow |
//! | `replace ID VERSIONS DATA` | `replaced ID LENGTH VERSION`, or `error refused …` when somebody else has set it |
//! | `list leases` · `list sessions` · `list connections` | `list WHAT TOTAL COLUMN,COLUMN,… VALUE,VALUE,… …`: a row of values for each, of 512 at most: the leases that end first, the connections that came first, any sessions |
//!
//! VERSION counts the sets of a lease. VERSIONS is `3`, or `3,4` for one of several, `!3` or `!3,4`
//! for none of them, or `*` for any. CHANGED is when it was last set, in milliseconds since 1970, and
//! LEFT what is left of the lease, in milliseconds; each is `-` where there is none. FIRST counts from 0. Ids in lists are
//! their first digits.
//!
//! ```text
//!   > replace 2f0c… 1 new          > inspect 2f0c… 1 1
//!   < replaced 2f0c… 3 2           < inspected 2f0c… 64 3 2 1795299855123 3800 1 e
//! ```
//!
//! **Invariants** one reply a line. **Lock** none. **Source** RFC 9110 for conditions; the rest is
//! ours.

use crate::message::resource::{Condition, Inspection, Listed, Listing, Part};
use crate::message::{Code, Error, LeaseId, Reply, Request};
use crate::protocol::escape::escape;
use crate::protocol::output::Output;
use crate::protocol::text::line;
use crate::protocol::text::words::{Words, key, number, required, usage, words};

const INSPECT: u64 = key(b"inspect");
const REPLACE: u64 = key(b"replace");
const LIST: u64 = key(b"list");

/// Reads the rest of a line whose command has that key; `None` for none of these commands.
pub(super) fn parse(command: u64, rest: Words<'_>) -> Option<Result<Request<'_>, Error>> {
    Some(match command {
        INSPECT => parse_inspect(rest),
        REPLACE => parse_replace(rest),
        LIST => parse_list(rest),
        _ => return None,
    })
}

fn parse_inspect(rest: Words<'_>) -> Result<Request<'_>, Error> {
    const FORM: &str = "inspect ID [FIRST [LAST]]";
    let (id, rest) = required(rest, FORM)?;
    let (first, rest) = rest.next();
    let (last, rest) = rest.next();
    let part = match (first, last) {
        _ if !rest.is_over() => return Err(usage(FORM)),
        ([], []) => Part::None,
        (first, []) => Part::Span { first: number(first)?, last: u64::MAX },
        (first, last) => Part::Span { first: number(first)?, last: number(last)? },
    };
    if matches!(part, Part::Span { first, last } if first > last) {
        return Err(Error::new(
            Code::BadRequest,
            "a part begins before it ends; give FIRST, then LAST",
        ));
    }
    Ok(Request::Inspect { id: LeaseId::parse(id)?, part, if_version: None })
}

fn parse_replace(rest: Words<'_>) -> Result<Request<'_>, Error> {
    const FORM: &str = "replace ID VERSIONS DATA";
    let (id, rest) = required(rest, FORM)?;
    let (versions, rest) = required(rest, FORM)?;
    let listed = |versions: &[u8]| -> Result<Vec<u64>, Error> {
        versions.split(|&byte| byte == b',').map(number).collect()
    };
    let condition = match versions {
        b"*" => Condition::Any,
        [b'!', versions @ ..] => Condition::NoneOf(listed(versions)?),
        versions => Condition::OneOf(listed(versions)?),
    };
    let (id, condition) = (LeaseId::parse(id)?, condition.into());
    Ok(Request::Replace { id, condition, data: rest.data()? })
}

fn parse_list(rest: Words<'_>) -> Result<Request<'_>, Error> {
    let [word] = words(rest, "list leases|sessions|connections")?;
    let is_it = |what: &Listed| what.word().as_bytes().eq_ignore_ascii_case(word);
    let what = Listed::ALL.into_iter().find(is_it).ok_or_else(|| {
        let text = "there is no such list; give leases, sessions or connections";
        Error::new(Code::BadRequest, text)
    })?;
    Ok(Request::List { what })
}

/// Appends one of these replies, without its line end.
pub(super) fn encode(reply: &Reply<'_>, out: &mut Output) {
    match reply {
        Reply::Inspected(inspection) => {
            let Inspection { id, size, length, version, changed_ms, left_ms, first, data } =
                &**inspection;
            let shown = |ms: &Option<u64>| ms.map_or_else(|| "-".into(), |ms| ms.to_string());
            let (changed, left) = (shown(changed_ms), shown(left_ms));
            let text =
                format_args!("inspected {id} {size} {length} {version} {changed} {left} {first} ");
            line(out, text);
            escape(data, &mut out.bytes);
        }
        Reply::Replaced { id, length, version } => {
            line(out, format_args!("replaced {id} {length} {version}"));
        }
        Reply::List(listing) => {
            let Listing { what, total, columns, rows } = &**listing;
            line(out, format_args!("list {} {total} {}", what.word(), columns.join(",")));
            rows.iter().for_each(|row| line(out, format_args!(" {}", row.join(","))));
        }
        other => debug_assert!(false, "{other:?} is none of these"),
    }
}
