//! Random text input in random splits: each call of the decoder makes progress or needs more input, and requests
//! satisfy the preconditions of the store.

use crate::corruption::corrupt;
use crate::fuzz_bodies::text::Receiver;
use crate::random_commands::RandomCommands;
use crate::random_splits::random_splits;
use crate::seed::{number, seeded};
use larder::protocol::limits::KEYS_PART_BYTES;

const SEED: &str = "LARDER_PROTOCOL_SEED";
const STREAMS: &str = "LARDER_PROTOCOL_STREAMS";
const STREAMS_DEFAULT: u64 = 3000;

/// Random bytes, bytes similar to commands, corrupted commands and valid commands.
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

/// A key list with a length around the limits of its parts.
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
fn random_input_makes_progress_and_requests_are_valid() {
    let mut commands = RandomCommands::new(seeded(SEED));
    for _ in 0..number(STREAMS, STREAMS_DEFAULT) {
        let stream = stream(&mut commands);
        let mut receiver = Receiver::new(Some(commands.rng.fork()));
        for piece in random_splits(&mut commands.rng, &stream, 20_000) {
            receiver.receive(piece);
        }
    }
}

#[test]
fn valid_commands_do_not_depend_on_the_split() {
    let mut commands = RandomCommands::new(seeded(SEED));
    for _ in 0..number(STREAMS, STREAMS_DEFAULT) / 4 {
        let stream: Vec<u8> = (0..20).flat_map(|_| any_command(&mut commands)).collect();
        let mut whole = Receiver::new(None);
        whole.receive(&stream);
        assert!(whole.pending_len() == 0 && !whole.closed && whole.events.len() >= 15);
        let mut split = Receiver::new(None);
        for piece in random_splits(&mut commands.rng, &stream, 20_000) {
            split.receive(piece);
        }
        assert_eq!(split.events, whole.events);
    }
}
