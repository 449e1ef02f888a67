//! A stream torn into pieces at random, as a network may.

use fastrand::Rng;

/// Pieces of random length, of some random bound; not many more than `pieces` of them.
pub fn tear<'a>(rng: &mut Rng, stream: &'a [u8], pieces: usize) -> Vec<&'a [u8]> {
    let longest = [1, 7, 500, 20_000, usize::MAX][rng.usize(..5)].max(stream.len() / pieces);
    let mut torn = Vec::new();
    let mut rest = stream;
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(rng.usize(1..=longest.min(rest.len())));
        torn.push(piece);
        rest = behind;
    }
    torn
}
