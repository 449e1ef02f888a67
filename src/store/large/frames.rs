//! Frames: memory of the size of a page, cut into pieces of one size, for those parts of large values that fill no page.
//!
//! Large values and slabs then take turns in memory of one size, and what is free within a frame is known: it is charged
//! as what is in use, and closed up by moving pieces together when the memory is wanted elsewhere (decision note
//! [`d20`](crate::decisions::d20_frames_close_up)). Knows pieces and the numbers of their owners, no items.
//!
//! Must never give a piece to two: it moves from here to a value and back, and is not copied.
//!
//! Invariants: `by_free` has every frame exactly once, by the number of its free pieces; a piece is free, in a value, or
//! on its way back; only one in a value has an owner.

use crate::store::handle::LargeId;
use bytes::BytesMut;
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::mem::take;
use std::sync::Arc;

/// How many sizes of pieces there are.
pub(super) const KINDS: usize = 3;

/// Stands for the owner of a piece that has none; the largest number of a large value is never given.
const NOBODY: LargeId = LargeId(u32::MAX);

/// Frames of a kind tried, if something in them cannot be moved.
const TRIES: usize = 4;

/// Bytes of a piece of each kind, the largest first. Each fits into the one before and into a page without a rest.
pub(super) fn piece_bytes(page_bytes: usize) -> [usize; KINDS] {
    [page_bytes / 4, 2048, 512]
}

/// A piece of a frame.
#[derive(Debug)]
pub(in crate::store) struct Piece {
    bytes: BytesMut,
    frame: u32,
    place: u16,
}

impl Piece {
    /// What it holds.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What it has room for.
    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// The number of the frame that it belongs to.
    pub(super) fn frame(&self) -> u32 {
        self.frame
    }

    /// Appends at most as much as there is room for.
    pub(super) fn push(&mut self, data: &[u8]) {
        assert!(data.len() <= self.bytes.capacity() - self.bytes.len(), "a piece stays in its frame");
        self.bytes.extend_from_slice(data);
    }
}

/// Where pieces wait to be taken back that were let go when the shard was not at hand: by who read a value that is not
/// stored any longer, or gave up receiving one.
#[derive(Default, Debug)]
pub(super) struct Returned(Mutex<Waiting>);

#[derive(Default, Debug)]
struct Waiting {
    pieces: Vec<Piece>,
    /// The frames are gone, and nobody waits for their pieces.
    closed: bool,
}

impl Returned {
    /// Takes pieces back.
    pub(super) fn put(&self, pieces: impl Iterator<Item = Piece>) {
        let mut waiting = self.0.lock();
        if !waiting.closed {
            waiting.pieces.extend(pieces);
        }
    }
}

#[derive(Debug)]
struct Frame {
    kind: usize,
    /// Its address, to be compared only.
    start: usize,
    free: Vec<Piece>,
    /// By place: the number of the value that a piece is in.
    owners: Box<[LargeId]>,
}

/// The frames of a shard.
#[derive(Debug)]
pub(super) struct Frames {
    page_bytes: usize,
    frames: Vec<Option<Frame>>,
    /// Numbers that are not in use.
    vacant: Vec<u32>,
    /// Numbers of the frames of each kind, by how many of their pieces are free.
    by_free: [Vec<BTreeSet<u32>>; KINDS],
    /// Free pieces of each kind.
    free: [usize; KINDS],
    /// Bytes of pieces that have an owner.
    owned_bytes: usize,
    returned: Arc<Returned>,
}

impl Drop for Frames {
    fn drop(&mut self) {
        let mut waiting = self.returned.0.lock();
        *waiting = Waiting { closed: true, ..Waiting::default() };
    }
}

