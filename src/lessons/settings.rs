//! The settings of a lesson: the parameters in its address, by name.
//!
//! ```text
//!   race?clients=A:4,B:2&lock=none&moves=AAB     moves: three letters
//!   tree?size=1024&moves=A100.B30.-1             moves: three words, with dots between them
//! ```
//!
//! **Invariants** a setting has at most 2000 bytes. So a view has a bounded number of moves, and
//! takes a bounded time.
//!
//! **Lock** none: plain values.
//!
//! **Source** ours.

use crate::protocol::http::query::parameters;
use crate::protocol::http::refusal::Refusal;

/// The most bytes of one setting.
const MAX_SETTING_BYTES: usize = 2000;

/// The settings of one address.
#[derive(Debug, Default)]
pub struct Settings(Vec<(&'static str, String)>);

impl Settings {
    /// Reads the query of an address. `names` are those that the lesson knows.
    ///
    /// # Errors
    /// 400 for a name that is unknown or comes twice, for a broken `%XX`, and for a setting that is
    /// too long.
    pub fn read(query: Option<&[u8]>, names: &'static [&'static str]) -> Result<Self, Refusal> {
        // `parameters` returns one value for each name, in the order of `names`.
        let values = parameters(query, names)?;
        let read = names.iter().zip(values).map(|(&name, value)| {
            // A setting that is left out is an empty text, as the methods below expect.
            let value = value.unwrap_or_default();
            if value.len() > MAX_SETTING_BYTES {
                let text = format!("{name} has over {MAX_SETTING_BYTES} bytes; make fewer moves");
                return Err(Refusal::new(400, text));
            }
            Ok((name, String::from_utf8_lossy(&value).into_owned()))
        });
        read.collect::<Result<_, _>>().map(Self)
    }

    /// Returns a setting; an empty text if the address does not have it.
    pub fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
    }

    /// Returns a setting, or `default` if the address does not have it.
    pub fn text_or<'a>(&'a self, name: &str, default: &'a str) -> &'a str {
        Some(self.text(name)).filter(|text| !text.is_empty()).unwrap_or(default)
    }

    /// Returns a setting that is a number within a range, or `default` if the address does not have
    /// it.
    ///
    /// # Errors
    /// Fails with one line that names the setting and its range.
    pub fn number_or(
        &self,
        name: &str,
        default: u64,
        range: std::ops::RangeInclusive<u64>,
    ) -> Result<u64, String> {
        if self.text(name).is_empty() {
            return Ok(default);
        }
        let number = self.text(name).parse().ok().filter(|number| range.contains(number));
        let (least, most) = (range.start(), range.end());
        number.ok_or_else(|| format!("{name} is no number from {least} to {most}; give one"))
    }

    /// Returns the moves of a lesson whose moves have dots between them.
    pub fn moves(&self) -> impl Iterator<Item = &str> {
        self.text("moves").split('.').filter(|one| !one.is_empty())
    }
}
