//! The page pool and the memory limit (`-m`).
//!
//! Slabs, the index, the removal log, large values and incoming values take whole pages from the pool and return them.
//! A page moves from one use to the next without the allocator, whichever thread frees it. Each page is an anonymous
//! mapping of its own: returning it to the operating system is one system call and causes no fragmentation. Only
//! [`Pool::trim`] returns pages, after the limit was lowered or everything was flushed. Heap memory of a value besides
//! its pages is charged in bytes ([`Charge`]).
//!
//! The pool never maps or unmaps memory under its lock.
//!
//! Invariants (S3): `resident_bytes` is the charge of all pages, free ones included, and of all heap bytes. It grows
//! only up to the limit. A page is in use once, free, or surplus.

use crate::sync::{AtomicBool, AtomicU64, Mutex, Ordering};
use memmap2::MmapMut;
use std::mem::take;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// Bytes charged for a page beyond its memory: its record, its set of items on probation, its entries in lists.
pub const PAGE_OVERHEAD_BYTES: u64 = 256;

/// Incoming values may take one in this many bytes of the limit.
const INCOMING_ONE_IN: u64 = 2;

/// Pinned pages may displace small items up to one in this many bytes of the limit.
const PINNED_ONE_IN: u64 = 2;

/// Address space reserved for the heap, in bytes, for a process that cannot map more pages.
const RESERVE_BYTES: usize = 32 << 20;

/// All pages of a store.
#[derive(Debug)]
pub struct Pool {
    page_bytes: usize,
    state: Mutex<State>,
    /// The limit, readable without the lock.
    limit_bytes: AtomicU64,
    /// [`State::has_page`] as of the last change. A full store takes a page at every eviction and usually finds none;
    /// this avoids contention on the lock.
    has_page: AtomicBool,
    /// Charge of incoming values, pages and heap.
    incoming_bytes: AtomicU64,
    /// Charge of pages that readers pin, whether or not the value is still stored.
    pinned_bytes: AtomicU64,
}

#[derive(Debug)]
struct State {
    limit_bytes: u64,
    /// The operating system refused to map more than this.
    mappable_bytes: u64,
    resident_bytes: u64,
    /// The part of `resident_bytes` that is on the heap.
    heap_bytes: u64,
    free: Vec<MmapMut>,
    /// Pages whose charge moved to the heap, until they are unmapped or charged again.
    surplus: Vec<MmapMut>,
    /// Reserved address space, unmapped when the operating system first refuses a page.
    reserve: Option<MmapMut>,
    /// The limit was lowered: more than the limit may be charged.
    lowered: bool,
}

impl State {
    /// Charge of pages in use and of the heap, in bytes.
    fn charged_bytes(&self, page_charge: u64) -> u64 {
        self.resident_bytes - self.free.len() as u64 * page_charge
    }

    fn charge(&mut self, heap_bytes: u64) {
        self.resident_bytes += heap_bytes;
        self.heap_bytes += heap_bytes;
    }

    /// True if [`Pool::take`] finds a free page or may map one.
    fn has_page(&self, page_charge: u64) -> bool {
        let free = self.resident_bytes <= self.limit_bytes && !self.free.is_empty();
        free || self.may_grow_by(page_charge)
    }

    fn may_grow_by(&self, bytes: u64) -> bool {
        let most = self.limit_bytes.min(self.mappable_bytes);
        self.resident_bytes.checked_add(bytes).is_some_and(|sum| sum <= most)
    }
}

impl Pool {
    /// A pool of pages of `page_bytes`. No page is mapped yet.
    pub fn new(limit_bytes: u64, page_bytes: usize) -> Pool {
        let state = State {
            limit_bytes,
            mappable_bytes: u64::MAX,
            resident_bytes: 0,
            heap_bytes: 0,
            free: Vec::new(),
            surplus: Vec::new(),
            reserve: MmapMut::map_anon(RESERVE_BYTES).ok(),
            lowered: false,
        };
        Pool {
            page_bytes,
            limit_bytes: AtomicU64::new(limit_bytes),
            has_page: AtomicBool::new(true),
            state: Mutex::new(state),
            incoming_bytes: AtomicU64::new(0),
            pinned_bytes: AtomicU64::new(0),
        }
    }

