//! Pages cut into fragments of one size, for the tails of large values, which do not fill a page.
//!
//! Fragments belong to the shard: a reader gets a copy of a tail. Any page can therefore be emptied by moving its
//! fragments to other pages (decision note
//! [`d20`](crate::decisions::d20_fragments_are_compacted)). Knows the numbers of the owners, not the items.
//!
//! Invariants: `by_free` lists every page exactly once, by the number of its free fragments; a fragment is free, has an
//! owner, or is reserved for one.

use crate::store::item::LargeId;
use crate::store::memory::pool::PoolPage;
use std::collections::BTreeSet;

/// Number of fragment sizes.
pub(super) const SIZES: usize = 3;

/// The owner of a fragment that has none; no large value has the largest number.
const NO_OWNER: LargeId = LargeId(u32::MAX);

/// Bytes of a fragment of each size, the largest first. Each size divides the previous one and the page.
pub(super) fn fragment_bytes(page_bytes: usize) -> [usize; SIZES] {
    [page_bytes / 4, 2048, 512]
}

/// A fragment by page and place in the page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::store) struct Fragment {
    page: u32,
    place: u16,
}

impl Fragment {
    /// The number of its page.
    pub(super) fn page(self) -> u32 {
        self.page
    }
}

/// A page of fragments of one size.
#[derive(Debug)]
pub(super) struct FragmentPage {
    size: usize,
    memory: PoolPage,
    free: Vec<u16>,
    /// The owner of each fragment, by place.
    owners: Box<[LargeId]>,
}

impl FragmentPage {
    fn bytes(&self, place: u16) -> &[u8] {
        let bytes = self.memory.len() / self.owners.len();
        &self.memory[usize::from(place) * bytes..][..bytes]
    }

    fn bytes_mut(&mut self, place: u16) -> &mut [u8] {
        let bytes = self.memory.len() / self.owners.len();
        &mut self.memory[usize::from(place) * bytes..][..bytes]
    }

    /// Returns the memory.
    pub(super) fn into_memory(self) -> PoolPage {
        self.memory
    }
}

/// The fragments of a shard.
#[derive(Debug)]
pub(in crate::store) struct Fragments {
    page_bytes: usize,
    pages: Vec<Option<FragmentPage>>,
    /// Unused page numbers.
    vacant: Vec<u32>,
    /// Page numbers of each size, by the number of free fragments.
    by_free: [Vec<BTreeSet<u32>>; SIZES],
    /// Free fragments of each size.
    free: [usize; SIZES],
}

const LIVE_PAGES_ONLY: &str = "a fragment keeps its page until it is released or moved";

impl Fragments {
    /// No pages.
    pub(super) fn new(page_bytes: usize) -> Fragments {
        let sets = |bytes: usize| vec![BTreeSet::new(); page_bytes / bytes + 1];
        Fragments {
            page_bytes,
            pages: Vec::new(),
            vacant: Vec::new(),
            by_free: fragment_bytes(page_bytes).map(sets),
            free: [0; SIZES],
        }
    }

    /// Number of pages.
    pub(super) fn pages(&self) -> usize {
        self.pages.len() - self.vacant.len()
    }

    /// True if so many fragments of a size are free.
    pub(super) fn has(&self, size: usize, count: usize) -> bool {
        self.free[size] >= count
    }

    /// Cuts a page into fragments of a size.
    pub(super) fn add(&mut self, size: usize, memory: PoolPage) {
        let count = self.page_bytes / fragment_bytes(self.page_bytes)[size];
        let number = self.vacant.pop().unwrap_or(self.pages.len() as u32);
        self.free[size] += count;
        self.by_free[size][count].insert(number);
        let free = (0..count as u16).rev().collect();
        let page = Some(FragmentPage { size, memory, free, owners: vec![NO_OWNER; count].into() });
        match self.pages.get_mut(number as usize) {
            Some(vacant) => *vacant = page,
            None => self.pages.push(page),
        }
    }

    fn page(&self, number: u32) -> &FragmentPage {
        self.pages[number as usize].as_ref().expect(LIVE_PAGES_ONLY)
    }

    fn page_mut(&mut self, number: u32) -> &mut FragmentPage {
        self.pages[number as usize].as_mut().expect(LIVE_PAGES_ONLY)
    }

    fn count_free(&mut self, number: u32, size: usize, before: usize, after: usize) {
        self.by_free[size][before].remove(&number);
        self.by_free[size][after].insert(number);
        self.free[size] = self.free[size] + after - before;
    }

