//! `flush_all` with a delay, in real time: the version compared with cannot move its clock.
//!
//! Both servers count whole seconds and show them in `stats`. A sample asks for them before and after the rest, and counts
//! only if no second has ended in between.

use crate::servers::Server;
use crate::transcript::transcript;
use std::collections::BTreeSet;
use std::thread::{scope, sleep};
use std::time::Duration;

/// Between two samples.
const PAUSE: Duration = Duration::from_millis(5);

/// Flushes after which a second without a sample that counts is given up.
const ROUNDS_MAX: u32 = 10;

/// What is seen of a delayed flush in one second.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Seen {
    /// Seconds since the command.
    since_secs: u64,
    /// What was stored before the command is there.
    early: bool,
    /// What is stored now is there at once.
    fresh: bool,
    /// What was stored now is there at the end.
    lasting: bool,
}

/// The delay in seconds, and true if it is told as a Unix time.
const DELAYS: [(u64, bool); 4] = [(1, false), (2, false), (3, false), (2, true)];

#[test]
fn a_delayed_flush_takes_what_memcached_takes() {
    scope(|scope| {
        for (delay, absolute) in DELAYS {
            for oracle in [false, true] {
                scope.spawn(move || {
                    let server = if oracle { Server::oracle() } else { Server::larder() };
                    assert_eq!(
                        seen(&server, delay, absolute),
                        expected(delay),
                        "flush_all {delay}, absolute: {absolute}, by memcached: {oracle}"
                    );
                });
            }
        }
    });
}

/// The flush begins a second early and takes what is stored in that second; it takes nothing that is stored later.
fn expected(delay: u64) -> BTreeSet<Seen> {
    let second = |since_secs: u64| {
        let (early, kept) = (since_secs + 1 < delay, since_secs >= delay);
        Seen { since_secs, early, fresh: early || kept, lasting: kept }
    };
    (0..=delay + 1).map(second).collect()
}

/// All that is seen of flushes up to the second after their time.
fn seen(server: &Server, delay: u64, absolute: bool) -> BTreeSet<Seen> {
    let mut seen = BTreeSet::new();
    for round in 0..ROUNDS_MAX {
        seen.extend(seen_once(server, delay, absolute, round));
        let seconds: BTreeSet<u64> = seen.iter().map(|seen| seen.since_secs).collect();
        if seconds.len() as u64 == delay + 2 {
            break;
        }
    }
    seen
}

/// What the samples of one flush see; nothing if its own second is not known.
fn seen_once(server: &Server, delay: u64, absolute: bool, round: u32) -> Vec<Seen> {
    let now = |answer: &str| answer.split_once("STAT time ").and_then(|(_, rest)| number(rest));
    let ask = |request: &str| String::from_utf8(transcript(server.port, [request.as_bytes()])).unwrap();
    let Some(begin_secs) = now(&ask("stats\r\n")) else { panic!("no time") };
    let told = if absolute { begin_secs + delay } else { delay };
    let began = ask(&format!("set early 0 0 1\r\nx\r\nflush_all {told}\r\nstats\r\n"));
    assert!(began.starts_with("STORED\r\nOK\r\n"), "{began}");
    if now(&began) != Some(begin_secs) {
        return Vec::new();
    }
    let mut samples = Vec::new();
    for sample in 0.. {
        let key = format!("{round}:{sample}");
        let answer = ask(&format!("stats\r\nget early\r\nset {key} 0 0 1\r\nx\r\nget {key}\r\nstats\r\n"));
        let (before, after) = answer.split_once("STORED\r\n").expect("it stores");
        let secs = now(before).expect("a time");
        if secs > begin_secs + delay + 1 {
            break;
        }
        if now(after) == Some(secs) {
            let early = before.contains("VALUE early");
            samples.push((key.clone(), secs - begin_secs, early, after.contains(&format!("VALUE {key} "))));
        }
        sleep(PAUSE);
    }
    let seen = samples.into_iter().map(|(key, since_secs, early, fresh)| {
        let lasting = ask(&format!("get {key}\r\n")).starts_with("VALUE ");
        Seen { since_secs, early, fresh, lasting }
    });
    seen.collect()
}

/// The number at the beginning of a text.
fn number(text: &str) -> Option<u64> {
    text.split("\r\n").next()?.parse().ok()
}
