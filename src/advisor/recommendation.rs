//! The table of predictions in one sentence for the operator.

use super::advice::{CacheState, Prediction};

/// Hits per read that more memory must bring to be worth naming, and that less memory may cost.
const WORTH: f64 = 0.005;

/// Bytes per MB, as `-m` counts.
const MB: u64 = 1 << 20;

/// What to say while the reads of sampled keys are too few.
pub(super) fn too_few(reads: u64, needed: u64) -> String {
    format!("Too few reads so far: {reads} of about {needed} sampled reads needed.")
}

/// What to say of five predictions, from a quarter of the present limit to four times that.
pub(super) fn recommend(predictions: &[Prediction], state: &CacheState) -> String {
    let Some(now) = predictions.iter().find(|size| size.percent == 100) else { return String::new() };
    let keeps = |size: &&Prediction| size.limit_bytes < now.limit_bytes && hits_lost(size, now) < WORTH;
    if let Some(less) = predictions.iter().find(keeps) {
        let (now_size, less_size) = (size(now.limit_bytes), size(less.limit_bytes));
        let hits = percent(less.hit_ratio);
        return format!("{now_size} is more than needed: {less_size} would keep hits at {hits}.");
    }
    if !state.is_full() {
        let (held, now_size) = (size(state.charged_bytes.max(MB)), size(now.limit_bytes));
        return format!("Everything fits in {held} of {now_size} so far: more memory buys nothing.");
    }
    let larger: Vec<&Prediction> =
        predictions.iter().filter(|size| size.limit_bytes > now.limit_bytes).collect();
    match larger.iter().rposition(|size| hits_lost(now, size) >= WORTH) {
        None => nothing_gained(predictions, now),
        Some(_) => raised(now, &larger),
    }
}

/// More memory buys nothing, and less would cost.
fn nothing_gained(predictions: &[Prediction], now: &Prediction) -> String {
    let less = predictions.iter().rfind(|size| size.limit_bytes < now.limit_bytes).unwrap_or(now);
    format!(
        "{} is enough: more memory buys nothing, {} would lower hits from {} to {}.",
        size(now.limit_bytes),
        size(less.limit_bytes),
        percent(now.hit_ratio),
        percent(less.hit_ratio)
    )
}

/// Names the smallest size that brings something, and where that ends.
fn raised(now: &Prediction, larger: &[&Prediction]) -> String {
    let at = larger.iter().position(|size| hits_lost(now, size) >= WORTH).unwrap_or(0);
    let first = larger[at];
    let (from, to) = (percent(now.hit_ratio), percent(first.hit_ratio));
    let start = format!("{} would raise hits from {from} to {to}", size(first.limit_bytes));
    let last = larger[larger.len() - 1];
    if at + 1 == larger.len() {
        return format!("{start}; less than that buys nothing.");
    }
    if hits_lost(first, last) < WORTH {
        return format!("{start}; more than {} buys nothing.", size(first.limit_bytes));
    }
    format!("{start}, {} to {}.", size(last.limit_bytes), percent(last.hit_ratio))
}

/// Hits per read that `small` gives less than `large`.
fn hits_lost(small: &Prediction, large: &Prediction) -> f64 {
    large.hit_ratio - small.hit_ratio
}

/// A number of bytes in the largest unit that has at least one of, as `-m` is given.
fn size(bytes: u64) -> String {
    const GB: u64 = 1024 * MB;
    match bytes {
        GB.. if bytes.is_multiple_of(GB) => format!("{} GB", bytes / GB),
        GB.. => format!("{:.1} GB", bytes as f64 / GB as f64),
        MB.. => format!("{} MB", (bytes + MB / 2) / MB),
        _ => format!("{} KB", bytes >> 10),
    }
}

fn percent(ratio: f64) -> String {
    format!("{:.1} %", 100.0 * ratio)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sentence about a limit of 64 MB with these hits per cent.
    fn about(hits: [f64; 5], charged_mb: u64) -> String {
        let predictions: Vec<Prediction> = [25, 50, 100, 200, 400]
            .into_iter()
            .zip(hits)
            .map(|(percent, hits)| Prediction {
                percent,
                limit_bytes: 64 * MB * u64::from(percent) / 100,
                hit_ratio: hits / 100.0,
            })
            .collect();
        let state =
            CacheState { limit_bytes: 64 * MB, charged_bytes: charged_mb * MB, ..CacheState::default() };
        recommend(&predictions, &state)
    }

    #[test]
    fn more_memory_is_named_with_what_it_brings() {
        assert_eq!(
            about([60.0, 80.0, 91.2, 95.8, 96.0], 64),
            "128 MB would raise hits from 91.2 % to 95.8 %; more than 128 MB buys nothing."
        );
        assert_eq!(
            about([60.0, 80.0, 91.2, 95.8, 97.0], 64),
            "128 MB would raise hits from 91.2 % to 95.8 %, 256 MB to 97.0 %."
        );
        assert_eq!(
            about([60.0, 80.0, 91.2, 91.5, 97.0], 64),
            "256 MB would raise hits from 91.2 % to 97.0 %; less than that buys nothing."
        );
    }

    #[test]
    fn less_memory_is_named_where_it_is_enough() {
        assert_eq!(
            about([80.0, 95.1, 95.2, 95.8, 96.0], 64),
            "64 MB is more than needed: 32 MB would keep hits at 95.1 %."
        );
        assert_eq!(
            about([95.0, 95.1, 95.2, 95.2, 95.2], 64),
            "64 MB is more than needed: 16 MB would keep hits at 95.0 %."
        );
    }

    #[test]
    fn enough_is_called_enough() {
        assert_eq!(
            about([80.0, 93.0, 95.2, 95.3, 95.4], 64),
            "64 MB is enough: more memory buys nothing, 32 MB would lower hits from 95.2 % to 93.0 %."
        );
    }

    #[test]
    fn a_cache_that_is_not_full_holds_everything() {
        assert_eq!(
            about([80.0, 93.0, 95.2, 95.2, 95.2], 41),
            "Everything fits in 41 MB of 64 MB so far: more memory buys nothing."
        );
    }

    #[test]
    fn sizes_are_in_the_unit_that_fits() {
        let sizes = [512 << 10, 3 * MB / 2, 64 * MB, 1024 * MB, 1536 * MB].map(size);
        assert_eq!(sizes, ["512 KB", "2 MB", "64 MB", "1 GB", "1.5 GB"]);
    }

    #[test]
    fn too_few_reads_are_counted() {
        assert_eq!(too_few(312, 10_000), "Too few reads so far: 312 of about 10000 sampled reads needed.");
    }
}