    /// Takes so many fragments of a size, from the fullest pages first. The caller checked that so many are free.
    pub(super) fn take(&mut self, size: usize, count: usize, fragments: &mut Vec<Fragment>) {
        let mut missing = count;
        while missing > 0 {
            let fullest = self.by_free[size][1..].iter().find_map(BTreeSet::first).copied();
            let page = fullest.expect("so many fragments are free");
            let owner = self.page_mut(page);
            let before = owner.free.len();
            let after = before.saturating_sub(missing);
            fragments.extend(owner.free.drain(after..).rev().map(|place| Fragment { page, place }));
            self.count_free(page, size, before, after);
            missing -= before - after;
        }
    }

    /// Records the owner of a fragment.
    pub(super) fn own(&mut self, fragment: Fragment, owner: LargeId) {
        self.page_mut(fragment.page).owners[usize::from(fragment.place)] = owner;
    }

    /// Releases a fragment.
    pub(super) fn release(&mut self, fragment: Fragment) {
        let page = self.page_mut(fragment.page);
        page.owners[usize::from(fragment.place)] = NO_OWNER;
        page.free.push(fragment.place);
        let (size, after) = (page.size, page.free.len());
        self.count_free(fragment.page, size, after - 1, after);
    }

    /// All bytes of a fragment, including those after the tail.
    pub(super) fn bytes(&self, fragment: Fragment) -> &[u8] {
        self.page(fragment.page).bytes(fragment.place)
    }

    /// Copies a tail into fragments.
    pub(super) fn fill(&mut self, fragments: &[Fragment], mut tail: &[u8]) {
        for fragment in fragments {
            let target = self.page_mut(fragment.page).bytes_mut(fragment.place);
            let (part, rest) = tail.split_at(tail.len().min(target.len()));
            target[..part.len()].copy_from_slice(part);
            tail = rest;
        }
        debug_assert!(tail.is_empty(), "the fragments were taken for this tail");
    }

    /// Takes out a page of which all fragments are free, if there is one.
    pub(super) fn take_free_page(&mut self) -> Option<PoolPage> {
        let number = self.by_free.iter().find_map(|by_free| by_free.last()?.first()).copied()?;
        Some(self.remove(number).0.into_memory())
    }

    /// The page with the least memory in use, of those whose fragments fit into other pages.
    pub(super) fn emptiest_page(&self) -> Option<u32> {
        let sizes = self.by_free.iter().zip(self.free).filter(|(by_free, free)| free + 1 >= by_free.len());
        let emptiest = sizes.filter_map(|(by_free, _)| by_free.iter().rev().flatten().next().copied());
        emptiest.filter(|page| self.has_no_reserved(*page)).max_by_key(|page| {
            let page = self.page(*page);
            page.free.len() * self.page_bytes / page.owners.len()
        })
    }

    /// True if no fragment of a page is reserved.
    fn has_no_reserved(&self, number: u32) -> bool {
        let page = self.page(number);
        let owned = page.owners.iter().filter(|owner| **owner != NO_OWNER).count();
        owned + page.free.len() == page.owners.len()
    }

    /// Takes out a page and returns it with the owners of its fragments. The caller replaces these fragments
    /// ([`Fragments::replacement`]).
    pub(super) fn remove(&mut self, number: u32) -> (FragmentPage, Vec<LargeId>) {
        let page = self.pages[number as usize].take().expect(LIVE_PAGES_ONLY);
        self.by_free[page.size][page.free.len()].remove(&number);
        self.free[page.size] -= page.free.len();
        self.vacant.push(number);
        let mut owners: Vec<LargeId> = page.owners.iter().copied().filter(|id| *id != NO_OWNER).collect();
        owners.dedup();
        (page, owners)
    }

    /// A copy of a fragment whose page was taken out, with the same owner.
    pub(super) fn replacement(&mut self, from: &FragmentPage, old: Fragment) -> Fragment {
        let mut taken = Vec::with_capacity(1);
        self.take(from.size, 1, &mut taken);
        let new = taken[0];
        let owner = from.owners[usize::from(old.place)];
        let page = self.page_mut(new.page);
        page.bytes_mut(new.place).copy_from_slice(from.bytes(old.place));
        page.owners[usize::from(new.place)] = owner;
        new
    }

    /// Takes out all pages, when no fragment is in use any more.
    pub(super) fn take_pages(&mut self) -> Vec<PoolPage> {
        let all = std::mem::replace(self, Fragments::new(self.page_bytes));
        all.pages.into_iter().flatten().map(FragmentPage::into_memory).collect()
    }

