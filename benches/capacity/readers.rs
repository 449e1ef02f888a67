//! Measures the memory for 100 slow readers, which request a value of 1 MB and read nothing.

use crate::client::Client;
use crate::contender::Contender;
use crate::support::Failure;
use std::io::Write;
use std::thread::sleep;
use std::time::Duration;

const READERS: usize = 100;
const VALUE_LEN: usize = 1_000_000;

/// Small, so that the value does not fit into the socket buffers.
const RECEIVE_BYTES: usize = 16 << 10;

/// Time until the server has sent what it can.
const REST: Duration = Duration::from_millis(500);

pub(crate) fn measure(contenders: &[Contender], share: u64) -> Result<(), Failure> {
    let readers = (READERS / share.min(10) as usize).max(1);
    println!("{readers} clients that requested a value of {VALUE_LEN} bytes and do not read: resident KiB");
    for contender in contenders {
        let server = contender.start(64)?;
        let mut client = Client::connect(&server)?;
        client.store("set", "large", &vec![b'v'; VALUE_LEN])?;
        client.flush()?;
        client.get(&["large".to_owned()])?;
        let before = server.resident_bytes()?;
        let mut sockets = Vec::new();
        for _ in 0..readers {
            let mut socket = server.connect(false)?;
            socket.set_recv_buffer_size(RECEIVE_BYTES)?;
            socket.write_all(b"get large\r\n")?;
            sockets.push(socket);
        }
        sleep(REST);
        let with_readers = server.resident_bytes()?;
        // The value is deleted, but the unsent replies still need it.
        client.ask("delete large\r\n")?;
        println!("  {:12} {:7} before, {:7} with them", contender.name, before >> 10, with_readers >> 10);
    }
    Ok(())
}
