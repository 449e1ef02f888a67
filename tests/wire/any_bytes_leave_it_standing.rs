//! Whatever anybody sends, the daemon closes or answers, and serves the next one.

use crate::commands::Commands;
use crate::conversation::conversation;
use crate::damage::damage;
use crate::seed::{number, seeded};
use crate::support::larder;
use crate::transcript::transcript;

const SEED: &str = "LARDER_WIRE_SEED";
const STREAMS: &str = "LARDER_WIRE_STREAMS";
const STREAMS_DEFAULT: u64 = 500;

/// Memory that damaged streams may cost beyond the limit of 64 MiB, in bytes.
const SPARE: u64 = 48 << 20;

fn stream(commands: &mut Commands) -> Vec<u8> {
    let mut stream = Vec::new();
    for _ in 0..commands.rng.usize(1..40) {
        if commands.rng.u32(..6) == 0 {
            let len = commands.rng.usize(..2000);
            stream.extend((0..len).map(|_| commands.rng.u8(..)));
            continue;
        }
        let meta = commands.rng.bool();
        let mut command = if meta { commands.next_meta() } else { commands.next() };
        if commands.rng.bool() {
            damage(&mut commands.rng, &mut command);
        }
        // A daemon that logs every request here would wait for somebody to read its log.
        if !command.windows(4).any(|word| word.eq_ignore_ascii_case(b"verb")) {
            stream.extend(command);
        }
    }
    stream
}

#[test]
fn any_bytes_are_answered_or_closed_and_the_next_client_is_served() {
    let daemon = larder("").start();
    let mut commands = Commands::new(seeded(SEED));
    for _ in 0..number(STREAMS, STREAMS_DEFAULT) {
        let stream = stream(&mut commands);
        let longest = [3, 200, 10_000, stream.len()][commands.rng.usize(..4)].max(stream.len() / 1000).max(1);
        transcript(daemon.address().port(), stream.chunks(longest));
        assert_eq!(conversation(&daemon, "version\r\n"), "VERSION 1.6.45\r\n");
    }
    let resident = daemon.resident_bytes();
    assert!(resident < (64 << 20) + SPARE, "{resident} bytes resident");
    assert_eq!(daemon.stop().lines().filter(|line| line.contains("panicked")).count(), 0);
}
