//! Deletion and invalidation.

use super::{Key, MemoryNeeded, Shard};
use crate::clock::{Deadline, Now};
use crate::store::item::ItemMarks;
use crate::store::operation::DeleteOptions;
use crate::store::outcome::{Cause, Deleted};

impl Shard {
    /// Removes an item, or changes it as `options` say.
    pub(in crate::store) fn delete(
        &mut self,
        key: Key<'_>,
        options: &DeleteOptions,
        now: Now,
    ) -> Result<Deleted, MemoryNeeded> {
        let Ok(handle) = self.find_live(key, now) else { return Ok(Deleted::NotFound) };
        if options.compare.is_some_and(|unique| unique != self.cas_of(handle)) {
            return Ok(Deleted::Exists);
        }
        if !options.invalidate && options.drop_value.is_none() {
            self.class_stats_mut(handle).delete_hits += 1;
            self.note_removal(Cause::Deleted, key.hash, handle, now);
            self.unlink(key.hash, handle);
            return Ok(Deleted::Deleted);
        }
        let mut fields = self.fields_of(handle);
        let mut value = self.value_of(handle).into_owned();
        if let Some(flags) = options.drop_value {
            value.clear();
            (fields.flags, fields.deadline) = (flags, Deadline::NEVER);
        }
        fields.deadline = options.deadline.unwrap_or(fields.deadline);
        if options.invalidate {
            fields.marks = ItemMarks { stale: true, won: false, ..fields.marks };
        }
        if options.invalidate || options.cas.is_some() {
            fields.cas = self.rules.cas.draw_or(options.cas);
        }
        let handle = self.put(key, Some(handle), fields, &value, now)?;
        self.class_stats_mut(handle).delete_hits += u64::from(options.drop_value.is_some());
        Ok(Deleted::Deleted)
    }
}
