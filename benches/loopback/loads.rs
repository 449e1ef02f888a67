//! The loads: what is asked, over how many connections, and how long each reply is.

use crate::exchange::Batch;
use crate::support::Failure;
use crate::support::affinity::Placement;
use crate::support::server::Server;
use crate::target;
use fastrand::Rng;

/// A load by name.
pub(crate) struct Load {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// Open connections.
    pub(crate) connections: usize,
    /// Requests sent before their replies are waited for.
    pub(crate) depth: usize,
    /// Bytes of each value.
    pub(crate) value_len: usize,
    /// Server threads.
    pub(crate) threads: usize,
    pub(crate) placement: Placement,
    /// By unix socket instead of TCP.
    pub(crate) unix: bool,
    /// Encrypted.
    pub(crate) tls: bool,
}

#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// Requests on connections that stay.
    Exchange(Mix),
    /// Connect, so many gets one after the other, close.
    Churn { gets: usize },
    /// Connections that did one request and then nothing.
    Idle,
}

/// What is asked; an operation is a request, or for `Keys` a key.
#[derive(Clone, Copy)]
pub(crate) enum Mix {
    /// Sets in so many of a hundred requests, gets in the others.
    Text { sets: u32 },
    /// Gets of so many keys each.
    Keys(usize),
    /// `mg KEY v`.
    Meta,
    /// Get of the binary protocol.
    Binary,
}

const TCP: Load = Load {
    name: "",
    kind: Kind::Exchange(Mix::Text { sets: 0 }),
    connections: 50,
    depth: 1,
    value_len: 100,
    threads: 1,
    placement: Placement::Apart,
    unix: false,
    tls: false,
};

const MIX: Kind = Kind::Exchange(Mix::Text { sets: 10 });

/// The default number of threads. A load on a CPU of its own keeps figures of throughput meaningful.
const FOUR: Load = Load { threads: 4, ..TCP };

const TWO: Load = Load { threads: 2, placement: Placement::Overlapping, ..TCP };

pub(crate) const LOADS: &[Load] = &[
    Load { name: "get", ..TCP },
    Load { name: "mix", kind: MIX, ..TCP },
    Load { name: "get-deep", depth: 16, ..TCP },
    Load { name: "mix-deep", kind: MIX, depth: 16, ..TCP },
    Load { name: "get-100-keys", kind: Kind::Exchange(Mix::Keys(100)), ..TCP },
    Load { name: "get-500-connections", connections: 500, ..TCP },
    Load { name: "mg", kind: Kind::Exchange(Mix::Meta), ..TCP },
    Load { name: "binary-get", kind: Kind::Exchange(Mix::Binary), ..TCP },
    Load { name: "get-4k", value_len: 4096, ..TCP },
    Load { name: "get-100k", value_len: 100_000, connections: 10, ..TCP },
    Load { name: "get-unix", unix: true, ..TCP },
    Load { name: "get-tls", tls: true, ..TCP },
    Load { name: "churn", kind: Kind::Churn { gets: 1 }, ..TCP },
    Load { name: "churn-5-gets", kind: Kind::Churn { gets: 5 }, ..TCP },
    Load { name: "churn-unix", kind: Kind::Churn { gets: 1 }, unix: true, ..TCP },
    Load { name: "get-4-threads", ..FOUR },
    Load { name: "get-deep-4-threads", depth: 16, ..FOUR },
    Load { name: "mix-4-threads", kind: MIX, ..FOUR },
    Load { name: "mix-deep-4-threads", kind: MIX, depth: 16, ..FOUR },
    Load { name: "churn-4-threads", kind: Kind::Churn { gets: 1 }, ..FOUR },
    Load { name: "get-2-threads", ..TWO },
    Load { name: "get-deep-2-threads", depth: 16, ..TWO },
    Load { name: "idle", kind: Kind::Idle, ..TCP },
];

/// Bytes of a key: `k` and a number.
const KEY_LEN: usize = 20;

/// Bytes of values stored in all, at most, so that every key stays.
const FILL_BYTES: u64 = 512 << 20;

/// Batches made ahead, from which every connection takes its turn.
const BATCHES: usize = 997;

/// Requests sent at once while storing.
const FILL_DEPTH: usize = 50;

pub(crate) fn key(number: u64) -> String {
    let digits = KEY_LEN - 1;
    format!("k{number:0digits$}")
}

/// Keys for a load: as many as asked for, unless their values are too large.
pub(crate) fn keys_of(load: &Load, keys: u64) -> u64 {
    keys.min(FILL_BYTES / load.value_len as u64).max(1)
}

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

fn value(len: usize) -> Vec<u8> {
    vec![b'v'; len]
}

fn set(number: u64, len: usize) -> Vec<u8> {
    [format!("set {} 0 0 {len}\r\n", key(number)).as_bytes(), &value(len), b"\r\n"].concat()
}

/// A get and its reply.
pub(crate) fn get(numbers: &[u64], len: usize) -> (Vec<u8>, Vec<u8>) {
    let keys: Vec<String> = numbers.iter().map(|number| key(*number)).collect();
    let request = format!("get {}\r\n", keys.join(" ")).into_bytes();
    let mut reply = Vec::new();
    for key in keys {
        reply.extend(format!("VALUE {key} 0 {len}\r\n").as_bytes());
        reply.extend(value(len));
        reply.extend(b"\r\n");
    }
    reply.extend(b"END\r\n");
    (request, reply)
}

/// A binary get and the length of its reply: a header, the flags and the value.
fn binary_get(number: u64, len: usize) -> (Vec<u8>, usize) {
    let key = key(number);
    let mut request = vec![0x80, 0, 0, key.len() as u8, 0, 0, 0, 0, 0, 0, 0, key.len() as u8];
    request.extend([0; 12]);
    request.extend(key.as_bytes());
    (request, 24 + 4 + len)
}

/// The batches of a turn.
pub(crate) fn batches(load: &Load, mix: Mix, keys: u64, seed: u64) -> Vec<Batch> {
    let mut random = Rng::with_seed(seed);
    let keys = keys_of(load, keys);
    let len = load.value_len;
    let mut batch = || {
        let mut batch = Batch::default();
        for _ in 0..load.depth {
            let number = random.u64(..keys);
            let (request, reply_len, operations) = match mix {
                Mix::Text { sets } if random.u32(..100) < sets => (set(number, len), b"STORED\r\n".len(), 1),
                Mix::Text { .. } => {
                    let (request, reply) = get(&[number], len);
                    (request, reply.len(), 1)
                }
                Mix::Keys(count) => {
                    let numbers: Vec<u64> = (0..count).map(|_| random.u64(..keys)).collect();
                    let (request, reply) = get(&numbers, len);
                    (request, reply.len(), count)
                }
                Mix::Meta => {
                    let reply_len = format!("VA {len}\r\n\r\n").len() + len;
                    (format!("mg {} v\r\n", key(number)).into_bytes(), reply_len, 1)
                }
                Mix::Binary => {
                    let (request, reply_len) = binary_get(number, len);
                    (request, reply_len, 1)
                }
            };
            batch.requests.extend(request);
            batch.reply_len += reply_len;
            batch.operations += operations as u64;
        }
        batch
    };
    (0..BATCHES).map(|_| batch()).collect()
}
