//! Medians of measurements and of their ratios, over rounds.
//!
//! The speed of the machine varies between rounds. The servers take turns within a round, so the median of the ratios
//! within a round is more stable than the ratio of the medians.

/// The median; NaN for an empty list.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        len if len % 2 == 1 => values[middle],
        _ => (values[middle - 1] + values[middle]) / 2.0,
    }
}

/// The median ratio of `figures` to the first server's, over the rounds that both have, as a table column. Each value
/// has the number of its round.
pub(crate) fn median_ratio(figures: &[(u64, f64)], first: &[(u64, f64)]) -> String {
    let of_first = |round: u64| first.iter().find(|(other, _)| *other == round).map(|(_, figure)| *figure);
    let ratios = figures.iter().filter_map(|(round, figure)| Some(figure / of_first(*round)?));
    let ratio = median(ratios.collect());
    if ratio.is_finite() { format!("{ratio:>7.2}") } else { format!("{:>7}", "-") }
}