impl Frames {
    /// Without any.
    pub(super) fn new(page_bytes: usize) -> Frames {
        let sets = |bytes: usize| vec![BTreeSet::new(); page_bytes / bytes + 1];
        Frames {
            page_bytes,
            frames: Vec::new(),
            vacant: Vec::new(),
            by_free: piece_bytes(page_bytes).map(sets),
            free: [0; KINDS],
            owned_bytes: 0,
            returned: Arc::default(),
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.frames.len() - self.vacant.len()
    }

    /// Bytes of a frame.
    pub(super) fn page_bytes(&self) -> usize {
        self.page_bytes
    }

    /// Numbers of frames are below this.
    pub(super) fn numbers(&self) -> usize {
        self.frames.len()
    }

    /// Where pieces are to be put that are let go elsewhere.
    pub(super) fn home(&self) -> &Arc<Returned> {
        &self.returned
    }

    /// Bytes of pieces that are neither free nor in a value that is stored.
    pub(super) fn strayed_bytes(&self) -> usize {
        let sizes = piece_bytes(self.page_bytes);
        let free: usize = self.free.iter().zip(sizes).map(|(free, bytes)| free * bytes).sum();
        self.len() * self.page_bytes - free - self.owned_bytes
    }

    /// True if so many pieces of a kind are free.
    pub(super) fn has(&mut self, kind: usize, count: usize) -> bool {
        if self.free[kind] < count {
            self.take_back();
        }
        self.free[kind] >= count
    }

    /// Takes in the pieces that wait for it.
    pub(super) fn take_back(&mut self) {
        let pieces = take(&mut self.returned.0.lock().pieces);
        pieces.into_iter().for_each(|piece| self.give_back(piece));
    }

    /// Adds a frame of a kind, of new memory.
    pub(super) fn add(&mut self, kind: usize) {
        self.cut(kind, BytesMut::with_capacity(self.page_bytes));
    }

    /// Adds a frame of a kind, of this memory as large as a page; returns its number.
    fn cut(&mut self, kind: usize, mut memory: BytesMut) -> u32 {
        let bytes = piece_bytes(self.page_bytes)[kind];
        let number = self.vacant.pop().unwrap_or(self.frames.len() as u32);
        let start = memory.as_ptr().addr();
        let places = (self.page_bytes / bytes) as u16;
        let cut = (0..places).map(|place| {
            let rest = memory.split_off(bytes);
            Piece { bytes: std::mem::replace(&mut memory, rest), frame: number, place }
        });
        let free: Vec<Piece> = cut.collect();
        let owners = vec![NOBODY; free.len()].into();
        self.free[kind] += free.len();
        self.by_free[kind][free.len()].insert(number);
        let frame = Some(Frame { kind, start, free, owners });
        match self.frames.get_mut(number as usize) {
            Some(vacant) => *vacant = frame,
            None => self.frames.push(frame),
        }
        number
    }

    fn frame_mut(&mut self, number: u32) -> &mut Frame {
        self.frames[number as usize].as_mut().expect("a piece keeps its frame")
    }

    fn count_free(&mut self, number: u32, kind: usize, before: usize, after: usize) {
        self.by_free[kind][before].remove(&number);
        self.by_free[kind][after].insert(number);
        self.free[kind] = self.free[kind] + after - before;
    }

    /// Appends pieces of a kind from the fullest frames. So many are free.
    pub(super) fn take(&mut self, kind: usize, count: usize, pieces: &mut Vec<Piece>) {
        let mut missing = count;
        while missing > 0 {
            let fullest = self.by_free[kind][1..].iter().find_map(BTreeSet::first).copied();
            let number = fullest.expect("so many pieces are free");
            let frame = self.frame_mut(number);
            let before = frame.free.len();
            let after = before.saturating_sub(missing);
            pieces.extend(frame.free.drain(after..).rev());
            if after == 0 {
                frame.free = Vec::new();
            }
            self.count_free(number, kind, before, after);
            missing -= before - after;
        }
    }

    /// Notes who owns a piece.
    pub(super) fn own(&mut self, piece: &Piece, owner: LargeId) {
        self.owned_bytes += piece.capacity();
        self.frame_mut(piece.frame).owners[usize::from(piece.place)] = owner;
    }

    /// Notes that a piece has no owner any longer.
    pub(super) fn disown(&mut self, piece: &Piece) {
        self.owned_bytes -= piece.capacity();
        self.frame_mut(piece.frame).owners[usize::from(piece.place)] = NOBODY;
    }

    /// Takes a piece back that has no owner.
    pub(super) fn give_back(&mut self, mut piece: Piece) {
        piece.bytes.clear();
        let number = piece.frame;
        let frame = self.frame_mut(number);
        debug_assert_eq!(frame.owners[usize::from(piece.place)], NOBODY);
        frame.free.push(piece);
        let (kind, after) = (frame.kind, frame.free.len());
        self.count_free(number, kind, after - 1, after);
    }

    /// A frame that is free as a whole.
    pub(super) fn whole(&self) -> Option<u32> {
        self.by_free.iter().find_map(|by_free| by_free.last()?.first()).copied()
    }

    /// Frames that others of their kind have room for, the emptiest first, a few of each kind.
    pub(super) fn sparsest(&self) -> Vec<u32> {
        let kinds = self.by_free.iter().zip(self.free).filter(|(by_free, free)| free + 1 >= by_free.len());
        kinds.flat_map(|(by_free, _)| by_free.iter().rev().flatten().take(TRIES)).copied().collect()
    }

    /// Who owns the pieces of a frame that are in use; none if one is not in a stored value, or there is no such frame.
    pub(super) fn owners(&self, number: u32) -> Option<Vec<LargeId>> {
        let frame = self.frames.get(number as usize)?.as_ref()?;
        let owners: Vec<LargeId> = frame.owners.iter().copied().filter(|owner| *owner != NOBODY).collect();
        (owners.len() + frame.free.len() == frame.owners.len()).then_some(owners)
    }

    /// Where a frame lies, if there is one of this number: to be compared only.
    pub(super) fn start(&self, number: u32) -> Option<usize> {
        Some(self.frames.get(number as usize)?.as_ref()?.start)
    }

    /// Adds a frame of this memory beside another, of the same kind; returns its number.
    pub(super) fn add_beside(&mut self, number: u32, memory: BytesMut) -> u32 {
        let kind = self.frame_mut(number).kind;
        self.cut(kind, memory)
    }

    /// Takes a frame out, which is known to be there. The pieces of it that are in use are to be replaced.
    pub(super) fn remove(&mut self, number: u32) {
        let frame = self.frames[number as usize].take().expect("the frame is there");
        self.by_free[frame.kind][frame.free.len()].remove(&number);
        self.free[frame.kind] -= frame.free.len();
        self.vacant.push(number);
    }

    /// A piece in place of one whose frame was taken out, with the same in it; the owner goes over.
    pub(super) fn replacement(&mut self, piece: &Piece, owner: LargeId) -> Piece {
        let bytes = piece.capacity();
        let kind = piece_bytes(self.page_bytes).iter().position(|of_kind| *of_kind == bytes);
        let mut taken = Vec::new();
        self.take(kind.expect("a piece is of a kind"), 1, &mut taken);
        let mut other = taken.pop().expect("one was taken");
        other.push(piece.bytes());
        self.own(&other, owner);
        self.owned_bytes -= bytes;
        other
    }

    /// Asserts the invariants; `owned` are the pieces of all stored values.
    pub(super) fn check_invariants<'a>(&self, owned: impl Iterator<Item = (LargeId, &'a Piece)>) {
        let mut owned_bytes = 0;
        for (owner, piece) in owned {
            owned_bytes += piece.capacity();
            let frame = self.frames[piece.frame as usize].as_ref().expect("a piece keeps its frame");
            assert_eq!(frame.owners[usize::from(piece.place)], owner, "a piece has one owner");
        }
        assert_eq!(owned_bytes, self.owned_bytes, "bytes of pieces in use");
        let mut free = [0; KINDS];
        let mut vacant = 0;
        for (number, frame) in self.frames.iter().enumerate() {
            let Some(frame) = frame else {
                vacant += 1;
                continue;
            };
            free[frame.kind] += frame.free.len();
            assert!(self.by_free[frame.kind][frame.free.len()].contains(&(number as u32)), "by free pieces");
            let none = |piece: &Piece| frame.owners[usize::from(piece.place)] == NOBODY;
            assert!(frame.free.iter().all(none), "what is free is nobody's");
            assert!(
                frame.free.iter().all(|piece| piece.frame as usize == number),
                "pieces lie in their frame"
            );
        }
        assert_eq!((free, vacant), (self.free, self.vacant.len()), "free pieces and frames");
        let listed: usize = self.by_free.iter().flatten().map(BTreeSet::len).sum();
        assert_eq!(listed, self.len(), "every frame once");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE_BYTES: usize = 32 << 10;

    fn check(frames: &Frames, owned: &[(LargeId, &Piece)]) {
        frames.check_invariants(owned.iter().copied());
    }

    fn taken(frames: &mut Frames, kind: usize, count: usize) -> Vec<Piece> {
        let mut pieces = Vec::new();
        frames.take(kind, count, &mut pieces);
        assert_eq!(pieces.len(), count);
        pieces
    }

    #[test]
    fn a_frame_is_cut_without_a_rest() {
        for page_bytes in [32 << 10, 64 << 10] {
            for (kind, bytes) in piece_bytes(page_bytes).into_iter().enumerate() {
                let mut frames = Frames::new(page_bytes);
                frames.add(kind);
                let count = page_bytes / bytes;
                assert!(frames.has(kind, count) && !frames.has(kind, count + 1));
                let pieces = taken(&mut frames, kind, count);
                assert!(pieces.iter().all(|piece| piece.capacity() == bytes));
                let starts = pieces.iter().map(|piece| piece.bytes.as_ptr().addr());
                let distinct: BTreeSet<usize> = starts.collect();
                assert_eq!(distinct.len(), count);
                assert_eq!(distinct.last().unwrap() - distinct.first().unwrap(), page_bytes - bytes);
                assert!(!frames.has(kind, 1));
                check(&frames, &[]);
            }
        }
    }

    #[test]
    fn the_fullest_frame_gives_first_and_the_emptiest_leaves() {
        let mut frames = Frames::new(PAGE_BYTES);
        (0..2).for_each(|_| frames.add(1));
        let mut pieces = taken(&mut frames, 1, 20);
        let first = pieces[0].frame();
        let last = pieces.pop().unwrap();
        assert_ne!(first, last.frame());
        assert!(frames.sparsest().is_empty(), "16 and 4 of 32 are in use, a frame has 16, and 12 are free");
        pieces.drain(10..14).for_each(|piece| frames.give_back(piece));
        assert_eq!(frames.sparsest(), [last.frame(), first]);
        assert_eq!(frames.owners(first), None, "in use by nobody that is known");
        pieces.iter().filter(|piece| piece.frame() == first).for_each(|piece| frames.own(piece, LargeId(7)));
        assert_eq!(frames.owners(first).unwrap(), [LargeId(7); 12]);
        assert_eq!(taken(&mut frames, 1, 1)[0].frame(), first);
    }

    #[test]
    fn what_is_let_go_elsewhere_comes_back_when_it_is_wanted() {
        let mut frames = Frames::new(PAGE_BYTES);
        frames.add(0);
        let pieces = taken(&mut frames, 0, 4);
        assert!(!frames.has(0, 1));
        assert_eq!(frames.strayed_bytes(), PAGE_BYTES);
        let home = frames.home().clone();
        home.put(pieces.into_iter());
        assert!(frames.has(0, 4));
        assert_eq!(frames.strayed_bytes(), 0);
        let (pieces, whole) = (taken(&mut frames, 0, 1), frames.whole());
        assert_eq!(whole, None);
        drop(frames);
        home.put(pieces.into_iter());
        assert!(home.0.lock().pieces.is_empty(), "nobody waits any longer");
    }

    #[test]
    fn a_piece_that_is_replaced_keeps_what_it_holds() {
        let mut frames = Frames::new(PAGE_BYTES);
        (0..2).for_each(|_| frames.add(2));
        let mut piece = taken(&mut frames, 2, 1).pop().unwrap();
        piece.push(b"abc");
        frames.own(&piece, LargeId(1));
        let old = piece.frame();
        frames.remove(old);
        let other = frames.replacement(&piece, LargeId(1));
        assert_eq!(other.bytes(), b"abc");
        assert_ne!(other.frame(), old);
        check(&frames, &[(LargeId(1), &other)]);
        assert_eq!(frames.len(), 1);
        frames.add(1);
        assert_eq!((frames.len(), frames.numbers()), (2, 2), "a number is used again");
    }
}
