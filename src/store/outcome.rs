//! What the store answers. Absence and lost races are outcomes; [`Refused`] is an error.

use crate::clock::{Deadline, Now};
use crate::store::item::ItemMarks;
use crate::store::memory::large::LargeRef;
use std::borrow::Cow;

/// A value as it lies in the store.
#[derive(Clone, Copy, Debug)]
pub enum ValueRef<'a> {
    /// In a chunk: valid only while the shard is locked, copy what is needed.
    Small(&'a [u8]),
    /// In pages: [`LargeRef::share`] keeps it beyond the lock.
    Large(LargeRef<'a>),
}

impl ValueRef<'_> {
    /// Length of the value in bytes.
    #[expect(clippy::len_without_is_empty, reason = "nobody asks whether a value is empty")]
    pub fn len(&self) -> usize {
        match self {
            ValueRef::Small(bytes) => bytes.len(),
            ValueRef::Large(value) => value.len(),
        }
    }

    /// The bytes of the value; a large one is copied together.
    pub fn bytes(&self) -> Cow<'_, [u8]> {
        match self {
            ValueRef::Small(bytes) => Cow::Borrowed(bytes),
            ValueRef::Large(value) => Cow::Owned(value.concat()),
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
    /// When it dies (after the touch, if there was one).
    pub deadline: Deadline,
    /// When it would have died before this access.
    pub deadline_before: Deadline,
    /// Last access before this one.
    pub last_access: Now,
    /// True if it had been fetched before.
    pub fetched: bool,
    /// The value.
    pub value: ValueRef<'a>,
    /// What the meta commands had noted before this access.
    pub marks: ItemMarks,
    /// This reader is the one who should replace it.
    pub wins: bool,
    /// It was made by this access.
    pub created: bool,
    /// Its slab class in `stats`, from 1.
    pub class: u32,
    /// Bytes of its header, key and value, where a walk found it; 0 elsewhere.
    pub item_bytes: u64,
}

/// Why a lookup found nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Miss {
    /// No such key.
    Absent,
    /// The item was there and its time is over; it has been removed.
    Expired,
}

/// The outcome of a storage attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stored {
    /// Stored, with this CAS unique (0 without CAS).
    Stored {
        /// The new CAS unique.
        cas: u64,
        /// Length of the whole value, in bytes.
        len: usize,
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
        /// When it dies now.
        deadline: Deadline,
        /// When it would have died before.
        deadline_before: Deadline,
        /// It was made by this command.
        created: bool,
    },
    /// No such key.
    NotFound,
    /// The CAS unique is another one.
    Exists,
    /// The stored value is not a number by [`crate::store::item::decimal`]'s rules, or longer than 512 KiB.
    NotNumeric,
}

/// Why the store could not do it; nothing was changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// Larger than the store can ever hold.
    TooLarge,
    /// No memory, and nothing that may be evicted for it.
    OutOfMemory,
}

/// Why no page was moved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotMoved {
    /// There is no such class, or none that could be chosen.
    BadClass,
    /// Both are the same.
    Same,
    /// There is no page to spare.
    NoSpare,
}

/// A live item that was thrown out for memory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Evicted {
    /// The key.
    pub key: Box<[u8]>,
    /// It had been fetched.
    pub fetched: bool,
    /// When it would have died.
    pub deadline: Deadline,
    /// Last access.
    pub last_access: Now,
    /// Its slab class in `stats`, from 1.
    pub class: u32,
    /// Length of its value in bytes.
    pub value_len: usize,
}

/// Why an item was removed, or did not come to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// Thrown out for memory.
    Evicted,
    /// Its time was over.
    Expired,
    /// A client deleted it.
    Deleted,
    /// A new value found no memory, and the old one went with it.
    OutOfMemory,
    /// A new value was too large to be stored, and the old one went with it.
    TooLarge,
}

/// A removal as it is remembered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Removed {
    /// Why.
    pub cause: Cause,
    /// When.
    pub at: Now,
    /// When the item was last used.
    pub last_access: Now,
    /// Bytes of its header, key and value; of the new one if that could not be stored.
    pub bytes: u64,
    /// Its CAS unique; 0 if it had none.
    pub cas: u64,
}

/// What is known of the end of a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyHistory {
    /// Its last removal, if that is remembered.
    pub removed: Option<Removed>,
    /// Since when every removal is remembered; `None` if since the start.
    pub known_since: Option<Now>,
    /// When everything was forgotten at once the last time (`flush_all`).
    pub flushed: Option<Now>,
}

/// What happened at a `delete`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deleted {
    /// It was there.
    Deleted,
    /// Its CAS unique is another one.
    Exists,
    /// It was not, or had expired.
    NotFound,
}
