//! Pages cut into fragments of one size, for the tails of large values, which fill no page.
//!
//! Fragments belong to the shard: a tail is copied when its value leaves the store, so no reader holds one, and any page
//! can be closed up by moving its fragments to others (decision note
//! [`d20`](crate::decisions::d20_fragments_are_compacted)). Knows fragments and the numbers of their owners, no items.
//!
//! Invariants: `by_free` has every page exactly once, by the number of its free fragments; a fragment is free, has an
//! owner, or is about to get one.

use crate::store::item::LargeId;
use crate::store::memory::pool::PoolPage;
use std::collections::BTreeSet;

/// How many sizes of fragments there are.
pub(super) const SIZES_COUNT: usize = 3;

/// Stands for the owner of a fragment that has none; the largest number of a large value is never given.
const NO_OWNER: LargeId = LargeId(u32::MAX);

/// Bytes of a fragment of each kind, the largest first. Each fits into the one before and into a page without a rest.
pub(super) fn fragment_bytes(page_bytes: usize) -> [usize; SIZES_COUNT] {
    [page_bytes / 4, 2048, 512]
}

/// A fragment, by its page and its place there.
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

/// A page of fragments of one kind.
#[derive(Debug)]
pub(super) struct FragmentPage {
    kind: usize,
    memory: PoolPage,
    free: Vec<u16>,
    /// By place: the number of the value that a fragment is in.
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

    /// Gives the memory up.
    pub(super) fn into_memory(self) -> PoolPage {
        self.memory
    }
}

/// The fragments of a shard.
#[derive(Debug)]
pub(in crate::store) struct Fragments {
    page_bytes: usize,
    pages: Vec<Option<FragmentPage>>,
    /// Numbers that are not in use.
    vacant: Vec<u32>,
    /// Numbers of the pages of each kind, by how many of their fragments are free.
    by_free: [Vec<BTreeSet<u32>>; SIZES_COUNT],
    /// Free fragments of each kind.
    free: [usize; SIZES_COUNT],
}

const LIVE_PAGES_ONLY: &str = "a fragment keeps its page until it is given back or moved";

impl Fragments {
    /// Without any.
    pub(super) fn new(page_bytes: usize) -> Fragments {
        let sets = |bytes: usize| vec![BTreeSet::new(); page_bytes / bytes + 1];
        Fragments {
            page_bytes,
            pages: Vec::new(),
            vacant: Vec::new(),
            by_free: fragment_bytes(page_bytes).map(sets),
            free: [0; SIZES_COUNT],
        }
    }

    /// How many pages there are.
    pub(super) fn pages(&self) -> usize {
        self.pages.len() - self.vacant.len()
    }

    /// True if so many fragments of a kind are free.
    pub(super) fn has(&self, kind: usize, count: usize) -> bool {
        self.free[kind] >= count
    }

