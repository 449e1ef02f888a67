//! Measures how much a server stores and at what cost. Each measurement starts a server of its own. Measurements,
//! selected with `--only NAME`:
//! - `density`: 2,000,000 items with keys of 20 bytes; resident bytes per item, and items kept with `-m 64` with the
//!   ratio to the first server;
//! - `bound`: resident MiB beyond `-m` during and after loads that are hard on an allocator; maximum, then final value;
//! - `connections`: resident MiB beyond `-m`, 8 MiB and 64 KiB per connection under 4 or 20 connections; median,
//!   maximum, final value;
//! - `pauses`: latency of one get per millisecond, in milliseconds: idle, under sets, and under `flush_all`;
//! - `readers`: resident KiB before and with 100 clients that request a value of 1 MB and do not read.
//!
//! Run `cargo bench --bench capacity`; `-- --help` lists the options, `-- --test` runs a small size.

#![expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]

mod bound;
mod client;
mod connections;
mod contender;
mod density;
mod pauses;
mod readers;
#[path = "../support/mod.rs"]
mod support;

use clap::{Arg, ArgAction, Command, value_parser};
use contender::Contender;
use support::Failure;
use support::server::LARDER_NAME;

/// The command of the larder in this build.
const LARDER: &str = "{larder} -t {threads} -m {memory} -I {item} -p {port}";

const HELP: &str = "\
A SERVER is NAME=COMMAND; {port}, {memory} (in MiB), {threads} and {item} (the item limit, as -I takes it) in COMMAND
are replaced. The larder of this build is always added as the last one. Example:

  cargo bench --bench capacity -- --only density \\
      'memcached=memcached -u nobody -t {threads} -l 127.0.0.1 -m {memory} -I {item} -p {port}'";

/// Measurements by the names of `--only`.
type Measure = fn(&[Contender], u64) -> Result<(), Failure>;
const MEASURES: [(&str, Measure); 5] = [
    ("density", density::measure),
    ("bound", bound::measure),
    ("connections", connections::measure),
    ("pauses", pauses::measure),
    ("readers", readers::measure),
];

fn main() -> Result<(), Failure> {
    let arguments = Command::new("capacity")
        .about("Compares how much larder and its peers store in how much memory, and how long they pause")
        .after_help(HELP)
        .arg(Arg::new("server").value_name("SERVER").num_args(0..).help("Peers, in the order of the table"))
        .arg(
            Arg::new("only")
                .long("only")
                .value_name("NAME")
                .action(ArgAction::Append)
                .value_parser(MEASURES.map(|(name, _)| name))
                .help("Only this measurement; all by default"),
        )
        .arg(
            Arg::new("share")
                .long("share")
                .value_name("N")
                .value_parser(value_parser!(u64).range(1..))
                .default_value("1")
                .help("Run one in N of the requests"),
        )
        .arg(
            Arg::new("test")
                .long("test")
                .action(ArgAction::SetTrue)
                .help("A small size of each, to see that everything runs"),
        )
        .arg(Arg::new("bench").long("bench").action(ArgAction::SetTrue).hide(true))
        .get_matches();
    let mut servers = support::named(arguments.get_many::<String>("server").into_iter().flatten())?;
    servers.push((LARDER_NAME.to_owned(), LARDER.to_owned()));
    let contenders: Vec<Contender> =
        servers.into_iter().map(|(name, command)| Contender { name, command }).collect();
    let chosen: Option<Vec<&String>> = arguments.get_many("only").map(Iterator::collect);
    let share = match arguments.get_flag("test") {
        true => 2000,
        false => *arguments.get_one("share").expect("it has a default"),
    };
    for (name, measure) in MEASURES {
        if chosen.as_ref().is_none_or(|names| names.iter().any(|chosen| *chosen == name)) {
            measure(&contenders, share)?;
        }
    }
    Ok(())
}
