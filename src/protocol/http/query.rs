//! The parameters of a target: the pairs behind its question mark.
//!
//! ```text
//!   route    POST /leases/ID?duration=in milliseconds
//!   target   /leases/2f0c…?duration=5000
//!                    │              │
//!                    ▼              ▼
//!   fields   id: LeaseId   duration_ms: u64        of the command Renew
//! ```
//!
//! A route names its parameters in the order of the command's fields, each with the words that
//! explain it. A target may have them in any order: [`parameters`] sorts them. So [`Parameters`]
//! can be the [`Source`] from which the command reads itself.
//!
//! **Invariants** an unknown parameter and one that is given twice are refused. Otherwise a proxy
//! that looks at the first and a server that takes the last would see different requests.
//!
//! **Lock** none.
//!
//! **Simplified** a parameter holds no list and no data, and the word of a choice cannot have `%XX`
//! in it: no route needs more. `+` is a plus, not a space as in HTML's forms. Names are not
//! decoded.
//!
//! **Source** RFC 3986, sections 2.1 and 3.4; the pairs are those of HTML's forms.

use std::borrow::Cow;

use crate::common::description::Source;
use crate::common::error::{Code, Error};
use crate::common::id::{LeaseId, parse_decimal};
use crate::protocol::http::refusal::Refusal;

/// The fields of a command in an HTTP request: the id of the path, and the parameters in the order
/// of the route. A command reads itself from them as from the words of a text.
#[derive(Debug)]
pub struct Parameters<'a> {
    id: Option<LeaseId>,
    values: std::vec::IntoIter<Parameter<'a>>,
}

/// The value of a parameter, `None` if it is left out, and its name with the words that explain it.
type Parameter<'a> = (Option<Cow<'a, [u8]>>, &'static str);

impl<'a> Parameters<'a> {
    /// Reads a query. `expected` is the part of the route behind its question mark.
    ///
    /// # Errors
    /// 400 for an unknown parameter, one that is given twice, or a broken `%XX`.
    pub fn new(
        query: Option<&'a [u8]>,
        expected: &'static str,
        id: Option<LeaseId>,
    ) -> Result<Self, Refusal> {
        let explained: Vec<_> = expected.split('&').filter(|one| !one.is_empty()).collect();
        let names: Vec<_> = explained.iter().filter_map(|one| one.split('=').next()).collect();
        let values: Vec<_> = parameters(query, &names)?.into_iter().zip(explained).collect();
        Ok(Self { id, values: values.into_iter() })
    }

    /// Returns the next parameter; behind the last one every parameter is left out.
    pub fn next_parameter(&mut self) -> Parameter<'a> {
        self.values.next().unwrap_or_default()
    }
}

impl<'a> Source<'a> for Parameters<'a> {
    /// Returns the next value. The result borrows from the input, so a value with `%XX`, which was
    /// decoded into new memory, becomes an empty word. Never returns `None`: the command would take
    /// the source for the body of a frame.
    fn word(&mut self) -> Option<&'a [u8]> {
        match self.next_parameter() {
            (Some(Cow::Borrowed(word)), _) => Some(word),
            _ => Some(b""),
        }
    }

    /// Returns whether the client has left out all values from here on: then a field with a default
    /// has its default.
    fn is_over(&self) -> bool {
        self.values.as_slice().iter().all(|(value, _)| value.is_none())
    }

    fn u64(&mut self) -> Result<u64, Error> {
        number(self.next_parameter())
    }

    /// A parameter may be left out although a later one is given. A word of a line may not.
    fn optional(&mut self) -> Result<Option<u64>, Error> {
        let parameter = self.next_parameter();
        parameter.0.is_some().then(|| number(parameter)).transpose()
    }

    /// Returns the id of the path. A command with a route has one id at most.
    fn id(&mut self) -> Result<LeaseId, Error> {
        self.id.take().ok_or_else(|| Error::new(Code::BadRequest, "the path has no id; give one"))
    }

    fn text(&mut self) -> Result<Cow<'a, str>, Error> {
        let (value, _) = self.next_parameter();
        Ok(String::from_utf8_lossy(&value.unwrap_or_default()).into_owned().into())
    }

    fn data(&mut self) -> Result<Cow<'a, [u8]>, Error> {
        Err(Error::new(Code::BadRequest, "a parameter holds no data; use another protocol"))
    }

    fn list<T>(
        &mut self,
        _: usize,
        _: impl Fn(&mut Self) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        Err(Error::new(Code::BadRequest, "a parameter holds no list; use another protocol"))
    }
}

/// Reads a number that must be there.
///
/// # Errors
/// Fails with `bad-request`. The text ends with the parameter and its meaning.
fn number((value, explained): Parameter<'_>) -> Result<u64, Error> {
    value.and_then(|value| parse_decimal(&value)).ok_or_else(|| {
        // `duration=in milliseconds` becomes `duration, in milliseconds`.
        let explained = explained.replacen('=', ", ", 1);
        let text = format!("a parameter is missing, or no number of 64 bits; give {explained}");
        Error::new(Code::BadRequest, text)
    })
}

/// Returns the values of those names, in the order of `names`.
///
/// # Errors
/// 400 for a name that is not among them or comes twice, and for a broken `%XX`.
pub fn parameters<'a>(
    query: Option<&'a [u8]>,
    names: &[&str],
) -> Result<Vec<Option<Cow<'a, [u8]>>>, Refusal> {
    let mut values = vec![None; names.len()];
    let pairs = query.unwrap_or_default().split(|&byte| byte == b'&');
    for pair in pairs.filter(|pair| !pair.is_empty()) {
        let equals = pair.iter().position(|&byte| byte == b'=').unwrap_or(pair.len());
        let (name, value) = (&pair[..equals], pair.get(equals + 1..).unwrap_or_default());
        let at = names.iter().position(|known| known.as_bytes() == name);
        match (at.and_then(|at| values.get_mut(at)), decoded(value)) {
            // A known name, the first time, with a readable value. All else is refused.
            (Some(slot @ None), Some(value)) => *slot = Some(value),
            (Some(None), None) => {
                let text = "two hexadecimal digits must follow a % in a parameter; write % as %25";
                return Err(Refusal::new(400, text));
            }
            _ => {
                let names = if names.is_empty() { "none".into() } else { names.join(" and ") };
                let text = format!("a parameter is unknown, or given twice; give {names}");
                return Err(Refusal::new(400, text));
            }
        }
    }
    Ok(values)
}

/// Replaces each `%XX` by its byte: `a%2Fb` is `a/b`. Returns `None` if two hexadecimal digits do
/// not follow a `%`. A text without `%`, which is nearly every one, is borrowed.
pub fn decoded(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    if !text.contains(&b'%') {
        return Some(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        let (byte, left) = match (first, after) {
            // Takes both digits with the `%`, so a decoded `%` is never decoded again.
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
