//! Long-lived connections: each sends a batch, waits for the whole reply, then sends the next batch.
//!
//! Every key exists and every value has the same length, so only the length of a reply is checked.

use crate::channel::Channel;
use crate::loads::{self, Batch, Load, Mix};
use crate::record::Measurements;
use crate::support::Failure;
use crate::support::server::Server;
use crate::target;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use std::time::{Duration, Instant};

struct Client {
    channel: Channel,
    batch: usize,
    missing: usize,
    sent: Instant,
}

/// The warm-up lasts one part in this many of a turn.
const WARM_UP: u32 = 8;

/// A reply that takes longer ends the run.
const REPLY_LIMIT_MILLIS: u16 = 10_000;

const READ_BYTES: usize = 256 * 1024;

pub(crate) fn run(
    server: &Server,
    load: &Load,
    mix: Mix,
    keys: u64,
    turn: Duration,
    seed: u64,
) -> Result<Measurements, Failure> {
    let batches = loads::batches(load, mix, keys, seed);
    let epoll = Epoll::new(EpollCreateFlags::empty())?;
    let mut clients = Vec::new();
    for index in 0..load.connections {
        let channel = target::open(server, load)?;
        epoll.add(&channel, EpollEvent::new(EpollFlags::EPOLLIN, index as u64))?;
        let batch = index * 7 % batches.len();
        clients.push(Client { channel, batch, missing: 0, sent: Instant::now() });
    }
    let mut buffer = vec![0; READ_BYTES];
    for client in &mut clients {
        send(client, &batches)?;
    }
    let (mut warm_up, mut nanos) = (Vec::new(), Vec::new());
    drive(&epoll, &mut clients, &batches, &mut buffer, turn / WARM_UP, &mut warm_up)?;
    let before = server.usage()?;
    let (operations, elapsed) = drive(&epoll, &mut clients, &batches, &mut buffer, turn, &mut nanos)?;
    let after = server.usage()?;
    let batches = warm_up.len() + nanos.len();
    let mut measurements = Measurements::new(server, before, after, operations, elapsed, nanos)?;
    measurements.batches = batches;
    Ok(measurements)
}

fn send(client: &mut Client, batches: &[Batch]) -> Result<(), Failure> {
    client.batch = (client.batch + 1) % batches.len();
    let batch = &batches[client.batch];
    client.missing = batch.reply_len;
    client.sent = Instant::now();
    client.channel.send(&batch.requests)
}

/// Exchanges batches for this time; returns the number of operations and the elapsed time.
fn drive(
    epoll: &Epoll,
    clients: &mut [Client],
    batches: &[Batch],
    buffer: &mut [u8],
    turn: Duration,
    nanos: &mut Vec<u32>,
) -> Result<(u64, Duration), Failure> {
    let start = Instant::now();
    let mut operations = 0;
    let mut events = vec![EpollEvent::empty(); clients.len()];
    while start.elapsed() < turn {
        let count = epoll.wait(&mut events, EpollTimeout::from(REPLY_LIMIT_MILLIS))?;
        if count == 0 {
            return Err("no reply came".into());
        }
        for event in &events[..count] {
            let client = &mut clients[event.data() as usize];
            loop {
                let read = client.channel.receive(buffer)?;
                if read == 0 || read > client.missing {
                    return Err(format!("{read} bytes came where {} were missing", client.missing).into());
                }
                client.missing -= read;
                if client.missing == 0 || !client.channel.holds_more()? {
                    break;
                }
            }
            if client.missing == 0 {
                nanos.push(client.sent.elapsed().as_nanos().min(u32::MAX.into()) as u32);
                operations += batches[client.batch].operations;
                send(client, batches)?;
            }
        }
    }
    Ok((operations, start.elapsed()))
}
