//! Random splits of a stream, as a network can produce them.

use fastrand::Rng;

/// The stream in about `pieces` pieces at most, of random lengths with a random maximum.
pub fn random_splits<'a>(rng: &mut Rng, stream: &'a [u8], pieces: usize) -> Vec<&'a [u8]> {
    let longest = [1, 7, 500, 20_000, usize::MAX][rng.usize(..5)].max(stream.len() / pieces);
    let mut split = Vec::new();
    let mut rest = stream;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rng.usize(1..=longest.min(rest.len())));
        split.push(piece);
        rest = after;
    }
    split
}
