//! Storing values, receiving large ones, and arithmetic.

use super::Store;
use crate::clock::{Deadline, Now};
use crate::store::item::header;
use crate::store::memory::large::{Layout, ValueWriter};
use crate::store::operation::{ArithmeticOptions, Incoming, Step, StoreMode, StoreOptions};
use crate::store::outcome::{Counted, Refused, Stored};
use crate::store::shard::{Key, LargeParts, MemoryNeeded, NewItem, Value};

impl Store {
    /// Stores by the rule of `mode`. Draws a CAS unique even if it does not store, as memcached does.
    ///
    /// A refused call changes nothing: [`Refused::TooLarge`] over the item limit, [`Refused::OutOfMemory`] if there is
    /// no memory and nothing may be evicted for it.
    pub fn store(
        &self,
        mode: StoreMode,
        key: &[u8],
        flags: u32,
        deadline: Deadline,
        value: Incoming<'_>,
        now: Now,
    ) -> Result<Stored, Refused> {
        self.store_with(mode, &StoreOptions::default(), key, flags, deadline, value, now)
    }

    /// Like [`Store::store`], with options.
    #[expect(clippy::too_many_arguments, reason = "a storage command has as many parameters")]
    pub fn store_with(
        &self,
        mode: StoreMode,
        options: &StoreOptions,
        key: &[u8],
        flags: u32,
        deadline: Deadline,
        value: Incoming<'_>,
        now: Now,
    ) -> Result<Stored, Refused> {
        if !self.fits(key.len(), flags, value.len()) {
            return Err(Refused::TooLarge);
        }
        let value = match value {
            Incoming::Bytes(bytes) if self.is_large(mode, key.len(), bytes.len()) => {
                let mut writer = self.begin_large_value(key, bytes.len(), now)?;
                self.write_large_value(&mut writer, bytes, now);
                Incoming::Large(writer)
            }
            value => value,
        };
        let mut value = match value {
            Incoming::Bytes(bytes) => Value::Bytes(bytes),
            Incoming::Large(writer) => {
                let len = writer.len();
                let (pages, tail, charge) = writer.into_parts().ok_or(Refused::OutOfMemory)?;
                Value::Large(LargeParts { pages, tail, len, charge: Some(charge) })
            }
        };
        let key = self.key(key);
        let new = NewItem { flags, deadline, options: *options };
        self.with_memory(key, now, |shard| shard.store(mode, key, &new, &mut value, now))
    }

    /// True if the value is stored as a large value, given the longest possible header.
    fn is_large(&self, mode: StoreMode, key_len: usize, value_len: usize) -> bool {
        let joined = matches!(mode, StoreMode::Append | StoreMode::Prepend);
        !joined && self.rules.sizes.class_of(header::HEADER_MAX_BYTES + key_len + value_len).is_none()
    }

    /// True if an item of this size is within the item limit (`-I`), by memcached's way of counting.
    pub fn fits(&self, key_len: usize, flags: u32, value_len: usize) -> bool {
        self.rules.fits(key_len, flags, value_len)
    }

    /// Begins an incoming large value. It has no memory for its bytes yet, see [`Store::extend_large_value`].
    pub fn begin_large_value(&self, key: &[u8], value_len: usize, now: Now) -> Result<ValueWriter, Refused> {
        let page_bytes = self.rules.page_bytes;
        let layout = Layout::of(page_bytes, value_len);
        // A value that can never be stored is refused before its bytes arrive.
        if layout.taken_bytes(key.len()) > self.pool.incoming_max_bytes() {
            return Err(Refused::OutOfMemory);
        }
        let heap_bytes = Layout::heap_bytes(key.len());
        let share = self.pool.reserve_incoming(heap_bytes).ok_or(Refused::OutOfMemory)?;
        let key = self.key(key);
        let charge =
            self.with_memory_from(Self::coldest_shard, key, now, |shard| shard.charge_heap(heap_bytes, now))?;
        Ok(ValueWriter::new(page_bytes, layout, charge, share, key.hash))
    }

    /// Gives a writer memory for its next bytes, by eviction if that is allowed. Without memory the writer drops its
    /// bytes, and storing it is refused.
    pub fn extend_large_value(&self, writer: &mut ValueWriter, now: Now) {
        if !writer.needs_page() {
            return;
        }
        let Some(share) = self.pool.reserve_incoming(self.pool.page_charge()) else { return writer.fail() };
        // The hash selects the shard that evicts for the pages.
        let key = Key { bytes: &[], hash: writer.hash() };
        let page = self.pool.take().map_or_else(
            || {
                self.with_memory_from(Self::coldest_shard, key, now, |shard| {
                    shard.take_page().ok_or(MemoryNeeded(1))
                })
            },
            Ok,
        );
        match page {
            Ok(page) => writer.add_page(page, share),
            Err(_) => writer.fail(),
        }
    }

    /// Writes the next bytes of a large value, at most the missing ones, and gets memory for them. Returns how many
    /// were taken.
    pub fn write_large_value(&self, writer: &mut ValueWriter, bytes: &[u8], now: Now) -> usize {
        let mut taken = 0;
        loop {
            taken += writer.push(&bytes[taken..]);
            if taken == bytes.len() || writer.missing() == 0 {
                return taken;
            }
            self.extend_large_value(writer, now);
        }
    }

    /// Adds to or subtracts from a number stored as decimal text.
    pub fn arithmetic(&self, key: &[u8], step: Step, now: Now) -> Result<Counted, Refused> {
        self.arithmetic_with(key, step, &ArithmeticOptions::default(), now)
    }

    /// Like [`Store::arithmetic`], with options.
    pub fn arithmetic_with(
        &self,
        key: &[u8],
        step: Step,
        options: &ArithmeticOptions,
        now: Now,
    ) -> Result<Counted, Refused> {
        let key = self.key(key);
        self.with_memory(key, now, |shard| shard.arithmetic(key, step, options, now))
    }
}
