//! Whatever bytes come in, torn wherever: each look makes progress or asks for more, takes no more than there is, and
//! what it lets through keeps the promises that the store relies on.

use crate::commands::Commands;
use crate::damage::damage;
use crate::seed::{number, seeded};
use crate::tear::tear;
use fastrand::Rng;
use larder::protocol::encoded_key::KeyRoom;
use larder::protocol::limits::{
    KEY_MAX_BYTES, KEYS_PART_BYTES, LINE_MAX_BYTES, META_OPAQUE_MAX_BYTES, VALUE_INLINE_MAX_BYTES,
    VALUE_LENGTH_MAX,
};
use larder::protocol::meta::Meta;
use larder::protocol::{Intake, Keys, Pull, Request, Retrieval, StorageHeader};

const SEED: &str = "LARDER_PROTOCOL_SEED";
const STREAMS: &str = "LARDER_PROTOCOL_STREAMS";
const STREAMS_DEFAULT: u64 = 3000;

/// More than this is never kept while more is asked for.
const KEPT_MAX: usize = if KEYS_PART_BYTES > LINE_MAX_BYTES + VALUE_INLINE_MAX_BYTES + 4 {
    KEYS_PART_BYTES
} else {
    LINE_MAX_BYTES + VALUE_INLINE_MAX_BYTES + 4
};

/// A connection's part in the protocol, played by chance or to the letter.
struct Receiver {
    intake: Intake,
    /// Received and not consumed.
    pending: Vec<u8>,
    /// Bytes of a long value that are still to be taken.
    to_receive: usize,
    /// What was understood, in words.
    heard: Vec<String>,
    closed: bool,
    /// Sometimes drop a value instead of taking it, leave keys for later, or refuse them.
    moody: Option<Rng>,
}

impl Receiver {
    fn new(moody: Option<Rng>) -> Receiver {
        Receiver {
            intake: Intake::default(),
            pending: Vec::new(),
            to_receive: 0,
            heard: Vec::new(),
            closed: false,
            moody,
        }
    }

    fn in_mood(&mut self) -> bool {
        self.moody.as_mut().is_some_and(|rng| rng.u32(..4) == 0)
    }

    fn receive(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
        while !self.closed {
            let taken = self.to_receive.min(self.pending.len());
            self.pending.drain(..taken);
            self.to_receive -= taken;
            if self.to_receive > 0 || !self.look() {
                break;
            }
        }
    }

    /// One look; false if there is nothing to do before more comes.
    fn look(&mut self) -> bool {
        let pending = std::mem::take(&mut self.pending);
        let consumed = match self.intake.pull(&pending) {
            Pull::NeedMore => {
                assert!(pending.len() <= KEPT_MAX, "{} bytes kept", pending.len());
                self.pending = pending;
                return false;
            }
            Pull::Close { answer } => {
                self.heard.push(format!("close {answer:?}"));
                self.closed = true;
                return false;
            }
            Pull::Refused { answer, consumed } => {
                self.heard.extend(answer.map(|refusal| format!("{refusal:?}")));
                consumed
            }
            Pull::Request { request, consumed } => consumed - self.hear(&request),
            Pull::Receive { header, consumed } => {
                self.hear_header(&header);
                assert!(header.value_len > VALUE_INLINE_MAX_BYTES);
                if self.in_mood() {
                    self.intake.swallow(header.value_len, None);
                } else {
                    self.to_receive = header.value_len;
                }
                consumed
            }
            Pull::ReceiveMeta { header, consumed } => {
                self.hear_meta(&header.meta);
                assert!((VALUE_INLINE_MAX_BYTES + 1..=VALUE_LENGTH_MAX as usize).contains(&header.value_len));
                if self.in_mood() {
                    self.intake.swallow(header.value_len, None);
                } else {
                    self.to_receive = header.value_len;
                }
                consumed
            }
            Pull::ValueEnd { intact, consumed } => {
                self.heard.push(format!("value {intact}"));
                consumed
            }
        };
        assert!((1..=pending.len()).contains(&consumed), "{consumed} of {} bytes", pending.len());
        self.pending = pending[consumed..].to_vec();
        true
    }

