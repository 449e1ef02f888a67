//! A large value: blocks in order, pages first and then pieces of frames, each kind smaller than the one before.
//!
//! It is received into its blocks, leaves the store as a reference, and is let go by the last who holds it. Must never
//! grow beyond the blocks that it was made with: those were charged.

use super::super::budget::{Account, allocated_bytes};
use super::super::compaction::Compaction;
use super::frames::{Frames, KINDS, Piece, Returned, piece_bytes};
use crate::store::handle::LargeId;
use crate::store::hash::KeyHash;
use std::sync::Arc;

/// A large value, shared with who reads it.
pub type Blocks = Arc<LargeValue>;

/// Charged for an item beyond its value and key: its entry in the LRU list and among the deadlines, the reference
/// count, and the allocator's own.
const ENTRY_BYTES: u64 = 256;

/// Which blocks a value of some length takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::store) struct Plan {
    page_bytes: usize,
    len: usize,
    pages: usize,
    /// Pieces of each kind.
    pieces: [usize; KINDS],
}

impl Plan {
    /// For a value of `len` bytes. Less than the smallest piece stays empty.
    pub(in crate::store) fn of(page_bytes: usize, len: usize) -> Plan {
        let sizes = piece_bytes(page_bytes);
        let mut rest = (len % page_bytes).next_multiple_of(sizes[KINDS - 1]);
        let pages = len / page_bytes + rest / page_bytes;
        rest %= page_bytes;
        let pieces = sizes.map(|bytes| {
            let count = rest / bytes;
            rest %= bytes;
            count
        });
        Plan { page_bytes, len, pages, pieces }
    }

    /// Length of the value in bytes.
    pub(in crate::store) fn len(&self) -> usize {
        self.len
    }

    /// Pieces of each kind, the largest first; all of a kind lie in one frame if that is free.
    pub(in crate::store) fn pieces(&self) -> [usize; KINDS] {
        self.pieces
    }

    /// What an item is charged with before any of its bytes have come.
    pub(in crate::store) fn list_bytes(&self, key_len: usize) -> u64 {
        self.own_bytes(key_len) - self.pages as u64 * self.page_charge()
    }

    /// What a page is charged with.
    pub(in crate::store) fn page_charge(&self) -> u64 {
        allocated_bytes(self.page_bytes)
    }

    /// What the pieces take, in bytes.
    fn piece_bytes(&self) -> u64 {
        let sizes = piece_bytes(self.page_bytes);
        self.pieces.iter().zip(sizes).map(|(count, bytes)| (count * bytes) as u64).sum()
    }

    fn blocks(&self) -> usize {
        self.pages + self.pieces.iter().sum::<usize>()
    }

    /// What an item is charged with, in bytes, the pieces left out: those are charged with their frames.
    pub(in crate::store) fn own_bytes(&self, key_len: usize) -> u64 {
        let list = allocated_bytes(self.blocks() * size_of::<Block>());
        self.pages as u64 * allocated_bytes(self.page_bytes) + list + allocated_bytes(key_len) + ENTRY_BYTES
    }

    /// What an item takes in all, in bytes.
    pub(in crate::store) fn taken_bytes(&self, key_len: usize) -> u64 {
        self.own_bytes(key_len) + self.piece_bytes()
    }
}

#[derive(Debug)]
enum Block {
    /// As large as a page, once something has come to it.
    Page(Vec<u8>),
    Piece(Piece),
}

impl Block {
    fn bytes(&self) -> &[u8] {
        match self {
            Block::Page(bytes) => bytes,
            Block::Piece(piece) => piece.bytes(),
        }
    }
}

/// A large value.
#[derive(Debug)]
pub struct LargeValue {
    blocks: Vec<Block>,
    home: Arc<Returned>,
}

impl Drop for LargeValue {
    fn drop(&mut self) {
        if matches!(self.blocks.last(), Some(Block::Piece(_))) {
            self.home.put(pieces_of(self.blocks.drain(..)));
        }
    }
}

