//! What a caller asks of the store: modes and options of each operation.

use crate::clock::{Deadline, Now};
use crate::store::memory::large::ValueWriter;

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

/// When a `flush_all` takes effect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FlushAt {
    /// Now: everything stored before the call is gone, everything stored after it stays.
    Immediately,
    /// With the beginning of this second, and what is stored in it is gone as well; replaces an earlier delayed flush.
    At(Now),
}

/// The value of a storage command.
#[derive(Debug)]
pub enum Incoming<'a> {
    /// Still in the connection's buffer; copied.
    Bytes(&'a [u8]),
    /// Received in place; must be complete (`missing() == 0`).
    Received(ValueWriter),
}

impl Incoming<'_> {
    /// Length of the value in bytes.
    #[expect(clippy::len_without_is_empty, reason = "nobody asks whether a value is empty")]
    pub fn len(&self) -> usize {
        match self {
            Incoming::Bytes(bytes) => bytes.len(),
            Incoming::Received(writer) => writer.len(),
        }
    }
}

/// What a retrieval does to the item beside reading it. The default is a plain read.
#[derive(Clone, Copy, Default, Debug)]
pub struct Access {
    /// Gives it another deadline; not if it is made by this access.
    pub deadline: Option<Deadline>,
    /// Counts in no figure.
    pub uncounted: bool,
    /// Leaves no trace of the access: neither in the order of eviction nor in `fetched` and `last_access`.
    pub unseen: bool,
    /// The reader can be told to replace a stale item, or one of which `recache` says so.
    pub may_win: bool,
    /// Win if the item has a deadline and less time left than this.
    pub recache: Option<Recache>,
    /// Makes an empty item if there is none; its reader wins.
    pub create: Option<Create>,
}

/// When to replace an item before it dies.
#[derive(Clone, Copy, Debug)]
pub struct Recache {
    /// Fewer seconds left than this.
    pub below_secs: u32,
    /// Reckon with the deadline that this access gives.
    pub after_touch: bool,
}

/// How an item is made by a command that finds none.
#[derive(Clone, Copy, Debug)]
pub struct Create {
    /// When it dies.
    pub deadline: Deadline,
    /// Its CAS unique; `None` draws one.
    pub cas: Option<u64>,
    /// Its key came encoded.
    pub binary_key: bool,
}

/// How a storage command stores, beyond its mode. The default adds nothing.
#[derive(Clone, Copy, Default, Debug)]
pub struct StoreOptions {
    /// Append and prepend: only if the present CAS unique is this one. (`StoreMode::Cas` is the same for set.)
    pub compare: Option<u64>,
    /// With `StoreMode::Cas`: a unique lower than the present one stores too, but the item keeps its deadline and is
    /// marked stale.
    pub accept_older: bool,
    /// The new CAS unique; `None` draws one.
    pub cas: Option<u64>,
    /// Append and prepend: makes the item with this deadline if there is none.
    pub create: Option<Deadline>,
    /// The key came encoded.
    pub binary_key: bool,
}

/// What a delete does, beyond removing. The default removes.
#[derive(Clone, Copy, Default, Debug)]
pub struct DeleteOptions {
    /// Only if the present CAS unique is this one.
    pub compare: Option<u64>,
    /// Keep the item and mark it stale.
    pub invalidate: bool,
    /// Keep the item, but drop its value and take these flags.
    pub drop_value: Option<u32>,
    /// The new deadline of a kept item. `None` leaves it, or makes it endless if the value is dropped.
    pub deadline: Option<Deadline>,
    /// The new CAS unique of a kept item. `None` draws one if it is marked stale, and leaves it otherwise.
    pub cas: Option<u64>,
}

/// What incr and decr do, beyond the step. The default adds nothing.
#[derive(Clone, Copy, Default, Debug)]
pub struct ArithmeticOptions {
    /// Only if the present CAS unique is this one.
    pub compare: Option<u64>,
    /// Gives the item another deadline; not if it is made by this command.
    pub deadline: Option<Deadline>,
    /// The new CAS unique; `None` draws one.
    pub cas: Option<u64>,
    /// Makes the item with this number if there is none.
    pub create: Option<(u64, Create)>,
}

/// The direction of [`crate::store::Store::arithmetic`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Adds, wrapping at 2^64.
    Up(u64),
    /// Subtracts, stopping at 0.
    Down(u64),
}

/// What a page is moved from or to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PagePlace {
    /// Free memory.
    Free,
    /// A slab class as `stats` numbers it, from 1.
    Class(u32),
    /// Whichever class has most pages; only to move from.
    Any,
}
