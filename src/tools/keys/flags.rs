//! What the flags of an item say of its value, as the clients of Python set them: pymemcache 4.0.0 (`pymemcache.serde`),
//! python-memcached 1.62 (`memcache.Client._FLAG_*`), pylibmc 1.6.3 (`PYLIBMC_FLAG_*`), and so Django's caches over them.
//! Clients of other languages give the bits other meanings, which nothing tells apart.

/// One of these at most, else the value is bytes as they are.
const KINDS: [(u32, &str); 4] = [(1, "pickle"), (2, "integer"), (4, "long"), (16, "text")];

/// May come with each of them.
const COMPRESSED: u32 = 8;

/// In words.
pub fn kind(flags: u32) -> String {
    let word = match flags & !COMPRESSED {
        0 => Some("bytes"),
        bits => KINDS.iter().find(|(bit, _)| *bit == bits).map(|(_, word)| *word),
    };
    match word {
        None => format!("flags {flags}"),
        Some(word) if flags & COMPRESSED != 0 => format!("{word}, compressed"),
        Some(word) => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flags_of_python_have_words() {
        for (flags, words) in [
            (0, "bytes"),
            (1, "pickle"),
            (2, "integer"),
            (4, "long"),
            (8, "bytes, compressed"),
            (9, "pickle, compressed"),
            (16, "text"),
            (24, "text, compressed"),
        ] {
            assert_eq!(kind(flags), words);
        }
    }

    #[test]
    fn other_bits_are_told_as_they_are() {
        for flags in [3, 17, 32, 33, u32::MAX] {
            assert_eq!(kind(flags), format!("flags {flags}"));
        }
    }
}
