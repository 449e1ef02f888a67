//! The memcached protocols: bytes to requests, replies to bytes. Pure, without IO.
//!
//! A text connection: [`TextDecoder`] finds one complete request in the received bytes, a nom grammar ([`classic`],
//! [`meta`]) parses its line, and the result is a [`Request`] that borrows from the bytes. [`ReplyBuffer`] collects the
//! replies. [`binary`] is the same for the binary protocol; [`AcceptedProtocol`] chooses between the two. Nothing here
//! opens a socket, reads a clock, counts, or knows the store; `commands` executes requests.
//!
//! # Direction of imports
//! A file imports only from files to the left of it or above it:
//!
//! ```text
//! limits, refusal, thousandths, reply
//!     -> tokens, base64_key, percent_encoding -> dump_lines, log_line
//!     -> meta_request, operator_request -> request -> parsed_line
//!     -> operator_commands, meta -> classic -> text_decoder
//! request -> binary (frame -> reply -> decoder; sasl) -> accepted_protocol
//! tokens -> text_login
//! ```

mod accepted_protocol;
pub mod base64_key;
pub mod binary;
pub mod classic;
pub mod dump_lines;
pub mod limits;
mod log_line;
pub mod meta;
pub mod meta_request;
mod operator_commands;
mod operator_request;
mod parsed_line;
pub mod percent_encoding;
mod refusal;
mod reply;
mod request;
mod text_decoder;
pub mod text_login;
mod thousandths;
pub mod tokens;

pub use accepted_protocol::AcceptedProtocol;
pub use log_line::LogLine;
pub use operator_request::{
    ClassSet, Classes, ClockChange, CrawlerAction, DetailAction, DumpFormat, LruAction, ShutdownMode,
    SlabsAction, StatsTopic, WatchClasses,
};
pub use parsed_line::{DataBlock, ParsedLine};
pub use refusal::Refusal;
pub use reply::{ReplyBuffer, ValueParts};
pub use request::{Keys, Request, Retrieval, StorageHeader, StoreVerb};
pub use text_decoder::{Decoded, TextDecoder};
pub use thousandths::Thousandths;