fn pieces_of(blocks: impl Iterator<Item = Block>) -> impl Iterator<Item = Piece> {
    blocks.filter_map(|block| match block {
        Block::Page(_) => None,
        Block::Piece(piece) => Some(piece),
    })
}

impl LargeValue {
    /// The part with this number, from 0 on; they are not empty.
    pub fn part(&self, number: usize) -> Option<&[u8]> {
        self.blocks.get(number).map(Block::bytes)
    }

    /// All of them, in order.
    pub fn parts(&self) -> impl Iterator<Item = &[u8]> {
        self.blocks.iter().map(Block::bytes)
    }

    /// A copy in one piece.
    pub fn concat(&self) -> Vec<u8> {
        self.parts().collect::<Vec<_>>().concat()
    }

    /// What its pages take.
    pub(super) fn page_bytes(&self) -> usize {
        let of = |block: &Block| if let Block::Page(bytes) = block { bytes.capacity() } else { 0 };
        self.blocks.iter().map(of).sum()
    }

    /// Its pieces.
    pub(super) fn pieces(&self) -> impl Iterator<Item = &Piece> {
        self.blocks.iter().filter_map(|block| match block {
            Block::Page(_) => None,
            Block::Piece(piece) => Some(piece),
        })
    }

    /// Takes its pieces away: nobody needs it any longer.
    pub(super) fn drain_pieces(&mut self) -> impl Iterator<Item = Piece> {
        let pages = self.blocks.partition_point(|block| matches!(block, Block::Page(_)));
        pieces_of(self.blocks.drain(pages..))
    }

    /// True if its pieces are of these frames.
    pub(super) fn is_from(&self, frames: &Frames) -> bool {
        Arc::ptr_eq(&self.home, frames.home())
    }

    /// Moves its pieces out of a frame that was taken out; returns those that were left.
    pub(super) fn leave(&mut self, frame: u32, frames: &mut Frames, owner: LargeId) -> Vec<Piece> {
        let mut left = Vec::new();
        for block in &mut self.blocks {
            if let Block::Piece(piece) = block
                && piece.frame() == frame
            {
                let other = frames.replacement(piece, owner);
                left.push(std::mem::replace(piece, other));
            }
        }
        left
    }

    /// Shows its pages to who may move them.
    pub(super) fn show_pages(&mut self, compaction: &mut Compaction) {
        for block in &mut self.blocks {
            if let Block::Page(bytes) = block {
                compaction.show(bytes);
            }
        }
    }

    /// As [`LargeValue::show_pages`], while somebody reads them.
    pub(super) fn show_fixed_pages(&self, compaction: &mut Compaction) {
        for block in &self.blocks {
            if let Block::Page(bytes) = block {
                compaction.show_fixed(bytes);
            }
        }
    }

    #[cfg(test)]
    pub(in crate::store) fn plant_page(&mut self, bytes: usize) {
        self.blocks.insert(0, Block::Page(vec![1; bytes]));
    }
}

/// Gathers a value of known length in its blocks. Those of pages are allocated as they are needed.
#[derive(Debug)]
pub(in crate::store) struct Gathering {
    value: LargeValue,
    plan: Plan,
    /// Blocks that may be filled: the others are not charged yet.
    charged_blocks: usize,
    /// The block being filled.
    at: usize,
    missing: usize,
}

impl Gathering {
    /// Nothing yet, in pieces as `plan` wants them.
    pub(super) fn new(plan: Plan, pieces: Vec<Piece>, home: &Arc<Returned>) -> Gathering {
        let mut blocks = Vec::with_capacity(plan.blocks());
        blocks.extend((0..plan.pages).map(|_| Block::Page(Vec::new())));
        blocks.extend(pieces.into_iter().map(Block::Piece));
        let value = LargeValue { blocks, home: home.clone() };
        Gathering { value, plan, charged_blocks: plan.blocks(), at: 0, missing: plan.len }
    }

