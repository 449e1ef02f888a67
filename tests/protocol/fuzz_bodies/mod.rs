//! The bodies of the fuzz targets as plain functions. `tests/fuzz` calls them with generated inputs, `corpus.rs` with
//! the corpora.

pub mod binary;
mod input;
mod pending;
pub mod session;
pub mod text;

use fastrand::Rng;
use input::Input;
use larder::protocol::binary::Admission;
use larder::protocol::limits::KEY_MAX_BYTES;

/// The classic text protocol.
pub fn fuzz_classic(data: &[u8]) {
    if let Some(input) = Input::read(data) {
        check_text(&input);
    }
}

/// The meta commands: as [`fuzz_classic`], with a stream that begins with a meta command.
pub fn fuzz_meta(data: &[u8]) {
    const COMMANDS: [&[u8]; 8] =
        [b"mg ", b"ms ", b"md ", b"ma ", b"me ", b"mn\r\nmg ", b"ms a 2 ", b"ms a S2 "];
    if let Some(mut input) = Input::read(data) {
        let command = COMMANDS[usize::from(input.mode) % COMMANDS.len()];
        input.stream.splice(..0, command.iter().copied());
        check_text(&input);
    }
}

/// The binary protocol.
pub fn fuzz_binary(data: &[u8]) {
    let Some(input) = Input::read(data) else { return };
    let gate = if input.mode & 1 == 0 { Admission::All } else { Admission::LoginOnly };
    let mut split = binary::Receiver::new(gate, random_choices(&input));
    input.pieces().for_each(|piece| split.receive(piece));
    let mut whole = binary::Receiver::new(gate, random_choices(&input));
    whole.receive(&input.stream);
    assert_eq!(split.events, whole.events);
    assert_eq!(split.closed, whole.closed);
}

/// A complete session.
pub fn fuzz_session(data: &[u8]) {
    if let Some(input) = Input::read(data) {
        session::check(&input);
    }
}

fn check_text(input: &Input) {
    let mut split = text::Receiver::new(random_choices(input));
    input.pieces().for_each(|piece| split.receive(piece));
    if random_choices(input).is_some() {
        // Random choices depend on the parts of a long key list, and the parts on the split.
        return;
    }
    let mut whole = text::Receiver::new(None);
    whole.receive(&input.stream);
    assert_eq!(split.split_dependent_from, whole.split_dependent_from);
    let split_dependent_from = whole.split_dependent_from.unwrap_or(usize::MAX);
    assert_eq!(
        split.events[..split.events.len().min(split_dependent_from)],
        whole.events[..whole.events.len().min(split_dependent_from)]
    );
}

/// The random choices of a receiver, for half of the inputs.
fn random_choices(input: &Input) -> Option<Rng> {
    (input.mode & 0x80 != 0).then(|| Rng::with_seed(input.mode.into()))
}

/// Checks the length of a decoded key.
fn check_key(key: &[u8]) {
    assert!((1..=KEY_MAX_BYTES).contains(&key.len()), "a key of {} bytes", key.len());
}
