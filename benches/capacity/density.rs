//! Measures resident bytes per item if all items fit, and the number of items that remain below a limit.

use crate::client::{Client, KEY_LEN, key};
use crate::contender::Contender;
use crate::support::Failure;
use std::thread::sleep;
use std::time::Duration;

const ITEMS: u64 = 2_000_000;

/// Lengths of values, in bytes.
const VALUE_LENS: [usize; 3] = [16, 100, 1000];

/// A limit in MiB that all items fit into, and one that they do not.
const ROOMY_MIB: u64 = 4096;
const TIGHT_MIB: u64 = 64;

/// One key in this many is requested to count the remaining items.
const ASKED_ONE_IN: u64 = 16;

/// Time until the server is idle.
const REST: Duration = Duration::from_millis(1500);

const GET_KEYS: usize = 100;

pub(crate) fn measure(contenders: &[Contender], share: u64) -> Result<(), Failure> {
    let items = ITEMS / share;
    println!(
        "{items} items, keys of {KEY_LEN} bytes: resident bytes per item; items kept with -m {TIGHT_MIB}"
    );
    for value_len in VALUE_LENS {
        let mut kept_by_first = None;
        for contender in contenders {
            let server = contender.start(ROOMY_MIB)?;
            store(&mut Client::connect(&server)?, items, value_len)?;
            sleep(REST);
            let resident = server.resident_bytes()?;
            server.stop()?;
            let server = contender.start(TIGHT_MIB)?;
            let mut client = Client::connect(&server)?;
            store(&mut client, items, value_len)?;
            let kept = kept(&mut client, items)?;
            let first = *kept_by_first.get_or_insert(kept);
            println!(
                "  values of {value_len:4} bytes  {:12} {:7.1}  kept {kept:8}  {:.3}",
                contender.name,
                resident as f64 / items as f64,
                kept as f64 / first as f64
            );
        }
    }
    Ok(())
}

fn store(client: &mut Client, items: u64, value_len: usize) -> Result<(), Failure> {
    let value = vec![b'x'; value_len];
    for number in 0..items {
        client.store("set", &key(number), &value)?;
    }
    client.flush()
}

fn kept(client: &mut Client, items: u64) -> Result<u64, Failure> {
    // Adjacent keys are often kept or evicted together.
    let asked: Vec<String> = (0..items).step_by(ASKED_ONE_IN as usize).map(key).collect();
    let mut found = 0;
    for keys in asked.chunks(GET_KEYS) {
        found += client.get(keys)?;
    }
    Ok(found * ASKED_ONE_IN)
}
