//! Empties the sparsest regions of the allocator, so that their memory goes back to the system.
//!
//! The allocator cuts a region into blocks of one size and gives it back when all of them are free. What leaves the
//! store does not leave side by side, so that afterwards many regions are nearly empty and few are free. A compaction
//! looks where all blocks lie, chooses the regions with the fewest, and moves these blocks elsewhere. What they leave
//! stays allocated until all have moved, for the allocator would fill it again at once.
//!
//! Must never change what a block holds. Knows the allocator's regions by their sizes alone, and addresses only to
//! compare them: were the sizes others, moving would be in vain and do no harm.
//!
//! Bounded work per call; [`Store::compact`](super::Store::compact) holds the lock of one shard meanwhile.

use super::shard::BlocksSeen;
use bytes::BytesMut;
use std::collections::{HashMap, HashSet};

/// Regions of blocks up to this size are small, in bytes.
const SMALL_BLOCK_MAX_BYTES: usize = 8 << 10;
const SMALL_REGION_BYTES: usize = 64 << 10;
const REGION_BYTES: usize = 512 << 10;

/// Regions looked at, at most: of more memory than these, a part is compacted.
const REGIONS_MAX: usize = 1 << 16;

/// Looks at everything: the second finds what came between during the first.
const ROUNDS: u32 = 2;

/// A region stays if one in this many of its bytes or less is free.
const DENSE_FREE_ONE_IN: usize = 8;

/// Of the free bytes in the regions that stay, one in this many is left to others.
const SPARED_ONE_IN: usize = 8;

/// Tries to get a block outside of the regions that are being emptied.
const TRIES_MAX: u32 = 256;

/// Blocks let go per call.
const LET_GO_PER_CALL: usize = 256;

/// What looking at a block costs, in bytes moved.
const LOOK_BYTES: usize = 256;

/// Where a block lies: the start of the region, and its size.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
struct Region {
    start: usize,
    bytes: usize,
}

impl Region {
    /// Of a block that begins here.
    fn at(start: usize, block_bytes: usize) -> Region {
        let bytes = if block_bytes <= SMALL_BLOCK_MAX_BYTES { SMALL_REGION_BYTES } else { REGION_BYTES };
        Region { start: start & !(bytes - 1), bytes }
    }

    fn of<T>(block: &Vec<T>) -> Region {
        Region::at(block.as_ptr().addr(), block.capacity() * size_of::<T>())
    }
}

/// What is being done with the blocks.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
enum Phase {
    /// Nothing.
    #[default]
    Rest,
    /// Noting where they lie.
    Look,
    /// Moving those of the chosen regions.
    Move,
    /// Letting go of what they left.
    LetGo,
}

/// A compaction, or none.
#[derive(Default)]
pub(super) struct Compaction {
    phase: Phase,
    rounds_left: u32,
    /// Regions emptied at once, at most.
    regions_max: usize,
    /// Where it stands: the shard, and the place in it.
    pub(super) shard: usize,
    pub(super) seen: BlocksSeen,
    /// Bytes in use per region.
    used: HashMap<Region, usize>,
    leaving: HashSet<Region>,
    /// Blocks that were left, and those offered in the regions that are to be emptied.
    held: Vec<Box<dyn Send>>,
    /// Work done in this call.
    done_bytes: usize,
}

impl Compaction {
    /// Begins anew, to empty what it can.
    pub(super) fn start(&mut self) {
        let held = std::mem::take(&mut self.held);
        let (rounds_left, regions_max) = (ROUNDS, usize::MAX);
        *self = Compaction { phase: Phase::Look, rounds_left, regions_max, held, ..Compaction::default() };
    }

    /// Begins anew, to empty as many regions as have so many bytes.
    pub(super) fn start_for(&mut self, bytes: u64) {
        self.start();
        self.rounds_left = 1;
        self.regions_max = bytes.div_ceil(REGION_BYTES as u64) as usize + 1;
    }

    /// True if there is something to do.
    pub(super) fn is_under_way(&self) -> bool {
        self.phase != Phase::Rest
    }

