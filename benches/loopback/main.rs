//! Compares larder with its peers over loopback: CPU time per operation, operations per second, latency.
//!
//! Run `cargo bench --bench loopback`; `-- --help` lists the options, `-- --test` runs a small size. The loads are in
//! `loads.rs`. Servers take turns within each round. Each value is the median over the rounds. A `ratio` is the median
//! over the rounds of the ratio to the first server in the same round; larger is better for `op/s`, smaller for all
//! others.
//!
//! The load is a closed loop: each connection waits for its replies before it sends again. The server has one CPU and
//! the load another, with one and with four server threads. In the loads with two server threads, the server runs on
//! all CPUs and shares one of them with the load.
//!
//! Columns:
//! - `CPU us/op`, `user us/op`: CPU time of the server per operation in microseconds, in total and in user mode;
//! - `op/s`: operations per second. The load has one thread and may be the limit, so this ranks servers only if `busy`
//!   is close to 1. With `churn` there is one connection at a time, so it is the inverse of the latency;
//! - `p50 us`, `p99 us`, `p99.9 us`: latency of a batch in microseconds;
//! - `busy`: share of one CPU that the server used;
//! - `background %`: share of the server's CPU time in threads other than workers. In larder these run maintenance and
//!   the advisor, in memcached they also accept connections;
//! - `RSS MiB`: resident memory of the server.

#![expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]

mod channel;
mod churn;
mod exchange;
mod fill;
mod instructions;
mod loads;
mod record;
#[path = "../support/mod.rs"]
mod support;
mod syscalls;
mod target;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use fill::fill;
use loads::{Kind, LOADS, Load};
use record::{Measurements, Record};
use std::time::Duration;
use support::Failure;
use support::server::{LARDER_NAME, Server};

const HELP: &str = "\
A SERVER is NAME=COMMAND; {port}, {sock}, {threads} and {tls} in COMMAND are replaced. A command without {port},
{sock} or {tls} is left out of the loads over TCP, Unix socket or TLS ({tls} becomes memcached's options for a
certificate made for the run). The larder of this build is always added as the last one. Example:

  cargo bench --bench loopback -- 'memcached=memcached -u nobody -l 127.0.0.1 -p {port} -t {threads}' \\
      'memcached=memcached -u nobody -s {sock} -t {threads}'";

fn arguments() -> ArgMatches {
    let number = |name: &'static str, default: &'static str, help: &'static str| {
        Arg::new(name).long(name).default_value(default).value_parser(value_parser!(u64)).help(help)
    };
    let switch = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
    };
    Command::new("loopback")
        .about("Loads larder and its peers over loopback and compares what a request costs them")
        .after_help(HELP)
        .arg(Arg::new("server").value_name("SERVER").num_args(0..).help("Peers, in the order of the table"))
        .arg(
            Arg::new("load")
                .long("load")
                .value_name("NAME")
                .action(ArgAction::Append)
                .value_parser(LOADS.iter().map(|load| load.name).collect::<Vec<_>>())
                .help("Only these loads; all by default"),
        )
        .arg(number("rounds", "5", "Rounds; the median is printed"))
        .arg(number("millis", "2000", "Length of one turn of one server, in milliseconds"))
        .arg(number("keys", "100000", "Keys that are stored"))
        .arg(Arg::new("out").long("out").value_name("FILE").help("Write every turn to FILE, tab separated"))
        .arg(switch("instructions", "Count user instructions per request of larder with callgrind instead"))
        .arg(switch("syscalls", "Count system calls per batch of requests instead, with perf, as root"))
        .arg(switch("test", "A few requests of each load, to see that everything runs"))
        .arg(Arg::new("bench").long("bench").action(ArgAction::SetTrue).hide(true))
        .get_matches()
}

fn main() -> Result<(), Failure> {
    let arguments = arguments();
    let number = |name: &str| *arguments.get_one::<u64>(name).expect("it has a default");
    let smoke = arguments.get_flag("test");
    let chosen: Option<Vec<&String>> = arguments.get_many("load").map(Iterator::collect);
    let loads: Vec<&Load> = LOADS
        .iter()
        .filter(|load| chosen.as_ref().is_none_or(|names| names.iter().any(|name| *name == load.name)))
        .collect();
    if arguments.get_flag("instructions") {
        return instructions::count();
    }
    let mut servers = support::named(arguments.get_many::<String>("server").into_iter().flatten())?;
    servers.push((LARDER_NAME.to_owned(), target::LARDER.to_owned()));
    let (rounds, turn, keys) = match smoke {
        true => (1, Duration::from_millis(20), 1000),
        false => (number("rounds"), Duration::from_millis(number("millis")), number("keys")),
    };
    if arguments.get_flag("syscalls") {
        return syscalls::count(&servers, keys, turn);
    }
    let mut record = Record::new(arguments.get_one::<String>("out"))?;
    for load in loads {
        record.title(load);
        let mut running = Vec::new();
        for (name, command) in servers.iter().filter(|(_, command)| target::serves(command, load)) {
            running.push((name, target::start(command, load)?));
        }
        for round in 0..=rounds {
            let mut able = Vec::new();
            for (name, server) in running {
                record.progress(load, name, round, rounds);
                // All keys are stored before the first round.
                let turned = match round {
                    0 => fill(&server, load, keys),
                    _ => run(&server, load, keys, turn, round)
                        .and_then(|measurements| record.add(load, name, round, measurements)),
                };
                match turned {
                    Err(failure) if name != LARDER_NAME => eprintln!("{name} is left out: {failure}"),
                    turned => {
                        turned?;
                        able.push((name, server));
                    }
                }
            }
            running = able;
        }
        record.table(load);
    }
    support::tls::clean_up();
    Ok(())
}

fn run(server: &Server, load: &Load, keys: u64, turn: Duration, seed: u64) -> Result<Measurements, Failure> {
    match load.kind {
        Kind::Exchange(mix) => exchange::run(server, load, mix, keys, turn, seed),
        Kind::Churn { gets } => churn::run(server, gets, load.unix, keys, turn),
        Kind::Idle => churn::idle(server),
    }
}
