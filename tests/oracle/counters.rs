//! Valid commands change the same counters on both servers. `cmd_flush` is left out, because only larder gets delayed
//! flushes. `get_expired` is left out as well: larder counts gets only, as documented, while memcached counts every
//! command that finds an expired item.

use crate::random_commands::RandomCommands;
use crate::seed::seeded;
use crate::servers::Server;
use crate::text_session::Session;
use crate::transcript::transcript;

const SEED: &str = "LARDER_ORACLE_SEED";
const STREAMS: usize = 60;

const COMPARED: [&str; 16] = [
    "cmd_get",
    "cmd_set",
    "cmd_touch",
    "get_hits",
    "get_misses",
    "delete_misses",
    "delete_hits",
    "incr_misses",
    "incr_hits",
    "decr_misses",
    "decr_hits",
    "cas_misses",
    "cas_hits",
    "cas_badval",
    "touch_hits",
    "touch_misses",
];

#[test]
fn valid_commands_change_the_same_counters() {
    let mut session = Session::start(RandomCommands::new(seeded(SEED)));
    for stream in 1..=STREAMS {
        session.run_stream(0);
        assert_eq!(counters(&session.larder), counters(&session.oracle), "after stream {stream}");
    }
}

/// The compared counters, as lines of `stats`.
pub fn counters(server: &Server) -> Vec<String> {
    let report = transcript(server.port, [&b"stats\r\n"[..]]);
    let report = String::from_utf8(report.bytes).expect("text");
    let value = |name: &str| {
        let start = format!("STAT {name} ");
        report.lines().find(|line| line.starts_with(&start)).unwrap_or_else(|| panic!("no {name}")).to_owned()
    };
    COMPARED.iter().map(|name| value(name)).collect()
}
