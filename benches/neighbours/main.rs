//! How long a polite client waits while other clients are heavy.
//!
//! The polite client sends one `get` of a missing key every 3 ms on a connection that it keeps. The table shows how long
//! it waits for replies (p50, p99 and the longest wait, in milliseconds) beside each kind of heavy client, for each number
//! of server threads and of heavy clients. A server is started fresh for every measurement. A wait of 10 s ends a
//! measurement and counts as 10 s: the server starves the polite client, or hangs.
//!
//! The column `heavy` shows the throughput of all heavy clients together: bytes sent and received, or connections. It
//! tells a server that serves all its clients well from one that starves the heavy ones.
//!
//! Servers take turns within each round. A printed figure is the median over the rounds. A printed ratio is the median
//! over the rounds of the ratio to the first server within the same round.
//!
//! Every heavy client is a process of its own, which drains what the server sends. The scheduler places all processes: on
//! a machine with few CPUs a wait includes the time in which the polite client or the server waits for one. The kind
//! `none`, without a heavy client, is the baseline.
//!
//! With memcached beside larder:
//!
//! ```sh
//! cargo bench --bench neighbours -- \
//!     'memcached=memcached -u nobody -c 20000 -m 1024 -l 127.0.0.1 -p {port} -t {threads} {udp} {tls} {users}'
//! ```
//!
//! `--help` tells the rest. A run with the defaults takes about 16 minutes for each server.

#![expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]

mod connection;
mod counter;
mod heavy;
mod items;
mod kinds;
mod loops;
mod pipelines;
mod polite;
mod report;
#[path = "../support/mod.rs"]
mod support;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use connection::Target;
use heavy::HeavyClient;
use kinds::{KINDS, Kind, Needs};
use polite::Polite;
use report::{Measured, Row};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};
use support::affinity::Placement;
use support::server::{OWN_NAME, Server};
use support::{Failure, tls};

/// The larder that cargo has just built.
const LARDER: &str = "{larder} -m 1024 -c 20000 -l 127.0.0.1 -p {port} -t {threads} {udp} {tls} {users}";

const HELP: &str = "\
A SERVER is NAME=COMMAND; {port}, {threads}, {udp}, {tls} and {users} in COMMAND are filled in. The last three become
memcached's options for UDP, for TLS with a second listener in plain text, and for a file of users, in the kinds of
heavy clients that need them. A command that lacks one of them is left out of that kind. The larder of this build is
always the last one, or the only one. Example:

  cargo bench --bench neighbours -- \\
      'memcached=memcached -u nobody -c 20000 -m 1024 -l 127.0.0.1 -p {port} -t {threads} {udp} {tls} {users}'";

/// How long heavy clients run before the polite one is measured.
const SETTLE: Duration = Duration::from_secs(1);

/// The length of a run.
struct Extent {
    smoke: bool,
    settle: Duration,
    measure: Duration,
    rounds: u64,
    threads: Vec<usize>,
    clients: Vec<usize>,
}

fn arguments() -> ArgMatches {
    let list = |name: &'static str, help: &'static str| {
        let counts = value_parser!(u64).range(1..1000);
        Arg::new(name).long(name).value_delimiter(',').default_value("1,4").value_parser(counts).help(help)
    };
    let kinds: Vec<String> = KINDS.iter().map(|kind| format!("  {:<16}{}", kind.name, kind.about)).collect();
    Command::new("neighbours")
        .about("How long a polite client of larder and its peers waits while other clients are heavy")
        .after_help(format!("{HELP}\n\nKinds of heavy clients:\n{}", kinds.join("\n")))
        .arg(Arg::new("server").value_name("SERVER").num_args(0..).help("Peers, in the order of the table"))
        .arg(
            Arg::new("kind")
                .long("kind")
                .value_name("NAME")
                .action(ArgAction::Append)
                .value_parser(KINDS.iter().map(|kind| kind.name).collect::<Vec<_>>())
                .help("Only these kinds of heavy clients; all by default"),
        )
        .arg(list("heavy", "Heavy clients at once"))
        .arg(list("threads", "Server threads"))
        .arg(
            Arg::new("seconds")
                .long("seconds")
                .default_value("3")
                .value_parser(value_parser!(f64))
                .help("Length of one measurement of one server"),
        )
        .arg(
            Arg::new("rounds")
                .long("rounds")
                .default_value("3")
                .value_parser(value_parser!(u64).range(1..))
                .help("Rounds; the median is printed"),
        )
        .arg(
            Arg::new("test")
                .long("test")
                .action(ArgAction::SetTrue)
                .help("A few requests beside each kind, to see that everything runs"),
        )
        .arg(Arg::new("bench").long("bench").action(ArgAction::SetTrue).hide(true))
        .arg(Arg::new(heavy::ARGUMENT).long(heavy::ARGUMENT).num_args(4).hide(true))
        .get_matches()
}

fn extent(arguments: &ArgMatches) -> Result<Extent, Failure> {
    if arguments.get_flag("test") {
        let (settle, measure) = (Duration::ZERO, Duration::from_millis(50));
        return Ok(Extent { smoke: true, settle, measure, rounds: 1, threads: vec![4], clients: vec![1] });
    }
    let counts =
        |name| arguments.get_many::<u64>(name).into_iter().flatten().map(|count| *count as usize).collect();
    Ok(Extent {
        smoke: false,
        settle: SETTLE,
        measure: Duration::try_from_secs_f64(*arguments.get_one("seconds").expect("it has a default"))?,
        rounds: *arguments.get_one("rounds").expect("it has a default"),
        threads: counts("threads"),
        clients: counts("heavy"),
    })
}

