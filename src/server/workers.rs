//! Starts the tasks of the server and the threads that run them, the workers, and ends both.
//!
//! The tasks are an acceptor for each listening socket, a task for each UDP socket, maintenance, and the connections.

use super::acceptor::Acceptor;
use super::essential::Essential;
use super::event_loop::{EventLoop, TaskHandle};
use super::listener::{Listeners, StreamListener};
use super::socket::{DatagramSocket, ListeningSocket};
use super::state::ServerState;
use super::threads::Threads;
use super::udp;
use crate::session::AcceptedProtocol;
use crate::telemetry::Transport;
use log::warn;
use socket2::Socket;
use std::io;
use std::sync::Arc;

/// Seconds, two more at most, that a refused connection may take to be closed by its client.
const LINGER_SECS: u32 = 2;

/// Starts to serve. The threads end when all received requests were answered.
pub(super) fn start(state: Arc<ServerState>, listeners: Listeners) -> io::Result<Threads> {
    let threads = state.settings.threads;
    let event_loop = EventLoop::new(threads)?;
    event_loop.spawn(supervise(state, event_loop.clone(), listeners));
    Threads::start(event_loop, threads)
}

/// Starts the other tasks, and cancels them when the server stops.
async fn supervise(state: Arc<ServerState>, event_loop: Arc<EventLoop>, listeners: Listeners) {
    let mut tasks = start_udp(&state, &event_loop, listeners.udp);
    tasks.extend(start_acceptors(&state, &event_loop, listeners.streams));
    tasks.push(event_loop.spawn(Essential::new("maintenance", run_maintenance(state.clone()))));
    state.stop_requested.notified().await;
    for task in tasks {
        task.cancel();
    }
    drain(&state).await;
    event_loop.stop();
}

fn start_udp(
    state: &Arc<ServerState>,
    event_loop: &Arc<EventLoop>,
    sockets: Vec<(Socket, AcceptedProtocol)>,
) -> Vec<TaskHandle> {
    let mut tasks = Vec::new();
    for (socket, protocol) in sockets {
        match DatagramSocket::new(socket.into(), event_loop) {
            Ok(socket) => {
                let fd = socket.fd();
                let task = Essential::new("a UDP socket", udp::serve(socket, state.clone(), protocol));
                tasks.push(event_loop.spawn_on(fd, task));
            }
            Err(error) => warn!("a UDP socket cannot be served: {error}"),
        }
    }
    tasks
}

fn start_acceptors(
    state: &Arc<ServerState>,
    event_loop: &Arc<EventLoop>,
    listeners: Vec<StreamListener>,
) -> Vec<TaskHandle> {
    let mut tasks = Vec::new();
    for StreamListener { socket, unix, service } in listeners {
        let transport = if unix { Transport::Unix } else { Transport::Tcp };
        match ListeningSocket::new(socket.into(), transport, event_loop.clone()) {
            Ok(socket) => {
                let fd = socket.fd();
                let acceptor = Acceptor { state: state.clone(), service, event_loop: event_loop.clone() };
                let task = Essential::new("a listening socket", acceptor.run(socket));
                tasks.push(event_loop.spawn_on(fd, task));
            }
            Err(error) => warn!("a listening socket cannot be served: {error}"),
        }
    }
    tasks
}

/// Runs a round of maintenance whenever the clock thread requests one.
async fn run_maintenance(state: Arc<ServerState>) {
    loop {
        close_expired_connections(&state, state.engine.clock().now().secs());
        state.maintenance_requested.notified().await;
    }
}

/// Closes the connections that sent nothing for too long (`-o idle_timeout`), and those that were refused and not
/// closed by their client.
fn close_expired_connections(state: &ServerState, now_secs: u32) {
    let connections = state.engine.connections();
    connections.close_lingering(now_secs.saturating_sub(LINGER_SECS));
    let timeout_secs = state.settings.idle_timeout_secs;
    if timeout_secs > 0 {
        let closed = connections.close_idle(now_secs.saturating_sub(timeout_secs));
        state.counters().idle_kicks.add(closed);
    }
}

/// Lets every connection answer the requests that it received, for a limited time.
async fn drain(state: &ServerState) {
    let connections = state.engine.connections();
    while connections.open() > 0 && !state.is_grace_over() {
        connections.shut_down_input();
        state.wait_for_tick().await;
    }
}