    /// Asserts the invariants; `owned` are the fragments of all stored values.
    pub(super) fn check_invariants(&self, owned: impl Iterator<Item = (LargeId, Fragment)>) {
        let mut in_use = 0;
        for (owner, fragment) in owned {
            in_use += 1;
            let page = self.page(fragment.page);
            assert_eq!(page.owners[usize::from(fragment.place)], owner, "a fragment has one owner");
        }
        let mut free = [0; SIZES];
        let mut vacant = 0;
        for (number, page) in self.pages.iter().enumerate() {
            let Some(page) = page else {
                vacant += 1;
                continue;
            };
            free[page.size] += page.free.len();
            let listed = self.by_free[page.size][page.free.len()].contains(&(number as u32));
            assert!(listed, "S2: a page is listed by its free fragments");
            let mut places = page.free.clone();
            places.sort_unstable();
            places.dedup();
            assert_eq!(places.len(), page.free.len(), "S2: a fragment is free once");
            let is_unowned = |place: &u16| page.owners[usize::from(*place)] == NO_OWNER;
            assert!(places.iter().all(is_unowned), "S2: a free fragment has no owner");
            assert!(self.has_no_reserved(number as u32), "S2: a fragment is free or has an owner");
            in_use -= page.owners.len() - page.free.len();
        }
        assert_eq!(in_use, 0, "S2: an owner holds its fragments");
        assert_eq!(free, self.free, "S2: free fragments are counted");
        assert_eq!(vacant, self.vacant.len(), "S2: a number is used once");
        let listed: usize = self.by_free.iter().flatten().map(BTreeSet::len).sum();
        assert_eq!(listed, self.pages(), "S2: every page is listed once");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::memory::pool::Pool;
    use std::sync::Arc;

    const PAGE_BYTES: usize = 32 << 10;

    fn fragments(page_bytes: usize, sizes: &[usize]) -> Fragments {
        let pool = Arc::new(Pool::new(u64::MAX, page_bytes));
        let mut fragments = Fragments::new(page_bytes);
        sizes.iter().for_each(|size| fragments.add(*size, pool.take().unwrap()));
        fragments
    }

    fn taken(fragments: &mut Fragments, size: usize, count: usize, owner: u32) -> Vec<Fragment> {
        let mut taken = Vec::new();
        fragments.take(size, count, &mut taken);
        taken.iter().for_each(|fragment| fragments.own(*fragment, LargeId(owner)));
        taken
    }

    fn check(fragments: &Fragments, owned: &[(u32, &[Fragment])]) {
        let of = |(owner, list): &(u32, &[Fragment])| {
            let owner = LargeId(*owner);
            list.iter().map(move |fragment| (owner, *fragment)).collect::<Vec<_>>()
        };
        fragments.check_invariants(owned.iter().flat_map(of));
    }

    #[test]
    fn fragments_cover_a_page_without_overlap() {
        for page_bytes in [32 << 10, 64 << 10] {
            for (size, bytes) in fragment_bytes(page_bytes).into_iter().enumerate() {
                let mut fragments = fragments(page_bytes, &[size]);
                let count = page_bytes / bytes;
                assert!(fragments.has(size, count) && !fragments.has(size, count + 1));
                let all = taken(&mut fragments, size, count, 1);
                for (number, fragment) in all.iter().enumerate() {
                    fragments.fill(&[*fragment], &vec![number as u8; bytes]);
                }
                for (number, fragment) in all.iter().enumerate() {
                    assert_eq!(fragments.bytes(*fragment), vec![number as u8; bytes]);
                }
                assert!(!fragments.has(size, 1));
                check(&fragments, &[(1, &all)]);
            }
        }
    }

    #[test]
    fn the_fullest_page_gives_first_and_the_emptiest_is_compacted() {
        let mut fragments = fragments(PAGE_BYTES, &[1, 1]);
        let mut first = taken(&mut fragments, 1, 16, 1);
        let mut second = taken(&mut fragments, 1, 4, 2);
        assert_ne!(first[0].page(), second[0].page());
        assert_eq!(
            fragments.emptiest_page(),
            None,
            "16 and 4 of 32 are in use, a page has 16, and 12 are free"
        );
        first.drain(10..14).for_each(|fragment| fragments.release(fragment));
        fragments.fill(&second[..1], b"abc");
        assert_eq!(fragments.emptiest_page(), Some(second[0].page()));
        let (page, owners) = fragments.remove(second[0].page());
        assert_eq!(owners, [LargeId(2)]);
        for fragment in &mut second {
            *fragment = fragments.replacement(&page, *fragment);
        }
        assert_eq!(fragments.bytes(second[0])[..3], *b"abc");
        check(&fragments, &[(1, &first), (2, &second)]);
        assert_eq!(fragments.pages(), 1);
    }

    #[test]
    fn a_page_with_a_reserved_fragment_is_not_compacted() {
        let mut fragments = fragments(PAGE_BYTES, &[0, 0]);
        let owned = taken(&mut fragments, 0, 4, 1);
        let mut waiting = Vec::new();
        fragments.take(0, 1, &mut waiting);
        owned.iter().skip(1).for_each(|fragment| fragments.release(*fragment));
        assert_ne!(fragments.emptiest_page(), Some(waiting[0].page()));
    }
}
