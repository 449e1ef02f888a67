//! Valid commands move the same counters on both servers. Only commands that both get are counted here, so `cmd_flush`
//! is left out: a flush with a delay goes to larder alone. And so is `get_expired`: memcached counts whatever command
//! finds an expired item, larder the gets, so that it is a part of the misses as documented.

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
fn valid_commands_move_the_same_counters() {
    let mut session = Session::start(RandomCommands::new(seeded(SEED)));
    for stream in 1..=STREAMS {
        session.run_stream(0);
        assert_eq!(counters(&session.larder), counters(&session.oracle), "behind stream {stream}");
    }
}

/// The counters that are compared, as lines.
pub fn counters(server: &Server) -> Vec<String> {
    let report = transcript(server.port, [&b"stats\r\n"[..]]);
    let report = String::from_utf8(report).expect("text");
    let value = |name: &str| {
        let start = format!("STAT {name} ");
        report.lines().find(|line| line.starts_with(&start)).unwrap_or_else(|| panic!("no {name}")).to_owned()
    };
    COMPARED.iter().map(|name| value(name)).collect()
}
