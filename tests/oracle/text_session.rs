//! Sends streams of text commands to both servers and compares their replies.
//!
//! Between the groups of a stream both servers get `version`. Its reply is part of no other reply, so it splits the two
//! transcripts into pieces that correspond. After each stream every key is read from both servers. This shows the
//! effects of silent commands and yields the CAS uniques for the next stream.

use crate::cas_uniques::{Uniques, without_uniques};
use crate::corruption::corrupt;
use crate::phases::{Phase, phased_transcript};
use crate::random_commands::RandomCommands;
use crate::servers::Server;
use crate::transcript::transcript;
use crate::translation::{Step, translate};
use crate::version_rules::Expected;
use fastrand::Rng;
use memchr::memmem;
use std::collections::VecDeque;

const SEPARATOR: &[u8] = b"version\r\n";
const LARDER_VERSION: &[u8] = b"VERSION 1.6.45\r\n";
const ORACLE_VERSION: &[u8] = b"VERSION 1.6.18\r\n";

/// Commands of one stream.
pub const STREAM_COMMANDS: usize = 80;

/// A CAS unique for keys without an item; larger than any real one.
const NO_UNIQUE: u64 = 999_999_999_999;

/// The reply of both servers to incr and decr of a value that is not a number.
const NON_NUMERIC: &[u8] = b"CLIENT_ERROR cannot increment or decrement non-numeric value\r\n";

/// How often 1.6.18 may refuse a number because of the bytes after it. Numbers that large are rare, and so is a minus
/// after one.
const OVERREAD_REFUSALS_MAX: usize = 3;

/// How often larder may refuse a text of more than 20 digits that 1.6.18 counts. Appends make such texts, rarely.
const LONG_TEXT_REFUSALS_MAX: usize = 12;

/// Groups that a failure shows in addition to the failed one.
const HISTORY_GROUPS: usize = 30;

/// Commands between two separators. Their replies are compared as a whole.
#[derive(Default, Clone)]
struct Group {
    larder: Vec<u8>,
    oracle: Vec<u8>,
    expected: Option<&'static str>,
}

impl Group {
    fn of(step: Step) -> Group {
        let expected = match step.expected {
            Expected::AsMemcached => None,
            Expected::Exactly(expected) => Some(expected),
        };
        Group { larder: step.larder, oracle: step.oracle, expected }
    }

    /// True for incr, decr and ma. Such a command starts its group.
    fn is_arithmetic(&self) -> bool {
        [&b"incr"[..], b"decr", b"ma "].iter().any(|word| self.oracle.starts_with(word))
    }

    /// True if 1.6.18 counted a text with more than 20 digits, which larder refuses.
    fn was_refused_for_digits(&self, larder: &[u8], oracle: &[u8]) -> bool {
        self.is_arithmetic() && larder.starts_with(NON_NUMERIC) && !oracle.starts_with(NON_NUMERIC)
    }

    /// True if 1.6.18 refused a number of 2^63 or more because it read past the value and found a minus that another
    /// item had left there. The reply to a bare `ma` does not show the number.
    fn was_refused_after_overread(&self, larder: &[u8], oracle: &[u8]) -> bool {
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

/// Both servers and the known state of their keys.
pub struct Session {
    pub larder: Server,
    pub oracle: Server,
    commands: RandomCommands,
    uniques: Uniques,
    /// The CAS uniques of each key on larder and on memcached.
    current: Vec<(u64, u64)>,
    streams: usize,
    overread_refusals: usize,
    long_text_refusals: usize,
    /// The last groups sent, at most [`HISTORY_GROUPS`], for the message of a failure.
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
            overread_refusals: 0,
            long_text_refusals: 0,
            previous: VecDeque::new(),
        }
    }

    /// Starts new servers, because the old ones no longer hold the same items.
    fn restart_servers(&mut self) {
        (self.larder, self.oracle) = start_both();
        self.uniques = Uniques::default();
        self.current.fill((NO_UNIQUE, NO_UNIQUE));
        self.previous.clear();
    }

