//! A plain or encrypted connection to a server.

use crate::support::{Failure, tls};
use rustls::{ClientConnection, StreamOwned};
use socket2::Socket;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

pub(crate) enum Channel {
    Plain(Socket),
    Tls(Box<StreamOwned<ClientConnection, Socket>>),
}

impl Channel {
    /// Starts TLS on a new socket.
    pub(crate) fn encrypted(socket: Socket) -> Result<Channel, Failure> {
        let session = tls::session(Arc::new(tls::client(tls::certificate())?))?;
        Ok(Channel::Tls(Box::new(StreamOwned::new(session, socket))))
    }

    /// Sends all bytes.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match self {
            Channel::Plain(socket) => socket.write_all(bytes)?,
            Channel::Tls(tls) => {
                tls.write_all(bytes)?;
                tls.flush()?;
            }
        }
        Ok(())
    }

    /// Receives at least one byte, waiting if necessary; 0 at the end.
    pub(crate) fn receive(&mut self, buffer: &mut [u8]) -> Result<usize, Failure> {
        Ok(match self {
            Channel::Plain(socket) => socket.read(buffer)?,
            Channel::Tls(tls) => tls.read(buffer)?,
        })
    }

    /// True if received data is buffered above the socket.
    pub(crate) fn holds_more(&mut self) -> Result<bool, Failure> {
        Ok(match self {
            Channel::Plain(_) => false,
            Channel::Tls(tls) => tls.conn.process_new_packets()?.plaintext_bytes_to_read() > 0,
        })
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Channel::Plain(socket) => socket.as_fd(),
            Channel::Tls(tls) => tls.sock.as_fd(),
        }
    }
}
