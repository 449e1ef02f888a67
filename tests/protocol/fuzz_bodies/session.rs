//! A session of a new engine. Its replies must not depend on the split of the input or on the budget. It must respect
//! its limits and terminate. Afterwards the engine must satisfy the invariants of the store and serve the next client.

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

/// Most calls of a session that terminates.
const CALLS_MAX: u32 = 1_000_000;

/// Replies after which a client disconnects, in bytes.
const REPLIES_MAX_BYTES: usize = 512 * 1024;

/// The item limit in bytes.
const ITEM_MAX_BYTES: usize = 64 * 1024;

/// Largest output of a call in bytes, reports of `stats` excepted: a batch, and a part of a retrieval or report with
/// its last value.
const OUTPUT_MAX_BYTES: usize =
    OUTPUT_BATCH_BYTES + RETRIEVAL_PART_BYTES + ITEM_MAX_BYTES + VALUE_INLINE_MAX_BYTES + 2 * KEY_MAX_BYTES;

/// The credentials of servers with a login.
const USERS: &str = "ann:123\n";

/// The login that a server requires.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum ServerKind {
    /// No login; the first byte selects the protocol.
    NoLogin,
    /// A text login.
    TextLogin,
    /// A SASL login.
    Sasl,
}

impl ServerKind {
    fn binding(self) -> AcceptedProtocol {
        match self {
            ServerKind::NoLogin => AcceptedProtocol::Auto,
            ServerKind::TextLogin => AcceptedProtocol::Ascii,
            ServerKind::Sasl => AcceptedProtocol::Binary,
        }
    }

    /// The first requests of a new client, and the expected replies.
    fn greeting(self) -> (&'static [u8], &'static [u8]) {
        match self {
            ServerKind::NoLogin => (b"version\r\n", b"VERSION 1.6.45\r\n"),
            ServerKind::TextLogin => {
                (b"set a 0 0 7\r\nann 123\r\nversion\r\n", b"STORED\r\nVERSION 1.6.45\r\n")
            }
            ServerKind::Sasl => (
                b"\x80\x0b\0\0\0\0\0\0\0\0\0\0\0\0\0\x07\0\0\0\0\0\0\0\0",
                b"\x81\x0b\0\0\0\0\0\0\0\0\0\x06\0\0\0\x07\0\0\0\0\0\0\0\x001.6.45",
            ),
        }
    }
}

/// The options of the server.
static OPTIONS: LazyLock<Options> = LazyLock::new(|| {
    let line = format!("larder -m 1 -I {ITEM_MAX_BYTES} -t 1 -A -D : -o track_sizes --debug-commands");
    match options::read(line.split(' ').map(Into::into).collect(), options::Environment::default()) {
        Ok(Command::Serve(options)) => *options,
        other => panic!("{other:?}"),
    }
});

/// The credentials, read from a deleted file, so that no file remains.
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

fn engine(kind: ServerKind) -> Engine {
    let store = Store::new(Settings { hash_seed: Some(1), ..OPTIONS.store.clone() });
    let clock = Clock::start();
    clock.pause();
    let sasl = (kind == ServerKind::Sasl).then(|| credentials(FileFormat::PasswordDatabase));
    let tokens = (kind == ServerKind::TextLogin).then(|| credentials(FileFormat::AuthFile));
    Engine::new(OPTIONS.commands.clone(), store, clock).with_sasl(sasl).with_auth_file(tokens)
}

/// Two engines whose clocks show the same second.
fn two_engines(kind: ServerKind) -> [Arc<Engine>; 2] {
    loop {
        let [one, other] = [engine(kind), engine(kind)];
        if one.clock().unix(one.clock().now()) == other.clock().unix(other.clock().now()) {
            return [Arc::new(one), Arc::new(other)];
        }
    }
}

/// Formats all log messages and discards them.
struct DiscardLog;

impl log::Log for DiscardLog {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        assert!(!format!("{}", record.args()).contains('\n'), "log messages have one line");
    }

    fn flush(&self) {}
}

