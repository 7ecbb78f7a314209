//! What looks at a draw server from outside.
//!
//! | file | what |
//! | --- | --- |
//! | [`history`] | recorded draws: duplicates, gaps, numbers out of range |
//! | [`table`] | the homework's table of counter, thread and result |

pub mod history;
pub mod table;