    /// Changes the state and updates `has_page`.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock();
        let result = change(&mut state);
        self.has_page.store(state.has_page(self.page_charge()), Ordering::Relaxed);
        result
    }

    /// Bytes of a page.
    #[cfg(test)]
    pub fn page_bytes(&self) -> usize {
        self.page_bytes
    }

    /// Charge of a page, in bytes.
    pub fn page_charge(&self) -> u64 {
        self.page_bytes as u64 + PAGE_OVERHEAD_BYTES
    }

    /// The memory limit, in bytes.
    pub fn limit_bytes(&self) -> u64 {
        self.limit_bytes.load(Ordering::Relaxed)
    }

    /// Changes the limit. [`Pool::trim`] returns free pages over a lowered limit.
    pub fn set_limit_bytes(&self, bytes: u64) {
        self.change(|state| {
            state.lowered |= bytes < state.limit_bytes;
            state.limit_bytes = bytes;
            state.mappable_bytes = u64::MAX;
            self.limit_bytes.store(bytes, Ordering::Relaxed);
        });
    }

    /// Charge of pages in use and of the heap, in bytes.
    pub fn charged_bytes(&self) -> u64 {
        self.state.lock().charged_bytes(self.page_charge())
    }

    /// The heap part of the charge, in bytes.
    #[cfg(test)]
    pub fn heap_bytes(&self) -> u64 {
        self.state.lock().heap_bytes
    }

    /// Bytes of free pages.
    pub fn free_bytes(&self) -> u64 {
        let state = self.state.lock();
        ((state.free.len() + state.surplus.len()) * self.page_bytes) as u64
    }

    /// Bytes in use over a lowered limit.
    pub fn excess_bytes(&self) -> u64 {
        let state = self.state.lock();
        state.charged_bytes(self.page_charge()).saturating_sub(state.limit_bytes)
    }

    /// Takes a page with arbitrary content: a free page, or a new one if the limit and the operating system allow it.
    pub fn take(self: &Arc<Self>) -> Option<PoolPage> {
        if !self.has_page.load(Ordering::Relaxed) {
            return None;
        }
        let known = self.change(|state| {
            // Free pages over a lowered limit are not reused.
            if state.resident_bytes <= state.limit_bytes
                && let Some(memory) = state.free.pop()
            {
                return Some(Some(memory));
            }
            state.may_grow_by(self.page_charge()).then(|| {
                state.resident_bytes += self.page_charge();
                state.surplus.pop()
            })
        })?;
        let memory = match known.map_or_else(|| MmapMut::map_anon(self.page_bytes), Ok) {
            Ok(memory) => memory,
            Err(_) => {
                self.note_refused_mapping();
                return None;
            }
        };
        Some(PoolPage { memory, claim: Claim(Some(self.clone())) })
    }

    /// Stops mapping pages and leaves the remaining address space to the heap.
    #[cold]
    fn note_refused_mapping(&self) {
        let reserve = self.change(|state| {
            state.resident_bytes -= self.page_charge();
            state.mappable_bytes = state.resident_bytes;
            state.reserve.take()
        });
        drop(reserve);
    }

    /// Charges heap bytes, if necessary in place of a free page.
    #[must_use]
    pub fn try_charge(self: &Arc<Self>, bytes: u64) -> Option<Charge> {
        self.change(|state| {
            while !state.may_grow_by(bytes) {
                state.surplus.push(state.free.pop()?);
                state.resident_bytes -= self.page_charge();
            }
            state.charge(bytes);
            Some(Charge { bytes, pool: self.clone() })
        })
    }

    /// Charges heap bytes in place of a page in use, which also succeeds over a lowered limit. Refuses more bytes than
    /// the charge of a page.
    #[must_use]
    pub fn charge_in_place_of(self: &Arc<Self>, page: PoolPage, bytes: u64) -> Option<Charge> {
        if bytes > self.page_charge() {
            return None;
        }
        self.change(|state| {
            state.surplus.push(page.into_memory());
            state.resident_bytes -= self.page_charge();
            state.charge(bytes);
        });
        Some(Charge { bytes, pool: self.clone() })
    }

    /// Returns at most `pages_max` pages to the operating system: surplus pages, free pages over the limit and, if
    /// `all`, the other free pages. True if it returned `pages_max` pages.
    pub fn trim(&self, pages_max: usize, all: bool) -> bool {
        let returned = self.change(|state| {
            let rest = state.surplus.len().saturating_sub(pages_max);
            let mut returned = state.surplus.split_off(rest);
            while returned.len() < pages_max
                && (all || state.resident_bytes > state.limit_bytes)
                && let Some(page) = state.free.pop()
            {
                state.resident_bytes -= self.page_charge();
                returned.push(page);
            }
            if all && state.free.is_empty() {
                state.free = Vec::new();
            }
            returned
        });
        returned.len() == pages_max
    }

    /// Bytes of incoming values.
    pub fn incoming_bytes(&self) -> u64 {
        self.incoming_bytes.load(Ordering::Relaxed)
    }

    /// Bytes that incoming values may take in total.
    pub fn incoming_max_bytes(&self) -> u64 {
        self.limit_bytes() / INCOMING_ONE_IN
    }

    /// Counts bytes of incoming values; `None` if they exceed their maximum.
    #[must_use]
    pub fn reserve_incoming(self: &Arc<Self>, bytes: u64) -> Option<IncomingShare> {
        let most = self.incoming_max_bytes();
        let sum = |before: u64| before.checked_add(bytes).filter(|sum| *sum <= most);
        self.incoming_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, sum).ok()?;
        Some(IncomingShare { bytes, pool: self.clone() })
    }

    /// Charge of pages that readers pin.
    pub fn pinned_bytes(&self) -> u64 {
        self.pinned_bytes.load(Ordering::Relaxed)
    }

    /// True if readers pin so much that no small items are evicted for large values.
    pub fn is_pinned_full(&self) -> bool {
        self.pinned_bytes() >= self.limit_bytes() / PINNED_ONE_IN
    }

    /// Counts pages that readers pin.
    pub fn pin(&self, pages: usize) {
        self.pinned_bytes.fetch_add(pages as u64 * self.page_charge(), Ordering::Relaxed);
    }

    /// Uncounts pages that readers no longer pin.
    pub fn unpin(&self, pages: usize) {
        self.pinned_bytes.fetch_sub(pages as u64 * self.page_charge(), Ordering::Relaxed);
    }

    /// Asserts S3 for the limit.
    pub fn check(&self) {
        let state = self.state.lock();
        let (resident, limit) = (state.resident_bytes, state.limit_bytes);
        assert!(resident <= limit || state.lowered, "S3: {resident} bytes resident of {limit}");
        let free = state.free.len() as u64 * self.page_charge();
        assert!(free + state.heap_bytes <= resident, "S3: free pages and the heap are charged");
    }

    #[cfg(test)]
    pub fn plant_charge_over_the_limit(&self) {
        let mut state = self.state.lock();
        state.resident_bytes = state.limit_bytes + 1;
    }
}

