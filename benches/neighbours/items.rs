//! Items that are stored before the clients start.

use crate::connection::{ask, connect, expect};
use crate::support::Failure;
use std::io::{BufWriter, Write};

/// The items that a kind of client needs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stored {
    Nothing,
    /// [`SMALL`].
    Small,
    /// [`LARGE`].
    Large,
    /// [`SEVERAL`] keys of 1 KB.
    Several,
    /// Many small items; see [`many`].
    Many,
    /// One item for each of about 40 sizes.
    Sizes,
}

/// The key of a value of 100 bytes.
pub(crate) const SMALL: &str = "small";

/// The key of a value of [`LARGE_BYTES`].
pub(crate) const LARGE: &str = "large";
pub(crate) const LARGE_BYTES: usize = 1_000_000;

/// Keys of a get with many keys, and the bytes of each value.
pub(crate) const SEVERAL: usize = 1000;
pub(crate) const SEVERAL_BYTES: usize = 1000;

/// Number of items for a dump.
pub(crate) const fn many(smoke: bool) -> usize {
    if smoke { 4000 } else { 400_000 }
}

/// Smallest and largest value of [`Stored::Sizes`].
const SIZES_BYTES: [usize; 2] = [50, 500_000];

/// Stores the items for a kind of client.
pub(crate) fn store(port: u16, stored: Stored, smoke: bool) -> Result<(), Failure> {
    match stored {
        Stored::Nothing => Ok(()),
        Stored::Small => store_all(port, [(SMALL.to_owned(), 100)]),
        Stored::Large => store_all(port, [(LARGE.to_owned(), LARGE_BYTES)]),
        Stored::Several => store_all(port, (0..SEVERAL).map(|number| (format!("k{number}"), SEVERAL_BYTES))),
        Stored::Many => store_all(port, (0..many(smoke)).map(|number| (format!("k{number}"), 10))),
        Stored::Sizes => {
            let [first, last] = SIZES_BYTES;
            let sizes =
                std::iter::successors(Some(first), |len| Some(len * 5 / 4)).take_while(|len| *len <= last);
            store_all(port, sizes.map(|len| (format!("k{len}"), len)))
        }
    }
}

/// Stores items with these keys and lengths, and checks that the last one exists.
fn store_all(port: u16, items: impl IntoIterator<Item = (String, usize)>) -> Result<(), Failure> {
    let mut stream = connect(port)?;
    let mut last = String::new();
    let mut output = BufWriter::new(&stream);
    for (key, len) in items {
        write!(output, "set {key} 0 0 {len} noreply\r\n")?;
        output.write_all(&vec![b'x'; len])?;
        output.write_all(b"\r\n")?;
        last = key;
    }
    output.flush()?;
    drop(output);
    let reply = ask(&mut stream, format!("get {last}\r\n").as_bytes(), b"END\r\n")?;
    expect(&reply, b"VALUE ")
}
