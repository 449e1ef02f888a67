//! Large values: whole pages, which readers share by reference, and a tail in fragments of pages, which is copied.
//!
//! Pages come from the pool of the store and return to it, so large values and slabs share the memory (decision note
//! [`d06`](crate::decisions::d06_large_values_are_stored_in_pages)).

mod fragments;
mod item;
mod layout;
mod pages;
mod reader;
mod size_buckets;
mod values;
mod writer;

pub(in crate::store) use fragments::Fragment;
pub(in crate::store) use item::LargeItem;
pub(in crate::store) use layout::{Layout, tail_buffer};
pub(in crate::store) use pages::LargePages;
pub use reader::{LargeRef, LargeValue};
pub(in crate::store) use values::LargeValues;
pub use writer::ValueWriter;
