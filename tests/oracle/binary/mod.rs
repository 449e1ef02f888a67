//! The binary protocol on both servers: random frames, valid and corrupted, in random pieces, must get the same
//! replies.
//!
//! Every request has a number of its own in its opaque field, which assigns the replies to the requests. After each
//! stream every key is read from both servers. This shows the effects of quiet commands and yields the CAS uniques for
//! the next stream.

mod corruption;
mod random_requests;

use crate::binary::random_requests::{Frames, Planned};
use crate::cas_uniques::Uniques;
use crate::counters::counters;
use crate::frames::{Reply, Request, describe_rest, keyed, replies, request, split_replies};
use crate::phases::{Phase, phased_transcript};
use crate::seed::{number, seeded};
use crate::servers::Server;
use crate::text_session::split_lengths;
use crate::transcript::{Transcript, transcript};
use corruption::corrupted;

const SEED: &str = "LARDER_ORACLE_SEED";
const COMMANDS: &str = "LARDER_ORACLE_COMMANDS";
const COMMANDS_DEFAULT: u64 = 200_000;
const STREAM_COMMANDS: u64 = 60;

/// Opaque number of the Noop that ends a phase (see `phases.rs`).
const PHASE_END: u32 = 0xF00D_F00D;

/// Opaque number of the corrupted frame. If it is still valid, memcached executes it, but drops the reply because the
/// bytes after it are no frame.
const CORRUPTED: u32 = u32::MAX;

/// The number of zeros after a corrupted frame. memcached receives the whole key, of any declared length, before it
/// refuses the frame.
const TAIL_BYTES: usize = 70_000;

struct Session {
    larder: Server,
    oracle: Server,
    frames: Frames,
    uniques: Uniques,
    /// The CAS uniques of each key on larder and on memcached.
    current: Vec<(u64, u64)>,
    streams: usize,
}

impl Session {
    fn start() -> Session {
        let frames = Frames::new(seeded(SEED));
        let current = vec![(random_requests::NO_UNIQUE, random_requests::NO_UNIQUE); frames.keys.len()];
        let (larder, oracle) = (Server::larder(), Server::oracle());
        Session { larder, oracle, frames, uniques: Uniques::default(), current, streams: 0 }
    }

