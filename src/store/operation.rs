//! Parameters of the operations: modes, options and values.

use crate::clock::{Deadline, Now};
use crate::store::memory::large::ValueWriter;

/// The rule of a storage command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StoreMode {
    /// Store unconditionally.
    Set,
    /// Only if the key is absent.
    Add,
    /// Only if the key is present.
    Replace,
    /// Append to the present value; its flags and deadline stay.
    Append,
    /// Prepend to the present value; its flags and deadline stay.
    Prepend,
    /// Only if the present CAS unique is this one.
    Cas(u64),
}

/// When a `flush_all` takes effect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FlushAt {
    /// Now: removes everything stored before the call.
    Immediately,
    /// At the start of this second. Also covers items stored within the second. Replaces an earlier delayed flush.
    At(Now),
}

/// The value of a storage command.
#[derive(Debug)]
pub enum Incoming<'a> {
    /// Bytes in the buffer of the connection, which are copied.
    Bytes(&'a [u8]),
    /// A large value in its pages. It must be complete (`missing() == 0`).
    Large(ValueWriter),
}

impl Incoming<'_> {
    /// Length of the value in bytes.
    #[expect(clippy::len_without_is_empty, reason = "no caller needs `is_empty`")]
    pub fn len(&self) -> usize {
        match self {
            Incoming::Bytes(bytes) => bytes.len(),
            Incoming::Large(writer) => writer.len(),
        }
    }
}

/// Effects of a retrieval on the item. The default is a plain read.
#[derive(Clone, Copy, Default, Debug)]
pub struct Access {
    /// The new deadline of the item, unless this access creates it.
    pub deadline: Option<Deadline>,
    /// Does not count as a hit or miss.
    pub uncounted: bool,
    /// Leaves the order of eviction, `fetched` and `last_access` unchanged.
    pub unseen: bool,
    /// The reader may win the right to replace the item if it is stale or `recache` applies.
    pub may_win: bool,
    /// The reader also wins if the item expires soon.
    pub recache: Option<Recache>,
    /// Creates an empty item if there is none; the reader wins.
    pub create: Option<Create>,
}

/// When an item is replaced before it expires.
#[derive(Clone, Copy, Debug)]
pub struct Recache {
    /// If fewer seconds than this remain.
    pub below_secs: u32,
    /// Applies to the deadline that this access sets.
    pub after_touch: bool,
}

/// The item that a command creates if there is none.
#[derive(Clone, Copy, Debug)]
pub struct Create {
    /// When it expires.
    pub deadline: Deadline,
    /// Its CAS unique; `None` draws one.
    pub cas: Option<u64>,
    /// The key was received base64-encoded.
    pub binary_key: bool,
}

/// Options of a storage command besides its mode. The default has no effect.
#[derive(Clone, Copy, Default, Debug)]
pub struct StoreOptions {
    /// Append and prepend: only if the present CAS unique is this one. (`StoreMode::Cas` is the same for set.)
    pub compare: Option<u64>,
    /// With `StoreMode::Cas`: a unique lower than the present one also stores, but the item keeps its deadline and is
    /// marked stale.
    pub accept_older: bool,
    /// The new CAS unique; `None` draws one.
    pub cas: Option<u64>,
    /// Append and prepend: creates the item with this deadline if there is none.
    pub create: Option<Deadline>,
    /// The key was received base64-encoded.
    pub binary_key: bool,
}

/// Options of a deletion. The default removes the item.
#[derive(Clone, Copy, Default, Debug)]
pub struct DeleteOptions {
    /// Only if the present CAS unique is this one.
    pub compare: Option<u64>,
    /// Keep the item and mark it stale.
    pub invalidate: bool,
    /// Keep the item, but drop its value and take these flags.
    pub drop_value: Option<u32>,
    /// The new deadline of a kept item. With `None` it stays, or becomes [`Deadline::NEVER`] if the value is dropped.
    pub deadline: Option<Deadline>,
    /// The new CAS unique of a kept item. `None` draws one if it is marked stale, and leaves it otherwise.
    pub cas: Option<u64>,
}

/// Options of incr and decr besides the step. The default has no effect.
#[derive(Clone, Copy, Default, Debug)]
pub struct ArithmeticOptions {
    /// Only if the present CAS unique is this one.
    pub compare: Option<u64>,
    /// The new deadline of the item, unless this command creates it.
    pub deadline: Option<Deadline>,
    /// The new CAS unique; `None` draws one.
    pub cas: Option<u64>,
    /// Creates the item with this number if there is none.
    pub create: Option<(u64, Create)>,
}

/// The step of [`crate::store::Store::arithmetic`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Adds, wrapping at 2^64.
    Up(u64),
    /// Subtracts, stopping at 0.
    Down(u64),
}

/// The source or target of a page move.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PagePlace {
    /// Free memory.
    Free,
    /// A slab class as `stats` numbers it, from 1.
    Class(u32),
    /// The class with the most pages; valid as a source only.
    Any,
}
