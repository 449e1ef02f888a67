//! Runs streams against both servers and compares what came back.
//!
//! Between the groups of a stream both are asked for their version: that answer is in no other answer, so it cuts the
//! two transcripts into pieces that belong together. After each stream every key is read from both, which shows what
//! silent commands did and gives the cas uniques for the next stream.

use crate::cas_uniques::{Uniques, without_uniques};
use crate::corruption::corrupt;
use crate::phases::{Phase, phased_transcript};
use crate::random_commands::RandomCommands;
use crate::servers::Server;
use crate::transcript::transcript;
use crate::translation::{Step, translate};
use crate::version_rules::Answer;
use fastrand::Rng;
use memchr::memmem;
use std::collections::VecDeque;

const SEPARATOR: &[u8] = b"version\r\n";
const LARDER_VERSION: &[u8] = b"VERSION 1.6.45\r\n";
const ORACLE_VERSION: &[u8] = b"VERSION 1.6.18\r\n";

/// Commands of one stream.
pub const STREAM_COMMANDS: usize = 80;

/// A cas unique of a key that is not there; nobody counts so far.
const NO_UNIQUE: u64 = 999_999_999_999;

/// What both say of incr and decr on a value that is no number.
const NON_NUMERIC: &[u8] = b"CLIENT_ERROR cannot increment or decrement non-numeric value\r\n";

/// How often 1.6.18 may refuse a number for what lies behind it. Such numbers are rare, and so is a minus there.
const REFUSED_FOR_WHAT_LIES_BEHIND_MAX: usize = 3;

/// Groups shown before the one that failed.
const HISTORY_GROUPS: usize = 30;

/// Commands between two separators: their answers are compared as one.
#[derive(Default, Clone)]
struct Group {
    larder: Vec<u8>,
    oracle: Vec<u8>,
    answer: Option<&'static str>,
}

impl Group {
    fn of(step: Step) -> Group {
        let answer = match step.answer {
            Answer::AsOracle => None,
            Answer::Exactly(answer) => Some(answer),
        };
        Group { larder: step.larder, oracle: step.oracle, answer }
    }

    /// True for incr, decr and ma, which are the first of their group.
    fn is_arithmetic(&self) -> bool {
        [&b"incr"[..], b"decr", b"ma "].iter().any(|word| self.oracle.starts_with(word))
    }