/// Passes a stream to a session in pieces that end at `ends`; returns the replies.
fn run_stream(
    engine: &Arc<Engine>,
    kind: ServerKind,
    requests_per_turn: u32,
    stream: &[u8],
    ends: Vec<usize>,
) -> Vec<u8> {
    let mut client = Client {
        context: SessionContext {
            engine,
            counters: engine.counters().worker(0),
            fd: 0,
            entry: None,
            sender: None,
        },
        session: Session::new(engine, kind.binding()),
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
    context: SessionContext<'a>,
    session: Session,
    requests_per_turn: u32,
    /// Input that is not consumed.
    input: Vec<u8>,
    replies: Vec<u8>,
    ended: bool,
}

impl Client<'_> {
    /// Passes a piece of input to the session until it needs more.
    fn send(&mut self, mut piece: &[u8]) {
        while !self.ended && !piece.is_empty() {
            if let Some(page) = self.session.value_page(self.context.engine) {
                assert!(self.input.is_empty(), "bytes of a page are not input");
                let count = page.len().min(piece.len());
                page[..count].copy_from_slice(&piece[..count]);
                piece = &piece[count..];
                if !self.session.value_page_filled(count) {
                    continue;
                }
            } else {
                let room = INPUT_MAX_BYTES - self.input.len();
                assert!(room > 0, "the session needs more input than the limit allows");
                let (now, later) = piece.split_at(room.min(piece.len()));
                self.input.extend_from_slice(now);
                piece = later;
            }
            self.advance();
        }
    }

    /// Calls the session until it needs input or ends.
    fn advance(&mut self) {
        for calls in 1.. {
            assert!(calls < CALLS_MAX, "the session does not terminate");
            let mut output = ReplyBuffer::default();
            let mut budget = Budget::new(self.requests_per_turn);
            let Progress { consumed, next } =
                self.session.advance(&self.context, &self.input, &mut output, &mut budget);
            assert!(consumed <= self.input.len());
            self.input.drain(..consumed);
            self.session.take_log(self.context.engine, Waker::noop(), &mut output);
            let reply: Vec<u8> = output.pieces(0).flatten().copied().collect();
            assert_eq!(reply.len(), output.len());
            let is_stats = memchr::memmem::find(&reply, b"STAT ").is_some() || reply.first() == Some(&0x81);
            assert!(reply.len() <= OUTPUT_MAX_BYTES || is_stats, "{} bytes at once", reply.len());
            self.replies.extend(reply);
            match next {
                Next::Input => return,
                // The next call comes at once.
                Next::More | Next::Delay(_) => {}
                Next::RefreshCertificates => {
                    let mut output = ReplyBuffer::default();
                    self.session.certificates_reloaded(Ok(()), &mut output);
                    self.replies.extend(output.contiguous().expect("one line"));
                }
                Next::End(_) => {
                    assert!(self.input.is_empty(), "no input after the end");
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

/// The replies without stats, which depend on the split and on the process.
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
        let Some((frame, after)) = rest.split_at_checked(len) else { break };
        if *opcode != STAT {
            kept.extend_from_slice(frame);
        }
        rest = after;
    }
    kept
}

/// True if the replies must not depend on the split. After an invalid length they do.
fn is_split_independent(input: &Input, kind: ServerKind) -> bool {
    match kind {
        ServerKind::NoLogin => {
            let mut receiver = text::Receiver::new(None);
            receiver.receive(&input.stream);
            receiver.split_dependent_from.is_none()
        }
        // The end of the login is not known here.
        ServerKind::TextLogin => false,
        ServerKind::Sasl => true,
    }
}

/// The ends of the pieces, moved so that only the last piece ends with a line.
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
    LOG.call_once(|| log::set_boxed_logger(Box::new(DiscardLog)).expect("the only logger"));
    let kind = [ServerKind::NoLogin, ServerKind::NoLogin, ServerKind::TextLogin, ServerKind::Sasl]
        [usize::from(input.mode & 3)];
    let requests_per_turn = if input.mode & 4 == 0 { 20 } else { 1 };
    log::set_max_level(if input.mode & 0x18 == 0x18 { LevelFilter::Debug } else { LevelFilter::Warn });

    let [split_engine, whole_engine] = two_engines(kind);
    let split = run_stream(&split_engine, kind, requests_per_turn, &input.stream, input.ends());
    let whole = run_stream(&whole_engine, kind, 20, &input.stream, Vec::new());
    if let Some(words) = difference(&split, &whole) {
        assert!(!is_split_independent(input, kind), "{words}");
        let [split_engine, whole_engine] = two_engines(kind);
        let ends = ends_inside_lines(input);
        let split = run_stream(&split_engine, kind, requests_per_turn, &input.stream, ends);
        let whole = run_stream(&whole_engine, kind, 20, &input.stream, Vec::new());
        assert_eq!(difference(&split, &whole), None, "split inside lines");
    }

    let (greeting, reply) = kind.greeting();
    let greeted = run_stream(&split_engine, kind, 20, greeting, Vec::new());
    assert_eq!(greeted.escape_ascii().to_string(), reply.escape_ascii().to_string());
    split_engine.run_maintenance();
    split_engine.check_invariants();
}

/// The difference between the replies to the same stream, if there is an unexpected one.
fn difference(split: &[u8], whole: &[u8]) -> Option<String> {
    // Whether replies are unsent before a dump depends on the split, as in memcached.
    if split == whole || is_refused_as_pipelined(split) || is_refused_as_pipelined(whole) {
        return None;
    }
    let ended_early = split.len().max(whole.len()) >= REPLIES_MAX_BYTES;
    let (mut split, mut whole) = (comparable(split), comparable(whole));
    if ended_early {
        let common = split.len().min(whole.len());
        split.truncate(common);
        whole.truncate(common);
    }
    (split != whole).then(|| format!("split: {}\nwhole: {}", split.escape_ascii(), whole.escape_ascii()))
}