fn main() -> Result<(), Failure> {
    let arguments = arguments();
    if let Some(client) = arguments.get_many::<String>(heavy::ARGUMENT) {
        return heavy::run(&client.collect::<Vec<_>>());
    }
    let mut servers = support::named(arguments.get_many::<String>("server").into_iter().flatten())?;
    servers.push((OWN_NAME.to_owned(), LARDER.to_owned()));
    let chosen: Option<Vec<&String>> = arguments.get_many("kind").map(Iterator::collect);
    let mut kinds = KINDS
        .iter()
        .filter(|kind| chosen.as_ref().is_none_or(|names| names.iter().any(|name| *name == kind.name)));
    let extent = extent(&arguments)?;
    report::print_header();
    let compared = kinds.try_for_each(|kind| {
        extent.threads.iter().try_for_each(|threads| match kind.run {
            None => compare(&servers, kind, *threads, 0, &extent),
            Some(_) => extent
                .clients
                .iter()
                .try_for_each(|clients| compare(&servers, kind, *threads, *clients, &extent)),
        })
    });
    tls::clean_up();
    compared
}

/// Measures all servers in turn and prints their rows. A peer that fails is left out of the rest, and says why.
fn compare(
    servers: &[(String, String)],
    kind: &Kind,
    threads: usize,
    clients: usize,
    extent: &Extent,
) -> Result<(), Failure> {
    let mut able: Vec<_> = servers.iter().filter(|(_, command)| offers(command, kind.needs)).collect();
    let mut rows: Vec<Row> =
        able.iter().map(|(name, _)| Row { server: name.clone(), rounds: Vec::new() }).collect();
    for round in 1..=extent.rounds {
        let mut left = Vec::new();
        for server in able {
            let (name, command) = server;
            match measure(command, kind, threads, clients, extent) {
                Ok(measured) => {
                    let row =
                        rows.iter_mut().find(|row| row.server == *name).ok_or("a server without a row")?;
                    row.rounds.push((round, measured));
                    left.push(server);
                }
                Err(failure) if name != OWN_NAME => eprintln!("{}: {name} is left out: {failure}", kind.name),
                Err(failure) => return Err(format!("{}: {failure}", kind.name).into()),
            }
        }
        able = left;
    }
    report::print(kind, threads, clients, &rows);
    Ok(())
}

/// True if a command has the place for the options that a kind needs.
fn offers(command: &str, needs: Needs) -> bool {
    match needs {
        Needs::Nothing => true,
        Needs::Udp => command.contains("{udp}"),
        Needs::Tls => command.contains("{tls}"),
        Needs::Logins => command.contains("{users}"),
    }
}

/// Starts a server and heavy clients, and measures the polite client beside them.
fn measure(
    command: &str,
    kind: &Kind,
    threads: usize,
    clients: usize,
    extent: &Extent,
) -> Result<Measured, Failure> {
    let (server, polite_port) = start(command, kind, threads)?;
    items::store(server.port(), kind.stored, extent.smoke)?;
    let mut polite = Polite::connect(polite_port, kind.needs == Needs::Logins)?;
    let certificate = if kind.needs == Needs::Tls { tls::certificate().to_owned() } else { PathBuf::new() };
    let target = Target { port: server.port(), certificate, smoke: extent.smoke };
    let mut heavy = Vec::new();
    for _ in 0..clients {
        heavy.push(HeavyClient::start(kind, &target)?);
    }
    heavy.iter_mut().try_for_each(HeavyClient::wait_until_begun)?;
    sleep(extent.settle);
    let start = Instant::now();
    let before = counted(&mut heavy)?;
    let waits = polite.run(extent.measure)?;
    let after = counted(&mut heavy)?;
    Ok(Measured { waits, heavy_per_sec: (after - before) as f64 / start.elapsed().as_secs_f64() })
}

/// What all heavy clients have counted.
fn counted(heavy: &mut [HeavyClient]) -> Result<u64, Failure> {
    heavy.iter_mut().map(HeavyClient::counted).sum()
}

/// Starts a server with what a kind needs; also returns where it serves the polite client.
fn start(command: &str, kind: &Kind, threads: usize) -> Result<(Server, u16), Failure> {
    let second_port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    let users = std::env::temp_dir().join(format!("bench-{}.users", std::process::id()));
    let option = |needs: Needs, option: String| if kind.needs == needs { option } else { String::new() };
    let tls_options = match kind.needs {
        Needs::Tls => format!("{} -l notls:127.0.0.1:{second_port}", tls::server_options()),
        _ => String::new(),
    };
    let fills = [
        ("{udp}", option(Needs::Udp, "-U {port}".to_owned())),
        ("{tls}", tls_options),
        ("{users}", option(Needs::Logins, format!("-Y {}", users.display()))),
    ];
    let fills = fills.each_ref().map(|(name, options)| (*name, options.as_str()));
    std::fs::write(&users, polite::USER)?;
    let server = Server::start(command, threads, Placement::Free, false, &fills);
    // A server reads the file when it starts.
    std::fs::remove_file(&users)?;
    let server = server?;
    let polite_port = if kind.needs == Needs::Tls { second_port } else { server.port() };
    Ok((server, polite_port))
}
