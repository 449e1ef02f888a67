//! The binary protocol over a real socket. Requests are made and replies read by the frames of `tests/support`, and
//! a reply is judged by the line that [`Reply::summary`] makes of it.

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

/// Sends everything at once and says that nothing more comes: all replies up to the daemon's close, as lines.
#[track_caller]
fn conversation(daemon: &Daemon, requests: &[Request]) -> Vec<String> {
    let stream: Vec<u8> = requests.iter().flat_map(Request::bytes).collect();
    raw_conversation(daemon, &stream).iter().map(Reply::summary).collect()
}

/// The same for any bytes.
#[track_caller]
fn raw_conversation(daemon: &Daemon, stream: &[u8]) -> Vec<Reply> {
    let mut client = daemon.connect();
    client.send(stream);
    client.close_sending();
    replies(&heard_to_close(&mut client))
}

#[track_caller]
pub fn heard_to_close(client: &mut Client) -> Vec<u8> {
    let mut heard = Vec::new();
    match client.read_to_end(&mut heard) {
        Err(error) if error.kind() != std::io::ErrorKind::ConnectionReset => panic!("{error}"),
        _ => heard,
    }
}

/// Sends one request and hears one reply.
#[track_caller]
pub fn ask(client: &mut Client, request: &Request) -> Reply {
    client.send(request.bytes());
    hear(client)
}

/// Hears one reply.
#[track_caller]
fn hear(client: &mut Client) -> Reply {
    let mut bytes = vec![0; 24];
    client.read_exact(&mut bytes).expect("a header");
    let body_len = u32::from_be_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]) as usize;
    bytes.resize(24 + body_len, 0);
    client.read_exact(&mut bytes[24..]).expect("a body");
    take_reply(&mut &bytes[..]).expect("a reply")
}

/// The daemon closes without another word.
#[track_caller]
pub fn hear_close(client: &mut Client) {
    assert_eq!(heard_to_close(client), b"");
}
