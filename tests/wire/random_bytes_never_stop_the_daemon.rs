//! The daemon replies to any bytes or closes the connection, and serves the next client.

use crate::conversation::conversation;
use crate::corruption::corrupt;
use crate::random_commands::RandomCommands;
use crate::seed::{number, seeded};
use crate::support::larder;
use crate::transcript::transcript;

const SEED: &str = "LARDER_WIRE_SEED";
const STREAMS: &str = "LARDER_WIRE_STREAMS";
const STREAMS_DEFAULT: u64 = 500;

/// Memory that the daemon may use above its limit of 64 MiB, in bytes.
const OVERHEAD_MAX: u64 = 48 << 20;

/// Commands for operators and tests, some with values out of range.
#[rustfmt::skip]
const OPERATORS: [&str; 24] = [
    "lru_crawler metadump all", "lru_crawler mgdump hash", "lru_crawler metadump 1,2,255", "lru_crawler crawl all",
    "lru_crawler disable", "lru_crawler enable", "lru_crawler tocrawl 4294967295", "stats cachedump 1 0",
    "stats cachedump 255 4294967295", "stats sizes", "stats detail on", "stats detail dump", "stats detail off",
    "watch fetchers mutations evictions connevents deletions sysevents", "watch", "slabs reassign -1 0",
    "slabs reassign 0 7", "slabs reassign 1 2", "slabs automove window 99999", "lru tune 1 2 1e308 nan",
    "lru temp_ttl -2147483648", "debugtime 100", "debugtime -9223372036854775808", "debugtime 9223372036854775807",
];

fn stream(commands: &mut RandomCommands) -> Vec<u8> {
    let mut stream = Vec::new();
    for _ in 0..commands.rng.usize(1..40) {
        if commands.rng.u32(..6) == 0 {
            let len = commands.rng.usize(..2000);
            stream.extend((0..len).map(|_| commands.rng.u8(..)));
            continue;
        }
        let mut command = match commands.rng.u32(..6) {
            0 => format!("{}\r\n", OPERATORS[commands.rng.usize(..OPERATORS.len())]).into_bytes(),
            1 | 2 => commands.next_meta(),
            _ => commands.next(),
        };
        if commands.rng.bool() {
            corrupt(&mut commands.rng, &mut command);
        }
        // `verbosity` would make the daemon log every request.
        if !command.windows(4).any(|word| word.eq_ignore_ascii_case(b"verb")) {
            stream.extend(command);
        }
    }
    stream
}

#[test]
fn the_daemon_serves_the_next_client_after_random_bytes() {
    let daemon = larder("--debug-commands -D : -o track_sizes").start();
    let mut commands = RandomCommands::new(seeded(SEED));
    for _ in 0..number(STREAMS, STREAMS_DEFAULT) {
        let stream = stream(&mut commands);
        let longest = [3, 200, 10_000, stream.len()][commands.rng.usize(..4)].max(stream.len() / 1000).max(1);
        transcript(daemon.address().port(), stream.chunks(longest));
        assert_eq!(conversation(&daemon, "version\r\n"), "VERSION 1.6.45\r\n");
    }
    let resident = daemon.resident_bytes();
    assert!(resident < (64 << 20) + OVERHEAD_MAX, "{resident} bytes resident");
    assert_eq!(daemon.stop().lines().filter(|line| line.contains("panicked")).count(), 0);
}