    /// Sends one stream, in which a share of the commands is corrupted.
    pub fn run_stream(&mut self, corrupted_percent: u32) {
        let mut groups = Vec::new();
        for _ in 0..STREAM_COMMANDS {
            let steps = self.steps(corrupted_percent);
            for group in steps.into_iter().map(Group::of) {
                let joins = group.expected.is_none() && !group.is_arithmetic() && self.commands.rng.bool();
                match groups.last_mut() {
                    Some(last @ Group { expected: None, .. }) if joins => {
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

    fn steps(&mut self, corrupted_percent: u32) -> Vec<Step> {
        loop {
            let meta = self.commands.rng.u32(..3) == 0;
            let mut command = if meta { self.commands.next_meta() } else { self.commands.next() };
            if self.commands.rng.u32(..100) < corrupted_percent {
                corrupt(&mut self.commands.rng, &mut command);
            }
            if let Some(steps) = translate(&command) {
                return steps;
            }
        }
    }

    fn compare(&mut self, groups: &[Group]) {
        let mut to_larder = SEPARATOR.to_vec();
        let mut to_oracle = vec![Phase { separators: 0, bytes: SEPARATOR.to_vec() }];
        for (at, group) in groups.iter().enumerate() {
            to_larder.extend_from_slice(&self.filled_in(&group.larder, |both| both.0));
            to_larder.extend_from_slice(SEPARATOR);
            if group.is_arithmetic() {
                to_oracle.push(Phase { separators: at + 1, bytes: Vec::new() });
            }
            let phase = to_oracle.last_mut().expect("the first one");
            phase.bytes.extend_from_slice(&self.filled_in(&group.oracle, |both| both.1));
            phase.bytes.extend_from_slice(SEPARATOR);
        }
        let rng = &mut self.commands.rng;
        let mut from = 0;
        let pieces = split_lengths(rng, to_larder.len()).into_iter().map(|len| {
            from += len;
            &to_larder[from - len..from]
        });
        let from_larder = transcript(self.larder.port, pieces);
        let split_oracle = |bytes: &[u8]| split_lengths(rng, bytes.len());
        let from_oracle = phased_transcript(self.oracle.port, &to_oracle, ORACLE_VERSION, split_oracle);
        let ends = format!("larder: {from_larder}\nmemcached: {from_oracle}");
        let from_larder = split_at_separators(&from_larder, LARDER_VERSION);
        let from_oracle = split_at_separators(&from_oracle, ORACLE_VERSION);
        // The first piece is empty: the stream begins with a separator.
        for (at, group) in groups.iter().enumerate() {
            let larder = from_larder.get(at + 1).copied();
            let oracle = from_oracle.get(at + 1).copied();
            if let (Some(larder), Some(oracle)) = (larder, oracle)
                && group.was_refused_after_overread(larder, oracle)
            {
                self.overread_refusals += 1;
                let times = self.overread_refusals;
                assert!(times <= OVERREAD_REFUSALS_MAX, "too often:\n{}", shown(&group.larder));
                return self.restart_servers();
            }
            if let (Some(larder), Some(oracle)) = (larder, oracle)
                && group.was_refused_for_digits(larder, oracle)
            {
                self.long_text_refusals += 1;
                let times = self.long_text_refusals;
                assert!(times <= LONG_TEXT_REFUSALS_MAX, "too often:\n{}", shown(&group.larder));
                return self.restart_servers();
            }
            self.compare_group(group, larder, oracle, &ends);
            self.previous.push_back(group.larder.clone());
            if self.previous.len() > HISTORY_GROUPS {
                self.previous.pop_front();
            }
        }
        let counts = (from_larder.len(), from_oracle.len());
        let expected = groups.len() + 2;
        assert_eq!(
            counts,
            (expected, expected),
            "stream {}: pieces of larder, memcached\n{ends}",
            self.streams
        );
    }

    /// `ends` says how both connections ended, for the message of a failure.
    fn compare_group(&mut self, group: &Group, larder: Option<&[u8]>, oracle: Option<&[u8]>, ends: &str) {
        let (larder, oracle) = (larder.unwrap_or(b"<no reply>"), oracle.unwrap_or(b"<no reply>"));
        let (larder_text, larder_uniques) = without_uniques(larder);
        let (oracle_text, oracle_uniques) = without_uniques(oracle);
        let expected = group.expected.map_or(&oracle_text[..], str::as_bytes);
        let alike = larder_text == expected
            && (group.expected.is_some() || self.uniques.agree(&larder_uniques, &oracle_uniques));
        // A group with a reply of its own sends nothing to memcached.
        let silent = group.expected.is_none() || oracle.is_empty();
        assert!(
            alike && silent,
            "stream {}\n{}sent to larder     {}\nsent to memcached  {}\nlarder replied     {}\n\
            expected           {}\nmemcached replied  {}\n{ends}\n",
            self.streams,
            self.history(),
            shown(&group.larder),
            shown(&group.oracle),
            shown(larder),
            group.expected.map_or("memcached's reply".to_owned(), |expected| shown(expected.as_bytes())),
            shown(oracle),
        );
    }

    fn history(&self) -> String {
        self.previous.iter().map(|sent| format!("sent before        {}\n", shown(sent))).collect()
    }

    /// Reads every key from both servers.
    fn compare_keys(&mut self) {
        for at in 0..self.commands.keys.len() {
            let request = [b"gets ", &self.commands.keys[at][..], b"\r\n"].concat();
            let larder = transcript(self.larder.port, [&request[..]]);
            let oracle = transcript(self.oracle.port, [&request[..]]);
            let group = Group { larder: request.clone(), oracle: request, expected: None };
            let ends = format!("larder: {larder}\nmemcached: {oracle}");
            self.compare_group(&group, Some(&larder), Some(&oracle), &ends);
            let first = |uniques: Vec<u64>| uniques.first().copied().unwrap_or(NO_UNIQUE);
            self.current[at] = (first(without_uniques(&larder).1), first(without_uniques(&oracle).1));
        }
    }

    /// Replaces the placeholders by the CAS uniques of one server.
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
        // Uses up the lowest unique, so that no item of the test has it.
        transcript(server.port, [&b"set first 0 0 1\r\n1\r\nset first 0 0 1\r\n1\r\n"[..]]);
    }
    (larder, oracle)
}

/// Random lengths of the pieces in which a stream is sent: one, some, or very many pieces.
pub fn split_lengths(rng: &mut Rng, stream_len: usize) -> Vec<usize> {
    let longest = match rng.u32(..3) {
        0 => stream_len,
        1 => 4000,
        _ => 60,
    };
    // At most about 4000 pieces.
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

/// The bytes before, between and after the separators.
fn split_at_separators<'a>(transcript: &'a [u8], separator: &[u8]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    let mut rest = transcript;
    while let Some(at) = memmem::find(rest, separator) {
        pieces.push(&rest[..at]);
        rest = &rest[at + separator.len()..];
    }
    pieces.push(rest);
    pieces
}

/// Escaped bytes, without the middle of a long text.
fn shown(bytes: &[u8]) -> String {
    const END: usize = 600;
    if bytes.len() <= 2 * END {
        return bytes.escape_ascii().to_string();
    }
    let (head, tail) = (&bytes[..END], &bytes[bytes.len() - END..]);
    format!("{} ... {} bytes ... {}", head.escape_ascii(), bytes.len() - 2 * END, tail.escape_ascii())
}
