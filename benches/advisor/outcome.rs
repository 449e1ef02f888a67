//! Predicted and real hit ratios of a trace.

/// Sizes of the stores in quarters of the memory.
pub const QUARTERS: [u64; 5] = [1, 2, 4, 8, 16];

/// Index of the store that the advisor belongs to.
pub const PRESENT: usize = 2;

/// Result of a trace, by size.
pub struct Outcome {
    /// Predicted hits per read; empty if the advisor had too few reads.
    pub predicted: Vec<f64>,
    pub real: [f64; 5],
    /// Further output: the recommendation and the size of the sample.
    pub notes: String,
}

impl Outcome {
    /// Prints the rows of a trace; returns the largest error.
    pub fn show(&self, name: &str, memory_bytes: u64) -> f64 {
        let mut error_max = 0.0;
        for (size, real) in self.real.iter().enumerate() {
            let mib = (memory_bytes * QUARTERS[size] / 4) >> 20;
            let real = 100.0 * real;
            let Some(predicted) = self.predicted.get(size).map(|ratio| 100.0 * ratio) else {
                println!("{name:16} {mib:5} MB          - {real:6.2}      -");
                continue;
            };
            let off = predicted - real;
            println!("{name:16} {mib:5} MB     {predicted:6.2} {real:6.2}  {off:+5.2}");
            error_max = f64::max(error_max, off.abs());
        }
        println!("  {}", self.notes);
        error_max
    }
}
