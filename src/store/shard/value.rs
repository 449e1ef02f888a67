//! A value on its way into the store.

use crate::store::memory::pool::{Charge, Pages};
use std::borrow::Cow;

/// A value to be stored.
#[derive(Debug)]
pub(in crate::store) enum Value<'a> {
    /// Bytes to be copied.
    Bytes(&'a [u8]),
    /// A large value in its own pages.
    Large(LargeParts),
}

/// The memory of a large value that is not stored yet.
#[derive(Debug)]
pub(in crate::store) struct LargeParts {
    /// Pages of the value. Empty once it is stored.
    pub(in crate::store) pages: Pages,
    /// The rest, which does not fill a page.
    pub(in crate::store) tail: Vec<u8>,
    pub(in crate::store) len: usize,
    /// Charge for its heap memory. `None` once it is stored.
    pub(in crate::store) charge: Option<Charge>,
}

impl LargeParts {
    /// Copies the value from parts, whose lengths sum up to that of the value.
    pub(super) fn fill<'a>(&mut self, parts: impl IntoIterator<Item = &'a [u8]>) {
        let mut pages = self.pages.iter_mut();
        let mut free: &mut [u8] = &mut [];
        for mut part in parts {
            while !part.is_empty() {
                if free.is_empty() {
                    match pages.next() {
                        Some(page) => free = page,
                        None => {
                            self.tail.extend_from_slice(part);
                            break;
                        }
                    }
                }
                let count = part.len().min(free.len());
                let (target, rest) = std::mem::take(&mut free).split_at_mut(count);
                target.copy_from_slice(&part[..target.len()]);
                (free, part) = (rest, &part[target.len()..]);
            }
        }
    }

    fn slices(&self) -> impl Iterator<Item = &[u8]> {
        let mut missing = self.len - self.tail.len();
        let pages = self.pages.iter().map(move |page| {
            let part = &page[..page.len().min(missing)];
            missing -= part.len();
            part
        });
        pages.chain([&*self.tail])
    }
}

impl Value<'_> {
    pub(super) fn len(&self) -> usize {
        match self {
            Value::Bytes(bytes) => bytes.len(),
            Value::Large(parts) => parts.len,
        }
    }

    pub(super) fn bytes(&self) -> Cow<'_, [u8]> {
        match self {
            Value::Bytes(bytes) => Cow::Borrowed(bytes),
            Value::Large(parts) => Cow::Owned(parts.slices().collect::<Vec<_>>().concat()),
        }
    }
}
