//! Whatever bytes come in, torn wherever: each look makes progress or asks for more, takes no more than there is, and
//! what it lets through keeps the promises that the store relies on.

use crate::bodies::text::Receiver;
use crate::corruption::corrupt;
use crate::random_commands::RandomCommands;
use crate::seed::{number, seeded};
use crate::tear::tear;
use larder::protocol::limits::KEYS_PART_BYTES;

const SEED: &str = "LARDER_PROTOCOL_SEED";
const STREAMS: &str = "LARDER_PROTOCOL_STREAMS";
const STREAMS_DEFAULT: u64 = 3000;

/// Bytes, or bytes that look like commands, or commands with something wrong.
fn stream(commands: &mut RandomCommands) -> Vec<u8> {
    let mut stream = Vec::new();
    for _ in 0..commands.rng.usize(1..30) {
        match commands.rng.u32(..10) {
            0 => {
                let len = commands.rng.usize(..300);
                stream.extend((0..len).map(|_| commands.rng.u8(..)));
            }
            1 => {
                const LIKELY: &[u8] = b" \r\n0123-gets tadlmsgvTNqbk";
                let len = commands.rng.usize(..3000);
                stream.extend((0..len).map(|_| LIKELY[commands.rng.usize(..LIKELY.len())]));
            }
            2 => stream.extend(long_key_list(commands)),
            3..=6 => {
                let mut command = any_command(commands);
                corrupt(&mut commands.rng, &mut command);
                stream.extend(command);
            }
            _ => stream.extend(any_command(commands)),
        }
    }
    stream
}

fn any_command(commands: &mut RandomCommands) -> Vec<u8> {
    if commands.rng.bool() { commands.next() } else { commands.next_meta() }
}

/// A key list around the lengths at which it is cut.
fn long_key_list(commands: &mut RandomCommands) -> Vec<u8> {
    let len = commands.rng.usize(1..3 * KEYS_PART_BYTES);
    let mut list = b"get ".to_vec();
    while list.len() < len {
        let key = commands.rng.usize(1..=252);
        list.extend(std::iter::repeat_n(b'k', key));
        list.push(b' ');
    }
    list.extend_from_slice(b"\r\n");
    list
}

#[test]
fn any_bytes_make_progress_and_what_passes_keeps_its_promises() {
    let mut commands = RandomCommands::new(seeded(SEED));
    for _ in 0..number(STREAMS, STREAMS_DEFAULT) {
        let stream = stream(&mut commands);
        let mut receiver = Receiver::new(Some(commands.rng.fork()));
        for piece in tear(&mut commands.rng, &stream, 20_000) {
            receiver.receive(piece);
        }
    }
}

#[test]
fn valid_commands_mean_the_same_however_they_are_torn() {
    let mut commands = RandomCommands::new(seeded(SEED));
    for _ in 0..number(STREAMS, STREAMS_DEFAULT) / 4 {
        let stream: Vec<u8> = (0..20).flat_map(|_| any_command(&mut commands)).collect();
        let mut whole = Receiver::new(None);
        whole.receive(&stream);
        assert!(whole.pending_len() == 0 && !whole.closed && whole.heard.len() >= 15);
        let mut torn = Receiver::new(None);
        for piece in tear(&mut commands.rng, &stream, 20_000) {
            torn.receive(piece);
        }
        assert_eq!(torn.heard, whole.heard);
    }
}
