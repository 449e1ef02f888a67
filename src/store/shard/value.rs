//! A value on its way into the store.

use crate::store::memory::pool::{Charge, Pages};
use std::borrow::Cow;

/// A value to be stored.
#[derive(Debug)]
pub(in crate::store) enum Value<'a> {
    /// To be copied.
    Bytes(&'a [u8]),
    /// A large value in its own pages.
    Received(Received),
}

/// A large value as it was received.
#[derive(Debug)]
pub(in crate::store) struct Received {
    /// Its pages. Empty once it is stored.
    pub(in crate::store) pages: Pages,
    /// What fills no page.
    pub(in crate::store) tail: Vec<u8>,
    pub(in crate::store) len: usize,
    /// What it takes on the heap. `None` once it is stored.
    pub(in crate::store) charge: Option<Charge>,
}

impl Received {
    /// Copies the value in, of parts which are as long as it in sum.
    pub(super) fn fill<'a>(&mut self, parts: impl IntoIterator<Item = &'a [u8]>) {
        let mut pages = self.pages.iter_mut();
        let mut room: &mut [u8] = &mut [];
        for mut part in parts {
            while !part.is_empty() {
                if room.is_empty() {
                    match pages.next() {
                        Some(page) => room = page,
                        None => {
                            self.tail.extend_from_slice(part);
                            break;
                        }
                    }
                }
                let count = part.len().min(room.len());
                let (own, rest) = std::mem::take(&mut room).split_at_mut(count);
                own.copy_from_slice(&part[..own.len()]);
                (room, part) = (rest, &part[own.len()..]);
            }
        }
    }

    fn parts(&self) -> impl Iterator<Item = &[u8]> {
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
            Value::Received(received) => received.len,
        }
    }

    pub(super) fn bytes(&self) -> Cow<'_, [u8]> {
        match self {
            Value::Bytes(bytes) => Cow::Borrowed(bytes),
            Value::Received(received) => Cow::Owned(received.parts().collect::<Vec<_>>().concat()),
        }
    }
}
