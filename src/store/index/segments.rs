//! Buckets in segments of one page each.

use super::bucket::{BUCKET_BYTES, Bucket, EMPTY};
use crate::store::memory::pool::PoolPage;

/// A growable array of buckets. Each segment is one page.
#[derive(Debug, Default)]
pub(super) struct Segments {
    pub(super) segments: Vec<PoolPage>,
    /// Binary logarithm of the buckets of a segment.
    pub(super) log_per_segment: u32,
}

impl Segments {
    pub(super) fn capacity(&self) -> usize {
        self.segments.len() << self.log_per_segment
    }

    pub(super) fn add(&mut self, mut page: PoolPage) {
        bytemuck::cast_slice_mut::<u8, Bucket>(&mut page).fill(EMPTY);
        self.segments.push(page);
    }

    #[inline(always)]
    pub(super) fn get(&self, at: u32) -> &Bucket {
        let (segment, at) = self.locate(at);
        bytemuck::from_bytes(&self.segments[segment][at * BUCKET_BYTES..][..BUCKET_BYTES])
    }

    pub(super) fn get_mut(&mut self, at: u32) -> &mut Bucket {
        let (segment, at) = self.locate(at);
        bytemuck::from_bytes_mut(&mut self.segments[segment][at * BUCKET_BYTES..][..BUCKET_BYTES])
    }

    fn locate(&self, at: u32) -> (usize, usize) {
        let within = (1 << self.log_per_segment) - 1;
        ((at >> self.log_per_segment) as usize, (at & within) as usize)
    }
}
