//! A connection over a socket pair, polled by hand or run by an event loop.

use super::scratch::{PUT_OFF_MAX_BYTES, SCRATCH_BYTES};
use super::*;
use crate::clock::Clock;
use crate::commands::{Engine, Settings as CommandSettings};
use crate::protocol::limits::{LINE_MAX_BYTES, VALUE_INLINE_MAX_BYTES};
use crate::server::LoneWorker;
use crate::server::event_loop::EventLoop;
use crate::server::socket::{Accepted, StreamSocket};
use crate::server::threads::Threads;
use crate::store::{Settings as StoreSettings, Store};
use crate::telemetry::Transport;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::task::Waker;

fn engine() -> Engine {
    let store = Store::new(StoreSettings { hash_seed: Some(1), ..StoreSettings::default() });
    let settings = CommandSettings {
        flush_enabled: true,
        dump_enabled: true,
        reassign_enabled: true,
        sweep_enabled: true,
        watch_enabled: true,
        prefix_delimiter: b':',
        detail_enabled: false,
        track_sizes: false,
        told: Default::default(),
        shutdown_enabled: true,
        cas_enabled: true,
        evict: true,
        item_max_bytes: 1 << 20,
        max_connections: 10,
        tcp_port: 0,
        listen: None,
        udp_port: 0,
        unix_path: None,
        unix_mask: 0o700,
        growth_factor: 1.1,
        chunk_min_bytes: 48,
        threads: 1,
        requests_per_event: 20,
        backlog: 10,
        max_connections_fast: true,
        idle_timeout_secs: 0,
        tls: Default::default(),
        binding: Binding::Auto,
        verbosity: 0,
        debug_commands: false,
    };
    Engine::new(settings, store, Clock::start())
}

fn worker(engine: Engine) -> Worker {
    LoneWorker::new(Arc::new(engine), 20).0
}

/// A connection as the worker would admit it, and the client's end.
fn connect(worker: &Worker, event_loop: &Arc<EventLoop>) -> (Connection<StreamSocket>, UnixStream) {
    let (server, client) = UnixStream::pair().unwrap();
    server.set_nonblocking(true).unwrap();
    let accepted = Accepted::new(server.into(), Transport::Unix, event_loop.clone());
    assert!(worker.enter());
    (Connection::new(StreamSocket::new(accepted), worker.clone(), Binding::Auto), client)
}

/// The client's end of a connection that is served.
fn served(worker: &Worker, event_loop: &Arc<EventLoop>) -> UnixStream {
    let (server, client) = connect(worker, event_loop);
    event_loop.spawn_on(server.fd, server);
    client
}

/// Runs connections from now on, and ends when the test does.
fn serve(event_loop: &Arc<EventLoop>, test: impl FnOnce()) {
    let threads = Threads::start(event_loop.clone(), 1).unwrap();
    test();
    event_loop.end();
    assert!(threads.join());
}

/// Runs an event loop beside a test.
fn run(test: impl FnOnce(&Arc<EventLoop>)) {
    let event_loop = EventLoop::new(1).unwrap();
    serve(&event_loop, || test(&event_loop));
}

fn ask(client: &mut UnixStream, request: &[u8], answer: &[u8]) {
    client.write_all(request).unwrap();
    let mut got = vec![0; answer.len()];
    client.read_exact(&mut got).unwrap();
    assert_eq!(String::from_utf8_lossy(&got), String::from_utf8_lossy(answer));
}

#[test]
fn a_panic_in_one_connection_leaves_the_others_served() {
    run(|event_loop| {
        let mut engine = engine();
        engine.panic_key = Some(b"boom");
        let worker = worker(engine);
        let mut doomed = served(&worker, event_loop);
        let mut other = served(&worker, event_loop);
        ask(&mut other, b"set a 0 0 1\r\n1\r\n", b"STORED\r\n");
        doomed.write_all(b"version\r\nget a boom\r\n").unwrap();
        let mut rest = Vec::new();
        let _ = doomed.read_to_end(&mut rest);
        assert_eq!(rest, b"", "it ended, and its half-made replies went nowhere");
        ask(&mut other, b"get a\r\n", b"VALUE a 0 1\r\n1\r\nEND\r\n");
        assert_eq!(worker.shared.engine.connections().open(), 1);
    });
}

#[test]
fn replies_are_sent_when_all_who_have_news_have_been_read() {
    let event_loop = EventLoop::new(1).unwrap();
    let worker = worker(engine());
    let [mut first, mut second] = [0; 2].map(|_| served(&worker, &event_loop));
    first.write_all(b"version\r\n").unwrap();
    second.write_all(b"stats\r\nquit\r\n").unwrap();
    serve(&event_loop, || {
        let mut stats = String::new();
        second.read_to_string(&mut stats).unwrap();
        assert!(stats.contains("STAT bytes_read 22\r\nSTAT bytes_written 0\r\n"), "{stats}");
        ask(&mut first, b"version\r\n", &b"VERSION 1.6.45\r\n".repeat(2));
    });
}

