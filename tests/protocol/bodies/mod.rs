//! What a fuzzer's input must never break, as plain functions: `tests/fuzz` calls them with what it makes up, and the
//! plain tests call them with what it found worth keeping.

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

/// The meta commands: as [`fuzz_classic`], of a stream that begins with one of them.
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
    let mut torn = binary::Receiver::new(gate, moods(&input));
    input.pieces().for_each(|piece| torn.receive(piece));
    let mut whole = binary::Receiver::new(gate, moods(&input));
    whole.receive(&input.stream);
    assert_eq!(torn.heard, whole.heard);
    assert_eq!(torn.closed, whole.closed);
}

/// A session from its first byte to its last.
pub fn fuzz_session(data: &[u8]) {
    if let Some(input) = Input::read(data) {
        session::check(&input);
    }
}

fn check_text(input: &Input) {
    let mut torn = text::Receiver::new(moods(input));
    input.pieces().for_each(|piece| torn.receive(piece));
    if moods(input).is_some() {
        // Moods follow the parts in which a long list of keys is seen, and these the pieces.
        return;
    }
    let mut whole = text::Receiver::new(None);
    whole.receive(&input.stream);
    assert_eq!(torn.certain, whole.certain);
    let certain = whole.certain.unwrap_or(usize::MAX);
    assert_eq!(torn.heard[..torn.heard.len().min(certain)], whole.heard[..whole.heard.len().min(certain)]);
}

/// Half of the receivers drop values and leave keys as they like.
fn moods(input: &Input) -> Option<Rng> {
    (input.mode & 0x80 != 0).then(|| Rng::with_seed(input.mode.into()))
}

/// What every key that passes keeps to.
fn check_key(key: &[u8]) {
    assert!((1..=KEY_MAX_BYTES).contains(&key.len()), "a key of {} bytes", key.len());
}
