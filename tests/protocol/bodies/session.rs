//! A session of a fresh engine, driven by hand. It must reply the same whatever its input is torn into and however small
//! its budget is, keep to its bounds, always come to an end, and leave an engine that keeps the store's laws and answers
//! the next client.

use super::input::Input;
use super::text;
use larder::auth::{Credentials, FileFormat};
use larder::clock::Clock;
use larder::commands::Engine;
use larder::options::{self, Command, Options};
use larder::protocol::limits::{
    KEY_MAX_BYTES, OUTPUT_BATCH_BYTES, RETRIEVAL_PART_BYTES, VALUE_INLINE_MAX_BYTES,
};
use larder::session::{
    AcceptedProtocol, Budget, INPUT_MAX_BYTES, Next, Progress, ReplyBuffer, Session, SessionContext,
};
use larder::store::{Settings, Store};
use log::LevelFilter;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::{Arc, LazyLock, Once};
use std::task::Waker;

/// A session that is called more often than this goes on for ever.
const CALLS_MAX: u32 = 1_000_000;

/// Replies after which a client leaves.
const REPLIES_MAX_BYTES: usize = 512 * 1024;

/// What the store of these checks lets an item have, in bytes.
const ITEM_MAX_BYTES: usize = 64 * 1024;

/// What a call appends, at most: up to a batch, then a part of a retrieval or a report with its last value. Reports of
/// `stats` are as long as they are.
const OUTPUT_MAX_BYTES: usize =
    OUTPUT_BATCH_BYTES + RETRIEVAL_PART_BYTES + ITEM_MAX_BYTES + VALUE_INLINE_MAX_BYTES + 2 * KEY_MAX_BYTES;

/// Whom the servers with a login know.
const USERS: &str = "ann:123\n";

/// Who may come in, and what is spoken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Door {
    /// Everybody, and what the first byte says.
    Open,
    /// Who logs in by text.
    Token,
    /// Who logs in by SASL.
    Sasl,
}

impl Door {
    fn binding(self) -> AcceptedProtocol {
        match self {
            Door::Open => AcceptedProtocol::Auto,
            Door::Token => AcceptedProtocol::Ascii,
            Door::Sasl => AcceptedProtocol::Binary,
        }
    }

    /// What a new client says, and what it must be answered.
    fn greeting(self) -> (&'static [u8], &'static [u8]) {
        match self {
            Door::Open => (b"version\r\n", b"VERSION 1.6.45\r\n"),
            Door::Token => (b"set a 0 0 7\r\nann 123\r\nversion\r\n", b"STORED\r\nVERSION 1.6.45\r\n"),
            Door::Sasl => (
                b"\x80\x0b\0\0\0\0\0\0\0\0\0\0\0\0\0\x07\0\0\0\0\0\0\0\0",
                b"\x81\x0b\0\0\0\0\0\0\0\0\0\x06\0\0\0\x07\0\0\0\0\0\0\0\x001.6.45",
            ),
        }
    }
}

/// A server as its command line makes it.
static OPTIONS: LazyLock<Options> = LazyLock::new(|| {
    let line = format!("larder -m 1 -I {ITEM_MAX_BYTES} -t 1 -A -D : -o track_sizes --debug-commands");
    match options::read(line.split(' ').map(Into::into).collect(), None) {
        Ok(Command::Serve(options)) => *options,
        other => panic!("{other:?}"),
    }
});

/// Credentials are read from a file, wherever they are used; this one has no name, so that none is left behind.
fn credentials(format: FileFormat) -> Credentials {
    static FILE: LazyLock<File> = LazyLock::new(|| {
        let path = std::env::temp_dir().join(format!("larder-users-{}", std::process::id()));
        std::fs::write(&path, USERS).unwrap();
        let file = File::open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        file
    });
    let path = format!("/proc/self/fd/{}", FILE.as_raw_fd());
    Credentials::read(Path::new(&path), format).unwrap()
}

fn engine(door: Door) -> Engine {
    let store = Store::new(Settings { hash_seed: Some(1), ..OPTIONS.store.clone() });
    let clock = Clock::start();
    clock.pause();
    let sasl = (door == Door::Sasl).then(|| credentials(FileFormat::PasswordDatabase));
    let tokens = (door == Door::Token).then(|| credentials(FileFormat::AuthFile));
    Engine::new(OPTIONS.commands.clone(), store, clock).with_sasl(sasl).with_auth_file(tokens)
}

