//! Words the predictions as one sentence for the operator.

use super::advice::{CacheState, Prediction};

/// Hits per read that more memory must gain to be recommended, and that less memory may lose.
const WORTH: f64 = 0.005;

/// Bytes per MB, as in `-m`.
const MB: u64 = 1 << 20;

/// The sentence for too few reads of sampled keys.
pub(super) fn too_few(reads: u64, needed: u64) -> String {
    format!("Too few reads so far: {reads} of about {needed} sampled reads needed.")
}

/// The sentence for five predictions, from a quarter of the present limit to four times that.
pub(super) fn recommend(predictions: &[Prediction], state: &CacheState) -> String {
    let Some(now) = predictions.iter().find(|size| size.percent == 100) else { return String::new() };
    let keeps = |size: &&Prediction| size.limit_bytes < now.limit_bytes && hits_lost(size, now) < WORTH;
    if let Some(less) = predictions.iter().find(keeps) {
        let (now_size, less_size) = (size(now.limit_bytes), size(less.limit_bytes));
        let hits = percent(less.hit_ratio);
        return format!("{now_size} is more than needed: {less_size} would keep hits at {hits}.");
    }
    if !state.is_full() {
        let (used, now_size) = (size(state.charged_bytes.max(MB)), size(now.limit_bytes));
        return format!("Everything fits in {used} of {now_size} so far: more memory would gain nothing.");
    }
    let larger: Vec<&Prediction> =
        predictions.iter().filter(|size| size.limit_bytes > now.limit_bytes).collect();
    match larger.iter().rposition(|size| hits_lost(now, size) >= WORTH) {
        None => present_size(predictions, now),
        Some(_) => larger_size(now, &larger),
    }
}

/// The present size is right: more memory gains nothing, less memory costs hits.
fn present_size(predictions: &[Prediction], now: &Prediction) -> String {
    let less = predictions.iter().rfind(|size| size.limit_bytes < now.limit_bytes).unwrap_or(now);
    format!(
        "{} is enough: more memory would gain nothing, {} would lower hits from {} to {}.",
        size(now.limit_bytes),
        size(less.limit_bytes),
        percent(now.hit_ratio),
        percent(less.hit_ratio)
    )
}

/// Names the smallest size that gains hits, and the size at which the gain ends.
fn larger_size(now: &Prediction, larger: &[&Prediction]) -> String {
    let at = larger.iter().position(|size| hits_lost(now, size) >= WORTH).unwrap_or(0);
    let first = larger[at];
    let (from, to) = (percent(now.hit_ratio), percent(first.hit_ratio));
    let start = format!("{} would raise hits from {from} to {to}", size(first.limit_bytes));
    let last = larger[larger.len() - 1];
    if at + 1 == larger.len() {
        return format!("{start}; a smaller increase would gain nothing.");
    }
    if hits_lost(first, last) < WORTH {
        return format!("{start}; more than {} would gain nothing further.", size(first.limit_bytes));
    }
    format!("{start}, {} to {}.", size(last.limit_bytes), percent(last.hit_ratio))
}

/// Hits per read that `small` loses compared with `large`.
fn hits_lost(small: &Prediction, large: &Prediction) -> f64 {
    large.hit_ratio - small.hit_ratio
}

/// A number of bytes in the largest unit that gives at least 1, as for `-m`.
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

    /// The recommendation for a limit of 64 MB with these hit ratios in per cent.
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
    fn more_memory_is_recommended_with_its_gain() {
        assert_eq!(
            about([60.0, 80.0, 91.2, 95.8, 96.0], 64),
            "128 MB would raise hits from 91.2 % to 95.8 %; more than 128 MB would gain nothing further."
        );
        assert_eq!(
            about([60.0, 80.0, 91.2, 95.8, 97.0], 64),
            "128 MB would raise hits from 91.2 % to 95.8 %, 256 MB to 97.0 %."
        );
        assert_eq!(
            about([60.0, 80.0, 91.2, 91.5, 97.0], 64),
            "256 MB would raise hits from 91.2 % to 97.0 %; a smaller increase would gain nothing."
        );
    }

    #[test]
    fn less_memory_is_recommended_if_it_keeps_the_hits() {
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
    fn a_sufficient_size_is_confirmed() {
        assert_eq!(
            about([80.0, 93.0, 95.2, 95.3, 95.4], 64),
            "64 MB is enough: more memory would gain nothing, 32 MB would lower hits from 95.2 % to 93.0 %."
        );
    }

    #[test]
    fn a_cache_that_is_not_full_needs_no_memory() {
        assert_eq!(
            about([80.0, 93.0, 95.2, 95.2, 95.2], 41),
            "Everything fits in 41 MB of 64 MB so far: more memory would gain nothing."
        );
    }

    #[test]
    fn sizes_have_a_fitting_unit() {
        let sizes = [512 << 10, 3 * MB / 2, 64 * MB, 1024 * MB, 1536 * MB].map(size);
        assert_eq!(sizes, ["512 KB", "2 MB", "64 MB", "1 GB", "1.5 GB"]);
    }

    #[test]
    fn too_few_reads_are_reported() {
        assert_eq!(too_few(312, 10_000), "Too few reads so far: 312 of about 10000 sampled reads needed.");
    }
}
