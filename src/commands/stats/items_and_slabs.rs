//! `stats items` and `stats slabs`.

use super::ABSENT;
use crate::clock::Now;
use crate::commands::Engine;
use crate::protocol::ReplyBuffer;

impl Engine {
    /// Emits the stats of `stats items` in memcached's order: class, name and value.
    pub fn item_stats(&self, now: Now, emit: &mut dyn FnMut(u32, &'static str, u64)) {
        for class in self.store.classes(now).iter().filter(|class| class.used_chunks > 0) {
            let mut stat = |name: &'static str, value: u64| emit(class.id, name, value);
            stat("number", class.used_chunks);
            stat("number_hot", class.probation);
            stat("number_warm", ABSENT);
            stat("number_cold", class.used_chunks - class.probation);
            stat("age_hot", ABSENT);
            stat("age_warm", ABSENT);
            stat("age", u64::from(class.age_secs));
            stat("mem_requested", class.item_bytes);
            stat("evicted", class.evicted);
            stat("evicted_nonzero", class.evicted_nonzero);
            stat("evicted_time", u64::from(class.evicted_idle_secs));
            stat("outofmemory", class.out_of_memory);
            stat("tailrepairs", ABSENT);
            stat("reclaimed", class.reclaimed);
            stat("expired_unfetched", class.expired_unfetched);
            stat("evicted_unfetched", class.evicted_unfetched);
            stat("evicted_active", class.evicted_active);
            stat("crawler_reclaimed", class.swept_reclaimed);
            stat("crawler_items_checked", class.swept);
            stat("lrutail_reflocked", ABSENT);
            stat("moves_to_cold", ABSENT);
            stat("moves_to_warm", class.promoted);
            stat("moves_within_lru", ABSENT);
            stat("direct_reclaims", ABSENT);
            stat("hits_to_hot", class.hits_probation);
            stat("hits_to_warm", ABSENT);
            stat("hits_to_cold", class.get_hits.saturating_sub(class.hits_probation));
            stat("hits_to_temp", ABSENT);
        }
    }

    pub(super) fn slabs(&self, now: Now, out: &mut ReplyBuffer) {
        let classes = self.slab_stats(now, &mut |class, name, value| {
            out.push_stat(format_args!("{class}:{name}"), value);
        });
        out.push_stat("active_slabs", classes);
        out.push_stat("total_malloced", self.malloced_bytes());
    }

    /// Emits the stats of `stats slabs` per class; returns the number of classes.
    pub fn slab_stats(&self, now: Now, emit: &mut dyn FnMut(u32, &'static str, u64)) -> usize {
        let classes = self.store.classes(now);
        for class in &classes {
            let mut stat = |name: &'static str, value: u64| emit(class.id, name, value);
            stat("chunk_size", class.chunk_bytes);
            // A large value counts as a page with one chunk, because tools skip a class without pages.
            let (per_page, pages) =
                if class.large { (1, class.used_chunks) } else { (class.chunks_per_page, class.pages) };
            stat("chunks_per_page", per_page);
            stat("total_pages", pages);
            stat("total_chunks", class.used_chunks + class.free_chunks);
            stat("used_chunks", class.used_chunks);
            stat("free_chunks", class.free_chunks);
            stat("free_chunks_end", ABSENT);
            stat("get_hits", class.get_hits);
            stat("cmd_set", class.stores);
            stat("delete_hits", class.delete_hits);
            stat("incr_hits", class.incr_hits);
            stat("decr_hits", class.decr_hits);
            stat("cas_hits", class.cas_hits);
            stat("cas_badval", class.cas_badval);
            stat("touch_hits", class.touch_hits);
        }
        classes.len()
    }

    /// Memory used by items and their index: `total_malloced` of `stats slabs`.
    pub fn malloced_bytes(&self) -> u64 {
        self.store.charged_bytes()
    }
}
