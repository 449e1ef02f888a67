//! Changing what is there: deleting, and counting with numbers held as text.
//!
//! Must never change what is there before all that can fail has gone well.

use super::{Key, NeedRoom, Shard};
use crate::clock::{Deadline, Now};
use crate::store::decimal::{self, Digits};
use crate::store::item::Marks;
use crate::store::outcome::{Cause, CountOptions, Counted, Create, DeleteOptions, Deleted, Step};
use crate::store::sample::SampleKind;

/// Values longer than this are no numbers, in bytes (as memcached, whose chunked items are not).
const NUMBER_MAX_BYTES: usize = 512 << 10;

impl Shard {
    /// Removes an item, or does to it what `options` say instead.
    pub(in crate::store) fn delete(
        &mut self,
        key: Key<'_>,
        options: &DeleteOptions,
        now: Now,
    ) -> Result<Deleted, NeedRoom> {
        let Ok(handle) = self.find_alive(key, now) else { return Ok(Deleted::NotFound) };
        if options.compare.is_some_and(|unique| unique != self.cas_of(handle)) {
            return Ok(Deleted::Exists);
        }
        if !options.invalidate && options.drop_value.is_none() {
            self.figures(handle).delete_hits += 1;
            self.note_removal(Cause::Deleted, key.hash, handle, now);
            self.sample(SampleKind::Delete, key, Some(handle), now);
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
            fields.marks = Marks { stale: true, won: false, ..fields.marks };
        }
        if options.invalidate || options.cas.is_some() {
            fields.cas = self.rules.cas.draw_or(options.cas);
        }
        let handle = self.put(key, Some(handle), fields, &value, now)?;
        self.figures(handle).delete_hits += u64::from(options.drop_value.is_some());
        Ok(Deleted::Deleted)
    }

    /// Adds to or subtracts from a number held as text. A result that is not longer than the old text is padded with
    /// spaces to its length.
    pub(in crate::store) fn arithmetic(
        &mut self,
        key: Key<'_>,
        step: Step,
        options: &CountOptions,
        now: Now,
    ) -> Result<Counted, NeedRoom> {
        let old = match (self.find_alive(key, now), options.create) {
            (Ok(old), _) => old,
            (Err(_), None) => return Ok(Counted::NotFound),
            (Err(_), Some((value, create))) => return self.start_counting(key, value, create, now),
        };
        let text = self.value_of(old);
        // As memcached: what cannot be a number by its length is told before another unique is.
        if text.is_empty() || text.len() > NUMBER_MAX_BYTES {
            return Ok(Counted::NotNumeric);
        }
        if options.compare.is_some_and(|unique| unique != self.cas_of(old)) {
            return Ok(Counted::Exists);
        }
        let Some(number) = decimal::parse(&text) else { return Ok(Counted::NotNumeric) };
        let value = match step {
            Step::Up(by) => number.wrapping_add(by),
            Step::Down(by) => number.saturating_sub(by),
        };
        let mut padded = Digits::of(value).as_bytes().to_vec();
        padded.resize(padded.len().max(text.len()), b' ');
        let mut fields = self.fields_of(old);
        let deadline_before = fields.deadline;
        let deadline = options.deadline.unwrap_or(deadline_before);
        let cas = self.rules.cas.draw_or(options.cas);
        (fields.cas, fields.last_access, fields.deadline) = (cas, now, deadline);
        if padded.len() > text.len() {
            // As memcached, for which a longer number is another item.
            fields.marks = Marks { binary_key: fields.marks.binary_key, ..Marks::default() };
        }
        let handle = self.put(key, Some(old), fields, &padded, now)?;
        let figures = self.figures(handle);
        match step {
            Step::Up(_) => figures.incr_hits += 1,
            Step::Down(_) => figures.decr_hits += 1,
        }
        self.note_use(handle, now);
        self.sample(SampleKind::Store, key, Some(handle), now);
        Ok(Counted::Number { value, cas, deadline, deadline_before, created: false })
    }

    fn start_counting(
        &mut self,
        key: Key<'_>,
        value: u64,
        create: Create,
        now: Now,
    ) -> Result<Counted, NeedRoom> {
        let handle = self.create(key, create, Digits::of(value).as_bytes(), now)?;
        let deadline = create.deadline;
        let cas = self.cas_of(handle);
        Ok(Counted::Number { value, cas, deadline, deadline_before: deadline, created: true })
    }
}
