//! Bytes to meaning and back: the memcached protocols, pure and without IO.
//!
//! [`Intake`] finds one complete frame in the bytes received so far, a nom grammar ([`classic`], [`meta`]) reads that
//! frame, and the result is a [`Request`] that borrows from the buffer. [`ReplyBuffer`] is the way back. [`binary`]
//! does the same for the binary protocol; the first byte of a connection tells which of the two it speaks
//! ([`Binding`]). Nothing here opens a socket, reads a clock, counts, or knows the store; `commands` is where a request
//! meets it.

pub mod binary;
mod binding;
pub mod classic;
mod controls;
pub mod encoded_key;
mod intake;
pub mod limits;
pub mod listing;
mod log_line;
pub mod meta;
mod refusal;
mod reply;
mod request;
pub mod text_login;
pub mod tokens;

pub use binding::Binding;
pub use intake::{Intake, Pull};
pub use log_line::LogLine;
pub use refusal::Refusal;
pub use reply::{Parts, ReplyBuffer};
pub use request::{
    ClassSet, Classes, ClockChange, CrawlerAction, Detail, DumpForm, Keys, LruAction, Request, Retrieval,
    ShutdownMode, SlabsAction, StatsTopic, StorageHeader, StoreVerb, Thousandths, WatchClasses,
};
