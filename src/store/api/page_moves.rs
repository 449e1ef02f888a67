//! Moving a page between slab classes on request of an operator. The store also moves pages by itself
//! (`eviction/page_trading.rs`), so a moved page may move back.

use super::Store;
use crate::clock::Now;
use crate::store::memory::slab::ClassId;
use crate::store::operation::PagePlace;
use crate::store::outcome::NotMoved;
use crate::store::shard::Shard;

/// A class gives up a page only if it keeps at least one, as in memcached.
const PAGES_MIN: u64 = 2;

impl Store {
    /// Moves a page, in the shard where the giving class has the most pages. Used items move to free chunks of their
    /// class; the others are evicted, unless eviction is off. Returns the class that gave the page, 0 for free memory.
    pub fn reassign_page(&self, from: PagePlace, to: PagePlace, now: Now) -> Result<u32, NotMoved> {
        if from == to {
            return Err(NotMoved::Same);
        }
        let target = self.class_at(to)?;
        let source = match from {
            PagePlace::Any => Some(self.class_of_most_pages(target).ok_or(NotMoved::BadClass)?),
            place => self.class_at(place)?,
        };
        let moved = match source {
            Some(class) => self.move_from_class(class, target, now)?,
            None => {
                target.is_some_and(|class| self.shards.iter().any(|shard| Self::lock(shard).add_page(class)))
            }
        };
        if moved { Ok(source.map_or(0, |class| u32::from(class) + 1)) } else { Err(NotMoved::NoSpare) }
    }

    fn move_from_class(&self, class: ClassId, target: Option<ClassId>, now: Now) -> Result<bool, NotMoved> {
        let pages = |at: usize| Self::lock(&self.shards[at]).slab.class(class).pages() as u64;
        let held: Vec<u64> = (0..self.shards.len()).map(pages).collect();
        if held.iter().sum::<u64>() < PAGES_MIN {
            return Err(NotMoved::NoSpare);
        }
        let richest = (0..held.len()).max_by_key(|at| held[*at]).unwrap_or(0);
        Ok(Self::lock(&self.shards[richest]).reassign_page(class, target, now))
    }

    fn class_of_most_pages(&self, except: Option<ClassId>) -> Option<ClassId> {
        let mut pages = vec![0; self.rules.sizes.len()];
        for shard in &self.shards {
            let shard = Self::lock(shard);
            pages.iter_mut().zip(shard.slab.classes()).for_each(|(sum, class)| *sum += class.pages() as u64);
        }
        let others = (0..).zip(pages).filter(|(id, pages)| Some(*id) != except && *pages >= PAGES_MIN);
        others.max_by_key(|(_, pages)| *pages).map(|(id, _)| id)
    }

    /// The class that a place names; `None` for free memory.
    fn class_at(&self, place: PagePlace) -> Result<Option<ClassId>, NotMoved> {
        match place {
            PagePlace::Free => Ok(None),
            PagePlace::Class(id @ 1..) if id as usize <= self.rules.sizes.len() => {
                Ok(Some((id - 1) as ClassId))
            }
            PagePlace::Class(_) | PagePlace::Any => Err(NotMoved::BadClass),
        }
    }
}

impl Shard {
    /// Moves a page from a class to another or to free memory; false if the class has none to give.
    fn reassign_page(&mut self, class: ClassId, target: Option<ClassId>, now: Now) -> bool {
        let owner = self.slab.class(class);
        let losing = owner.free() < usize::from(owner.chunks_per_page);
        if losing && !self.rules.evict || !self.release_page(class, now) {
            return false;
        }
        match target {
            Some(target) => self.add_page(target),
            None => true,
        }
    }
}
