//! The tools that ask a running cache: `larder stats`, `top`, `keys`, `why`, `advise`, `get`, `ping`, and
//! two that change it: `delete` and `set-memory`.
//!
//! Each tool is a client of the text protocol, for larder or a plain memcached. `client` sends requests, `reply` parses
//! lines, and one file per tool formats text or JSON. Only `get` fetches a value.
//!
//! Replies are not trusted: lines and replies are bounded, and all output passes through `escape`, so that a key cannot
//! control a terminal.

mod address;
mod advise;
mod client;
mod control;
mod escape;
mod get;
mod json;
mod keys;
mod reply;
mod stat_lines;
mod stats;
mod table;
mod top;
mod units;
mod why;

pub use address::{Address, BadAddress};
pub use client::ToolError;
pub use escape::percent_decoded;

use client::Client;
use std::io::{self, BufWriter, IsTerminal, Write};

/// The settings of a tool, checked by `options`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// The server to ask.
    pub server: Address,
    /// Print JSON instead of text.
    pub json: bool,
    /// The tool to run.
    pub tool: Tool,
}

/// A tool.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Tool {
    /// Predicts the hit ratio with other memory limits.
    Advise,
    /// Explains why a key is missing.
    Why {
        /// The key, which fits into a line of the protocol.
        key: String,
    },
    /// Prints statistics: an overview, or one topic of `stats`.
    Stats {
        /// The word after `stats`.
        topic: Option<String>,
    },
    /// Lists keys.
    Keys {
        /// Only keys with this prefix.
        prefix: Vec<u8>,
        /// At most this many.
        limit: u64,
    },
    /// The live view.
    Top,
    /// Prints version and round trip.
    Ping,
    /// Prints a value.
    Get {
        /// The key, which fits into a line of the protocol.
        key: String,
    },
    /// Deletes an item.
    Delete {
        /// The key, which fits into a line of the protocol.
        key: String,
    },
    /// Sets the memory limit.
    SetMemory {
        /// The limit in MiB.
        megabytes: u64,
    },
}

/// Style of text output.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Style {
    /// Draw bars with block characters instead of `#`.
    unicode: bool,
}

impl Style {
    /// The style that standard output supports.
    fn of_stdout() -> Style {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(|name| std::env::var(name).ok());
        let locale = locale.into_iter().find(|value| !value.is_empty()).unwrap_or_default().to_lowercase();
        let utf8 = locale.contains("utf-8") || locale.contains("utf8");
        Style { unicode: utf8 && io::stdout().is_terminal() }
    }
}

/// Runs a tool and prints its result on standard output. A closed pipe is not an error.
pub fn run(settings: &Settings) -> Result<(), ToolError> {
    if settings.tool == Tool::Top && !settings.json {
        return top::run(&settings.server);
    }
    let mut out = BufWriter::new(io::stdout().lock());
    let result = match settings.tool {
        Tool::Top => top::print(&settings.server, &mut out),
        _ => print(settings, Style::of_stdout(), &mut out),
    };
    match result.and_then(|()| Ok(out.flush()?)) {
        Err(ToolError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

fn print(settings: &Settings, style: Style, out: &mut impl Write) -> Result<(), ToolError> {
    let mut client = Client::connect(&settings.server)?;
    let text = match &settings.tool {
        Tool::Advise => advise::report(&mut client, settings.json, style)?,
        Tool::Why { key } => why::report(&mut client, key, settings.json)?,
        Tool::Stats { topic: None } => stats::overview(&mut client, settings.json, style)?,
        Tool::Stats { topic: Some(topic) } => stats::topic(&mut client, topic, settings.json, style)?,
        Tool::Keys { prefix, limit } => return keys::list(&mut client, prefix, *limit, settings.json, out),
        Tool::Ping => control::ping(&mut client, settings.json)?,
        Tool::Get { key } => get::report(&mut client, key, settings.json)?,
        Tool::Delete { key } => control::delete(&mut client, key, settings.json)?,
        Tool::SetMemory { megabytes } => control::set_memory(&mut client, *megabytes, settings.json)?,
        Tool::Top => String::new(),
    };
    Ok(out.write_all(text.as_bytes())?)
}