/// A page in use. It returns to the pool as part of [`Pages`]; dropped alone, it is unmapped.
#[derive(Debug)]
pub struct PoolPage {
    memory: MmapMut,
    claim: Claim,
}

impl PoolPage {
    /// The pool of the page.
    pub fn pool(&self) -> Option<&Arc<Pool>> {
        self.claim.0.as_ref()
    }

    fn into_memory(mut self) -> MmapMut {
        self.claim.0 = None;
        self.memory
    }
}

impl Deref for PoolPage {
    type Target = [u8];

    #[inline(always)]
    fn deref(&self) -> &[u8] {
        &self.memory
    }
}

impl DerefMut for PoolPage {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.memory
    }
}

/// The charge of a page, released on drop; `None` once the page has returned to the pool with its charge.
#[derive(Debug)]
struct Claim(Option<Arc<Pool>>);

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(pool) = &self.0 {
            pool.change(|state| state.resident_bytes -= pool.page_charge());
        }
    }
}

/// Pages of one pool, which return to it on drop.
#[derive(Default, Debug)]
pub struct Pages(Vec<PoolPage>);

impl Pages {
    /// Takes all pages out.
    pub fn take(&mut self) -> Vec<PoolPage> {
        take(&mut self.0)
    }
}

impl From<Vec<PoolPage>> for Pages {
    fn from(pages: Vec<PoolPage>) -> Pages {
        Pages(pages)
    }
}

impl Deref for Pages {
    type Target = Vec<PoolPage>;

    fn deref(&self) -> &Vec<PoolPage> {
        &self.0
    }
}

impl DerefMut for Pages {
    fn deref_mut(&mut self) -> &mut Vec<PoolPage> {
        &mut self.0
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        let Some(pool) = self.0.first().and_then(PoolPage::pool).cloned() else { return };
        pool.change(|state| state.free.extend(self.0.drain(..).map(PoolPage::into_memory)));
    }
}

/// Heap bytes, charged until drop.
#[derive(Debug)]
pub struct Charge {
    bytes: u64,
    pool: Arc<Pool>,
}

impl Charge {
    /// Charged bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.pool.change(|state| {
            state.resident_bytes -= self.bytes;
            state.heap_bytes -= self.bytes;
        });
    }
}

/// The share of an incoming value in the memory for incoming values, until drop.
#[derive(Debug)]
pub struct IncomingShare {
    bytes: u64,
    pool: Arc<Pool>,
}

impl IncomingShare {
    /// Adds another share.
    pub fn join(&mut self, mut other: IncomingShare) {
        self.bytes += take(&mut other.bytes);
    }
}

impl Drop for IncomingShare {
    fn drop(&mut self) {
        self.pool.incoming_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
