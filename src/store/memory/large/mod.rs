//! Large values: whole pages by reference, and a tail in fragments.

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
