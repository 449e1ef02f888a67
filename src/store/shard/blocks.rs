//! Shows the blocks of memory that a shard holds to who moves them.
//!
//! Must never change what an item is or where it is found: pages, segments and large values keep their names.

use super::Shard;
use crate::store::compaction::Compaction;
use crate::store::handle::LargeId;

/// How far a walk over the blocks of a shard has come.
#[derive(Default, Debug)]
pub(in crate::store) struct BlocksSeen {
    segments: usize,
    pages: usize,
    removals: bool,
    frames: usize,
    /// Large values still to be seen, once the walk has come to them.
    large: Option<Vec<LargeId>>,
}

impl Shard {
    /// Shows the next block, or the pages of the next large value; false if all were seen.
    pub(in crate::store) fn show_blocks(
        &mut self,
        seen: &mut BlocksSeen,
        compaction: &mut Compaction,
    ) -> bool {
        if seen.segments < self.index.segments() {
            self.index.show_segment(seen.segments, compaction);
            seen.segments += 1;
        } else if seen.pages < self.slab.places() {
            self.slab.show_page(seen.pages, compaction);
            seen.pages += 1;
        } else if !seen.removals {
            self.removals.show_pages(compaction);
            seen.removals = true;
        } else if seen.frames < self.large.frame_numbers() {
            self.large.show_frame(seen.frames as u32, compaction);
            seen.frames += 1;
        } else {
            let large = seen.large.get_or_insert_with(|| self.large.iter().map(|(id, _)| id).collect());
            match large.pop() {
                Some(id) => self.large.show_pages(id, compaction),
                None => return false,
            }
        }
        true
    }
}
