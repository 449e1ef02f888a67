//! What the cache knows of its own traffic: hot keys, families of keys, latency.
//!
//! A leaf: it is told of a sample of operations and of walks over the items, and answers with plain figures. It knows
//! no store and no wire, reads no clock, and its memory is bounded whatever the keys.

pub mod figures;
