//! The operations: each runs on the store and on the map, and compares the outcomes.

use super::Run;
use crate::naive::{Entry, Naive};
use larder::clock::{Deadline, Now};
use larder::store::{
    Access, Counted, Create, DeleteOptions, Deleted, FlushAt, Hit, Incoming, ItemMarks, PagePlace, Refused,
    Step, StoreMode, StoreOptions, Stored,
};

impl Run {
    pub(super) fn get(&mut self, key: &[u8]) {
        let peeked = self.store.peek(key, self.now, Run::entry_of);
        let got = self.store.get(key, self.now, Run::entry_of);
        assert_eq!(peeked, got, "peek and get return the same");
        match (got, self.naive.get(key, self.now)) {
            (Ok(got), expected) => assert_eq!(Some(&got), expected, "S7"),
            (Err(_), Some(_)) => self.lose(key),
            (Err(_), None) => {}
        }
    }

    pub(super) fn set(&mut self, mode: StoreMode, key: &[u8]) {
        let (value, flags, deadline) =
            (self.value(), self.random.choice([0, 0, 9]).unwrap_or(0), self.deadline());
        self.value_bytes += value.len() as u64;
        let incoming = if value.len() > 16 << 10 {
            // An appended value is in memory twice.
            self.value_bytes += value.len() as u64;
            match self.store.begin_large_value(key, value.len(), self.now) {
                Ok(mut writer) => {
                    let taken = self.store.write_large_value(&mut writer, &value, self.now);
                    assert_eq!(taken, value.len());
                    Incoming::Large(writer)
                }
                Err(refused) => return self.refused(refused),
            }
        } else {
            Incoming::Bytes(&value)
        };
        let expected = self.naive.expect_store(mode, key, value.len(), self.now);
        match self.store.store(mode, key, flags, deadline, incoming, self.now) {
            Err(refused) => self.refused(refused),
            Ok(stored) => {
                let plain = match stored {
                    Stored::Stored { .. } => Stored::Stored { cas: 0, len: 0 },
                    other => other,
                };
                if plain != expected {
                    assert!(self.naive.get(key, self.now).is_some(), "{mode:?}: {stored:?} of an absent key");
                    self.lose(key);
                    assert_eq!(plain, self.naive.expect_store(mode, key, value.len(), self.now), "{mode:?}");
                }
                if let Stored::Stored { cas, .. } = stored {
                    assert!(cas > self.last_cas, "S6: {cas} after {}", self.last_cas);
                    self.last_cas = cas;
                    self.naive.note_stored(mode, key, Entry { flags, deadline, cas, value }, self.now);
                }
            }
        }
    }

    pub(super) fn refused(&mut self, refused: Refused) {
        assert_eq!(refused, Refused::OutOfMemory);
        let tight = self.value_bytes > self.store.memory_limit() / 4;
        assert!(!self.evict || tight, "{} bytes refused although items may be evicted", self.value_bytes);
    }

    pub(super) fn compare_and_set(&mut self, key: &[u8]) {
        let present = self.naive.get(key, self.now).map_or(1, |entry| entry.cas);
        let unique = if self.random.u8(..3) == 0 { present + 1 } else { present };
        self.set(StoreMode::Cas(unique), key);
    }

    pub(super) fn delete(&mut self, key: &[u8]) {
        let deleted = self.store.delete(key, self.now);
        match (deleted, self.naive.get(key, self.now).is_some()) {
            (Deleted::Deleted, true) => {
                self.naive.remove(key);
            }
            (Deleted::Deleted, false) | (Deleted::Exists, _) => panic!("{deleted:?} of an absent key"),
            (Deleted::NotFound, true) => self.lose(key),
            (Deleted::NotFound, false) => {}
        }
    }

    pub(super) fn arithmetic(&mut self, key: &[u8]) {
        let by = self.random.choice([1, 99, u64::MAX]).unwrap_or(1);
        let step = if self.random.bool() { Step::Up(by) } else { Step::Down(by) };
        let counted = match self.store.arithmetic(key, step, self.now) {
            Ok(counted) => counted,
            Err(refused) => return self.refused(refused),
        };
        let Some(entry) = self.naive.get_mut(key, self.now) else {
            return assert_eq!(counted, Counted::NotFound);
        };
        match (counted, Naive::expect_number(entry, step)) {
            (Counted::Number { value, cas, .. }, Some((expected, text))) => {
                assert_eq!(value, expected);
                assert!(cas > self.last_cas, "S6");
                let grown = text.len() > entry.value.len();
                (entry.cas, entry.value, self.last_cas) = (cas, text, cas);
                if grown {
                    self.naive.set_marks(key, ItemMarks::default());
                }
            }
            (Counted::NotNumeric, None) => {}
            (Counted::NotFound, _) => self.lose(key),
            (counted, expected) => panic!("{counted:?}, expected {expected:?}"),
        }
    }