    /// Cuts a page into fragments of a kind.
    pub(super) fn add(&mut self, kind: usize, memory: PoolPage) {
        let count = self.page_bytes / fragment_bytes(self.page_bytes)[kind];
        let number = self.vacant.pop().unwrap_or(self.pages.len() as u32);
        self.free[kind] += count;
        self.by_free[kind][count].insert(number);
        let free = (0..count as u16).rev().collect();
        let page = Some(FragmentPage { kind, memory, free, owners: vec![NO_OWNER; count].into() });
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

    fn count_free(&mut self, number: u32, kind: usize, before: usize, after: usize) {
        self.by_free[kind][before].remove(&number);
        self.by_free[kind][after].insert(number);
        self.free[kind] = self.free[kind] + after - before;
    }

    /// Appends fragments of a kind from the fullest pages. So many are free.
    pub(super) fn take(&mut self, kind: usize, count: usize, fragments: &mut Vec<Fragment>) {
        let mut missing = count;
        while missing > 0 {
            let fullest = self.by_free[kind][1..].iter().find_map(BTreeSet::first).copied();
            let page = fullest.expect("so many fragments are free");
            let owner = self.page_mut(page);
            let before = owner.free.len();
            let after = before.saturating_sub(missing);
            fragments.extend(owner.free.drain(after..).rev().map(|place| Fragment { page, place }));
            self.count_free(page, kind, before, after);
            missing -= before - after;
        }
    }

    /// Records the owner of a fragment.
    pub(super) fn own(&mut self, fragment: Fragment, owner: LargeId) {
        self.page_mut(fragment.page).owners[usize::from(fragment.place)] = owner;
    }

    /// Takes a fragment back.
    pub(super) fn release(&mut self, fragment: Fragment) {
        let page = self.page_mut(fragment.page);
        page.owners[usize::from(fragment.place)] = NO_OWNER;
        page.free.push(fragment.place);
        let (kind, after) = (page.kind, page.free.len());
        self.count_free(fragment.page, kind, after - 1, after);
    }

    /// What a fragment has room for, the bytes behind its tail included.
    pub(super) fn bytes(&self, fragment: Fragment) -> &[u8] {
        self.page(fragment.page).bytes(fragment.place)
    }

    /// Fills fragments with a tail, for which they have room.
    pub(super) fn fill(&mut self, fragments: &[Fragment], mut tail: &[u8]) {
        for fragment in fragments {
            let own = self.page_mut(fragment.page).bytes_mut(fragment.place);
            let (part, rest) = tail.split_at(tail.len().min(own.len()));
            own[..part.len()].copy_from_slice(part);
            tail = rest;
        }
        debug_assert!(tail.is_empty(), "the fragments were taken for this tail");
    }

    /// Takes a page out that is free as a whole, if there is one.
    pub(super) fn take_free_page(&mut self) -> Option<PoolPage> {
        let number = self.by_free.iter().find_map(|by_free| by_free.last()?.first()).copied()?;
        Some(self.remove(number).0.into_memory())
    }

    /// The page that is in least use of those for which others of their kind have room.
    pub(super) fn emptiest_page(&self) -> Option<u32> {
        let kinds = self.by_free.iter().zip(self.free).filter(|(by_free, free)| free + 1 >= by_free.len());
        let emptiest = kinds.filter_map(|(by_free, _)| by_free.iter().rev().flatten().next().copied());
        emptiest.filter(|page| self.is_settled(*page)).max_by_key(|page| {
            let page = self.page(*page);
            page.free.len() * self.page_bytes / page.owners.len()
        })
    }

    /// True if no fragment of a page is about to get an owner.
    fn is_settled(&self, number: u32) -> bool {
        let page = self.page(number);
        let owned = page.owners.iter().filter(|owner| **owner != NO_OWNER).count();
        owned + page.free.len() == page.owners.len()
    }

    /// Takes a page out; its fragments in use are to be replaced ([`Fragments::replacement`]). Returns it with the
    /// numbers of their owners.
    pub(super) fn remove(&mut self, number: u32) -> (FragmentPage, Vec<LargeId>) {
        let page = self.pages[number as usize].take().expect(LIVE_PAGES_ONLY);
        self.by_free[page.kind][page.free.len()].remove(&number);
        self.free[page.kind] -= page.free.len();
        self.vacant.push(number);
        let mut owners: Vec<LargeId> = page.owners.iter().copied().filter(|id| *id != NO_OWNER).collect();
        owners.dedup();
        (page, owners)
    }

    /// A fragment in place of one whose page was taken out, with the same content and owner.
    pub(super) fn replacement(&mut self, from: &FragmentPage, old: Fragment) -> Fragment {
        let mut taken = Vec::with_capacity(1);
        self.take(from.kind, 1, &mut taken);
        let new = taken[0];
        let owner = from.owners[usize::from(old.place)];
        let page = self.page_mut(new.page);
        page.bytes_mut(new.place).copy_from_slice(from.bytes(old.place));
        page.owners[usize::from(new.place)] = owner;
        new
    }

    /// Gives up all pages at once, of which no fragment is in use any longer.
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
        let mut free = [0; SIZES_COUNT];
        let mut vacant = 0;
        for (number, page) in self.pages.iter().enumerate() {
            let Some(page) = page else {
                vacant += 1;
                continue;
            };
            free[page.kind] += page.free.len();
            let listed = self.by_free[page.kind][page.free.len()].contains(&(number as u32));
            assert!(listed, "S2: a page is listed by its free fragments");
            let mut places = page.free.clone();
            places.sort_unstable();
            places.dedup();
            assert_eq!(places.len(), page.free.len(), "S2: a fragment is free once");
            let nobodys = |place: &u16| page.owners[usize::from(*place)] == NO_OWNER;
            assert!(places.iter().all(nobodys), "S2: a free fragment has no owner");
            assert!(self.is_settled(number as u32), "S2: a fragment is free or has an owner");
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

    fn fragments(page_bytes: usize, kinds: &[usize]) -> Fragments {
        let pool = Arc::new(Pool::new(u64::MAX, page_bytes));
        let mut fragments = Fragments::new(page_bytes);
        kinds.iter().for_each(|kind| fragments.add(*kind, pool.take().unwrap()));
        fragments
    }

    fn taken(fragments: &mut Fragments, kind: usize, count: usize, owner: u32) -> Vec<Fragment> {
        let mut taken = Vec::new();
        fragments.take(kind, count, &mut taken);
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
    fn a_page_is_cut_without_a_rest_and_no_byte_is_in_two_fragments() {
        for page_bytes in [32 << 10, 64 << 10] {
            for (kind, bytes) in fragment_bytes(page_bytes).into_iter().enumerate() {
                let mut fragments = fragments(page_bytes, &[kind]);
                let count = page_bytes / bytes;
                assert!(fragments.has(kind, count) && !fragments.has(kind, count + 1));
                let all = taken(&mut fragments, kind, count, 1);
                for (number, fragment) in all.iter().enumerate() {
                    fragments.fill(&[*fragment], &vec![number as u8; bytes]);
                }
                for (number, fragment) in all.iter().enumerate() {
                    assert_eq!(fragments.bytes(*fragment), vec![number as u8; bytes]);
                }
                assert!(!fragments.has(kind, 1));
                check(&fragments, &[(1, &all)]);
            }
        }
    }

    #[test]
    fn the_fullest_page_gives_first_and_the_emptiest_is_closed_up() {
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
    fn a_page_with_a_fragment_that_awaits_its_owner_stays() {
        let mut fragments = fragments(PAGE_BYTES, &[0, 0]);
        let owned = taken(&mut fragments, 0, 4, 1);
        let mut waiting = Vec::new();
        fragments.take(0, 1, &mut waiting);
        owned.iter().skip(1).for_each(|fragment| fragments.release(*fragment));
        assert_ne!(fragments.emptiest_page(), Some(waiting[0].page()));
    }
}
