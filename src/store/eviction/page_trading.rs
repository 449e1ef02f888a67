//! Page trading between classes: which class gives up a page, and which class gets it.
//!
//! A class counts *first hits*: hits on items whose use count is 0 or which are not young (`recency.rs`). With a little
//! less memory it would have lost these hits. A class also counts a part of its *near misses*: stores of keys that it
//! evicted recently, which would have been hits with a little more memory.
//!
//! The score of a class is its first hits per page, times a weak power of the chunk size: closer to equal weight for
//! each hit than to weight by bytes. A page moves if the taker's score clearly exceeds the giver's; the larger the
//! ratio, the sooner the taker compares again. Counts decay from epoch to epoch. An epoch lasts a number of first hits,
//! so that trading depends on the size of the cache and not on the rate of requests.
//!
//! Measurements behind the constants: the simulation in decision note
//! [`d04`](crate::decisions::d04_slab_pages_move_between_classes), and replays of the real store in
//! [`d13`](crate::decisions::d13_page_trading_uses_first_hits).

use crate::store::memory::slab::{COMPARISONS_PER_PAGE_MAX, Class, ClassId, Epoch, Slab};

/// First hits per page held that make an epoch.
const EPOCH_HITS_PER_PAGE: u64 = 2;

/// The length of an epoch is computed with at least this many pages.
const EPOCH_PAGES_MIN: u64 = 16;

/// The factor by which earlier first hits decay at the end of an epoch.
const DECAY: f64 = 0.7;

/// A near miss counts as this much of a first hit.
const NEAR_MISS: f64 = 0.3;

/// A taker's score must be this many times the giver's.
const GAIN: f64 = 1.5;

/// A class gives up no page while at least one in this many of its pages is new: it had no time to produce hits.
const NEW_ONE_IN: usize = 8;

/// A class that could give up a page.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(in crate::store) struct Giver {
    pub(in crate::store) class: ClassId,
    /// The value of a page to it; below 0 if it has whole pages of free chunks.
    score: f64,
}

impl Class {
    /// The value of a page to this class. Comparable only within a shard.
    fn score(&self) -> f64 {
        let first_hits = self.first_hits_before + self.first_hits;
        first_hits * self.hit_weight / self.pages.len().max(1) as f64
    }

    /// True if it has pages and did not fail to release one in this generation.
    fn may_give(&self, stamp: u8) -> bool {
        self.pages() > 0 && self.retains_pages_in != Some(stamp)
    }

    /// True if it got few of its pages in this epoch or the last.
    fn is_settled(&self) -> bool {
        self.gained.iter().sum::<usize>() * NEW_ONE_IN < self.pages()
    }
}

impl Slab {
    /// Counts a hit that a little less memory would have made a miss.
    pub(in crate::store) fn count_first_hit(&mut self, class: ClassId) {
        self.class_mut(class).first_hits += 1.0;
        self.epoch.first_hits += 1;
    }

    /// Counts a miss that a little more memory would have made a hit.
    pub(in crate::store) fn count_near_miss(&mut self, class: ClassId) {
        self.class_mut(class).first_hits += NEAR_MISS;
        self.epoch.first_hits += 1;
    }

    /// Ends the epoch if it has lasted long enough.
    pub(in crate::store) fn end_epoch_if_due(&mut self) {
        let pages = (self.pages_held() as u64).max(EPOCH_PAGES_MIN);
        if self.epoch.first_hits < EPOCH_HITS_PER_PAGE * pages {
            return;
        }
        self.epoch = Epoch { first_hits: 0, ended: self.epoch.ended + 1 };
        for class in &mut self.classes {
            class.gained = [0, class.gained[0]];
            class.first_hits_before = class.first_hits_before * DECAY + class.first_hits;
            class.first_hits = 0.0;
        }
    }

    /// The classes other than `taker` by the value of a page to them, the least first. Excludes classes that have just
    /// grown, except at the start, when all classes grow into free memory. If none remains, returns the largest class.
    pub(in crate::store) fn givers(&self, taker: ClassId, stamp: u8) -> Vec<Giver> {
        let others = || {
            let ids = (0..self.classes.len() as ClassId).zip(&self.classes);
            ids.filter(move |(id, class)| *id != taker && class.may_give(stamp))
        };
        let growing = self.epoch.ended < 2;
        let mut givers: Vec<Giver> = others()
            .filter(|(_, class)| class.has_pages_to_spare() || growing || class.is_settled())
            .map(|(id, class)| Giver { class: id, score: giving_score(class) })
            .collect();
        givers.sort_by(|a, b| a.score.total_cmp(&b.score));
        if givers.is_empty() {
            let largest = others().max_by_key(|(_, class)| class.pages());
            givers.extend(largest.map(|(id, class)| Giver { class: id, score: class.score() }));
        }
        givers
    }

    /// True if a page is worth clearly more to `taker` than to `giver`. Also sets when `taker` compares next.
    pub(in crate::store) fn is_worth_more_to(&mut self, taker: ClassId, giver: &Giver) -> bool {
        let taker = self.class_mut(taker);
        let frequency =
            if giver.score > 0.0 { taker.score() / (GAIN * giver.score) } else { COMPARISONS_PER_PAGE_MAX };
        taker.compares_at =
            (f64::from(taker.chunks_per_page) / frequency.clamp(1.0, COMPARISONS_PER_PAGE_MAX)).ceil() as u32;
        frequency > 1.0
    }

    /// The class whose hand takes longest for a round, and that time in operations. Classes with whole pages of free
    /// chunks come first.
    pub(in crate::store) fn slowest_hand(
        &self,
        except: Option<ClassId>,
        seq: u64,
        stamp: u8,
    ) -> Option<(ClassId, u64)> {
        self.hands(seq, stamp).filter(|(id, _)| Some(*id) != except).max_by_key(|(_, age)| *age)
    }

    /// The classes by the time that their hands take for a round, the longest first.
    pub(in crate::store) fn slowest_hands(&self, seq: u64, stamp: u8) -> Vec<ClassId> {
        let mut hands: Vec<(ClassId, u64)> = self.hands(seq, stamp).collect();
        hands.sort_by_key(|(_, age)| std::cmp::Reverse(*age));
        hands.into_iter().map(|(id, _)| id).collect()
    }

    fn hands(&self, seq: u64, stamp: u8) -> impl Iterator<Item = (ClassId, u64)> {
        let ids = (0..self.classes.len() as ClassId).filter(move |id| self.class(*id).may_give(stamp));
        ids.filter_map(move |id| {
            let age = self.hand_age(id, seq)?;
            Some((id, if self.class(id).has_pages_to_spare() { u64::MAX } else { age }))
        })
    }
}

fn giving_score(class: &Class) -> f64 {
    if class.has_pages_to_spare() {
        -(class.free() as f64 / f64::from(class.chunks_per_page))
    } else {
        class.score()
    }
}