    pub(super) fn touch(&mut self, key: &[u8]) {
        let deadline = self.deadline();
        match (self.store.touch(key, deadline, self.now), self.naive.get_mut(key, self.now)) {
            (Ok(()), Some(entry)) => entry.deadline = deadline,
            (Ok(()), None) => panic!("touched an absent key"),
            (Err(_), Some(_)) => self.lose(key),
            (Err(_), None) => {}
        }
    }

    pub(super) fn get_and_touch(&mut self, key: &[u8]) {
        let deadline = self.deadline();
        let access = Access { deadline: Some(deadline), ..Access::default() };
        let got = self.store.fetch(key, &access, self.now, Run::entry_of).expect("creates no item");
        match (got, self.naive.get_mut(key, self.now)) {
            (Ok(got), expected) => {
                let expected = expected.map(|entry| {
                    entry.deadline = deadline;
                    entry.clone()
                });
                assert_eq!(Some(got), expected, "S7");
            }
            (Err(_), Some(_)) => self.lose(key),
            (Err(_), None) => {}
        }
    }

    /// `mg` with N: the client that creates the item wins, later clients do not.
    pub(super) fn read_or_create(&mut self, key: &[u8]) {
        let deadline = Deadline::from_secs(self.now.secs() + 30);
        let create = Some(Create { deadline, cas: None, binary_key: false });
        let access = Access { create, may_win: true, ..Access::default() };
        let read = |hit: Hit<'_>| (hit.created, hit.wins, hit.marks, Run::entry_of(hit));
        let got = match self.store.fetch(key, &access, self.now, read) {
            Ok(got) => got.expect("found or created"),
            Err(refused) => return self.refused(refused),
        };
        let (created, wins, marks, seen) = got;
        if created {
            if self.naive.get(key, self.now).is_some() {
                self.lose(key);
            }
            assert!(wins && seen.value.is_empty() && seen.deadline == deadline);
            self.last_cas = seen.cas;
            self.naive.note_stored(StoreMode::Set, key, seen, self.now);
            self.naive.set_marks(key, ItemMarks { won: true, ..ItemMarks::default() });
        } else {
            assert_eq!(self.naive.get(key, self.now), Some(&seen), "S7");
            let known = self.naive.marks(key);
            assert_eq!((marks, wins), (known, known.stale && !known.won));
            self.naive.set_marks(key, ItemMarks { won: known.won || wins, ..known });
        }
    }

    pub(super) fn invalidate(&mut self, key: &[u8]) {
        let deadline = if self.random.bool() { Some(self.deadline()) } else { None };
        let options = DeleteOptions { invalidate: true, deadline, ..DeleteOptions::default() };
        if self.change(key, &options, |entry| entry.deadline = deadline.unwrap_or(entry.deadline)) {
            self.naive.set_marks(key, ItemMarks { stale: true, ..ItemMarks::default() });
        }
    }

    pub(super) fn drop_value(&mut self, key: &[u8]) {
        let options = DeleteOptions { drop_value: Some(3), ..DeleteOptions::default() };
        self.change(key, &options, |entry| {
            entry.value.clear();
            (entry.flags, entry.deadline) = (3, Deadline::NEVER);
        });
    }

