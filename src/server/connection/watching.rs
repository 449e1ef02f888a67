//! A connection that watches, and what watchers are told of connections.
//!
//! What a watcher sends is thrown away; what it is sent waits in its bounded queue until its socket takes it, and
//! nobody waits for that.

use super::{Connection, End, Scratch};
use crate::commands::Engine;
use crate::protocol::LogLine;
use crate::server::worker::Stream;
use crate::telemetry::{LogClass, Peer, Watcher};
use std::io;
use std::os::fd::RawFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::ReadBuf;

/// Reads thrown away before others get their turn.
const READS_MAX: u32 = 20;

impl<S: Stream> Connection<S> {
    /// Puts the waiting lines into the output; pending if there are none. Sets `end` when the peer has closed.
    pub(super) fn watch(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
        watcher: &Arc<Watcher>,
    ) -> Poll<io::Result<()>> {
        for reads in 1.. {
            let mut buffer = ReadBuf::new(&mut scratch.input);
            match Pin::new(&mut self.stream).poll_read(cx, &mut buffer)? {
                Poll::Pending => break,
                Poll::Ready(()) if buffer.filled().is_empty() => {
                    self.end = Some(End::Closed);
                    return Poll::Ready(Ok(()));
                }
                Poll::Ready(()) => self.worker.counters().bytes_read.add(buffer.filled().len() as u64),
            }
            if reads == READS_MAX {
                cx.waker().wake_by_ref();
                break;
            }
        }
        let log = self.worker.shared.engine.watchers();
        let waiting = log.take(watcher, cx.waker(), |lines| scratch.output.push(lines));
        if waiting { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    /// Tells those who watch that this connection ends.
    pub(super) fn tell_close(&mut self) {
        let engine = &self.worker.shared.engine;
        if let Some(watcher) = self.watching.take() {
            engine.end_watch(&watcher);
        }
        if engine.watchers().wants(LogClass::Connections) {
            let peer = self.peer.take().unwrap_or_else(|| Box::new(Peer::of(self.fd)));
            tell(engine, "conn_close", &peer, &format!("reason={} ", self.reason.word()), self.fd);
        }
    }
}

/// Tells those who watch that a connection has come.
pub(super) fn tell_new(engine: &Engine, peer: &Peer, fd: RawFd) {
    tell(engine, "conn_new", peer, "", fd);
}

/// Tells those who watch that a connection does not come to be encrypted.
pub(in crate::server) fn tell_no_handshake(engine: &Engine, fd: RawFd, error: &io::Error) {
    if engine.watchers().wants(LogClass::Connections) {
        let fields = format_args!("fd={fd} msg={error}");
        engine.tell(LogClass::Connections, &LogLine::new("conntlserr").fields(fields));
    }
}

fn tell(engine: &Engine, kind: &str, peer: &Peer, reason: &str, fd: RawFd) {
    let Peer { host, port, transport } = peer;
    let fields = format_args!("rip={host} rport={port} transport={transport} {reason}cfd={fd}");
    engine.tell(LogClass::Connections, &LogLine::new(kind).fields(fields));
}
