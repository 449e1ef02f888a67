//! The binary protocol on both servers: the same random frames, whole and damaged, torn at random; the same replies.
//!
//! Every request carries a number of its own in its opaque field, so a reply is known to belong to it. After each
//! stream every key is read from both, which shows what silent commands did and gives the cas uniques for the next.

mod corruption;
mod random_requests;

use crate::binary::random_requests::{Frames, Planned};
use crate::cas_uniques::Uniques;
use crate::counters::counters;
use crate::frames::{Reply, Request, keyed, replies, request};
use crate::phases::{Phase, phased_transcript};
use crate::seed::{number, seeded};
use crate::servers::Server;
use crate::text_session::tear;
use crate::transcript::transcript;
use corruption::corrupted;

const SEED: &str = "LARDER_ORACLE_SEED";
const COMMANDS: &str = "LARDER_ORACLE_COMMANDS";
const COMMANDS_DEFAULT: u64 = 200_000;
const STREAM_COMMANDS: u64 = 60;

/// Opaque number of the Noop behind which memcached has sent all that it owes (see `phases.rs`).
const PAUSE: u32 = 0xF00D_F00D;

/// Opaque number of the damaged frame. If the damage left it valid, memcached executes it, sees that what follows is no
/// frame, and forgets the reply.
const DAMAGED: u32 = u32::MAX;

/// Behind a damaged frame come so many zeros: memcached waits for all of a key, of whatever length, before it refuses.
const TAIL_BYTES: usize = 70_000;

struct Session {
    larder: Server,
    oracle: Server,
    frames: Frames,
    uniques: Uniques,
    /// Per key: its cas unique on larder, on the oracle.
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