/// Two servers of the same second.
fn twins(door: Door) -> [Arc<Engine>; 2] {
    loop {
        let [one, other] = [engine(door), engine(door)];
        if one.clock().unix(one.clock().now()) == other.clock().unix(other.clock().now()) {
            return [Arc::new(one), Arc::new(other)];
        }
    }
}

/// Takes all messages, so that making them is tried as well, and shows none.
struct Sink;

impl log::Log for Sink {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        assert!(!format!("{}", record.args()).contains('\n'), "a message is one line");
    }

    fn flush(&self) {}
}

/// Hands the pieces of a stream, which end at `ends`, to a session, and returns the replies.
fn converse(
    engine: &Arc<Engine>,
    door: Door,
    requests_per_turn: u32,
    stream: &[u8],
    ends: Vec<usize>,
) -> Vec<u8> {
    let mut client = Client {
        host: SessionContext {
            engine,
            counters: engine.counters().worker(0),
            fd: 0,
            entry: None,
            sender: None,
        },
        session: Session::new(engine, door.binding()),
        requests_per_turn,
        input: Vec::new(),
        replies: Vec::new(),
        ended: false,
    };
    let mut start = 0;
    for end in ends.into_iter().chain([stream.len()]) {
        client.send(&stream[std::mem::replace(&mut start, end)..end]);
    }
    client.session.close(engine);
    client.replies
}

/// The caller of a session.
struct Client<'a> {
    host: SessionContext<'a>,
    session: Session,
    requests_per_turn: u32,
    /// Not consumed yet.
    input: Vec<u8>,
    replies: Vec<u8>,
    ended: bool,
}

impl Client<'_> {
    /// Has the session take a piece of input, up to where it waits for the next one.
    fn send(&mut self, mut piece: &[u8]) {
        while !self.ended && !piece.is_empty() {
            if let Some(page) = self.session.value_page(self.host.engine) {
                assert!(self.input.is_empty(), "what goes into a page is not kept as input");
                let count = page.len().min(piece.len());
                page[..count].copy_from_slice(&piece[..count]);
                piece = &piece[count..];
                if !self.session.value_page_filled(count) {
                    continue;
                }
            } else {
                let room = INPUT_MAX_BYTES - self.input.len();
                assert!(room > 0, "it waits for more than may be kept");
                let (now, later) = piece.split_at(room.min(piece.len()));
                self.input.extend_from_slice(now);
                piece = later;
            }
            self.advance();
        }
    }

    /// Calls the session until it waits for input or ends.
    fn advance(&mut self) {
        for calls in 1.. {
            assert!(calls < CALLS_MAX, "it goes on for ever");
            let mut output = ReplyBuffer::default();
            let mut budget = Budget::new(self.requests_per_turn);
            let Progress { consumed, next } =
                self.session.advance(&self.host, &self.input, &mut output, &mut budget);
            assert!(consumed <= self.input.len());
            self.input.drain(..consumed);
            self.session.take_log(self.host.engine, Waker::noop(), &mut output);
            let reply: Vec<u8> = output.pieces(0).flatten().copied().collect();
            assert_eq!(reply.len(), output.len());
            let is_stats = memchr::memmem::find(&reply, b"STAT ").is_some() || reply.first() == Some(&0x81);
            assert!(reply.len() <= OUTPUT_MAX_BYTES || is_stats, "{} bytes at once", reply.len());
            self.replies.extend(reply);
            match next {
                Next::Input => return,
                // Nobody waits here.
                Next::More | Next::Delay(_) => {}
                Next::RefreshCertificates => {
                    let mut output = ReplyBuffer::default();
                    self.session.certificates_reloaded(Ok(()), &mut output);
                    self.replies.extend(output.contiguous().expect("it is a line"));
                }
                Next::End(_) => {
                    assert!(self.input.is_empty(), "nothing is executed behind the end");
                    self.ended = true;
                }
            }
            self.ended |= self.replies.len() >= REPLIES_MAX_BYTES;
            if self.ended {
                self.replies.truncate(REPLIES_MAX_BYTES);
                return;
            }
        }
    }
}

