//! A connection over a socket pair, polled directly or run by an event loop.

use super::output::WRITE_MAX_BYTES;
use super::*;
use crate::clock::Clock;
use crate::commands::{Engine, Settings as CommandSettings};
use crate::protocol::limits::{HELD_MAX_BYTES, VALUE_INLINE_MAX_BYTES};
use crate::server::event_loop::EventLoop;
use crate::server::settings::Settings as ServerSettings;
use crate::server::socket::{AcceptedSocket, StreamSocket};
use crate::server::threads::Threads;
use crate::store::{Settings as StoreSettings, Store};
use crate::telemetry::Transport;
use rustix::net::sockopt::{set_tcp_quickack, tcp_quickack};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::task::Waker;

fn engine() -> Engine {
    let store = Store::new(StoreSettings { hash_seed: Some(1), ..StoreSettings::default() });
    Engine::new(CommandSettings::for_tests(), store, Clock::start())
}

fn server(engine: Engine) -> Arc<ServerState> {
    let settings = ServerSettings {
        threads: 1,
        max_connections: 10,
        requests_per_event: 20,
        backlog: 1,
        tcp: Vec::new(),
        udp: Vec::new(),
        udp_reply_max_bytes: 0,
        unix: None,
        port_file: None,
        protocol: AcceptedProtocol::Auto,
        inherited: Vec::new(),
        max_connections_fast: true,
        idle_timeout_secs: 0,
        socket_mark: 0,
        tls: None,
        metrics: None,
    };
    Arc::new(ServerState::new(Arc::new(engine), settings, None))
}

/// A connection as an acceptor admits it, and its client.
fn connect(state: &Arc<ServerState>, event_loop: &Arc<EventLoop>) -> (Connection<StreamSocket>, UnixStream) {
    let (socket, client) = UnixStream::pair().unwrap();
    socket.set_nonblocking(true).unwrap();
    let accepted = AcceptedSocket::new(socket.into(), Transport::Unix, event_loop.clone());
    assert!(state.try_acquire_connection());
    (Connection::new(StreamSocket::new(accepted), state.clone(), AcceptedProtocol::Auto), client)
}

/// The client of a connection that is served.
fn connect_served(state: &Arc<ServerState>, event_loop: &Arc<EventLoop>) -> UnixStream {
    let (connection, client) = connect(state, event_loop);
    event_loop.spawn_on(connection.fd, connection);
    client
}

/// Runs connections during a test.
fn serve(event_loop: &Arc<EventLoop>, test: impl FnOnce()) {
    let threads = Threads::start(event_loop.clone(), 1).unwrap();
    test();
    event_loop.stop();
    assert!(threads.join());
}

/// Runs an event loop during a test.
fn run(test: impl FnOnce(&Arc<EventLoop>)) {
    let event_loop = EventLoop::new(1).unwrap();
    serve(&event_loop, || test(&event_loop));
}

fn ask(client: &mut UnixStream, request: &[u8], expected: &[u8]) {
    client.write_all(request).unwrap();
    let mut reply = vec![0; expected.len()];
    client.read_exact(&mut reply).unwrap();
    assert_eq!(String::from_utf8_lossy(&reply), String::from_utf8_lossy(expected));
}

#[test]
fn a_panic_in_one_connection_leaves_the_others_served() {
    run(|event_loop| {
        let mut engine = engine();
        engine.panic_key = Some(b"boom");
        let state = server(engine);
        let mut doomed = connect_served(&state, event_loop);
        let mut other = connect_served(&state, event_loop);
        ask(&mut other, b"set a 0 0 1\r\n1\r\n", b"STORED\r\n");
        doomed.write_all(b"version\r\nget a boom\r\n").unwrap();
        let mut replies = Vec::new();
        let _ = doomed.read_to_end(&mut replies);
        assert_eq!(replies, b"", "the connection ended without its incomplete replies");
        ask(&mut other, b"get a\r\n", b"VALUE a 0 1\r\n1\r\nEND\r\n");
        assert_eq!(state.engine.connections().open(), 1);
    });
}

#[test]
fn memory_of_a_client_that_never_reads_is_bounded() {
    run(|event_loop| {
        let state = server(engine());
        let (mut connection, mut client) = connect(&state, event_loop);
        let value = "v".repeat(VALUE_INLINE_MAX_BYTES);
        let set = format!("set a 0 0 {}\r\n{value}\r\n", value.len());
        let mut cx = Context::from_waker(Waker::noop());
        client.write_all(set.as_bytes()).unwrap();
        client.set_nonblocking(true).unwrap();
        let gets = "get a a a a a a\r\n".repeat(30_000);
        let mut sent = 0;
        // Enough turns to continue after every yield.
        for _ in 0..2000 {
            sent += client.write(&gets.as_bytes()[sent..]).unwrap_or(0);
            assert!(Pin::new(&mut connection).poll(&mut cx).is_pending());
        }
        let replies = connection.unsent.as_ref().expect("the socket is full").replies.len();
        let input = connection.pending_input.as_ref().map_or(0, |pending| pending.buffer.len());
        assert!(replies + input <= HELD_MAX_BYTES, "{replies} bytes of replies and {input} of input held");
        assert_eq!(connection.waiting_state(), ConnectionState::Write);
    });
}

