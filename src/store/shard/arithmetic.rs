//! Arithmetic (`incr`, `decr`) on numbers stored as text.

use super::{Key, MemoryNeeded, Shard};
use crate::clock::Now;
use crate::store::item::ItemMarks;
use crate::store::item::decimal;
use crate::store::operation::{ArithmeticOptions, Create, Step};
use crate::store::outcome::Counted;
use crate::store::statistics::SampleKind;

/// Longer values are not numbers, in bytes, as in memcached, where chunked items are not.
const NUMBER_MAX_BYTES: usize = 512 << 10;

impl Shard {
    /// Adds to or subtracts from a number stored as text. A result that is shorter than the old text is padded with
    /// spaces to its length.
    pub(in crate::store) fn arithmetic(
        &mut self,
        key: Key<'_>,
        step: Step,
        options: &ArithmeticOptions,
        now: Now,
    ) -> Result<Counted, MemoryNeeded> {
        let old = match (self.find_live(key, now), options.create) {
            (Ok(old), _) => old,
            (Err(_), None) => return Ok(Counted::NotFound),
            (Err(_), Some((value, create))) => return self.create_number(key, value, create, now),
        };
        let text = self.value_of(old);
        // As in memcached, the check of the length precedes the comparison of CAS uniques.
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
        let mut padded = itoa::Buffer::new().format(value).as_bytes().to_vec();
        padded.resize(padded.len().max(text.len()), b' ');
        let mut fields = self.fields_of(old);
        let deadline_before = fields.deadline;
        let deadline = options.deadline.unwrap_or(deadline_before);
        let cas = self.rules.cas.draw_or(options.cas);
        (fields.cas, fields.last_access, fields.deadline) = (cas, now, deadline);
        if padded.len() > text.len() {
            // As in memcached, where a longer number is a new item.
            fields.marks = ItemMarks { binary_key: fields.marks.binary_key, ..ItemMarks::default() };
        }
        let handle = self.put(key, Some(old), fields, &padded, now)?;
        let stats = self.class_stats_mut(handle);
        match step {
            Step::Up(_) => stats.incr_hits += 1,
            Step::Down(_) => stats.decr_hits += 1,
        }
        self.note_use(handle, now);
        self.sample(SampleKind::Store, key, Some(handle), now);
        Ok(Counted::Number { value, cas, deadline, deadline_before, created: false })
    }

    fn create_number(
        &mut self,
        key: Key<'_>,
        value: u64,
        create: Create,
        now: Now,
    ) -> Result<Counted, MemoryNeeded> {
        let handle = self.create(key, create, itoa::Buffer::new().format(value).as_bytes(), now)?;
        let deadline = create.deadline;
        let cas = self.cas_of(handle);
        Ok(Counted::Number { value, cas, deadline, deadline_before: deadline, created: true })
    }
}
