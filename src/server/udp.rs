//! UDP (`-U`): a datagram with complete commands in, a message for every reply out (protocol.txt, "UDP protocol").
//!
//! A datagram begins with a header of four big-endian 16-bit numbers: request id, sequence number, datagrams in the
//! message, and one that is reserved. A reply repeats the id and is cut into datagrams of [`PACKET_MAX_BYTES`].
//!
//! Which protocol it speaks is seen by its first byte, unless the socket speaks one alone.
//!
//! Promises: nothing is kept between two datagrams, so that order and loss harm nobody; what is not one whole datagram
//! with a command is dropped without an answer, so that nobody else gets it; no reply of a server begins like a command,
//! so two servers whose addresses somebody forged cannot answer each other without end.

use super::socket::DatagramSocket;
use super::worker::Worker;
use crate::commands::Flow;
use crate::protocol::binary::{self, MAGIC_REQUEST, NOOP, Status};
use crate::protocol::{Binding, Intake, Keys, Pull, ReplyBuffer, Request, Retrieval};
use log::debug;
use std::io;
use std::net::SocketAddr;

/// Size of the header.
const HEADER_BYTES: usize = 8;

/// Size of a datagram of a reply, at most, header included.
const PACKET_MAX_BYTES: usize = 1400;

/// Size of any datagram, at most.
const DATAGRAM_MAX_BYTES: usize = 64 * 1024;

/// Answer in place of one that needs more datagrams than can be counted.
const TOO_LARGE: &[u8] = b"SERVER_ERROR object too large for UDP\r\n";

/// Answer to a request that only a connection can have.
const NOT_HERE: &[u8] = b"CLIENT_ERROR not by UDP\r\n";

/// Serves a socket until the task is aborted.
pub(super) async fn serve(mut socket: DatagramSocket, worker: Worker, binding: Binding) {
    let mut datagram = vec![0; DATAGRAM_MAX_BYTES];
    loop {
        match socket.recv_from(&mut datagram).await {
            Ok((len, peer)) => {
                worker.counters().bytes_read.add(len as u64);
                let Some((id, payload, protocol)) = request(&datagram[..len], binding) else { continue };
                let mut exchange = Exchange { socket: &mut socket, worker: &worker, peer, id };
                let answered = match protocol {
                    Protocol::Text => exchange.answer(payload).await,
                    Protocol::Binary => exchange.answer_binary(payload).await,
                };
                if let Err(error) = answered {
                    debug!("no answer to {peer} by UDP: {error}");
                }
            }
            Err(error) => {
                debug!("UDP: {error}");
                // It is about more than one datagram.
                worker.pause().await;
            }
        }
    }
}

/// What a datagram speaks.
#[derive(Clone, Copy)]
enum Protocol {
    Text,
    Binary,
}

/// The id, the payload and the protocol of a datagram that is to be answered.
fn request(datagram: &[u8], binding: Binding) -> Option<(u16, &[u8], Protocol)> {
    let (header, payload) = datagram.split_first_chunk::<HEADER_BYTES>()?;
    let [id_high, id_low, _, _, total_high, total_low, _, _] = *header;
    let whole = u16::from_be_bytes([total_high, total_low]) == 1;
    let protocol = match (payload.first()?, binding) {
        (&MAGIC_REQUEST, Binding::Auto | Binding::Binary) => Protocol::Binary,
        (b'a'..=b'z', Binding::Auto | Binding::Ascii) => Protocol::Text,
        _ => return None,
    };
    whole.then_some((u16::from_be_bytes([id_high, id_low]), payload, protocol))
}

/// One datagram and what is answered to it.
struct Exchange<'a> {
    socket: &'a mut DatagramSocket,
    worker: &'a Worker,
    peer: SocketAddr,
    id: u16,
}