#[test]
fn a_long_pipeline_yields_after_each_share() {
    run(|event_loop| {
        let state = server(engine());
        let mut client = connect_served(&state, event_loop);
        let replies = "VERSION 1.6.45\r\n".repeat(1000);
        ask(&mut client, "version\r\n".repeat(1000).as_bytes(), replies.as_bytes());
        let yields = state.counters().conn_yields.get();
        assert!((40..=50).contains(&yields), "1000 requests in shares of 20 yielded {yields} times");
    });
}

#[test]
fn requests_received_before_the_end_of_input_are_answered() {
    run(|event_loop| {
        let state = server(engine());
        let mut client = connect_served(&state, event_loop);
        client.write_all("version\r\n".repeat(100).as_bytes()).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut replies = String::new();
        client.read_to_string(&mut replies).unwrap();
        assert_eq!(replies, "VERSION 1.6.45\r\n".repeat(100));
        assert_eq!(state.engine.connections().open(), 0);
    });
}

#[test]
fn an_idle_connection_owns_no_buffer() {
    run(|event_loop| {
        let state = server(engine());
        let (mut connection, mut client) = connect(&state, event_loop);
        let mut cx = Context::from_waker(Waker::noop());
        client.write_all(b"set a 0 0 1\r\n1\r\nget a\r\n").unwrap();
        while state.counters().bytes_written.get() == 0 {
            assert!(Pin::new(&mut connection).poll(&mut cx).is_pending());
        }
        assert!(connection.pending_input.is_none());
        assert!(connection.unsent.is_none() && connection.session.value_page(&state.engine).is_none());
    });
}

#[test]
fn a_connection_fits_its_size_limit() {
    assert!(size_of::<Connection<StreamSocket>>() <= CONNECTION_MAX_BYTES);
}

#[test]
fn a_large_value_is_sent_over_many_turns() {
    run(|event_loop| {
        let state = server(engine());
        let mut client = connect_served(&state, event_loop);
        let value = "v".repeat(1_000_000);
        ask(&mut client, format!("set a 0 0 {}\r\n{value}\r\n", value.len()).as_bytes(), b"STORED\r\n");
        let before = state.counters().conn_yields.get();
        ask(&mut client, b"get a\r\n", format!("VALUE a 0 {}\r\n{value}\r\nEND\r\n", value.len()).as_bytes());
        let yields = state.counters().conn_yields.get() - before;
        assert!(yields >= (value.len() / WRITE_MAX_BYTES) as u64 - 1, "{yields} yields");
    });
}

#[test]
fn input_after_a_refusal_is_discarded_over_many_turns() {
    run(|event_loop| {
        let state = server(engine());
        let mut client = connect_served(&state, event_loop);
        client.write_all(&[b'x'; 5000]).unwrap();
        let mut sends = client.try_clone().unwrap();
        let reply = std::thread::scope(|scope| {
            scope.spawn(move || while sends.write_all(&[b'y'; 50_000]).is_ok() {});
            let mut reply = String::new();
            let _ = client.read_to_string(&mut reply);
            reply
        });
        assert_eq!(reply, "CLIENT_ERROR line too long\r\n");
        assert_eq!(state.engine.connections().open(), 0);
    });
}

/// A TCP connection, whose acknowledgements can be observed, and its client.
fn connect_tcp(
    state: &Arc<ServerState>,
    event_loop: &Arc<EventLoop>,
) -> (Connection<StreamSocket>, TcpStream) {
    let listening = TcpListener::bind("127.0.0.1:0").unwrap();
    set_tcp_quickack(&listening, false).unwrap();
    let client = TcpStream::connect(listening.local_addr().unwrap()).unwrap();
    let accepted = listening.accept().unwrap().0;
    accepted.set_nonblocking(true).unwrap();
    assert!(state.try_acquire_connection());
    let accepted = AcceptedSocket::new(accepted.into(), Transport::Tcp, event_loop.clone());
    (Connection::new(StreamSocket::new(accepted), state.clone(), AcceptedProtocol::Auto), client)
}

#[test]
fn a_request_without_a_reply_is_acknowledged_at_once() {
    let silent: [&[u8]; 7] = [
        b"set a 0 0 1 noreply\r\nx\r\n",
        b"delete a noreply\r\n",
        b"mg a q\r\n",
        b"set a 0 0 1\r\n",
        b"get ",
        // GetQ of a missing key, SetQ.
        b"\x80\x09\0\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0z",
        b"\x80\x11\0\x01\x08\0\0\0\0\0\0\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0ax",
    ];
    for (request, acknowledged) in
        silent.into_iter().map(|request| (request, true)).chain([(&b"version\r\n"[..], false)])
    {
        run(|event_loop| {
            let state = server(engine());
            let (mut connection, mut client) = connect_tcp(&state, event_loop);
            client.write_all(request).unwrap();
            let mut cx = Context::from_waker(Waker::noop());
            while state.counters().bytes_read.get() < request.len() as u64 {
                assert!(Pin::new(&mut connection).poll(&mut cx).is_pending());
            }
            let quick = tcp_quickack(connection.stream.as_fd()).unwrap();
            assert_eq!(quick, acknowledged, "{}", request.escape_ascii());
        });
    }
}