    /// Applies a delete that keeps its item. The map takes over the new CAS unique of the store. True if there was an
    /// item.
    pub(super) fn change(
        &mut self,
        key: &[u8],
        options: &DeleteOptions,
        change: impl FnOnce(&mut Entry),
    ) -> bool {
        let deleted = match self.store.delete_with(key, options, self.now) {
            Ok(deleted) => deleted,
            Err(refused) => {
                self.refused(refused);
                return false;
            }
        };
        match (deleted, self.naive.get_mut(key, self.now)) {
            (Deleted::Deleted, Some(entry)) => {
                change(entry);
                if options.invalidate {
                    let access = Access { unseen: true, ..Access::default() };
                    if let Ok(Ok(cas)) = self.store.fetch(key, &access, self.now, |hit| hit.cas) {
                        assert!(cas > self.last_cas, "S6");
                        (entry.cas, self.last_cas) = (cas, cas);
                    }
                }
            }
            (Deleted::NotFound, Some(_)) => self.lose(key),
            (Deleted::NotFound, None) => {}
            (deleted, _) => panic!("{deleted:?}"),
        }
        deleted == Deleted::Deleted
    }

    /// `ms` with C and I: an older unique stores, the deadline stays, the item is stale.
    pub(super) fn store_older(&mut self, key: &[u8]) {
        let Some(present) = self.naive.get(key, self.now).cloned() else { return };
        let mode = StoreMode::Cas(present.cas - 1);
        let options = StoreOptions { accept_older: true, ..StoreOptions::default() };
        let incoming = Incoming::Bytes(b"older");
        match self.store.store_with(mode, &options, key, 1, Deadline::NEVER, incoming, self.now) {
            Ok(Stored::Stored { cas, len: 5 }) => {
                let won = self.naive.marks(key).won;
                let entry = Entry { flags: 1, cas, value: b"older".to_vec(), ..present };
                self.naive.note_stored(mode, key, entry, self.now);
                self.naive.set_marks(key, ItemMarks { stale: true, won, binary_key: false });
                self.last_cas = cas;
            }
            Ok(Stored::NotFound) => self.lose(key),
            Ok(other) => panic!("{other:?}"),
            Err(refused) => self.refused(refused),
        }
    }

    pub(super) fn move_page(&mut self) {
        let mut place = || match self.random.u32(..8) {
            0 => PagePlace::Free,
            1 => PagePlace::Any,
            _ => PagePlace::Class(self.random.u32(1..50)),
        };
        let (from, to) = (place(), place());
        let before = self.store.totals();
        let moved = self.store.reassign_page(from, to, self.now);
        let after = self.store.totals();
        self.pages_moved += after.pages_moved - before.pages_moved;
        match moved {
            Ok(0) => assert_eq!(after.pages_moved, before.pages_moved),
            Ok(_) => assert_eq!(after.pages_moved, before.pages_moved + 1),
            Err(_) => {
                assert_eq!((after.items, after.evictions), (before.items, before.evictions), "{moved:?}")
            }
        }
    }

    pub(super) fn walk(&mut self) {
        let mut seen = Vec::new();
        self.store.walk(self.now, |key, hit| {
            seen.push((key.to_vec(), Run::entry_of(hit)));
            true
        });
        for (key, entry) in &seen {
            assert_eq!(self.naive.get(key, self.now), Some(entry), "S7");
        }
        seen.sort_by(|(a, _), (b, _)| a.cmp(b));
        assert!(seen.windows(2).all(|pair| pair[0].0 != pair[1].0), "each key once while nothing changes");
        for key in self.naive.keys() {
            let known = self.naive.get(&key, self.now).is_some();
            if known && seen.binary_search_by(|(it, _)| it.cmp(&key)).is_err() {
                self.lose(&key);
            }
        }
    }

    pub(super) fn flush(&mut self) {
        if self.random.bool() {
            self.store.flush_all(FlushAt::Immediately, self.now);
            self.naive.flush();
            assert_eq!(self.store.totals().items, 0);
        } else {
            let at = Now::from_secs(self.now.secs() + self.random.u32(1..10));
            self.store.flush_all(FlushAt::At(at), self.now);
            self.naive.flush_later(at);
        }
    }

    /// Changes the limit. Over a lowered limit, the next operations may precede maintenance.
    pub(super) fn change_limit(&mut self) {
        let limit = self.random.choice([1 << 20, 3 << 20, self.setup.memory_limit_bytes]).unwrap_or(1 << 20);
        self.events.limits_lowered += u64::from(limit < self.store.memory_limit());
        self.events.limits_raised += u64::from(limit > self.store.memory_limit());
        self.store.set_memory_limit(limit);
        if self.random.bool() {
            while self.store.maintain(self.now) {}
            let charged = self.store.totals().charged_bytes;
            assert!(charged <= limit, "{charged} bytes are charged of {limit}");
        }
    }
}
