//! Stores the items of a load.

use crate::loads::{Load, keys_of, set};
use crate::support::Failure;
use crate::support::server::Server;
use crate::target;

/// Requests per write while storing.
const FILL_DEPTH: usize = 50;

/// Stores every key.
pub(crate) fn fill(server: &Server, load: &Load, keys: u64) -> Result<(), Failure> {
    let mut channel = target::open(server, load)?;
    let numbers: Vec<u64> = (0..keys_of(load, keys)).collect();
    for some in numbers.chunks(FILL_DEPTH) {
        let requests: Vec<u8> = some.iter().flat_map(|number| set(*number, load.value_len)).collect();
        channel.send(&requests)?;
        let expected = b"STORED\r\n".repeat(some.len());
        let mut got = vec![0; expected.len()];
        let mut at = 0;
        while at < got.len() {
            match channel.receive(&mut got[at..])? {
                0 => break,
                read => at += read,
            }
        }
        if got != expected {
            return Err(format!("a set was answered with {}", got.escape_ascii()).into());
        }
    }
    Ok(())
}
