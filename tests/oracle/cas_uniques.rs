//! Cas uniques of two servers: never equal, but equal or different, and growing, at the same places.

use std::collections::BTreeMap;

/// Which unique of larder goes with which of the oracle.
#[derive(Default)]
pub struct Uniques {
    pairs: BTreeMap<u64, u64>,
}

impl Uniques {
    /// Takes the uniques of one answer; false if they contradict what was seen before.
    pub fn agree(&mut self, larder: &[u64], oracle: &[u64]) -> bool {
        larder.len() == oracle.len()
            && larder.iter().zip(oracle).all(|(larder, oracle)| self.add(*larder, *oracle))
    }

    /// True if the pair is known, or new and in order between its neighbours.
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

/// An answer with a `#` for each cas unique, and the uniques. What does not look like an answer stays as it is.
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
        let (whole, behind) = rest.split_at(len.min(rest.len()));
        text.extend_from_slice(whole);
        rest = behind;
    }
    text.extend_from_slice(rest);
    (text, uniques)
}