    /// Nothing yet, and nothing charged but what [`Plan::list_bytes`] says.
    pub(super) fn uncharged(plan: Plan, home: &Arc<Returned>) -> Gathering {
        let value = LargeValue { blocks: Vec::new(), home: home.clone() };
        Gathering { value, plan, charged_blocks: 0, at: 0, missing: plan.len }
    }

    /// Adds charged blocks. The list grows with them, and never beyond what was charged for it.
    fn add(&mut self, count: usize, added: impl Iterator<Item = Block>) {
        let blocks = &mut self.value.blocks;
        if blocks.capacity() < blocks.len() + count {
            let most = self.plan.blocks() - blocks.len();
            blocks.reserve_exact(count.max(blocks.len()).min(most));
        }
        blocks.extend(added);
        self.charged_blocks = blocks.len();
    }

    /// What the block being filled still takes; 0 if none is missing or charged.
    fn room(&mut self) -> usize {
        if self.at >= self.charged_blocks {
            return 0;
        }
        let room = match self.value.blocks.get_mut(self.at) {
            None => 0,
            Some(Block::Page(bytes)) => {
                if bytes.capacity() == 0 {
                    bytes.reserve_exact(self.plan.page_bytes);
                }
                bytes.capacity() - bytes.len()
            }
            Some(Block::Piece(piece)) => piece.capacity() - piece.bytes().len(),
        };
        self.missing.min(room)
    }

    fn page(&mut self) -> Option<&mut Vec<u8>> {
        let room = self.room();
        match self.value.blocks.get_mut(self.at) {
            // Never more than is missing, whatever the allocator gave.
            Some(Block::Page(bytes)) if bytes.capacity() - bytes.len() == room => Some(bytes),
            _ => None,
        }
    }

    fn advance(&mut self, count: usize) {
        self.missing -= count;
        let full = self.room() == 0;
        self.at += usize::from(full && self.at < self.charged_blocks);
    }

    fn push(&mut self, data: &[u8]) -> usize {
        let mut taken = 0;
        while taken < data.len() && self.missing > 0 {
            let count = self.room().min(data.len() - taken);
            if count == 0 {
                break;
            }
            let piece = &data[taken..taken + count];
            match &mut self.value.blocks[self.at] {
                Block::Page(bytes) => bytes.extend_from_slice(piece),
                Block::Piece(own) => own.push(piece),
            }
            taken += count;
            self.advance(count);
        }
        taken
    }

    /// The value, of these parts, which are as long as it in sum.
    pub(in crate::store) fn filled(mut self, parts: &[&[u8]]) -> Blocks {
        for part in parts {
            self.push(part);
        }
        debug_assert_eq!(self.missing, 0, "the parts are as long as they were said to be");
        Arc::new(self.value)
    }
}

/// What a draft needs before it can take more bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::store) enum Needed {
    /// A page.
    Page,
    /// The pieces behind the last page.
    Pieces,
}

/// A buffer for a large value that is still being received. It is charged block by block, as the bytes come. Dropping it
/// gives the charge back.
///
/// A draft for which there was no room keeps nothing: it drops the bytes that come, and is refused when it is stored.
#[derive(Debug)]
pub struct LargeDraft {
    /// `None` if there was no room.
    gathering: Option<Gathering>,
    account: Account,
    /// What it takes in all, against the bound on all values being received at once.
    receiving: Account,
    len: usize,
    /// Of a draft without room.
    dropped: usize,
    /// Of the key, which says from which shard the blocks come.
    hash: KeyHash,
}

impl LargeDraft {
    /// An empty buffer, charged in both accounts with what its list of blocks takes.
    pub(in crate::store) fn new(
        gathering: Gathering,
        account: Account,
        receiving: Account,
        hash: KeyHash,
    ) -> LargeDraft {
        let len = gathering.plan.len;
        LargeDraft { gathering: Some(gathering), account, receiving, len, dropped: 0, hash }
    }

