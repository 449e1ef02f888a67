//! Replays a trace on five servers, one after the other. At the end, the advisor of the middle one is asked.

use super::outcome::{Outcome, PRESENT, QUARTERS};
use super::support::Failure;
use super::trace::Trace;
use super::wire::Player;
use larder::tools::percent_decoded;
use std::collections::HashMap;
use std::str::FromStr;

/// Parts of a trace; the server's statistics are read after each.
const PARTS: usize = 200;

/// Statistics of a server after a part.
struct PartStats {
    hits: u64,
    misses: u64,
    /// Sampled reads of its advisor; fewer than before mean that it has halved its counts.
    sampled_reads: u64,
}

/// Statistics after each part, and the reply of `stats advisor` at the end.
struct ServerReplay {
    parts: Vec<PartStats>,
    advice: HashMap<String, String>,
}

/// Replays a trace on servers of all five sizes.
pub fn outcome(command: &str, trace: &Trace, memory_mib: u64) -> Result<Outcome, Failure> {
    let mut replays = Vec::new();
    for quarters in QUARTERS {
        replays.push(ServerReplay::of(command, trace, memory_mib * quarters / 4)?);
    }
    let present = &replays[PRESENT];
    let advice = &present.advice;
    let predicted =
        [25, 50, 100, 200, 400].map(|percent| stat::<f64>(advice, &format!("{percent}:hit_percent")));
    let word = |name| stat::<String>(advice, name);
    Ok(Outcome {
        predicted: predicted.into_iter().flatten().map(|percent| percent / 100.0).collect(),
        real: std::array::from_fn(|size| replays[size].hit_ratio_weighted_as(present)),
        notes: format!(
            "{}\n  {} reads, {} keys, share {}, measured {} %",
            String::from_utf8_lossy(&percent_decoded(word("advice")?.as_bytes())),
            word("requests")?,
            word("keys")?,
            word("sampled_share")?,
            word("hit_percent")?,
        ),
    })
}

fn stat<T: FromStr>(stats: &HashMap<String, String>, name: &str) -> Result<T, Failure> {
    let value = stats.get(name).ok_or_else(|| format!("no {name}"))?;
    value.parse().map_err(|_| format!("{name} {value}").into())
}

impl ServerReplay {
    fn of(command: &str, trace: &Trace, memory_mib: u64) -> Result<ServerReplay, Failure> {
        let mut player = Player::start(command, memory_mib, trace)?;
        let (mut parts, mut advice) = (Vec::new(), HashMap::new());
        let requests = trace.requests.len();
        for part in 0..PARTS {
            player.play(part * requests / PARTS, (part + 1) * requests / PARTS)?;
            advice = player.stats("advisor")?;
            let stats = player.stats("")?;
            parts.push(PartStats {
                hits: stat(&stats, "get_hits")?,
                misses: stat(&stats, "get_misses")?,
                sampled_reads: stat(&advice, "requests")?,
            });
        }
        Ok(ServerReplay { parts, advice })
    }

    /// Hits per read; older reads are halved whenever the advisor of `other` has halved its counts.
    fn hit_ratio_weighted_as(&self, other: &ServerReplay) -> f64 {
        let (mut hits, mut reads) = (0.0, 0.0);
        let mut before = &PartStats { hits: 0, misses: 0, sampled_reads: 0 };
        let mut sampled_reads = 0;
        for (part, theirs) in self.parts.iter().zip(&other.parts) {
            hits += (part.hits - before.hits) as f64;
            reads += (part.hits + part.misses - before.hits - before.misses) as f64;
            if theirs.sampled_reads < sampled_reads {
                hits /= 2.0;
                reads /= 2.0;
            }
            sampled_reads = theirs.sampled_reads;
            before = part;
        }
        hits / reads
    }
}
