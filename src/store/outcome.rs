//! Results of the operations. A miss or a lost race is an outcome; [`Refused`] is an error.

use crate::clock::{Deadline, Now};
use crate::store::item::ItemMarks;
use crate::store::memory::large::LargeRef;
use std::borrow::Cow;

/// A value in the store.
#[derive(Clone, Copy, Debug)]
pub enum ValueRef<'a> {
    /// In a chunk. Valid only under the lock of the shard.
    Small(&'a [u8]),
    /// In pages. [`LargeRef::share`] keeps it beyond the lock.
    Large(LargeRef<'a>),
}

impl ValueRef<'_> {
    /// Length of the value in bytes.
    #[expect(clippy::len_without_is_empty, reason = "no caller needs `is_empty`")]
    pub fn len(&self) -> usize {
        match self {
            ValueRef::Small(bytes) => bytes.len(),
            ValueRef::Large(value) => value.len(),
        }
    }

    /// The bytes of the value; a large value is copied.
    pub fn bytes(&self) -> Cow<'_, [u8]> {
        match self {
            ValueRef::Small(bytes) => Cow::Borrowed(bytes),
            ValueRef::Large(value) => Cow::Owned(value.concat()),
        }
    }
}

/// A live item, passed to a closure under the lock of the shard.
#[derive(Clone, Copy, Debug)]
pub struct Hit<'a> {
    /// The client's flags.
    pub flags: u32,
    /// CAS unique; 0 when the store keeps none.
    pub cas: u64,
    /// When it expires, after the effect of this access.
    pub deadline: Deadline,
    /// When it expired before this access.
    pub deadline_before: Deadline,
    /// Last access before this one.
    pub last_access: Now,
    /// True if it had been fetched before.
    pub fetched: bool,
    /// The value.
    pub value: ValueRef<'a>,
    /// Its marks before this access.
    pub marks: ItemMarks,
    /// This reader won the right to replace it.
    pub wins: bool,
    /// It was created by this access.
    pub created: bool,
    /// Its slab class in `stats`, from 1.
    pub class: u32,
    /// Bytes of header, key and value in walks; 0 elsewhere.
    pub item_bytes: u64,
}

/// Why a lookup found nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Miss {
    /// No such key.
    Absent,
    /// The item was expired and has been removed.
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
    /// The condition of the mode did not hold: add on a live key; replace, append or prepend on an absent key; an
    /// append or prepend over the item limit.
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
        /// When it expires.
        deadline: Deadline,
        /// When it expired before this command.
        deadline_before: Deadline,
        /// It was created by this command.
        created: bool,
    },
    /// No such key.
    NotFound,
    /// The CAS unique differs.
    Exists,
    /// The stored value is not a number by the rules of [`crate::store::decimal`], or longer than 512 KiB.
    NotNumeric,
}

/// Why the store refused an operation. A refused operation changes nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// Larger than the item limit.
    TooLarge,
    /// There is no memory, and nothing may be evicted for it.
    OutOfMemory,
}

/// Why no page was moved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotMoved {
    /// There is no such class, or no class to choose.
    BadClass,
    /// Source and target are the same.
    Same,
    /// There is no page to spare.
    NoSpare,
}

/// A live item that was evicted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Evicted {
    /// The key.
    pub key: Box<[u8]>,
    /// It had been fetched.
    pub fetched: bool,
    /// When it would have expired.
    pub deadline: Deadline,
    /// Last access.
    pub last_access: Now,
    /// Its slab class in `stats`, from 1.
    pub class: u32,
    /// Length of its value in bytes.
    pub value_len: usize,
}

/// Why an item was removed or not stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// Evicted.
    Evicted,
    /// Expired.
    Expired,
    /// Deleted by a client.
    Deleted,
    /// There was no memory for a new value; the old value was removed.
    OutOfMemory,
    /// A new value was too large; the old value was removed.
    TooLarge,
    /// The item was stored with an absolute time that had already passed.
    PassedTime {
        /// The Unix time in seconds.
        exptime: u32,
    },
}

/// An entry of the removal log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Removed {
    /// The cause.
    pub cause: Cause,
    /// The time of the removal.
    pub at: Now,
    /// When the item was last used.
    pub last_access: Now,
    /// Bytes of header, key and value; for a refused value, its bytes.
    pub bytes: u64,
    /// Its CAS unique; 0 if it had none.
    pub cas: u64,
}

/// The recorded removal of a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyHistory {
    /// The latest removal in the log.
    pub removed: Option<Removed>,
    /// The time since which the log is complete; `None` if since the start.
    pub known_since: Option<Now>,
    /// The time of the latest flush.
    pub flushed: Option<Now>,
}

/// The outcome of a deletion.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deleted {
    /// The item was removed or changed.
    Deleted,
    /// The CAS unique differs.
    Exists,
    /// No such key, or an expired item.
    NotFound,
}
