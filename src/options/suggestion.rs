//! The nearest known name to a misspelt one.

use strsim::levenshtein;

/// The name with the fewest differing letters, at most two and at most half of the word.
pub(super) fn nearest<'a>(word: &str, names: &[&'a str]) -> Option<&'a str> {
    let measured = names.iter().map(|name| (levenshtein(word, name), *name));
    let (differing, name) = measured.min_by_key(|(differing, _)| *differing)?;
    (differing <= 2 && differing * 2 <= word.chars().count()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested() {
        let names = ["stats", "top", "keys", "set-memory"];
        for (word, name) in [
            ("stat", "stats"),
            ("tops", "top"),
            ("kesy", "keys"),
            ("setmemory", "set-memory"),
            ("stats", "stats"),
        ] {
            assert_eq!(nearest(word, &names), Some(name), "{word}");
        }
        for word in ["", "t", "cache", "127.0.0.1", "monitoring"] {
            assert_eq!(nearest(word, &names), None, "{word}");
        }
    }
}