impl Exchange<'_> {
    /// Executes the commands that are complete in `payload` and sends their replies. What is left is dropped.
    async fn answer(&mut self, payload: &[u8]) -> io::Result<()> {
        let engine = &*self.worker.shared.engine;
        let mut intake = Intake::default();
        let mut receiving = None;
        let mut first = true;
        let mut out = ReplyBuffer::default();
        let mut rest = payload;
        // Without a line end there is no command, not even the start of a key list.
        while rest.contains(&b'\n') {
            out.clear();
            let consumed = match intake.pull(rest) {
                Pull::NeedMore => break,
                Pull::Request { request: Request::Retrieval(retrieval), consumed } => {
                    if let Some(refusal) = Keys::new(retrieval.keys).find_map(Result::err) {
                        out.push(refusal.line());
                        intake.abandon_keys(&retrieval);
                    } else {
                        self.answer_retrieval(&retrieval, first, &mut out).await?;
                    }
                    first = retrieval.last;
                    consumed
                }
                Pull::Request { request, consumed } => {
                    match engine.execute(self.worker.counters(), &request, &mut out) {
                        Flow::Close => return self.send(&out).await,
                        Flow::Shutdown(mode) => {
                            self.worker.shared.ask_to_stop(mode);
                            break;
                        }
                        // Of no bounded length, or without an end.
                        Flow::Report | Flow::Watch => {
                            out.clear();
                            out.push(NOT_HERE);
                        }
                        _ => {}
                    }
                    consumed
                }
                Pull::Receive { header, consumed } => {
                    let value = &rest[consumed..];
                    // The rest of the value will not come.
                    if value.len() < header.value_len {
                        break;
                    }
                    match engine.begin_value(self.worker.counters(), &header) {
                        Ok(mut begun) => {
                            let taken = begun.push(value);
                            receiving = Some(begun);
                            consumed + taken
                        }
                        Err(answer) => {
                            intake.swallow(header.value_len, answer);
                            consumed
                        }
                    }
                }
                Pull::ReceiveMeta { header, consumed } => {
                    let value = &rest[consumed..];
                    if value.len() < header.value_len {
                        break;
                    }
                    match engine.begin_meta_value(self.worker.counters(), &header) {
                        Ok(mut begun) => {
                            let taken = begun.push(value);
                            receiving = Some(begun);
                            consumed + taken
                        }
                        Err(answer) => {
                            intake.swallow(header.value_len, Some(answer));
                            consumed
                        }
                    }
                }
                Pull::ValueEnd { intact, consumed } => {
                    if let Some(received) = receiving.take() {
                        engine.finish_value(self.worker.counters(), received, intact, &mut out);
                    }
                    consumed
                }
                Pull::Refused { answer, consumed } => {
                    if let Some(refusal) = answer {
                        out.push(refusal.line());
                    }
                    consumed
                }
                // Not this protocol, or a line without an end: not worth an answer.
                Pull::Close { .. } => break,
            };
            if !out.is_empty() {
                self.send(&out).await?;
            }
            rest = &rest[consumed..];
        }
        Ok(())
    }

    /// Executes the frames that are complete in `payload` and sends their replies. As with memcached, a quiet request
    /// that has nothing to say is a message of no datagram where replies begin to gather: at the front of the datagram,
    /// behind a Noop and behind an error.
    async fn answer_binary(&mut self, payload: &[u8]) -> io::Result<()> {
        let engine = &*self.worker.shared.engine;
        let mut intake = binary::Intake::default();
        let mut session = engine.session();
        let mut gathering = false;
        let mut out = ReplyBuffer::default();
        let mut rest = payload;
        loop {
            out.clear();
            let consumed = match intake.pull(rest, session.gate()) {
                // The rest of the frame will not come.
                binary::Pull::NeedMore | binary::Pull::Dropped { .. } => return Ok(()),
                binary::Pull::Request { frame, consumed } => {
                    match engine.execute_binary(self.worker.counters(), &mut session, &frame, &mut out) {
                        Flow::Close if gathering && out.is_empty() => return Ok(()),
                        Flow::Close => return self.send(&out).await,
                        // Of no bounded length.
                        Flow::Report => out.push_status(&frame.envelope, Status::NotFound),
                        _ => {}
                    }
                    consumed
                }
                binary::Pull::Receive { envelope, quiet, item, value_len, consumed } => {
                    let Some(value) = rest[consumed..].get(..value_len) else { return Ok(()) };
                    match engine.begin_binary_value(envelope, quiet, &item, value_len) {
                        Ok(mut begun) => {
                            begun.push(value);
                            engine.finish_value(self.worker.counters(), begun, true, &mut out);
                        }
                        Err(status) => out.push_status(&envelope, status),
                    }
                    consumed + value_len
                }
                binary::Pull::Refused { envelope, status, consumed } => {
                    out.push_status(&envelope, status);
                    consumed
                }
                binary::Pull::Close { answer: None } => return Ok(()),
                binary::Pull::Close { answer: Some((envelope, status)) } => {
                    out.push_status(&envelope, status);
                    return self.send(&out).await;
                }
            };
            if !out.is_empty() || !gathering {
                self.send(&out).await?;
            }
            gathering = !ends_gathering(&out);
            rest = &rest[consumed..];
        }
    }

    /// Every key found is a message of its own; the end of the list goes with the last key. If the first of several
    /// keys is not found, memcached sends a message of no datagram for it, and so does larder. A long list comes in
    /// parts, of which one is the first.
    async fn answer_retrieval(
        &mut self,
        retrieval: &Retrieval<'_>,
        mut first: bool,
        out: &mut ReplyBuffer,
    ) -> io::Result<()> {
        let mut keys = Keys::new(retrieval.keys).flatten().peekable();
        while let Some(key) = keys.next() {
            let last = retrieval.last && keys.peek().is_none();
            let one = Retrieval { keys: key, last, ..*retrieval };
            out.clear();
            self.worker.shared.engine.execute(self.worker.counters(), &Request::Retrieval(one), out);
            if !out.is_empty() || first {
                self.send(out).await?;
            }
            first = false;
        }
        out.clear();
        Ok(())
    }

    /// Sends a message, cut into datagrams; an empty one is a header that counts none.
    async fn send(&mut self, message: &ReplyBuffer) -> io::Result<()> {
        let payload_max_bytes = PACKET_MAX_BYTES - HEADER_BYTES;
        let Ok(total) = u16::try_from(message.len().div_ceil(payload_max_bytes)) else {
            let mut packet = self.header(0, 1);
            packet.extend_from_slice(TOO_LARGE);
            return self.send_packet(&packet).await;
        };
        if total == 0 {
            return self.send_packet(&self.header(0, 0)).await;
        }
        let mut sequence = 0;
        let mut packet = self.header(sequence, total);
        for mut piece in message.pieces(0) {
            while !piece.is_empty() {
                if packet.len() == PACKET_MAX_BYTES {
                    self.send_packet(&packet).await?;
                    sequence += 1;
                    packet = self.header(sequence, total);
                }
                let (now, later) = piece.split_at(piece.len().min(PACKET_MAX_BYTES - packet.len()));
                packet.extend_from_slice(now);
                piece = later;
            }
        }
        self.send_packet(&packet).await
    }

    fn header(&self, sequence: u16, total: u16) -> Vec<u8> {
        let mut packet = Vec::with_capacity(PACKET_MAX_BYTES);
        for number in [self.id, sequence, total, 0] {
            packet.extend_from_slice(&number.to_be_bytes());
        }
        packet
    }

    async fn send_packet(&mut self, packet: &[u8]) -> io::Result<()> {
        self.socket.send_to(packet, self.peer).await?;
        self.worker.counters().bytes_written.add(packet.len() as u64);
        Ok(())
    }
}

/// True if memcached sends everything up to this reply at once: that to a Noop, and an error told in words.
fn ends_gathering(reply: &ReplyBuffer) -> bool {
    match reply.pieces(0).next() {
        Some([_, NOOP, ..]) => true,
        Some([_, _, key_high, key_low, _, _, high, low, ..]) => {
            [high, low] != [&0, &0] && [key_high, key_low] == [&0, &0]
        }
        _ => false,
    }
}
