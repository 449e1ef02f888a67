//! A stream in memory, as a connection may meet one: it gives its bytes in pieces with waits between them, takes replies
//! as it likes, and asserts what every peer may rely on.

use larder::protocol::limits::{LINE_MAX_BYTES, OUTPUT_BATCH_BYTES, VALUE_INLINE_MAX_BYTES};
use larder::server::Stream;
use larder::telemetry::Transport;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::os::fd::RawFd;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Replies that a peer reads before it leaves.
pub const REPLIES_MAX_BYTES: usize = 512 * 1024;

/// What the store of these checks lets an item have, in bytes.
pub const ITEM_MAX_BYTES: usize = 64 * 1024;

/// Replies that are offered at once: a batch, and the request that made it full, a retrieval perhaps with a batch of its
/// own.
const OFFERED_MAX_BYTES: usize =
    2 * OUTPUT_BATCH_BYTES + ITEM_MAX_BYTES + VALUE_INLINE_MAX_BYTES + LINE_MAX_BYTES;

/// The peer's end.
#[derive(Default)]
pub struct Peer {
    stream: Vec<u8>,
    /// Read up to here.
    at: usize,
    /// Where the stream makes the connection wait, the next one last.
    waits_at: Vec<usize>,
    /// How much each write takes, over and over: bytes, or `None` for a wait.
    takes: VecDeque<Option<usize>>,
    pub replies: Vec<u8>,
    /// Replies wait to be taken.
    blocked: bool,
    /// The connection has written its last.
    ended: bool,
    /// The stream has told the connection to wait, since this was last asked.
    pub waits: bool,
}

impl Peer {
    /// Pieces of a stream end at `ends`, in their order.
    pub fn new(stream: Vec<u8>, ends: Vec<usize>, takes: VecDeque<Option<usize>>) -> Peer {
        let mut waits_at = ends;
        waits_at.reverse();
        Peer { stream, waits_at, takes, ..Peer::default() }
    }

    fn wait<T>(&mut self) -> Poll<T> {
        self.waits = true;
        Poll::Pending
    }

    fn take(&mut self, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let offered: usize = slices.iter().map(|slice| slice.len()).sum();
        assert!(!self.ended, "it writes behind its end");
        assert!((1..=OFFERED_MAX_BYTES).contains(&offered), "{offered} bytes offered");
        if self.replies.len() >= REPLIES_MAX_BYTES {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let take = self.takes.pop_front();
        self.takes.extend(take);
        // Never two waits for one write: what does not move is not tried again.
        let take = match take {
            Some(None) if !self.blocked => {
                self.blocked = true;
                return self.wait();
            }
            Some(Some(len)) => len.max(offered / 8),
            Some(None) | None => offered,
        };
        self.blocked = false;
        let mut left = take.min(offered).min(REPLIES_MAX_BYTES - self.replies.len());
        let taken = left;
        for slice in slices {
            let part = left.min(slice.len());
            self.replies.extend_from_slice(&slice[..part]);
            left -= part;
        }
        Poll::Ready(Ok(taken))
    }

    fn give(&mut self, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        assert!(!self.blocked, "it reads on while its replies wait to be taken");
        assert!(buffer.remaining() > 0, "it reads without room");
        if self.waits_at.pop_if(|wait| *wait == self.at).is_some() {
            return self.wait();
        }
        let end = self.waits_at.last().copied().unwrap_or(self.stream.len());
        let len = buffer.remaining().min(end - self.at);
        buffer.put_slice(&self.stream[self.at..self.at + len]);
        self.at += len;
        Poll::Ready(Ok(()))
    }
}

/// The connection's end.
pub struct Memory(pub Arc<Mutex<Peer>>);

impl Memory {
    fn peer(&self) -> MutexGuard<'_, Peer> {
        self.0.lock().expect("no check failed while it was held")
    }
}

impl Stream for Memory {
    fn transport(&self) -> Transport {
        Transport::Unix
    }

    fn fd(&self) -> RawFd {
        -1
    }
}

impl AsyncRead for Memory {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.peer().give(buffer)
    }
}

impl AsyncWrite for Memory {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.peer().take(&[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.peer().take(slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.peer().ended = true;
        Poll::Ready(Ok(()))
    }
}
