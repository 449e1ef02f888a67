//! Moves what a shard holds into other memory of the allocator, so that memory given back can go to the system.
//!
//! Items that leave are spread over the allocator's own pages, of which each goes back only when it is empty: with
//! `-m 64` full of values of all sizes and then `cache_memlimit 16`, 67 MiB stayed resident; moved, 25 (decision note
//! [`d06`](crate::decisions::d06_large_values_lie_in_blocks)). The allocator fills its fullest pages first, so that a
//! few passes over everything leave the others empty.
//!
//! Must never change what an item is or where it is found: pages, segments and large values keep their names.

use super::Shard;
use crate::store::handle::LargeId;

/// Passes over everything.
const PASSES: u32 = 3;

/// How far the shard has come.
#[derive(Default, Debug)]
pub(in crate::store) struct Relocation {
    passes_left: u32,
    next_segment: usize,
    next_page: usize,
    /// Large values that this pass has still to move, once it has come to them.
    large: Option<Vec<LargeId>>,
}

impl Shard {
    /// Begins to move everything; [`Shard::relocate`] does it.
    pub(in crate::store) fn start_relocation(&mut self) {
        self.relocation = Relocation { passes_left: PASSES, ..Relocation::default() };
    }

    /// Moves about this many bytes; true if there are more.
    pub(in crate::store) fn relocate(&mut self, bytes: usize) -> bool {
        let mut moved = 0;
        while self.relocation.passes_left > 0 && moved < bytes {
            moved += self.relocate_next();
        }
        self.relocation.passes_left > 0
    }

    /// Moves the next thing, if it can be moved; returns how many bytes that were.
    fn relocate_next(&mut self) -> usize {
        let Relocation { passes_left, next_segment, next_page, large } = &mut self.relocation;
        if *next_segment < self.index.segments() {
            *next_segment += 1;
            return self.index.relocate(*next_segment - 1);
        }
        if *next_page < self.slab.places() {
            *next_page += 1;
            return self.slab.relocate(*next_page - 1);
        }
        match large.get_or_insert_with(|| self.large.iter().map(|(id, _)| id).collect()).pop() {
            Some(id) => self.large.relocate(id),
            None => {
                self.relocation = Relocation { passes_left: *passes_left - 1, ..Relocation::default() };
                0
            }
        }
    }
}
