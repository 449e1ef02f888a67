//! # Holes count
