//! The refusals of a wrong line that do not depend on its command.
//!
//! **Lock** none. **Source** ours.

use super::line::{first_unseen, is_line_of_other_protocol};
use crate::common::error::{Code, Error};
use crate::protocol::Decoded;

/// Returns the result for a wrong line: an error as its answer. If the line may belong to another
/// protocol, the connection also closes after the error. `used` counts the line and its end.
pub(super) fn refused<'a>(error: Error, line: &[u8], is_first: bool, used: usize) -> Decoded<'a> {
    if is_line_of_other_protocol(line) {
        return Decoded::Last(Some(Error::new(Code::BadRequest, OF_ANOTHER)));
    }
    if is_first && error.code == Code::UnknownCommand {
        return Decoded::Last(Some(with_unseen(Error::new(error.code, NO_COMMAND), line)));
    }
    Decoded::Asked { request: Err(with_unseen(error, line)), used }
}

/// Returns the refusal of a first line with a control byte.
pub(super) fn holds_control(byte: u8) -> Error {
    let shown = byte.escape_ascii();
    let text = format!(
        "the first line holds the control byte {shown}, so this is no text; send lines, such as \
         draw 4"
    );
    Error::new(Code::BadRequest, text)
}

/// The refusal of a line that belongs to another protocol.
const OF_ANOTHER: &str = "this is a line of another protocol, and what follows may be no command; \
                          HTTP begins with METHOD /PATH HTTP/1.1";

/// The refusal of a first line that begins with no command.
const NO_COMMAND: &str = "the first word is no command, and what follows may be none; connect \
                          again, and send help for the commands";

/// The refusal of a line over the bound.
pub(super) const TOO_LONG: &str =
    "a line has at most 65536 bytes; set longer data in frames, or a shorter piece of it";

/// Adds to an error the first invisible bytes of the line, escaped. Without them a person could not
/// see why `draw 4` with a no-break space is wrong.
fn with_unseen(error: Error, line: &[u8]) -> Error {
    match first_unseen(line) {
        None => error,
        Some(shown) => {
            let text = format!("{}; the line holds {shown}, which cannot be seen", error.text);
            Error::new(error.code, text)
        }
    }
}
