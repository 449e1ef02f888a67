//! Small items: slab classes that cut pages into chunks of one size.

mod chunks;
mod class;
mod page;

pub(in crate::store) use chunks::{DetachedPage, Freed, Slab, Vacant};
pub(in crate::store) use class::{COMPARISONS_PER_PAGE_MAX, Class, ClassId, ClassSizes, Epoch, Hand};
pub(in crate::store) use page::NEVER_SECS;
