//! The binary protocol. Requests are encoded and replies decoded by `tests/support/frames.rs`; most tests compare the
//! summary of a reply ([`Reply::summary`]).

mod before_login;
mod invalid_frames;
mod large_values;
mod login;
mod protocol_detection;
mod quiet_commands;
mod replies;
mod split_frames;
mod stat_command;

use crate::support::frames::{Reply, Request, replies, take_reply};
use crate::support::{Client, Daemon};
use std::io::Read;

/// Sends all requests at once, closes the sending side, and returns the summaries of all replies.
#[track_caller]
fn conversation(daemon: &Daemon, requests: &[Request]) -> Vec<String> {
    let stream: Vec<u8> = requests.iter().flat_map(Request::bytes).collect();
    raw_conversation(daemon, &stream).iter().map(Reply::summary).collect()
}

/// Sends any bytes, closes the sending side, and returns all replies.
#[track_caller]
fn raw_conversation(daemon: &Daemon, stream: &[u8]) -> Vec<Reply> {
    let mut client = daemon.connect();
    client.send(stream);
    client.close_sending();
    replies(&read_to_close(&mut client))
}

/// Receives everything until the daemon closes or resets the connection.
#[track_caller]
pub fn read_to_close(client: &mut Client) -> Vec<u8> {
    let mut received = Vec::new();
    match client.read_to_end(&mut received) {
        Err(error) if error.kind() != std::io::ErrorKind::ConnectionReset => panic!("{error}"),
        _ => received,
    }
}

/// Sends one request and receives one reply.
#[track_caller]
pub fn ask(client: &mut Client, request: &Request) -> Reply {
    client.send(request.bytes());
    read_reply(client)
}

/// Receives one reply.
#[track_caller]
fn read_reply(client: &mut Client) -> Reply {
    let mut bytes = vec![0; 24];
    client.read_exact(&mut bytes).expect("a header");
    let body_len = u32::from_be_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]) as usize;
    bytes.resize(24 + body_len, 0);
    client.read_exact(&mut bytes[24..]).expect("a body");
    take_reply(&mut &bytes[..]).expect("a reply")
}

/// Expects that the daemon closes without sending anything.
#[track_caller]
pub fn expect_close(client: &mut Client) {
    assert_eq!(read_to_close(client), b"");
}
