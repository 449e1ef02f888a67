//! Measures the latency of a light client while other clients are heavy.
//!
//! The light client sends one `get` of a missing key every 3 ms on a long-lived connection. A server is started for
//! each measurement. A latency of 10 s ends a measurement and counts as 10 s.
//!
//! Columns: kind of heavy clients, server threads, number of heavy clients, server; `p50 ms`, `p99 ms`, `max ms`:
//! latency of the light client in milliseconds; `heavy`: throughput of all heavy clients, as MB sent and received per
//! second or as connections per second, which shows whether the server starves them. Each value is the median over the
//! rounds, in which servers take turns. A `ratio` is the median over the rounds of the ratio to the first server in the
//! same round.
//!
//! Every heavy client is a process of its own, which reads all replies. The scheduler places all processes: on a
//! machine with few CPUs, a latency includes the time in which the light client or the server waits for one. The kind
//! `none`, without a heavy client, is the baseline.
//!
//! With memcached beside larder:
//!
//! ```sh
//! cargo bench --bench neighbours -- \
//!     'memcached=memcached -u nobody -c 20000 -m 1024 -l 127.0.0.1 -p {port} -t {threads} {udp} {tls} {users}'
//! ```
//!
//! `--help` lists the options, `--test` runs a small size. A run with the defaults takes about 16 minutes per server.

#![expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]

mod connection;
mod counter;
mod heavy_client;
mod items;
mod kinds;
mod light_client;
mod loops;
mod pipelines;
mod report;
#[path = "../support/mod.rs"]
mod support;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use connection::Target;
use heavy_client::HeavyClient;
use kinds::{KINDS, Kind, Needs};
use light_client::LightClient;
use report::{Measured, Row};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};
use support::affinity::Placement;
use support::server::{LARDER_NAME, Server};
use support::{Failure, tls};

/// The command of the larder in this build.
const LARDER: &str = "{larder} -m 1024 -c 20000 -l 127.0.0.1 -p {port} -t {threads} {udp} {tls} {users}";

const HELP: &str = "\
A SERVER is NAME=COMMAND; {port}, {threads}, {udp}, {tls} and {users} in COMMAND are replaced. The last three become
memcached's options for UDP, for TLS with a second listener in plain text, and for a file of users, in the kinds of
heavy clients that need them. A command that lacks one of them is left out of that kind. The larder of this build is
always the last one, or the only one. Example:

  cargo bench --bench neighbours -- \\
      'memcached=memcached -u nobody -c 20000 -m 1024 -l 127.0.0.1 -p {port} -t {threads} {udp} {tls} {users}'";

/// Time that heavy clients run before the measurement.
const SETTLE: Duration = Duration::from_secs(1);

/// The extent of a run.
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
        .about("Measures the latency of a light client of larder and its peers while other clients are heavy")
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
        .arg(Arg::new(heavy_client::ARGUMENT).long(heavy_client::ARGUMENT).num_args(4).hide(true))
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
    if let Some(client) = arguments.get_many::<String>(heavy_client::ARGUMENT) {
        return heavy_client::run(&client.collect::<Vec<_>>());
    }
    let mut servers = support::named(arguments.get_many::<String>("server").into_iter().flatten())?;
    servers.push((LARDER_NAME.to_owned(), LARDER.to_owned()));
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

/// Measures all servers in turn and prints their rows. A peer that fails is reported and left out.
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
                Err(failure) if name != LARDER_NAME => {
                    eprintln!("{}: {name} is left out: {failure}", kind.name)
                }
                Err(failure) => return Err(format!("{}: {failure}", kind.name).into()),
            }
        }
        able = left;
    }
    report::print(kind, threads, clients, &rows);
    Ok(())
}

/// True if a command has the placeholder that a kind needs.
fn offers(command: &str, needs: Needs) -> bool {
    match needs {
        Needs::Nothing => true,
        Needs::Udp => command.contains("{udp}"),
        Needs::Tls => command.contains("{tls}"),
        Needs::Logins => command.contains("{users}"),
    }
}

/// Starts a server and heavy clients, and measures the light client.
fn measure(
    command: &str,
    kind: &Kind,
    threads: usize,
    clients: usize,
    extent: &Extent,
) -> Result<Measured, Failure> {
    let (server, light_port) = start(command, kind, threads)?;
    items::store(server.port(), kind.stored, extent.smoke)?;
    let mut light_client = LightClient::connect(light_port, kind.needs == Needs::Logins)?;
    let certificate = if kind.needs == Needs::Tls { tls::certificate().to_owned() } else { PathBuf::new() };
    let target = Target { port: server.port(), certificate, smoke: extent.smoke };
    let mut heavy_client = Vec::new();
    for _ in 0..clients {
        heavy_client.push(HeavyClient::start(kind, &target)?);
    }
    heavy_client.iter_mut().try_for_each(HeavyClient::wait_until_begun)?;
    sleep(extent.settle);
    let start = Instant::now();
    let before = counted(&mut heavy_client)?;
    let latencies = light_client.run(extent.measure)?;
    let after = counted(&mut heavy_client)?;
    Ok(Measured { latencies, heavy_per_sec: (after - before) as f64 / start.elapsed().as_secs_f64() })
}

/// The sum of the heavy clients' counts.
fn counted(heavy_client: &mut [HeavyClient]) -> Result<u64, Failure> {
    heavy_client.iter_mut().map(HeavyClient::counted).sum()
}

/// Starts a server with the options that a kind needs; also returns the port for the light client.
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
    std::fs::write(&users, light_client::USER)?;
    let server = Server::start(command, threads, Placement::Free, false, &fills);
    // The server has read the file.
    std::fs::remove_file(&users)?;
    let server = server?;
    let light_port = if kind.needs == Needs::Tls { second_port } else { server.port() };
    Ok((server, light_port))
}
