//! The nearest known name to a misspelt one.

/// The name with the fewest differing letters, at most two and at most half of the word.
pub(super) fn nearest<'a>(word: &str, names: &[&'a str]) -> Option<&'a str> {
    let measured = names.iter().map(|name| (distance(word, name), *name));
    let (differing, name) = measured.min_by_key(|(differing, _)| *differing)?;
    (differing <= 2 && differing * 2 <= word.chars().count()).then_some(name)
}

/// How many letters must be inserted, removed or replaced (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (at, letter) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (column, other) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
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
