//! Stream and listening sockets in an event loop of one thread.

use super::*;
use crate::server::event_loop::{run_alone, yield_now};
use rustix::net::sockopt::tcp_quickack;
use std::future::Future;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::task::Waker;

#[test]
fn all_pending_connections_are_accepted_and_so_are_later_ones() {
    let event_loop = EventLoop::new(1).unwrap();
    let listening = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listening.local_addr().unwrap();
    listening.set_nonblocking(true).unwrap();
    let mut listening = ListeningSocket::new(listening.into(), Transport::Tcp, event_loop.clone()).unwrap();
    run_alone(&event_loop, listening.fd(), async move {
        let mut clients = Vec::new();
        for count in [3, 1, 2] {
            assert!(listening.poll_accept().is_pending());
            clients.extend((0..count).map(|_| TcpStream::connect(address).unwrap()));
            yield_now().await;
            for _ in 0..count {
                assert!(matches!(listening.poll_accept(), Poll::Ready(Ok(_))));
            }
        }
        assert!(listening.poll_accept().is_pending());
    });
}

#[test]
fn received_bytes_are_acknowledged_on_request() {
    let event_loop = EventLoop::new(1).unwrap();
    let listening = TcpListener::bind("127.0.0.1:0").unwrap();
    set_tcp_quickack(&listening, false).unwrap();
    let mut client = TcpStream::connect(listening.local_addr().unwrap()).unwrap();
    let accepted = OwnedFd::from(listening.accept().unwrap().0);
    let mut socket = StreamSocket::new(AcceptedSocket::new(accepted, Transport::Tcp, event_loop));
    client.write_all(b"get ").unwrap();
    assert!(matches!(fill(&mut socket, &mut [0; 10]), Poll::Ready(Ok(4))));
    assert_eq!(tcp_quickack(&socket.fd), Ok(false));
    socket.acknowledge();
    assert_eq!(tcp_quickack(&socket.fd), Ok(true));
}

/// A socket and the client at its other end.
fn pair(event_loop: &Arc<EventLoop>) -> (StreamSocket, UnixStream) {
    let (server, client) = UnixStream::pair().unwrap();
    server.set_nonblocking(true).unwrap();
    client.set_nonblocking(true).unwrap();
    (StreamSocket::new(AcceptedSocket::new(server.into(), Transport::Unix, event_loop.clone())), client)
}

fn fill(socket: &mut StreamSocket, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
    socket.poll_recv(&mut Context::from_waker(Waker::noop()), buffer)
}

fn write(socket: &mut StreamSocket, bytes: &[u8]) -> Poll<io::Result<usize>> {
    Pin::new(socket).poll_write(&mut Context::from_waker(Waker::noop()), bytes)
}

/// Runs a test with a socket in the event loop.
fn run<F: Future<Output = ()> + Send + 'static>(test: impl FnOnce(StreamSocket, UnixStream) -> F) {
    let event_loop = EventLoop::new(1).unwrap();
    let (socket, client) = pair(&event_loop);
    run_alone(&event_loop, socket.fd(), test(socket, client));
}

#[test]
fn a_socket_is_registered_once_it_is_empty() {
    run(|mut socket, client| async move {
        let mut buffer = [0; 10];
        rustix::io::write(&client, b"one").unwrap();
        assert!(matches!(fill(&mut socket, &mut buffer), Poll::Ready(Ok(3))));
        assert_eq!(socket.registered, None);
        assert!(fill(&mut socket, &mut buffer).is_pending());
        assert_eq!(socket.registered, Some(Interest::Readable));
        rustix::io::write(&client, b"two").unwrap();
        yield_now().await;
        assert!(matches!(fill(&mut socket, &mut buffer), Poll::Ready(Ok(3))));
        assert_eq!(buffer[..3], *b"two");
    });
}

#[test]
fn a_hangup_that_comes_with_the_last_bytes_is_seen() {
    run(|mut socket, client| async move {
        let mut buffer = [0; 10];
        assert!(fill(&mut socket, &mut buffer).is_pending());
        rustix::io::write(&client, b"last").unwrap();
        drop(client);
        yield_now().await;
        assert!(matches!(fill(&mut socket, &mut buffer), Poll::Ready(Ok(4))));
        assert!(matches!(fill(&mut socket, &mut buffer), Poll::Ready(Ok(0))));
    });
}

#[test]
fn readiness_is_kept_over_turns_that_do_not_receive() {
    run(|mut socket, client| async move {
        let mut buffer = [0; 10];
        assert!(fill(&mut socket, &mut buffer).is_pending());
        rustix::io::write(&client, b"word").unwrap();
        for _ in 0..3 {
            yield_now().await;
        }
        assert!(matches!(fill(&mut socket, &mut buffer), Poll::Ready(Ok(4))));
    });
}

#[test]
fn a_full_socket_is_writable_again_once_the_client_has_read() {
    run(|mut socket, client| async move {
        let bytes = vec![7; 1 << 16];
        while write(&mut socket, &bytes).is_ready() {}
        assert_eq!(socket.registered, Some(Interest::ReadableAndWritable));
        yield_now().await;
        assert!(write(&mut socket, &bytes).is_pending());
        let mut read = vec![0; 1 << 20];
        while rustix::io::read(&client, &mut read[..]).is_ok() {}
        yield_now().await;
        assert!(write(&mut socket, &bytes).is_ready());
    });
}