fn is_refused_as_pipelined(replies: &[u8]) -> bool {
    memchr::memmem::find(replies, b"cannot pipeline other commands").is_some()
}

/// The replies without those that tell how the stream was torn, or what the process costs.
fn comparable(replies: &[u8]) -> Vec<u8> {
    if replies.first() == Some(&0x81) { without_binary_stats(replies) } else { without_stats(replies) }
}

fn without_stats(replies: &[u8]) -> Vec<u8> {
    let lines = replies.split_inclusive(|byte| *byte == b'\n');
    lines.filter(|line| !line.starts_with(b"STAT ")).flatten().copied().collect()
}

fn without_binary_stats(replies: &[u8]) -> Vec<u8> {
    const STAT: u8 = 0x10;
    let mut kept = Vec::new();
    let mut rest = replies;
    while let [_, opcode, _, _, _, _, _, _, body_len @ ..] = rest {
        let [a, b, c, d, ..] = *body_len else { break };
        let len = 24 + u32::from_be_bytes([a, b, c, d]) as usize;
        let Some((frame, behind)) = rest.split_at_checked(len) else { break };
        if *opcode != STAT {
            kept.extend_from_slice(frame);
        }
        rest = behind;
    }
    kept
}

/// Behind an unreadable length, what comes along with its line means something else than what comes later.
fn is_certain(input: &Input, door: Door) -> bool {
    match door {
        Door::Open => {
            let mut receiver = text::Receiver::new(None);
            receiver.receive(&input.stream);
            receiver.certain.is_none()
        }
        // Where the login ends is not known here.
        Door::Token => false,
        Door::Sasl => true,
    }
}

/// The ends of the pieces, moved so that no piece but the last ends with a line.
fn ends_inside_lines(input: &Input) -> Vec<usize> {
    let inside = |end: usize| (end..input.stream.len()).find(|end| input.stream[end - 1] != b'\n');
    let mut ends: Vec<usize> =
        input.ends().into_iter().map(|end| inside(end).unwrap_or(input.stream.len())).collect();
    ends.dedup();
    ends
}

/// The check.
pub fn check(input: &Input) {
    static LOG: Once = Once::new();
    LOG.call_once(|| log::set_boxed_logger(Box::new(Sink)).expect("nobody else logs here"));
    let door = [Door::Open, Door::Open, Door::Token, Door::Sasl][usize::from(input.mode & 3)];
    let requests_per_turn = if input.mode & 4 == 0 { 20 } else { 1 };
    log::set_max_level(if input.mode & 0x18 == 0x18 { LevelFilter::Debug } else { LevelFilter::Warn });

    let [torn_engine, whole_engine] = twins(door);
    let torn = converse(&torn_engine, door, requests_per_turn, &input.stream, input.ends());
    let whole = converse(&whole_engine, door, 20, &input.stream, Vec::new());
    if let Some(words) = difference(&torn, &whole) {
        assert!(!is_certain(input, door), "{words}");
        let [torn_engine, whole_engine] = twins(door);
        let ends = ends_inside_lines(input);
        let torn = converse(&torn_engine, door, requests_per_turn, &input.stream, ends);
        let whole = converse(&whole_engine, door, 20, &input.stream, Vec::new());
        assert_eq!(difference(&torn, &whole), None, "no piece ends with a line");
    }

    let (greeting, reply) = door.greeting();
    let greeted = converse(&torn_engine, door, 20, greeting, Vec::new());
    assert_eq!(greeted.escape_ascii().to_string(), reply.escape_ascii().to_string());
    torn_engine.run_maintenance();
    torn_engine.check_invariants();
}

/// In what replies to the same stream differ that should not.
fn difference(torn: &[u8], whole: &[u8]) -> Option<String> {
    // Whether a dump has replies before it in its batch depends on the pieces, as in memcached.
    if torn == whole || is_refused_as_pipelined(torn) || is_refused_as_pipelined(whole) {
        return None;
    }
    let left_early = torn.len().max(whole.len()) >= REPLIES_MAX_BYTES;
    let (mut torn, mut whole) = (comparable(torn), comparable(whole));
    if left_early {
        let common = torn.len().min(whole.len());
        torn.truncate(common);
        whole.truncate(common);
    }
    (torn != whole).then(|| format!("torn: {}\nwhole: {}", torn.escape_ascii(), whole.escape_ascii()))
}
