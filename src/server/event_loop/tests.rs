//! Tasks on real threads and sockets. `tests/schedules` checks the orders in which threads can interleave.

use super::*;
use crate::server::threads::{self, Threads};
use parking_lot::Mutex;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::Ordering;
use std::sync::mpsc::channel;
use std::task::Poll;
use tokio::sync::Notify;

fn new(threads: usize) -> Arc<EventLoop> {
    EventLoop::new(threads).unwrap()
}

#[test]
fn a_wake_from_another_thread_reaches_a_task_without_a_descriptor() {
    let event_loop = new(2);
    let threads = Threads::start(event_loop.clone(), 2).unwrap();
    let woken = Arc::new(Notify::new());
    let (sender, receiver) = channel();
    let waker = woken.clone();
    event_loop.spawn(async move {
        waker.notified().await;
        sender.send(threads::index()).unwrap();
    });
    woken.notify_one();
    assert!(receiver.recv().unwrap() < 2);
    event_loop.stop();
    assert!(threads.join());
}

#[test]
fn a_stop_at_any_moment_reaches_every_thread() {
    for turns in 0..5000 {
        let event_loop = new(3);
        let threads = Threads::start(event_loop.clone(), 3).unwrap();
        let stops = event_loop.clone();
        event_loop.spawn(async move {
            for _ in 0..turns % 20 {
                yield_now().await;
            }
            stops.stop();
        });
        assert!(threads.join(), "a thread has panicked");
    }
}

#[test]
fn sockets_are_polled_between_two_turns_of_a_task_that_yields() {
    let event_loop = new(1);
    let (server, mut client) = UnixStream::pair().unwrap();
    let readied = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (ready, registers, stops) = (readied.clone(), event_loop.clone(), event_loop.clone());
    let mut registered = false;
    event_loop.spawn_on(
        server.as_raw_fd(),
        poll_fn(move |_| {
            if !std::mem::replace(&mut registered, true) {
                registers.register(server.as_fd(), Interest::Readable).unwrap();
                return Poll::Pending;
            }
            ready.store(true, Ordering::Relaxed);
            Poll::Ready(())
        }),
    );
    event_loop.spawn(async move {
        // The first turn registers the socket.
        yield_now().await;
        client.write_all(b"x").unwrap();
        yield_now().await;
        assert!(readied.load(Ordering::Relaxed), "it ran before the second turn");
        stops.stop();
    });
    event_loop.run(0);
}

#[test]
fn a_batch_ends_with_its_work_and_the_other_tasks_keep_their_order() {
    let event_loop = new(1);
    let order = Arc::new(Mutex::new(Vec::new()));
    let sockets = [0; 4].map(|_| UnixStream::pair().unwrap());
    let (late, mut client) = UnixStream::pair().unwrap();
    for (number, (socket, _)) in sockets.iter().enumerate() {
        let order = order.clone();
        let mut client = client.try_clone().unwrap();
        event_loop.spawn_on(
            socket.as_raw_fd(),
            poll_fn(move |_| {
                note_work(scheduler::BATCH_WORK_BYTES);
                client.write_all(b"x").unwrap();
                order.lock().push(number);
                Poll::Ready(())
            }),
        );
    }
    let (registers, stops, last) = (event_loop.clone(), event_loop.clone(), order.clone());
    let mut registered = false;
    event_loop.spawn_on(
        late.as_raw_fd(),
        poll_fn(move |_| {
            if !std::mem::replace(&mut registered, true) {
                registers.register(late.as_fd(), Interest::Readable).unwrap();
                return Poll::Pending;
            }
            last.lock().push(9);
            stops.stop();
            Poll::Ready(())
        }),
    );
    event_loop.run(0);
    assert_eq!(*order.lock(), [0, 1, 2, 3, 9]);
    client.flush().unwrap();
}

#[test]
fn hung_up_connections_run_after_new_ones() {
    let event_loop = new(1);
    let turns = Arc::new(Mutex::new(Vec::new()));
    let (closed, closing_client) = UnixStream::pair().unwrap();
    let (ready, client) = UnixStream::pair().unwrap();
    for (name, socket) in [("closed", &closed), ("ready", &ready)] {
        let (registers, turns) = (event_loop.clone(), turns.clone());
        let socket = socket.try_clone().unwrap();
        let mut registered = false;
        event_loop.spawn_on(
            socket.as_raw_fd(),
            poll_fn(move |_| {
                if !std::mem::replace(&mut registered, true) {
                    registers.register(socket.as_fd(), Interest::Readable).unwrap();
                    return Poll::Pending;
                }
                turns.lock().push(name);
                if name == "ready" {
                    let turns = turns.clone();
                    registers.spawn(async move { turns.lock().push("new") });
                } else {
                    registers.stop();
                }
                Poll::Ready(())
            }),
        );
    }
    let mut sender = client.try_clone().unwrap();
    event_loop.spawn(async move {
        drop(closing_client);
        sender.write_all(b"x").unwrap();
    });
    event_loop.run(0);
    assert_eq!(*turns.lock(), ["ready", "new", "closed"]);
}

#[test]
fn a_cancelled_task_is_dropped_at_once() {
    let event_loop = new(1);
    let threads = Threads::start(event_loop.clone(), 1).unwrap();
    let (sender, receiver) = channel();
    let handle = event_loop.spawn(async move {
        sender.send(1).unwrap();
        std::future::pending::<()>().await;
        sender.send(2).unwrap();
    });
    assert_eq!(receiver.recv(), Ok(1));
    handle.cancel();
    assert!(receiver.recv().is_err(), "the future still exists");
    event_loop.stop();
    assert!(threads.join());
}