    /// True if blocks are to be shown to it.
    pub(super) fn wants_blocks(&self) -> bool {
        matches!(self.phase, Phase::Look | Phase::Move)
    }

    /// Begins a call.
    pub(super) fn begin_call(&mut self) {
        self.done_bytes = 0;
    }

    /// True once a call has done its share, which is about this much.
    pub(super) fn has_done(&self, bytes: usize) -> bool {
        self.done_bytes >= bytes
    }

    /// All blocks were shown.
    pub(super) fn end_of_blocks(&mut self) {
        (self.shard, self.seen) = (0, BlocksSeen::default());
        if self.phase == Phase::Move {
            self.phase = Phase::LetGo;
            return;
        }
        self.choose();
        self.phase = if self.leaving.is_empty() { Phase::LetGo } else { Phase::Move };
        self.used = HashMap::new();
    }

    /// Lets go of some of what was left; after the last of it the next round begins.
    pub(super) fn let_go(&mut self) {
        self.held.truncate(self.held.len().saturating_sub(LET_GO_PER_CALL));
        if !self.held.is_empty() {
            return;
        }
        self.rounds_left = if self.leaving.is_empty() { 0 } else { self.rounds_left.saturating_sub(1) };
        self.leaving = HashSet::new();
        self.phase = if self.rounds_left == 0 { Phase::Rest } else { Phase::Look };
    }

