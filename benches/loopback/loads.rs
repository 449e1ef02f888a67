//! The loads: requests, connections, and the length of each reply.

use crate::support::affinity::Placement;
use fastrand::Rng;

/// A load by name.
pub(crate) struct Load {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// Open connections.
    pub(crate) connections: usize,
    /// Requests per batch.
    pub(crate) depth: usize,
    /// Bytes of each value.
    pub(crate) value_len: usize,
    /// Server threads.
    pub(crate) threads: usize,
    pub(crate) placement: Placement,
    /// Use the Unix socket instead of TCP.
    pub(crate) unix: bool,
    /// Use TLS.
    pub(crate) tls: bool,
}

#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// Requests on long-lived connections.
    Exchange(Mix),
    /// Connect, this many gets one after the other, close.
    Churn { gets: usize },
    /// Connections that are idle after one request.
    Idle,
}

/// Kind of requests. An operation is a request, or a key for `Keys`.
#[derive(Clone, Copy)]
pub(crate) enum Mix {
    /// This many sets in a hundred requests; the others are gets.
    Text { sets: u32 },
    /// Gets of this many keys each.
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

/// The default number of threads. The load has a CPU of its own, so that the throughput is meaningful.
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

/// Largest sum of all values in bytes, so that no key is evicted.
const FILL_BYTES: u64 = 512 << 20;

/// Prepared batches, which all connections cycle through.
const BATCHES: usize = 997;

pub(crate) fn key(number: u64) -> String {
    let digits = KEY_LEN - 1;
    format!("k{number:0digits$}")
}

/// Number of keys for a load: reduced if the values are large.
pub(crate) fn keys_of(load: &Load, keys: u64) -> u64 {
    keys.min(FILL_BYTES / load.value_len as u64).max(1)
}

fn value(len: usize) -> Vec<u8> {
    vec![b'v'; len]
}

pub(crate) fn set(number: u64, len: usize) -> Vec<u8> {
    [format!("set {} 0 0 {len}\r\n", key(number)).as_bytes(), &value(len), b"\r\n"].concat()
}

/// A get, and its reply.
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

/// Requests that are sent with one write.
#[derive(Default, Clone)]
pub(crate) struct Batch {
    pub(crate) requests: Vec<u8>,
    /// Bytes of all their replies.
    pub(crate) reply_len: usize,
    pub(crate) operations: u64,
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