#[test]
fn in_a_round_each_gets_its_own_replies_whatever_the_others_do() {
    const LONG: usize = PUT_OFF_MAX_BYTES / 16;
    let event_loop = EventLoop::new(1).unwrap();
    let mut engine = engine();
    engine.panic_key = Some(b"boom");
    let worker = worker(engine);
    let request = |number: usize, gets: usize| {
        format!("set k{number} 0 0 4\r\n{number:4}\r\n") + &format!("get k{number}\r\n").repeat(gets)
    };
    let answer = |number: usize, gets: usize| {
        "STORED\r\n".to_owned() + &format!("VALUE k{number} 0 4\r\n{number:4}\r\nEND\r\n").repeat(gets)
    };
    let mut clients: Vec<_> = (0..10)
        .map(|number| {
            let mut client = served(&worker, &event_loop);
            let asks = match number % 5 {
                0 => request(number, 1),
                1 => request(number, 1) + "quit\r\n",
                2 => request(number, 1) + "get boom\r\n",
                3 => request(number, 1),
                _ => request(number, LONG),
            };
            client.write_all(asks.as_bytes()).unwrap();
            client
        })
        .collect();
    // Two are gone before they are answered.
    clients.remove(8);
    clients.remove(3);
    serve(&event_loop, || {
        for (number, client) in [0, 1, 2, 4, 5, 6, 7, 9].into_iter().zip(&mut clients) {
            match number % 5 {
                0 => ask(client, b"", answer(number, 1).as_bytes()),
                4 => ask(client, b"", answer(number, LONG).as_bytes()),
                kind => {
                    let mut all = String::new();
                    let _ = client.read_to_string(&mut all);
                    assert_eq!(all, if kind == 1 { answer(number, 1) } else { String::new() });
                }
            }
        }
        for (number, at) in [(0, 0), (4, 3), (5, 4), (9, 7)] {
            ask(&mut clients[at], request(number, 2).as_bytes(), answer(number, 2).as_bytes());
        }
    });
    assert_eq!(worker.shared.engine.connections().open(), 0);
}

#[test]
fn a_peer_that_never_reads_bounds_what_is_held_for_it() {
    run(|event_loop| {
        let worker = worker(engine());
        let (mut server, mut client) = connect(&worker, event_loop);
        let value = "v".repeat(VALUE_INLINE_MAX_BYTES);
        let set = format!("set a 0 0 {}\r\n{value}\r\n", value.len());
        let mut cx = Context::from_waker(Waker::noop());
        client.write_all(set.as_bytes()).unwrap();
        client.write_all(format!("get{}\r\n", " a".repeat(30_000)).as_bytes()).unwrap();
        // Enough turns for every yield to be taken up again.
        for _ in 0..200 {
            assert!(Pin::new(&mut server).poll(&mut cx).is_pending());
        }
        let held = server.unsent.as_ref().expect("the socket is full").replies.len();
        assert!(
            held <= 2 * OUTPUT_BATCH_BYTES + VALUE_INLINE_MAX_BYTES + LINE_MAX_BYTES,
            "{held} bytes held"
        );
        assert!(server.left.as_ref().is_none_or(|left| left.bytes.len() <= SCRATCH_BYTES));
        assert_eq!(server.waiting_state(), ConnectionState::Write);
    });
}

#[test]
fn a_long_pipeline_is_answered_in_shares() {
    run(|event_loop| {
        let worker = worker(engine());
        let mut client = served(&worker, event_loop);
        let answer = "VERSION 1.6.45\r\n".repeat(1000);
        ask(&mut client, "version\r\n".repeat(1000).as_bytes(), answer.as_bytes());
        let yields = worker.counters().conn_yields.get();
        assert!((40..=50).contains(&yields), "1000 requests in shares of 20 gave way {yields} times");
    });
}

#[test]
fn everything_received_before_the_peers_end_is_answered() {
    run(|event_loop| {
        let worker = worker(engine());
        let mut client = served(&worker, event_loop);
        client.write_all("version\r\n".repeat(100).as_bytes()).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut all = String::new();
        client.read_to_string(&mut all).unwrap();
        assert_eq!(all, "VERSION 1.6.45\r\n".repeat(100));
        assert_eq!(worker.shared.engine.connections().open(), 0);
    });
}

#[test]
fn an_idle_connection_owns_no_buffer() {
    run(|event_loop| {
        let worker = worker(engine());
        let (mut server, mut client) = connect(&worker, event_loop);
        let mut cx = Context::from_waker(Waker::noop());
        client.write_all(b"set a 0 0 1\r\n1\r\nget a\r\n").unwrap();
        while worker.counters().bytes_written.get() == 0 {
            assert!(Pin::new(&mut server).poll(&mut cx).is_pending());
        }
        assert!(server.left.is_none());
        assert!(server.unsent.is_none() && server.receiving.is_none());
    });
}

#[test]
fn a_connection_is_small_because_there_are_many() {
    assert!(size_of::<Connection<StreamSocket>>() <= CONNECTION_MAX_BYTES);
}