    pub(in crate::store) fn hash(&self) -> KeyHash {
        self.hash
    }

    /// The declared length.
    #[expect(clippy::len_without_is_empty, reason = "nobody asks whether a large value is empty")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Bytes still missing.
    pub fn missing(&self) -> usize {
        self.gathering.as_ref().map_or(self.len - self.dropped, |gathering| gathering.missing)
    }

    /// True if the bytes that come next have no room yet: `Store::extend_draft` is due.
    pub fn needs_room(&self) -> bool {
        self.needed().is_some()
    }

    pub(in crate::store) fn needed(&self) -> Option<Needed> {
        let gathering = self.gathering.as_ref()?;
        let needs = gathering.missing > 0 && gathering.at >= gathering.charged_blocks;
        needs.then_some(if gathering.at < gathering.plan.pages { Needed::Page } else { Needed::Pieces })
    }

    /// Charges the next page to the bound on values being received; what it is charged with, if that went well.
    pub(in crate::store) fn charge_page(&mut self) -> Option<u64> {
        let bytes = self.gathering.as_ref()?.plan.page_charge();
        self.receiving.try_charge(bytes).then_some(bytes)
    }

    /// Charges the pieces to the same bound; the plan that says which they are, if that went well.
    pub(in crate::store) fn charge_pieces(&mut self) -> Option<Plan> {
        let plan = self.gathering.as_ref()?.plan;
        self.receiving.try_charge(plan.piece_bytes()).then_some(plan)
    }

    /// Adds a page, which `account` has charged.
    pub(in crate::store) fn add_page(&mut self, account: &mut Account, bytes: u64) {
        self.account.take_part(account, bytes);
        if let Some(gathering) = &mut self.gathering {
            gathering.add(1, std::iter::once(Block::Page(Vec::new())));
        }
    }

    /// Adds the pieces.
    pub(in crate::store) fn add_pieces(&mut self, pieces: Vec<Piece>) {
        if let Some(gathering) = &mut self.gathering {
            gathering.add(pieces.len(), pieces.into_iter().map(Block::Piece));
        }
    }

    /// There is no room: lets go of what has come, and of what comes.
    pub(in crate::store) fn fail(&mut self) {
        if let Some(gathering) = self.gathering.take() {
            self.dropped = self.len - gathering.missing;
            let charged = self.account.charged_bytes();
            drop(gathering);
            self.account.refund(charged);
            let charged = self.receiving.charged_bytes();
            self.receiving.refund(charged);
        }
    }

    /// The next of the missing bytes go into its spare capacity, if a whole page of them is to be filled; call
    /// [`LargeDraft::advance`] with the number that came. What fills no page is to be handed to [`LargeDraft::push`].
    pub fn page(&mut self) -> Option<&mut Vec<u8>> {
        self.gathering.as_mut()?.page()
    }

    /// Notes that `count` bytes were written to [`LargeDraft::page`].
    pub fn advance(&mut self, count: usize) {
        if let Some(gathering) = &mut self.gathering {
            gathering.advance(count);
        }
    }

    /// Appends at most `missing()` bytes of `data`, as far as there is room; returns how many were taken.
    pub fn push(&mut self, data: &[u8]) -> usize {
        match &mut self.gathering {
            Some(gathering) => gathering.push(data),
            None => {
                let taken = data.len().min(self.len - self.dropped);
                self.dropped += taken;
                taken
            }
        }
    }

