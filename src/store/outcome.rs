//! What the store answers. Absence and lost races are outcomes; [`Refused`] is an error.

use super::large::Blocks;
use crate::clock::{Deadline, Now};
use std::borrow::Cow;

/// A value as it lies in the store.
#[derive(Clone, Copy, Debug)]
pub enum ValueRef<'a> {
    /// In a chunk: valid only while the shard is locked, copy what is needed.
    Small(&'a [u8]),
    /// Refcounted blocks: clone the reference to keep it beyond the lock.
    Large {
        /// The value.
        blocks: &'a Blocks,
        /// Its length in bytes.
        len: usize,
    },
}

impl ValueRef<'_> {
    /// The bytes of the value; a large one is copied together.
    pub fn bytes(&self) -> Cow<'_, [u8]> {
        match self {
            ValueRef::Small(bytes) => Cow::Borrowed(bytes),
            ValueRef::Large { blocks, .. } => Cow::Owned(blocks.concat()),
        }
    }
}

/// An item that was found alive. Handed to a closure while the shard is locked.
#[derive(Clone, Copy, Debug)]
pub struct Hit<'a> {
    /// The client's 32 bits.
    pub flags: u32,
    /// CAS unique; 0 when the store keeps none.
    pub cas: u64,
    /// When it dies (after the touch, for a get-and-touch).
    pub deadline: Deadline,
    /// Last access before this one.
    pub last_access: Now,
    /// True if it had been fetched before.
    pub fetched: bool,
    /// The value.
    pub value: ValueRef<'a>,
}

/// Why a lookup found nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Miss {
    /// No such key.
    Absent,
    /// The item was there and its time is over; it has been removed.
    Expired,
}

/// Which of the storage rules applies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StoreMode {
    /// Store in any case.
    Set,
    /// Only if the key is absent.
    Add,
    /// Only if the key is present.
    Replace,
    /// Join behind the present value; its flags and deadline stay.
    Append,
    /// Join before the present value; its flags and deadline stay.
    Prepend,
    /// Only if the present CAS unique is this one.
    Cas(u64),
}

/// The outcome of a storage attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stored {
    /// Stored, with this CAS unique (0 without CAS).
    Stored {
        /// The new CAS unique.
        cas: u64,
    },
    /// The mode's condition did not hold (add on a live key; replace, append, prepend on an absent one; a join
    /// that would exceed the item limit).
    NotStored,
    /// `Cas` on an item with another unique.
    Exists,
    /// `Cas` on an absent key.
    NotFound,
}

/// The outcome of an increment or decrement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Counted {
    /// The new number.
    Number {
        /// The value after the step.
        value: u64,
        /// The new CAS unique.
        cas: u64,
    },
    /// No such key.
    NotFound,
    /// The stored value is not a number by [`crate::store::decimal`]'s rules, or longer than 512 KiB.
    NotNumeric,
}

/// The direction of [`crate::store::Store::arithmetic`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Adds, wrapping at 2^64.
    Up(u64),
    /// Subtracts, stopping at 0.
    Down(u64),
}

/// Why the store could not do it; nothing was changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// Larger than the store can ever hold.
    TooLarge,
    /// No memory, and nothing that may be evicted for it.
    NoRoom,
}

/// What happened at a `delete`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deleted {
    /// It was there.
    Deleted,
    /// It was not, or had expired.
    NotFound,
}