    /// Checks a request; returns how many bytes of it are to stay.
    fn hear(&mut self, request: &Request<'_>) -> usize {
        match request {
            Request::Retrieval(retrieval) => return self.hear_keys(retrieval),
            Request::Store { header, value } => {
                assert_eq!(value.len(), header.value_len);
                self.hear_header(header);
            }
            Request::Delete { key, .. } | Request::Arithmetic { key, .. } | Request::Touch { key, .. } => {
                check_key(key);
                self.heard.push(format!("{request:?}"));
            }
            Request::MetaStore { header, value } => {
                assert_eq!(value.len(), header.value_len);
                self.hear_meta(&header.meta);
            }
            Request::MetaGet { meta }
            | Request::MetaDelete { meta }
            | Request::MetaArithmetic { meta, .. }
            | Request::MetaDescribe { meta } => self.hear_meta(meta),
            _ => self.heard.push(format!("{request:?}")),
        }
        0
    }

    /// A key that came as base64 may hold any bytes, but no more than others.
    fn hear_meta(&mut self, meta: &Meta<'_>) {
        let mut room = KeyRoom::default();
        let key = meta.key(&mut room);
        if meta.has(b'b') {
            assert!((1..=186).contains(&key.len()), "a key of {} bytes", key.len());
        } else {
            check_key(key);
        }
        for word in meta.returned() {
            assert!(!word.is_empty() && (word[0] != b'O' || word.len() <= META_OPAQUE_MAX_BYTES));
        }
        self.heard.push(format!("{meta:?}"));
    }

    fn hear_keys(&mut self, retrieval: &Retrieval<'_>) -> usize {
        let mut keys = Keys::new(retrieval.keys);
        while let Some(key) = keys.next() {
            match key {
                Ok(key) => {
                    check_key(key);
                    self.heard.push(format!("key {}", key.escape_ascii()));
                }
                Err(refusal) => {
                    self.heard.push(format!("{refusal:?}"));
                    self.intake.abandon_keys(retrieval);
                    return 0;
                }
            }
            if keys.left_bytes() > 0 && self.in_mood() {
                return self.intake.resume_keys(retrieval, keys.left_bytes());
            }
        }
        if retrieval.last {
            self.heard.push("last key".to_owned());
        }
        0
    }

    fn hear_header(&mut self, header: &StorageHeader<'_>) {
        check_key(header.key);
        assert!(header.value_len <= VALUE_LENGTH_MAX as usize);
        self.heard.push(format!("{header:?}"));
    }
}

fn check_key(key: &[u8]) {
    assert!((1..=KEY_MAX_BYTES).contains(&key.len()), "a key of {} bytes", key.len());
    assert!(!key.contains(&b' ') && !key.contains(&b'\n'));
}

/// Bytes, or bytes that look like commands, or commands with something wrong.
fn stream(commands: &mut Commands) -> Vec<u8> {
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
                damage(&mut commands.rng, &mut command);
                stream.extend(command);
            }
            _ => stream.extend(any_command(commands)),
        }
    }
    stream
}

fn any_command(commands: &mut Commands) -> Vec<u8> {
    if commands.rng.bool() { commands.next() } else { commands.next_meta() }
}

/// A key list around the lengths at which it is cut.
fn long_key_list(commands: &mut Commands) -> Vec<u8> {
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
    let mut commands = Commands::new(seeded(SEED));
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
    let mut commands = Commands::new(seeded(SEED));
    for _ in 0..number(STREAMS, STREAMS_DEFAULT) / 4 {
        let stream: Vec<u8> = (0..20).flat_map(|_| any_command(&mut commands)).collect();
        let mut whole = Receiver::new(None);
        whole.receive(&stream);
        assert!(whole.pending.is_empty() && !whole.closed && whole.heard.len() >= 15);
        let mut torn = Receiver::new(None);
        for piece in tear(&mut commands.rng, &stream, 20_000) {
            torn.receive(piece);
        }
        assert_eq!(torn.heard, whole.heard);
    }
}