    /// One stream, closed by a damaged frame if that is asked for.
    fn run_stream(&mut self, with_damage: bool) {
        self.streams += 1;
        let planned: Vec<Planned> = (0..STREAM_COMMANDS).map(|_| self.frames.next()).collect();
        let tail = if with_damage { corrupted(&mut self.frames) } else { request(0x07).bytes() };
        let mut to_larder = Vec::new();
        let mut to_oracle = vec![Phase { answers: 0, bytes: Vec::new() }];
        let mut pauses = 0;
        let mut send = |larder: &[u8], oracle: &[u8], behind_pause: bool| {
            if behind_pause {
                let pause = request(0x0a).opaque(PAUSE).bytes();
                to_larder.extend_from_slice(&pause);
                to_oracle.last_mut().expect("the first one").bytes.extend_from_slice(&pause);
                pauses += 1;
                to_oracle.push(Phase { answers: pauses, bytes: Vec::new() });
            }
            to_larder.extend_from_slice(larder);
            to_oracle.last_mut().expect("the first one").bytes.extend_from_slice(oracle);
        };
        for (opaque, planned) in (1..).zip(&planned) {
            let (larder, oracle) = planned.filled_in(&self.current);
            send(&larder.opaque(opaque).bytes(), &oracle.opaque(opaque).bytes(), planned.counts());
        }
        // memcached forgets unsent replies when it hangs up.
        send(&tail, &tail, with_damage);
        let from_larder = self.heard_from_larder(&to_larder);
        let mut mark = vec![0x81, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        mark.extend(PAUSE.to_be_bytes());
        mark.extend([0; 8]);
        let rng = &mut self.frames.rng;
        let from_oracle =
            phased_transcript(self.oracle.port, &to_oracle, &mark, |bytes| tear(rng, bytes.len()));
        self.compare(&replies(&from_larder), &replies(&from_oracle), &planned, &tail);
        self.compare_keys();
    }

    fn heard_from_larder(&mut self, stream: &[u8]) -> Vec<u8> {
        let mut from = 0;
        let torn = tear(&mut self.frames.rng, stream.len()).into_iter().map(|len| {
            from += len;
            &stream[from - len..from]
        });
        transcript(self.larder.port, torn)
    }

    fn compare(&mut self, larder: &[Reply], oracle: &[Reply], planned: &[Planned], tail: &[u8]) {
        for at in 0..larder.len().max(oracle.len()) {
            let (by_larder, by_oracle) = (larder.get(at), oracle.get(at));
            let alike = match (by_larder, by_oracle) {
                (Some(larder), Some(oracle)) => {
                    Reply { cas: 0, ..larder.clone() } == Reply { cas: 0, ..oracle.clone() }
                        && (larder.cas == 0) == (oracle.cas == 0)
                        && (larder.cas == 0 || self.uniques.agree(&[larder.cas], &[oracle.cas]))
                }
                (Some(reply), None) if reply.opaque == DAMAGED && reply.status <= 1 => true,
                // What the damage left is no header: larder says so and closes, memcached waits for its key.
                (Some(reply), None) => !tail.is_empty() && at + 1 == larder.len() && reply.status == 4,
                _ => false,
            };
            let shown = |reply: Option<&Reply>| match reply {
                Some(reply) => format!("{} to {}, cas {}", reply.summary(), reply.opaque, reply.cas),
                None => "nothing".to_owned(),
            };
            let asked = by_larder
                .or(by_oracle)
                .and_then(|reply| planned.get((reply.opaque as usize).wrapping_sub(1)));
            assert!(
                alike,
                "stream {}, reply {at}\nsent   {}\nlarder {}\noracle {}",
                self.streams,
                asked.map_or_else(|| head(tail), |planned| planned.to_string()),
                shown(by_larder),
                shown(by_oracle),
            );
        }
    }

    /// Reads every key from both.
    fn compare_keys(&mut self) {
        let gets = self.frames.keys.iter().map(|key| keyed(0x0c, key)).collect::<Vec<Request>>();
        let stream: Vec<u8> = gets.iter().flat_map(Request::bytes).collect();
        let larder = replies(&transcript(self.larder.port, [&stream[..]]));
        let oracle = replies(&transcript(self.oracle.port, [&stream[..]]));
        self.compare(&larder, &oracle, &[], b"the reading of all keys");
        let unique = |reply: &Reply| if reply.cas == 0 { random_requests::NO_UNIQUE } else { reply.cas };
        self.current =
            larder.iter().zip(&oracle).map(|(larder, oracle)| (unique(larder), unique(oracle))).collect();
    }
}

/// The start of some bytes, for people.
fn head(bytes: &[u8]) -> String {
    bytes[..bytes.len().min(80)].escape_ascii().to_string()
}

#[test]
fn random_frames_are_answered_as_memcached_answers_them() {
    let mut session = Session::start();
    let streams = number(COMMANDS, COMMANDS_DEFAULT).div_ceil(STREAM_COMMANDS);
    for stream in 0..streams {
        session.run_stream(stream % 2 == 1);
    }
}

#[test]
fn valid_frames_move_the_same_counters() {
    let mut session = Session::start();
    for stream in 1..=60 {
        session.run_stream(false);
        assert_eq!(counters(&session.larder), counters(&session.oracle), "behind stream {stream}");
    }
}

/// Frames on which larder and memcached part, each shown to be one; and what is easily got wrong.
#[test]
fn differences_are_the_listed_ones() {
    let (larder, oracle) = (Server::larder(), Server::oracle());
    let noop = request(0x0a).bytes();
    let lines = |server: &Server, frame: &[u8]| {
        let heard = transcript(server.port, [frame, &noop]);
        replies(&heard).iter().map(Reply::summary).collect::<Vec<_>>()
    };
    let unknown = "30 81 value=Unknown command";
    let keyed_unknown = Request { key: vec![0; 24], ..request(0x30) };
    let touched_with_value = Request { value: b"v".to_vec(), ..crate::frames::numbered(0x1c, "none", 0) };
    let verbosity = crate::frames::numbered(0x1b, "", 0);
    let two_noops = [&noop[..], &noop].concat();
    for (frame, by_larder, by_oracle) in [
        // memcached drops the key once more, and so what follows.
        (keyed_unknown.bytes(), &[unknown, "0a 0"][..], &[unknown][..]),
        (verbosity.bytes(), &["1b 0", "0a 0"], &["1b 81 value=Unknown command"]),
        // memcached answers, and takes the value for the next frame.
        (touched_with_value.bytes(), &["1c 4 value=Invalid arguments"], &["1c 1 value=Not found"]),
        (two_noops, &["0a 0", "0a 0", "0a 0"], &["0a 0", "0a 0", "0a 0"]),
    ] {
        assert_eq!(lines(&larder, &frame), by_larder, "larder to {}", head(&frame));
        assert_eq!(lines(&oracle, &frame), by_oracle, "memcached to {}", head(&frame));
    }
}
