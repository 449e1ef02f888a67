//! Medians over rounds, of figures and of their ratios.
//!
//! The machine is not equally fast in all rounds. The servers take turns within a round, so the ratio of two of them
//! within a round is steadier than the ratio of their medians.

/// The median; NaN of nothing.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        len if len % 2 == 1 => values[middle],
        _ => (values[middle - 1] + values[middle]) / 2.0,
    }
}

/// The median of the ratios of `figures` to those of the first server, over the rounds that have both, as a column of
/// a table. Each figure comes with the number of its round.
pub(crate) fn median_ratio(figures: &[(u64, f64)], first: &[(u64, f64)]) -> String {
    let of_first = |round: u64| first.iter().find(|(other, _)| *other == round).map(|(_, figure)| *figure);
    let ratios = figures.iter().filter_map(|(round, figure)| Some(figure / of_first(*round)?));
    let ratio = median(ratios.collect());
    if ratio.is_finite() { format!("{ratio:>7.2}") } else { format!("{:>7}", "-") }
}
