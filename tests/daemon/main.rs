//! The daemon as an operator meets it: its command line, its sockets, its end, and what hostile clients do to it.
//! Each file is one promise.

#[path = "../support/mod.rs"]
mod support;

mod defaults;
