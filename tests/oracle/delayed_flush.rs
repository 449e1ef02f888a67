//! `flush_all` with a delay, in real time, because memcached 1.6.18 has no manual clock.
//!
//! Both servers count whole seconds and report them in `stats`. A sample reads the time before and after its commands
//! and is discarded unless both are equal.

use crate::servers::Server;
use crate::transcript::transcript;
use std::collections::BTreeSet;
use std::thread::{scope, sleep};
use std::time::Duration;

/// The time between two samples.
const PAUSE: Duration = Duration::from_millis(5);

/// Flushes until every second must have a sample. More than one is needed on a busy machine only.
const ROUNDS_MAX: u32 = 60;

/// The effect of a delayed flush in one second.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Effect {
    /// Seconds since the command.
    since_secs: u64,
    /// An item stored before the command is present.
    early: bool,
    /// An item stored in this second is present at once.
    fresh: bool,
    /// An item stored in this second is present at the end.
    lasting: bool,
}

/// The delay in seconds, and true if it is sent as a Unix time.
const DELAYS: [(u64, bool); 4] = [(1, false), (2, false), (3, false), (2, true)];

#[test]
fn a_delayed_flush_removes_the_same_items_as_in_memcached() {
    scope(|scope| {
        for (delay, absolute) in DELAYS {
            for oracle in [false, true] {
                scope.spawn(move || {
                    let server = if oracle { Server::oracle() } else { Server::larder() };
                    assert_eq!(
                        observe(&server, delay, absolute),
                        expected(delay),
                        "flush_all {delay}, absolute: {absolute}, by memcached: {oracle}"
                    );
                });
            }
        }
    });
}

/// The flush begins one second early. It removes items stored in that second and none that are stored later.
fn expected(delay: u64) -> BTreeSet<Effect> {
    let second = |since_secs: u64| {
        let (early, kept) = (since_secs + 1 < delay, since_secs >= delay);
        Effect { since_secs, early, fresh: early || kept, lasting: kept }
    };
    (0..=delay + 1).map(second).collect()
}

/// The effects of repeated flushes, up to the second after the delay.
fn observe(server: &Server, delay: u64, absolute: bool) -> BTreeSet<Effect> {
    let mut effects = BTreeSet::new();
    for round in 0..ROUNDS_MAX {
        effects.extend(observe_once(server, delay, absolute, round));
        let seconds: BTreeSet<u64> = effects.iter().map(|effect| effect.since_secs).collect();
        if seconds.len() as u64 == delay + 2 {
            break;
        }
    }
    effects
}

/// The effects of one flush; none if the second of the flush is not known.
fn observe_once(server: &Server, delay: u64, absolute: bool, round: u32) -> Vec<Effect> {
    let now = |answer: &str| answer.split_once("STAT time ").and_then(|(_, rest)| number(rest));
    let ask = |request: &str| String::from_utf8(transcript(server.port, [request.as_bytes()]).bytes).unwrap();
    let Some(begin_secs) = now(&ask("stats\r\n")) else { panic!("no time") };
    let argument = if absolute { begin_secs + delay } else { delay };
    let began = ask(&format!("set early 0 0 1\r\nx\r\nflush_all {argument}\r\nstats\r\n"));
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
    let effects = samples.into_iter().map(|(key, since_secs, early, fresh)| {
        let lasting = ask(&format!("get {key}\r\n")).starts_with("VALUE ");
        Effect { since_secs, early, fresh, lasting }
    });
    effects.collect()
}

/// The number at the beginning of a text.
fn number(text: &str) -> Option<u64> {
    text.split("\r\n").next()?.parse().ok()
}