    /// Shows a block that has room for no more than it holds.
    pub(super) fn show_boxed<T: Copy + Send + 'static>(&mut self, block: &mut Box<[T]>) {
        let mut whole = std::mem::take(block).into_vec();
        self.show(&mut whole);
        *block = whole.into();
    }

    /// Shows a block.
    pub(super) fn show<T: Copy + Send + 'static>(&mut self, block: &mut Vec<T>) {
        if self.phase == Phase::Look {
            return self.show_fixed(block);
        }
        self.done_bytes += LOOK_BYTES;
        if !self.leaving.contains(&Region::of(block)) {
            return;
        }
        // It stays of the same capacity, or it would come to lie among those of another size.
        let capacity = block.capacity();
        let Some(mut moved) = self.room_elsewhere(|| Vec::with_capacity(capacity), Region::of) else {
            return;
        };
        moved.extend_from_slice(block);
        self.done_bytes += size_of_val(block.as_slice());
        self.hold(std::mem::replace(block, moved));
    }

    /// Shows a block that cannot be moved.
    pub(super) fn show_fixed<T>(&mut self, block: &Vec<T>) {
        self.note(Region::of(block), block.capacity() * size_of::<T>());
    }

    /// Shows a block that others move; returns memory as large as it if that is to be.
    pub(super) fn show_frame(&mut self, start: usize, bytes: usize) -> Option<BytesMut> {
        if self.phase == Phase::Look {
            self.note(Region::at(start, bytes), bytes);
            return None;
        }
        self.done_bytes += LOOK_BYTES;
        if !self.leaving.contains(&Region::at(start, bytes)) {
            return None;
        }
        self.done_bytes += bytes;
        let region = |memory: &BytesMut| Region::at(memory.as_ptr().addr(), bytes);
        self.room_elsewhere(|| BytesMut::with_capacity(bytes), region)
    }

    /// Keeps what was left until all have moved.
    pub(super) fn hold(&mut self, left: impl Send + 'static) {
        self.held.push(Box::new(left));
    }

    fn note(&mut self, region: Region, bytes: usize) {
        self.done_bytes += LOOK_BYTES;
        let room = self.used.len() < REGIONS_MAX;
        if self.phase == Phase::Look && (room || self.used.contains_key(&region)) {
            *self.used.entry(region).or_default() += bytes;
        }
    }

    /// Empty memory outside of the regions that are being emptied.
    fn room_elsewhere<T: Send + 'static>(
        &mut self,
        allocate: impl Fn() -> T,
        region: impl Fn(&T) -> Region,
    ) -> Option<T> {
        for _ in 0..TRIES_MAX {
            let memory = allocate();
            if !self.leaving.contains(&region(&memory)) {
                return Some(memory);
            }
            self.hold(memory);
        }
        None
    }

    /// Chooses the regions to be emptied: the sparsest, as many as the others have room for.
    fn choose(&mut self) {
        for bytes in [SMALL_REGION_BYTES, REGION_BYTES] {
            let mut regions: Vec<(usize, Region)> =
                self.used.iter().map(|(region, used)| (*used, *region)).collect();
            regions.retain(|(_, region)| region.bytes == bytes);
            regions.sort_unstable();
            let free = |used: usize| bytes.saturating_sub(used);
            let mut free_bytes: usize = regions.iter().map(|(used, _)| free(*used)).sum();
            let mut moved_bytes = 0;
            for (used, region) in regions {
                free_bytes -= free(used);
                moved_bytes += used;
                let enough = self.leaving.len() >= self.regions_max;
                // Where a few are to be emptied, the memory is wanted.
                let dense = self.regions_max == usize::MAX && free(used) <= bytes / DENSE_FREE_ONE_IN;
                if dense || enough || moved_bytes > free_bytes - free_bytes / SPARED_ONE_IN {
                    break;
                }
                self.leaving.insert(region);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE_BYTES: usize = 32 << 10;

    fn page(fill: u8) -> Box<[u8]> {
        vec![fill; PAGE_BYTES].into()
    }

    /// Runs a compaction over these pages to its end.
    fn compact(pages: &mut [Box<[u8]>]) -> Compaction {
        let mut compaction = Compaction::default();
        compaction.start();
        while compaction.is_under_way() {
            if compaction.wants_blocks() {
                pages.iter_mut().for_each(|page| compaction.show_boxed(page));
                compaction.end_of_blocks();
            } else {
                compaction.let_go();
            }
        }
        compaction
    }

    #[test]
    fn what_is_moved_holds_what_it_held() {
        let mut pages: Vec<Box<[u8]>> = (0..2000).map(|number| page(number as u8)).collect();
        let mut number = 0;
        pages.retain(|_| {
            number += 1;
            number % 7 == 0
        });
        let before: Vec<Vec<u8>> = pages.iter().map(|page| page.to_vec()).collect();
        let compaction = compact(&mut pages);
        assert!(pages.iter().zip(&before).all(|(page, before)| **page == **before));
        assert!(compaction.held.is_empty() && compaction.leaving.is_empty());
    }

    #[test]
    fn the_sparsest_regions_are_chosen_as_far_as_the_others_have_room() {
        let mut compaction = Compaction::default();
        compaction.start();
        let region = |number| Region { start: number * REGION_BYTES, bytes: REGION_BYTES };
        for (number, eighths) in [7, 1, 4, 2, 8, 6].into_iter().enumerate() {
            compaction.used.insert(region(number), eighths * REGION_BYTES / 8);
        }
        compaction.end_of_blocks();
        // One and two eighths find room in the holes of the others, four more would not.
        assert_eq!(compaction.leaving, HashSet::from([region(1), region(3)]));
    }

    #[test]
    fn full_regions_stay() {
        let mut compaction = Compaction::default();
        compaction.start();
        let region = |number| Region { start: number * SMALL_REGION_BYTES, bytes: SMALL_REGION_BYTES };
        (0..100).for_each(|number| {
            compaction.used.insert(region(number), SMALL_REGION_BYTES * 15 / 16);
        });
        compaction.end_of_blocks();
        assert!(compaction.leaving.is_empty());
        compaction.let_go();
        assert!(!compaction.is_under_way());
    }

    #[test]
    fn no_more_regions_are_noted_than_there_is_room_for() {
        let mut compaction = Compaction::default();
        compaction.start();
        let noted = |number: usize| Region { start: number * REGION_BYTES, bytes: REGION_BYTES };
        compaction.used =
            (1..=REGIONS_MAX).map(|number| (noted(usize::MAX / REGION_BYTES - number), 1)).collect();
        compaction.show_boxed(&mut page(1));
        assert_eq!(compaction.used.len(), REGIONS_MAX);
    }
}