    /// Sends one stream. It ends with a corrupted frame or with Quit.
    fn run_stream(&mut self, ends_corrupted: bool) {
        self.streams += 1;
        let planned: Vec<Planned> = (0..STREAM_COMMANDS).map(|_| self.frames.next()).collect();
        let tail = if ends_corrupted { corrupted(&mut self.frames) } else { request(0x07).bytes() };
        let mut to_larder = Vec::new();
        let mut to_oracle = vec![Phase { separators: 0, bytes: Vec::new() }];
        let mut phases = 0;
        let mut send = |larder: &[u8], oracle: &[u8], in_new_phase: bool| {
            if in_new_phase {
                let noop = request(0x0a).opaque(PHASE_END).bytes();
                to_larder.extend_from_slice(&noop);
                to_oracle.last_mut().expect("the first one").bytes.extend_from_slice(&noop);
                phases += 1;
                to_oracle.push(Phase { separators: phases, bytes: Vec::new() });
            }
            to_larder.extend_from_slice(larder);
            to_oracle.last_mut().expect("the first one").bytes.extend_from_slice(oracle);
        };
        for (opaque, planned) in (1..).zip(&planned) {
            let (larder, oracle) = planned.filled_in(&self.current);
            send(&larder.opaque(opaque).bytes(), &oracle.opaque(opaque).bytes(), planned.is_arithmetic());
        }
        // memcached drops unsent replies when it closes.
        send(&tail, &tail, ends_corrupted);
        let from_larder = self.send_to_larder(&to_larder);
        let mut mark = vec![0x81, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        mark.extend(PHASE_END.to_be_bytes());
        mark.extend([0; 8]);
        let rng = &mut self.frames.rng;
        let from_oracle =
            phased_transcript(self.oracle.port, &to_oracle, &mark, |bytes| split_lengths(rng, bytes.len()));
        self.compare(&from_larder, &from_oracle, &planned, &tail);
        self.compare_keys();
    }

    /// Sends a stream in random pieces.
    fn send_to_larder(&mut self, stream: &[u8]) -> Transcript {
        let mut from = 0;
        let pieces = split_lengths(&mut self.frames.rng, stream.len()).into_iter().map(|len| {
            from += len;
            &stream[from - len..from]
        });
        transcript(self.larder.port, pieces)
    }

    /// Compares the replies to the planned requests and to the frame after them, `tail`.
    fn compare(
        &mut self,
        from_larder: &Transcript,
        from_oracle: &Transcript,
        planned: &[Planned],
        tail: &[u8],
    ) -> (Vec<Reply>, Vec<Reply>) {
        let larder = self.complete_replies("larder", from_larder);
        let oracle = self.complete_replies("memcached", from_oracle);
        for at in 0..larder.len().max(oracle.len()) {
            let (by_larder, by_oracle) = (larder.get(at), oracle.get(at));
            let alike = match (by_larder, by_oracle) {
                (Some(larder), Some(oracle)) => {
                    Reply { cas: 0, ..larder.clone() } == Reply { cas: 0, ..oracle.clone() }
                        && (larder.cas == 0) == (oracle.cas == 0)
                        && (larder.cas == 0 || self.uniques.agree(&[larder.cas], &[oracle.cas]))
                }
                (Some(reply), None) if reply.opaque == CORRUPTED && reply.status <= 1 => true,
                // The corrupted frame has no valid header: larder replies with an error, memcached waits for the key.
                (Some(reply), None) => !tail.is_empty() && at + 1 == larder.len() && reply.status == 4,
                _ => false,
            };
            let shown = |reply: Option<&Reply>| match reply {
                Some(reply) => format!("{} to {}, cas {}", reply.summary(), reply.opaque, reply.cas),
                None => "no reply".to_owned(),
            };
            let sent = by_larder
                .or(by_oracle)
                .and_then(|reply| planned.get((reply.opaque as usize).wrapping_sub(1)));
            assert!(
                alike,
                "stream {}, reply {at}\nsent      {}\nlarder    {}\nmemcached {}\n\
                larder: {from_larder}\nmemcached: {from_oracle}",
                self.streams,
                sent.map_or_else(|| head(tail), |planned| planned.to_string()),
                shown(by_larder),
                shown(by_oracle),
            );
        }
        (larder, oracle)
    }

    /// The replies of one server. Fails if the last one is incomplete.
    fn complete_replies(&self, server: &str, transcript: &Transcript) -> Vec<Reply> {
        let (replies, rest) = split_replies(transcript);
        let stream = self.streams;
        assert!(
            rest.is_empty(),
            "stream {stream}, {server}: {}; {transcript}",
            describe_rest(&replies, rest)
        );
        replies
    }

    /// Reads every key from both servers.
    fn compare_keys(&mut self) {
        let gets = self.frames.keys.iter().map(|key| keyed(0x0c, key)).collect::<Vec<Request>>();
        let stream: Vec<u8> = gets.iter().flat_map(Request::bytes).collect();
        let from_larder = transcript(self.larder.port, [&stream[..]]);
        let from_oracle = transcript(self.oracle.port, [&stream[..]]);
        let (larder, oracle) = self.compare(&from_larder, &from_oracle, &[], b"gets of all keys");
        let unique = |reply: &Reply| if reply.cas == 0 { random_requests::NO_UNIQUE } else { reply.cas };
        self.current =
            larder.iter().zip(&oracle).map(|(larder, oracle)| (unique(larder), unique(oracle))).collect();
    }
}

/// The first bytes, escaped.
fn head(bytes: &[u8]) -> String {
    bytes[..bytes.len().min(80)].escape_ascii().to_string()
}

#[test]
fn random_frames_get_the_replies_of_memcached() {
    let mut session = Session::start();
    let streams = number(COMMANDS, COMMANDS_DEFAULT).div_ceil(STREAM_COMMANDS);
    for stream in 0..streams {
        session.run_stream(stream % 2 == 1);
    }
}

#[test]
fn valid_frames_change_the_same_counters() {
    let mut session = Session::start();
    for stream in 1..=60 {
        session.run_stream(false);
        assert_eq!(counters(&session.larder), counters(&session.oracle), "after stream {stream}");
    }
}

/// Frames that get different replies from larder and memcached.
#[test]
fn every_known_difference_of_frames_exists() {
    let (larder, oracle) = (Server::larder(), Server::oracle());
    let noop = request(0x0a).bytes();
    let lines = |server: &Server, frame: &[u8]| {
        let received = transcript(server.port, [frame, &noop]);
        replies(&received).iter().map(Reply::summary).collect::<Vec<_>>()
    };
    let unknown = "30 81 value=Unknown command";
    let keyed_unknown = Request { key: vec![0; 24], ..request(0x30) };
    let touched_with_value = Request { value: b"v".to_vec(), ..crate::frames::numbered(0x1c, "none", 0) };
    let verbosity = crate::frames::numbered(0x1b, "", 0);
    let two_noops = [&noop[..], &noop].concat();
    for (frame, by_larder, by_oracle) in [
        // memcached drops the length of the key twice, so it loses the next frame.
        (keyed_unknown.bytes(), &[unknown, "0a 0"][..], &[unknown][..]),
        (verbosity.bytes(), &["1b 0", "0a 0"], &["1b 81 value=Unknown command"]),
        // memcached replies and then parses the value as the next frame.
        (touched_with_value.bytes(), &["1c 4 value=Invalid arguments"], &["1c 1 value=Not found"]),
        (two_noops, &["0a 0", "0a 0", "0a 0"], &["0a 0", "0a 0", "0a 0"]),
    ] {
        assert_eq!(lines(&larder, &frame), by_larder, "larder to {}", head(&frame));
        assert_eq!(lines(&oracle, &frame), by_oracle, "memcached to {}", head(&frame));
    }
}
