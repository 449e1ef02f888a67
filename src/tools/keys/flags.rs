//! Value types from client flags, as Python clients set them: pymemcache 4.0.0 (`pymemcache.serde`), python-memcached
//! 1.62 (`memcache.Client._FLAG_*`), pylibmc 1.6.3 (`PYLIBMC_FLAG_*`), and Django's caches on top of these. Clients of
//! other languages use the bits differently; the flags do not show which client set them.

/// At most one of these bits is set; without any of them the value is bytes.
const KINDS: [(u32, &str); 4] = [(1, "pickle"), (2, "integer"), (4, "long"), (16, "text")];

/// May be combined with each of them.
const COMPRESSED: u32 = 8;

/// The type in words.
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
    fn flags_of_python_clients_are_named() {
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
    fn other_flags_are_printed_as_a_number() {
        for flags in [3, 17, 32, 33, u32::MAX] {
            assert_eq!(kind(flags), format!("flags {flags}"));
        }
    }
}
