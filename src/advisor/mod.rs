//! What the hit ratio would be with less or more memory.
//!
//! A leaf: it is told of every operation on a fixed share of all keys (spatial sampling: SHARDS, Waldspurger et al.,
//! FAST 2015), and predicts. It knows no store and no wire, and reads no clock.

pub mod figures;

mod stub;
pub use stub::{Advisor, StoreSize};
