//! Five servers, one after the other on the same trace; the advisor of the middle one is asked at the end.

use super::support::Failure;
use super::trace::Trace;
use super::wire::Player;
use super::{Outcome, PRESENT, QUARTERS};
use larder::tools::percent_decoded;
use std::collections::HashMap;
use std::str::FromStr;

/// Parts of a trace, after each of which a server is asked how it stands.
const PARTS: usize = 200;

/// How a server stood after a part.
struct Standing {
    hits: u64,
    misses: u64,
    /// What its advisor rested on; less than before means that it has halved its counts.
    rested_on: u64,
}

/// What became of a server: how it stood after each part, and what its advisor said at the end.
struct Course {
    standings: Vec<Standing>,
    advice: HashMap<String, String>,
}

/// Replays a trace on servers around this size.
pub fn outcome(command: &str, trace: &Trace, memory_mib: u64) -> Result<Outcome, Failure> {
    let mut courses = Vec::new();
    for quarters in QUARTERS {
        courses.push(Course::of(command, trace, memory_mib * quarters / 4)?);
    }
    let present = &courses[PRESENT];
    let advice = &present.advice;
    let predicted =
        [25, 50, 100, 200, 400].map(|percent| figure::<f64>(advice, &format!("{percent}:hit_percent")));
    let word = |name| figure::<String>(advice, name);
    Ok(Outcome {
        predicted: predicted.into_iter().flatten().map(|percent| percent / 100.0).collect(),
        real: std::array::from_fn(|size| courses[size].weighed_as(present)),
        told: format!(
            "{}\n  {} reads, {} keys, share {}, measured {} %",
            String::from_utf8_lossy(&percent_decoded(word("advice")?.as_bytes())),
            word("requests")?,
            word("keys")?,
            word("sampled_share")?,
            word("hit_percent")?,
        ),
    })
}

fn figure<T: FromStr>(stats: &HashMap<String, String>, name: &str) -> Result<T, Failure> {
    let value = stats.get(name).ok_or_else(|| format!("no {name}"))?;
    value.parse().map_err(|_| format!("{name} {value}").into())
}

impl Course {
    fn of(command: &str, trace: &Trace, memory_mib: u64) -> Result<Course, Failure> {
        let mut player = Player::start(command, memory_mib, trace)?;
        let (mut standings, mut advice) = (Vec::new(), HashMap::new());
        let requests = trace.requests.len();
        for part in 0..PARTS {
            player.play(part * requests / PARTS, (part + 1) * requests / PARTS)?;
            advice = player.stats("advisor")?;
            let stats = player.stats("")?;
            standings.push(Standing {
                hits: figure(&stats, "get_hits")?,
                misses: figure(&stats, "get_misses")?,
                rested_on: figure(&advice, "requests")?,
            });
        }
        Ok(Course { standings, advice })
    }

    /// Hits per read, older ones weighing half each time that the advisor of `other` has halved its counts.
    fn weighed_as(&self, other: &Course) -> f64 {
        let (mut hits, mut reads) = (0.0, 0.0);
        let mut before = &Standing { hits: 0, misses: 0, rested_on: 0 };
        let mut rested_on = 0;
        for (standing, theirs) in self.standings.iter().zip(&other.standings) {
            hits += (standing.hits - before.hits) as f64;
            reads += (standing.hits + standing.misses - before.hits - before.misses) as f64;
            if theirs.rested_on < rested_on {
                hits /= 2.0;
                reads /= 2.0;
            }
            rested_on = theirs.rested_on;
            before = standing;
        }
        hits / reads
    }
}