    /// True where 1.6.18 refused a number of 2^63 or more because it looked for a minus behind it, in what another item
    /// left there. A bare `ma` does not show its number.
    fn was_refused_for_what_lies_behind(&self, larder: &[u8], oracle: &[u8]) -> bool {
        let mut words = self.oracle.split(|byte| byte.is_ascii_whitespace());
        let word = words.next().expect("the command");
        let step = words.nth(1).and_then(number);
        let is_large = |before: u64| before >= 1 << 63;
        self.is_arithmetic()
            && oracle.starts_with(NON_NUMERIC)
            && !larder.starts_with(NON_NUMERIC)
            && match (word, step, number(larder.split(|byte| *byte == b'\r').next().unwrap_or_default())) {
                (b"incr", Some(step), Some(after)) => is_large(after.wrapping_sub(step)),
                (b"decr", Some(step), Some(after)) => is_large(after.saturating_add(step)),
                _ => word == b"ma",
            }
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Both servers and what is known about them.
pub struct Session {
    pub larder: Server,
    pub oracle: Server,
    commands: RandomCommands,
    uniques: Uniques,
    /// Per key: its cas unique on larder, on the oracle.
    current: Vec<(u64, u64)>,
    streams: usize,
    refused_for_what_lies_behind: usize,
    /// What was sent last, at most [`HISTORY_GROUPS`] groups, for the message of a failure.
    previous: VecDeque<Vec<u8>>,
}

impl Session {
    pub fn start(commands: RandomCommands) -> Session {
        let current = vec![(NO_UNIQUE, NO_UNIQUE); commands.keys.len()];
        let (larder, oracle) = start_both();
        Session {
            larder,
            oracle,
            commands,
            uniques: Uniques::default(),
            current,
            streams: 0,
            refused_for_what_lies_behind: 0,
            previous: VecDeque::new(),
        }
    }

    /// Goes on with new servers, because those before no longer hold the same.
    fn start_afresh(&mut self) {
        (self.larder, self.oracle) = start_both();
        self.uniques = Uniques::default();
        self.current.fill((NO_UNIQUE, NO_UNIQUE));
        self.previous.clear();
    }

    /// One stream, of which a share of the commands is damaged.
    pub fn run_stream(&mut self, damaged_percent: u32) {
        let mut groups = Vec::new();
        for _ in 0..STREAM_COMMANDS {
            let steps = self.steps(damaged_percent);
            for group in steps.into_iter().map(Group::of) {
                let joins = group.answer.is_none() && !group.is_arithmetic() && self.commands.rng.bool();
                match groups.last_mut() {
                    Some(last @ Group { answer: None, .. }) if joins => {
                        last.larder.extend(group.larder);
                        last.oracle.extend(group.oracle);
                    }
                    _ => groups.push(group),
                }
            }
        }
        self.streams += 1;
        self.compare(&groups);
        self.compare_keys();
    }

    fn steps(&mut self, damaged_percent: u32) -> Vec<Step> {
        loop {
            let meta = self.commands.rng.u32(..3) == 0;
            let mut command = if meta { self.commands.next_meta() } else { self.commands.next() };
            if self.commands.rng.u32(..100) < damaged_percent {
                corrupt(&mut self.commands.rng, &mut command);
            }
            if let Some(steps) = translate(&command) {
                return steps;
            }
        }
    }

    fn compare(&mut self, groups: &[Group]) {
        let mut to_larder = SEPARATOR.to_vec();
        let mut to_oracle = vec![Phase { answers: 0, bytes: SEPARATOR.to_vec() }];
        for (at, group) in groups.iter().enumerate() {
            to_larder.extend_from_slice(&self.filled_in(&group.larder, |both| both.0));
            to_larder.extend_from_slice(SEPARATOR);
            if group.is_arithmetic() {
                to_oracle.push(Phase { answers: at + 1, bytes: Vec::new() });
            }
            let phase = to_oracle.last_mut().expect("the first one");
            phase.bytes.extend_from_slice(&self.filled_in(&group.oracle, |both| both.1));
            phase.bytes.extend_from_slice(SEPARATOR);
        }
        let rng = &mut self.commands.rng;
        let mut from = 0;
        let torn = tear(rng, to_larder.len()).into_iter().map(|len| {
            from += len;
            &to_larder[from - len..from]
        });
        let from_larder = transcript(self.larder.port, torn);
        let tear_oracle = |bytes: &[u8]| tear(rng, bytes.len());
        let from_oracle = phased_transcript(self.oracle.port, &to_oracle, ORACLE_VERSION, tear_oracle);
        let from_larder = pieces(&from_larder, LARDER_VERSION);
        let from_oracle = pieces(&from_oracle, ORACLE_VERSION);
        // Before the first separator there is nothing.
        for (at, group) in groups.iter().enumerate() {
            let larder = from_larder.get(at + 1).copied();
            let oracle = from_oracle.get(at + 1).copied();
            if let (Some(larder), Some(oracle)) = (larder, oracle)
                && group.was_refused_for_what_lies_behind(larder, oracle)
            {
                self.refused_for_what_lies_behind += 1;
                let times = self.refused_for_what_lies_behind;
                assert!(times <= REFUSED_FOR_WHAT_LIES_BEHIND_MAX, "too often:\n{}", shown(&group.larder));
                return self.start_afresh();
            }
            self.compare_group(group, larder, oracle);
            self.previous.push_back(group.larder.clone());
            if self.previous.len() > HISTORY_GROUPS {
                self.previous.pop_front();
            }
        }
        let ends = (from_larder.len(), from_oracle.len());
        assert_eq!(ends, (groups.len() + 2, groups.len() + 2), "stream {}: too many pieces", self.streams);
    }

    fn compare_group(&mut self, group: &Group, larder: Option<&[u8]>, oracle: Option<&[u8]>) {
        let (larder, oracle) = (larder.unwrap_or(b"<nothing more>"), oracle.unwrap_or(b"<nothing more>"));
        let (larder_text, larder_uniques) = without_uniques(larder);
        let (oracle_text, oracle_uniques) = without_uniques(oracle);
        let expected = group.answer.map_or(&oracle_text[..], str::as_bytes);
        let alike = larder_text == expected
            && (group.answer.is_some() || self.uniques.agree(&larder_uniques, &oracle_uniques));
        let silent = group.answer.is_none() || oracle.is_empty();
        assert!(
            alike && silent,
            "stream {}\n{}sent   {}\noracle {}\nlarder {}\nexpect {}\nanswer {}\n",
            self.streams,
            self.history(),
            shown(&group.larder),
            shown(&group.oracle),
            shown(larder),
            group.answer.map_or("the oracle's".to_owned(), |answer| shown(answer.as_bytes())),
            shown(oracle),
        );
    }

    fn history(&self) -> String {
        self.previous.iter().map(|sent| format!("behind {}\n", shown(sent))).collect()
    }

    /// Reads every key from both.
    fn compare_keys(&mut self) {
        for at in 0..self.commands.keys.len() {
            let request = [b"gets ", &self.commands.keys[at][..], b"\r\n"].concat();
            let larder = transcript(self.larder.port, [&request[..]]);
            let oracle = transcript(self.oracle.port, [&request[..]]);
            let group = Group { larder: request.clone(), oracle: request, answer: None };
            self.compare_group(&group, Some(&larder), Some(&oracle));
            let first = |uniques: Vec<u64>| uniques.first().copied().unwrap_or(NO_UNIQUE);
            self.current[at] = (first(without_uniques(&larder).1), first(without_uniques(&oracle).1));
        }
    }

    /// Puts a server's cas uniques where the placeholders are.
    fn filled_in(&self, stream: &[u8], side: fn(&(u64, u64)) -> u64) -> Vec<u8> {
        let mut filled = Vec::with_capacity(stream.len());
        let mut rest = stream;
        while let Some(at) = memmem::find(rest, b"{cas") {
            filled.extend_from_slice(&rest[..at]);
            match rest[at + 4..] {
                [digit @ b'0'..=b'9', b'}', ..] => {
                    let unique = side(&self.current[usize::from(digit - b'0')]);
                    filled.extend_from_slice(unique.to_string().as_bytes());
                    rest = &rest[at + 6..];
                }
                _ => {
                    filled.extend_from_slice(&rest[at..at + 4]);
                    rest = &rest[at + 4..];
                }
            }
        }
        filled.extend_from_slice(rest);
        filled
    }
}

fn start_both() -> (Server, Server) {
    let (larder, oracle) = (Server::larder(), Server::oracle());
    for server in [&larder, &oracle] {
        // So that no item has the oldest unique.
        transcript(server.port, [&b"set first 0 0 1\r\n1\r\nset first 0 0 1\r\n1\r\n"[..]]);
    }
    (larder, oracle)
}

/// Lengths of the pieces in which a stream is sent: one, some, or very many.
pub fn tear(rng: &mut Rng, stream_len: usize) -> Vec<usize> {
    let longest = match rng.u32(..3) {
        0 => stream_len,
        1 => 4000,
        _ => 60,
    };
    // A large value is not worth a hundred thousand writes.
    let longest = longest.max(stream_len / 2000).max(1);
    let mut lens = Vec::new();
    let mut left = stream_len;
    while left > 0 {
        let len = rng.usize(1..=longest).min(left);
        lens.push(len);
        left -= len;
    }
    lens
}

/// What stands before, between and behind the separators.
fn pieces<'a>(transcript: &'a [u8], separator: &[u8]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    let mut rest = transcript;
    while let Some(at) = memmem::find(rest, separator) {
        pieces.push(&rest[..at]);
        rest = &rest[at + separator.len()..];
    }
    pieces.push(rest);
    pieces
}

/// Bytes for people, the middle of long ones left out.
fn shown(bytes: &[u8]) -> String {
    const END: usize = 600;
    if bytes.len() <= 2 * END {
        return bytes.escape_ascii().to_string();
    }
    let (head, tail) = (&bytes[..END], &bytes[bytes.len() - END..]);
    format!("{} ... {} bytes ... {}", head.escape_ascii(), bytes.len() - 2 * END, tail.escape_ascii())
}
