//! The next victim of a class: second chance with probation, by two clock hands.
//!
//! An item has a use count of 0 to 3, raised by hits. The main hand lowers the counts of the items it passes and
//! selects the first item at 0. New items are on probation, with a hand of their own, which goes first while they are
//! more than a tenth of the class: it promotes used items and selects unused ones. A scan of keys that are read once
//! therefore displaces at most a tenth of the memory. Sources: CLOCK (Corbató 1968), S3-FIFO (Yang et al., SOSP 2023).
//!
//! The hands pass over young items (`recency.rs`). A call scans at most [`SCAN_MAX`] items and then selects the least
//! used of them, or none if all are young.

use super::recency::Recency;
use crate::clock::Now;
use crate::store::item::ChunkAt;
use crate::store::item::header;
use crate::store::memory::slab::{Class, ClassId, Hand, Slab};

/// Items scanned before the least used of them is selected.
const SCAN_MAX: u32 = 16;

/// The probation hand goes first while more than one in this many items are on probation.
const PROBATION_ONE_IN: usize = 10;

/// The selected item.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::store) struct Victim {
    /// Its chunk.
    pub(in crate::store) at: ChunkAt,
    /// It is expired.
    pub(in crate::store) expired: bool,
}

impl Class {
    fn probation_first(&self) -> bool {
        self.probation * PROBATION_ONE_IN > self.live || self.probation == self.live
    }
}

impl Slab {
    /// Selects the next victim of a class; `None` if the class is empty or all scanned items are young. The caller
    /// removes it.
    pub(in crate::store) fn next_victim(
        &mut self,
        class: ClassId,
        recency: &Recency,
        now: Now,
        seq: u64,
    ) -> Option<Victim> {
        let mut least_used: Option<(u8, ChunkAt)> = None;
        let mut scanned = 0;
        loop {
            if self.class(class).live == 0 {
                return None;
            }
            let probation = self.class(class).probation_first();
            let at = self.advance(class, probation, seq)?;
            let item = self.item(at);
            scanned += 1;
            let uses = item.uses();
            let young = recency.is_young(item.stamp(), item.last_access());
            if item.deadline().is_over(now) {
                return Some(Victim { at, expired: true });
            }
            let last = scanned >= SCAN_MAX;
            if !young && (uses == 0 || probation && last) {
                return Some(Victim { at, expired: false });
            }
            if probation {
                self.promote(class, at);
            } else {
                if !young && least_used.is_none_or(|(least, _)| uses < least) {
                    least_used = Some((uses, at));
                }
                if !last {
                    let uses = uses.saturating_sub(1);
                    header::set_eviction_state(self.page_mut(at.page).chunk_mut(at.chunk), uses, false);
                }
            }
            if last {
                return least_used.map(|(_, at)| Victim { at, expired: false });
            }
        }
    }

    fn promote(&mut self, class: ClassId, at: ChunkAt) {
        self.page_mut(at.page).promote(at.chunk);
        let class = self.class_mut(class);
        class.probation -= 1;
        class.stats.promoted += 1;
    }

    /// Moves a hand to its next item; `None` if a full round finds no item of its kind.
    fn advance(&mut self, class: ClassId, probation: bool, seq: u64) -> Option<ChunkAt> {
        let owner = &self.classes[usize::from(class)];
        let mut hand = if probation { owner.probation_hand } else { owner.main_hand };
        let rounds = owner.pages.len() + 1;
        for _ in 0..rounds {
            let id = *self.class(class).pages.get(hand.place)?;
            if let Some(chunk) = self.page(id).next_item(hand.chunk, probation) {
                hand.chunk = chunk + 1;
                *self.hand_mut(class, probation) = hand;
                return Some(ChunkAt { page: id, chunk });
            }
            hand.chunk = 0;
            hand.place = if hand.place + 1 < self.class(class).pages.len() { hand.place + 1 } else { 0 };
            if !probation {
                let entered = self.class(class).pages[hand.place];
                self.page_mut(entered).entered = seq;
            }
        }
        None
    }

    fn hand_mut(&mut self, class: ClassId, probation: bool) -> &mut Hand {
        let owner = self.class_mut(class);
        if probation { &mut owner.probation_hand } else { &mut owner.main_hand }
    }

    /// The time since the main hand last entered the page that it enters next, in operations of the shard; `None` if
    /// the class has no page.
    pub(in crate::store) fn hand_age(&self, class: ClassId, seq: u64) -> Option<u64> {
        let owner = self.class(class);
        let next = (owner.main_hand.place + 1) % owner.pages.len().max(1);
        let page = *owner.pages.get(next)?;
        Some(seq.saturating_sub(self.page(page).entered))
    }

    /// Seconds since the last access of the next item of the main hand.
    pub(in crate::store) fn age_secs(&self, class: ClassId, now: Now) -> u32 {
        let owner = self.class(class);
        let from = owner.main_hand.chunk;
        let page = owner.pages.get(owner.main_hand.place);
        page.and_then(|&page| self.page(page).age_secs(from, now)).unwrap_or(0)
    }

    /// The place of the page that a class releases first.
    pub(in crate::store) fn page_to_release(&self, class: ClassId) -> Option<usize> {
        let owner = self.class(class);
        if owner.has_pages_to_spare() {
            let emptiest =
                owner.with_free.iter().rev().take(8).min_by_key(|page| self.page(**page).live())?;
            return owner.pages.iter().position(|page| page == emptiest);
        }
        let count = owner.pages.len();
        let past_middle = owner.main_hand.chunk > owner.chunks_per_page / 2;
        (count > 0).then(|| (owner.main_hand.place + usize::from(past_middle)) % count)
    }
}
