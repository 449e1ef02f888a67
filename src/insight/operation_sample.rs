//! A sampled operation.

/// A sampled operation. It represents [`OperationSample::weight`] operations.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OperationSample<'a> {
    /// Kind of the operation.
    pub kind: OperationKind,
    /// Key of the operation.
    pub key: &'a [u8],
    /// Length of the value that was read, stored or removed, in bytes; 0 for a miss.
    pub value_bytes: u64,
    /// Operations that the sample represents, at least 1.
    pub weight: u32,
}

/// Kind of a sampled operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OperationKind {
    /// A read that found its item.
    Hit,
    /// A read that found no item.
    Miss,
    /// A value was stored, by any command.
    Store,
    /// A client removed the item.
    Delete,
    /// A live item was evicted.
    Eviction,
    /// An item expired.
    Expiry,
}
