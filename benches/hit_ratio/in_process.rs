//! Replays a trace in this process: on the store, and on exact LRU (the `lru` crate) with the same memory.

use super::trace::{Item, Misses, Request, Trace};
use larder::clock::{Deadline, Now};
use larder::store::{Incoming, Settings, Store, StoreMode};
use lru::LruCache;

/// Time at the start of a trace.
const START_SECS: u32 = 100;

/// Requests between two maintenance calls of the store, which a daemon makes ten times a second.
const MAINTENANCE_INTERVAL: usize = 10_000;

/// All values are parts of this.
static VALUE: [u8; 1 << 19] = [b'v'; 1 << 19];

/// A cache that a trace is replayed on.
pub trait Cache {
    fn hit(&mut self, key: &[u8], request: Request, now: Now) -> bool;
    fn put(&mut self, key: &[u8], request: Request, item: Item, now: Now);
    fn maintain(&mut self, now: Now);
}

/// The deadline of an item stored now.
fn deadline(item: Item, now: Now) -> Deadline {
    if item.ttl_secs == 0 { Deadline::NEVER } else { Deadline::from_secs(now.secs() + item.ttl_secs) }
}

/// Replays the requests from `from` to `to`; counts reads and misses.
pub fn replay(cache: &mut impl Cache, trace: &Trace, from: usize, to: usize) -> Misses {
    let mut misses = Misses::default();
    let mut key = Vec::new();
    for (at, request) in trace.requests.iter().enumerate().take(to).skip(from) {
        let now = Now::from_secs(START_SECS + (at / trace.requests_per_sec as usize) as u32);
        if at % MAINTENANCE_INTERVAL == 0 {
            cache.maintain(now);
        }
        key.clear();
        trace.write_key(request.key, &mut key);
        let hit = !request.write && cache.hit(&key, *request, now);
        if !request.write {
            misses.count(hit);
        }
        if !hit {
            cache.put(&key, *request, trace.items[request.key as usize], now);
        }
    }
    misses
}

/// The store of larder.
pub struct Larder(pub Store);

impl Larder {
    pub fn new(memory_bytes: u64) -> Larder {
        let settings =
            Settings { memory_limit_bytes: memory_bytes, hash_seed: Some(1), ..Settings::default() };
        Larder(Store::new(settings))
    }
}

impl Cache for Larder {
    fn hit(&mut self, key: &[u8], _: Request, now: Now) -> bool {
        self.0.get(key, now, |_| ()).is_ok()
    }

    fn put(&mut self, key: &[u8], _: Request, item: Item, now: Now) {
        let value = Incoming::Bytes(&VALUE[..item.value_bytes as usize]);
        let stored = self.0.store(StoreMode::Set, key, 0, deadline(item, now), value, now);
        assert!(stored.is_ok(), "{} bytes: {stored:?}", item.value_bytes);
    }

    fn maintain(&mut self, now: Now) {
        self.0.maintain(now);
    }
}

/// Exact LRU, charged for keys, values and a fixed number of bytes per item. Expired items remain until they are read
/// or evicted.
pub struct ExactLru {
    items: LruCache<u32, (u64, Deadline)>,
    per_item_bytes: u64,
    used_bytes: u64,
    memory_bytes: u64,
}

impl ExactLru {
    pub fn new(memory_bytes: u64, per_item_bytes: u64) -> ExactLru {
        ExactLru { items: LruCache::unbounded(), per_item_bytes, used_bytes: 0, memory_bytes }
    }
}

impl Cache for ExactLru {
    fn hit(&mut self, _: &[u8], request: Request, now: Now) -> bool {
        self.items.get(&request.key).is_some_and(|(_, deadline)| !deadline.is_over(now))
    }

    fn put(&mut self, key: &[u8], request: Request, item: Item, now: Now) {
        let bytes = key.len() as u64 + u64::from(item.value_bytes) + self.per_item_bytes;
        let old = self.items.put(request.key, (bytes, deadline(item, now)));
        self.used_bytes = self.used_bytes + bytes - old.map_or(0, |(bytes, _)| bytes);
        while self.used_bytes > self.memory_bytes {
            let Some((_, (bytes, _))) = self.items.pop_lru() else { break };
            self.used_bytes -= bytes;
        }
    }

    fn maintain(&mut self, _: Now) {}
}
