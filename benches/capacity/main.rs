//! How much a server holds and what that costs: resident memory per item, items kept below a limit, resident memory
//! during and after loads that are hard on an allocator, the longest pause, and what slow readers of a large value take.
//!
//! `cargo bench --bench capacity -- --help` tells the rest. Every figure is of a server started for it.

#![expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]

mod bound;
mod client;
mod crowds;
mod density;
mod pauses;
mod readers;
#[path = "../support/mod.rs"]
mod support;

use clap::{Arg, ArgAction, Command, value_parser};
use support::Failure;
use support::affinity::Placement;
use support::server::{OWN_NAME, Server};

/// The larder that cargo has just built.
const LARDER: &str = "{larder} -t {threads} -m {memory} -I {item} -p {port}";

const HELP: &str = "\
A SERVER is NAME=COMMAND; {port}, {memory} (in MiB), {threads} and {item} (the item limit, as -I takes it) in COMMAND
are filled in. The larder of this build is always the last one, or the only one. Example:

  cargo bench --bench capacity -- --only density \\
      'memcached=memcached -u nobody -t {threads} -l 127.0.0.1 -m {memory} -I {item} -p {port}'";

/// A server that has not been started.
pub(crate) struct Contender {
    pub(crate) name: String,
    command: String,
}

impl Contender {
    /// Starts it with `-m` in MiB and the default item limit.
    pub(crate) fn start(&self, memory_mib: u64) -> Result<Server, Failure> {
        self.start_with_items(memory_mib, "1m")
    }

    pub(crate) fn start_with_items(&self, memory_mib: u64, item_limit: &str) -> Result<Server, Failure> {
        self.start_as(memory_mib, item_limit, 1, Placement::Apart)
    }

    /// As [`Contender::start`], with so many threads, on all CPUs.
    pub(crate) fn start_with_threads(&self, memory_mib: u64, threads: usize) -> Result<Server, Failure> {
        self.start_as(memory_mib, "1m", threads, Placement::Free)
    }

    fn start_as(
        &self,
        memory_mib: u64,
        item_limit: &str,
        threads: usize,
        placement: Placement,
    ) -> Result<Server, Failure> {
        let memory = memory_mib.to_string();
        let fills = [("{memory}", memory.as_str()), ("{item}", item_limit)];
        Server::start(&self.command, threads, placement, false, &fills)
    }
}

/// What is measured, by the name of `--only`.
type Measure = fn(&[Contender], u64) -> Result<(), Failure>;
const MEASURES: [(&str, Measure); 5] = [
    ("density", density::measure),
    ("bound", bound::measure),
    ("crowds", crowds::measure),
    ("pauses", pauses::measure),
    ("readers", readers::measure),
];

fn main() -> Result<(), Failure> {
    let arguments = Command::new("capacity")
        .about("What larder and its peers hold, in how much memory, and how long they pause")
        .after_help(HELP)
        .arg(Arg::new("server").value_name("SERVER").num_args(0..).help("Peers, in the order of the report"))
        .arg(
            Arg::new("only")
                .long("only")
                .value_name("NAME")
                .action(ArgAction::Append)
                .value_parser(MEASURES.map(|(name, _)| name))
                .help("Only this; all by default"),
        )
        .arg(
            Arg::new("share")
                .long("share")
                .value_name("N")
                .value_parser(value_parser!(u64).range(1..))
                .default_value("1")
                .help("One in N of the requests of a whole run"),
        )
        .arg(Arg::new("test").long("test").action(ArgAction::SetTrue).help("Once and small: does it run?"))
        .arg(Arg::new("bench").long("bench").action(ArgAction::SetTrue).hide(true))
        .get_matches();
    let mut servers = support::named(arguments.get_many::<String>("server").into_iter().flatten())?;
    servers.push((OWN_NAME.to_owned(), LARDER.to_owned()));
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
