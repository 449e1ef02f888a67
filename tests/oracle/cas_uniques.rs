//! CAS uniques of two servers. Their values differ, but both servers must draw new ones, in ascending order, for the
//! same changes.

use std::collections::BTreeMap;

/// Pairs of uniques that belong together: larder's and memcached's.
#[derive(Default)]
pub struct Uniques {
    pairs: BTreeMap<u64, u64>,
}

impl Uniques {
    /// Adds the uniques of one reply. False if they contradict earlier pairs.
    pub fn agree(&mut self, larder: &[u64], oracle: &[u64]) -> bool {
        larder.len() == oracle.len()
            && larder.iter().zip(oracle).all(|(larder, oracle)| self.add(*larder, *oracle))
    }

    /// Adds a pair. True if it is known, or if it is new and in order with its neighbours.
    fn add(&mut self, larder: u64, oracle: u64) -> bool {
        let in_order = match self.pairs.get(&larder) {
            Some(known) => return *known == oracle,
            None => {
                let before =
                    self.pairs.range(..larder).next_back().is_none_or(|(_, before)| *before < oracle);
                let after = self.pairs.range(larder..).next().is_none_or(|(_, after)| *after > oracle);
                before && after
            }
        };
        self.pairs.insert(larder, oracle);
        in_order
    }
}

/// The reply with `#` in place of each CAS unique, and the uniques. Lines that are no replies are left unchanged.
pub fn without_uniques(answer: &[u8]) -> (Vec<u8>, Vec<u64>) {
    let mut text = Vec::with_capacity(answer.len());
    let mut uniques = Vec::new();
    let mut rest = answer;
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let line = &rest[..=end];
        let words: Vec<&[u8]> = line.trim_ascii_end().split(|byte| *byte == b' ').collect();
        let number = |word: &[u8]| std::str::from_utf8(word).ok()?.parse::<u64>().ok();
        let mut len = line.len();
        match words[..] {
            [b"VALUE", _, _, bytes] => len += number(bytes).map_or(0, |bytes| bytes as usize + 2),
            [b"VALUE", key, flags, bytes, unique] if number(unique).is_some() => {
                text.extend_from_slice(&[b"VALUE", key, flags, bytes, b"#\r\n"].join(&b' '));
                uniques.extend(number(unique));
                rest = &rest[line.len()..];
                len = number(bytes).map_or(0, |bytes| bytes as usize + 2);
            }
            _ => {}
        }
        let (whole, after) = rest.split_at(len.min(rest.len()));
        text.extend_from_slice(whole);
        rest = after;
    }
    text.extend_from_slice(rest);
    (text, uniques)
}
