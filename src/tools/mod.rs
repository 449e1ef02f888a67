//! What an operator asks a running cache: `larder advise`, `why`, `stats`, `keys` and `top`.
//!
//! Each tool is a client of the text protocol, of larder or of a plain memcached: `client` asks, `reply` reads the
//! lines, and one file per tool says it in words and tables, or in JSON. No tool changes the cache or fetches a value.
//! What a server says is never trusted: lines and answers are bounded, and everything printed goes through
//! `escape`, so that no key can steer a terminal.

mod address;
mod advise;
mod client;
mod escape;
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

/// Checked by `options`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// The server to ask.
    pub server: Address,
    /// Print JSON instead of words and tables.
    pub json: bool,
    /// What to ask.
    pub tool: Tool,
}

/// One of the tools.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Tool {
    /// What more or less memory would do.
    Advise,
    /// Why a key is not there.
    Why {
        /// The key, which a command line of the protocol can hold.
        key: String,
    },
    /// StatLines: an overview, or one topic of `stats`.
    Stats {
        /// One word after `stats`.
        topic: Option<String>,
    },
    /// The keys that are there.
    Keys {
        /// Only those that begin so.
        prefix: Vec<u8>,
        /// At most so many.
        limit: u64,
    },
    /// A live view.
    Top,
}

/// How text is printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Style {
    /// Bars of block characters, not of `#`.
    unicode: bool,
}

impl Style {
    /// What the reader of standard output can show.
    fn of_stdout() -> Style {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(|name| std::env::var(name).ok());
        let locale = locale.into_iter().find(|value| !value.is_empty()).unwrap_or_default().to_lowercase();
        let utf8 = locale.contains("utf-8") || locale.contains("utf8");
        Style { unicode: utf8 && io::stdout().is_terminal() }
    }
}

/// Asks and prints the answer on standard output. A reader that has seen enough is no failure.
pub fn run(settings: &Settings) -> Result<(), ToolError> {
    if settings.tool == Tool::Top && !settings.json {
        return top::run(&settings.server);
    }
    let mut out = BufWriter::new(io::stdout().lock());
    let printed = match settings.tool {
        Tool::Top => top::print(&settings.server, &mut out),
        _ => print(settings, Style::of_stdout(), &mut out),
    };
    match printed.and_then(|()| Ok(out.flush()?)) {
        Err(ToolError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        ended => ended,
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
        Tool::Top => String::new(),
    };
    Ok(out.write_all(text.as_bytes())?)
}