    /// The value, which blocks it has, and its charge; `None` if there was no room for it.
    pub(in crate::store) fn into_parts(self) -> Option<(Blocks, Plan, Account)> {
        let LargeDraft { gathering, account, .. } = self;
        let gathering = gathering?;
        Some((Arc::new(gathering.value), gathering.plan, account))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::budget::Budget;

    /// A draft with frames of its own.
    fn draft(page_bytes: usize, len: usize) -> (LargeDraft, Frames) {
        let budget = Arc::new(Budget::new(1 << 20));
        let account = || Account::new(budget.clone());
        let plan = Plan::of(page_bytes, len);
        let mut frames = Frames::new(page_bytes);
        let mut pieces = Vec::new();
        for (kind, count) in (0..).zip(plan.pieces()) {
            frames.add(kind);
            frames.take(kind, count, &mut pieces);
        }
        let gathering = Gathering::new(plan, pieces, frames.home());
        (LargeDraft::new(gathering, account(), account(), KeyHash(0)), frames)
    }

    fn room(draft: &mut LargeDraft) -> usize {
        let page = draft.page().unwrap();
        page.capacity() - page.len()
    }

    #[test]
    fn a_draft_gathers_its_bytes_in_blocks_however_they_come() {
        let data: Vec<u8> = (0..100_000).map(|at: u32| at as u8).collect();
        let lengths = [1, 511, 2048, 16_384, 32_700, 32_767, 32_768, 32_769, 65_536, 99_999];
        for (len, page_bytes) in lengths.into_iter().flat_map(|len| [(len, 32 << 10), (len, 64 << 10)]) {
            for piece in [1, 7, 4096, 32_768, 100_000] {
                let (mut draft, mut frames) = draft(page_bytes, len);
                for piece in data.chunks(piece) {
                    let missing = draft.missing();
                    assert_eq!(draft.push(piece), piece.len().min(missing));
                }
                assert_eq!((draft.missing(), draft.len()), (0, len));
                let (blocks, plan, _) = draft.into_parts().unwrap();
                assert_eq!((blocks.concat(), plan), (data[..len].to_vec(), Plan::of(page_bytes, len)));
                assert!(blocks.parts().all(|part| !part.is_empty()));
                let taken = blocks.page_bytes() + blocks.pieces().map(Piece::capacity).sum::<usize>();
                assert!(taken < len + 512, "{taken} for {len}");
                drop(blocks);
                frames.take_back();
                assert_eq!(frames.strayed_bytes(), 0, "what was let go comes back");
            }
        }
    }

    #[test]
    fn a_draft_that_is_given_up_gives_its_pieces_back() {
        let (mut draft, mut frames) = draft(32 << 10, 50_000);
        draft.push(&[1; 40_000]);
        assert!(frames.strayed_bytes() > 0);
        drop(draft);
        frames.take_back();
        assert_eq!(frames.strayed_bytes(), 0);
    }

    #[test]
    fn charges_cover_pages_and_pieces() {
        let bytes = |len| Plan::of(32 << 10, len).taken_bytes(1) - Plan::of(32 << 10, 0).taken_bytes(1);
        assert_eq!(bytes(64 << 10), (64 << 10) + 80);
        assert_eq!(bytes((32 << 10) + 1), (32 << 10) + 512 + 80);
        assert_eq!(Plan::of(32 << 10, 32_700), Plan { len: 32_700, ..Plan::of(32 << 10, 32 << 10) });
        assert_eq!(Plan::of(32 << 10, 100_000).pieces, [0, 1, 0]);
        assert_eq!(Plan::of(64 << 10, 100_000).pieces, [2, 1, 0]);
        assert_eq!(Plan::of(32 << 10, 12_300).pieces, [1, 2, 1]);
    }

    #[test]
    fn a_page_is_offered_only_while_a_whole_one_is_missing() {
        let (mut draft, _frames) = draft(32 << 10, (32 << 10) + 10);
        assert_eq!(room(&mut draft), 32 << 10);
        assert_eq!(draft.push(&[1; 1000]), 1000);
        assert_eq!(room(&mut draft), (32 << 10) - 1000);
        assert_eq!(draft.push(&[1; 32 << 10]), (32 << 10) - 990);
        assert!(draft.missing() == 0 && draft.page().is_none());
    }
}
