//! The grammar of the commands for operators and for tests, which only `classic.rs` calls.
//!
//! As there: one complete line without its line end; `arguments` is what follows the command word.

use super::classic::{Line, ends_in_noreply};
use super::request::{ClockChange, Request};
use super::tokens::{loose_i64, token};

/// `debugtime p|r|<seconds>`
pub(super) fn debug_time(arguments: &[u8]) -> Line<'_> {
    let change = match token(arguments) {
        Ok((_, b"p")) => Some(ClockChange::Pause),
        Ok((_, b"r")) => Some(ClockChange::Resume),
        Ok((_, secs)) => loose_i64(secs).map(ClockChange::Shift),
        Err(_) => None,
    };
    Line::Request(Request::DebugTime { change, noreply: ends_in_noreply(arguments) })
}
