//! UDP: a datagram contains complete requests; each reply is a message (protocol.txt, "UDP protocol").
//!
//! A datagram begins with a header of four big-endian 16-bit numbers: request id, sequence number, datagrams in the
//! message, and a reserved one. A reply repeats the id and is split into datagrams of at most [`PACKET_MAX_BYTES`].
//!
//! Guarantees: no state is kept between two datagrams, so their order and loss do not matter. An incomplete request is
//! dropped without a reply. No reply begins like a request, so two servers cannot exchange replies forever. The replies
//! to one datagram stay below a limit, so forged sender addresses cannot be used to flood a victim.

use super::binary::Binary;
use super::text::Step;
use super::{AcceptedProtocol, Budget, End, Next, Protocol, Session, SessionContext};
use crate::commands::Engine;
use crate::protocol::ReplyBuffer;
use crate::protocol::binary::{Envelope, MAGIC_REQUEST, NOOP, Status};
use crate::protocol::{Refusal, ShutdownMode};

/// Size of the header in bytes.
const HEADER_BYTES: usize = 8;

/// Largest datagram of a reply in bytes, with its header.
const PACKET_MAX_BYTES: usize = 1400;

/// Largest datagram in bytes.
pub const DATAGRAM_MAX_BYTES: usize = 64 * 1024;

/// The message to send after a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Message {
    /// The output as a message; if empty, a header with a datagram count of 0.
    Send,
    /// No message.
    None,
    /// No message: the client requested shutdown.
    Shutdown(ShutdownMode),
}

/// The requests of one datagram.
#[derive(Debug)]
pub struct Datagram<'a> {
    id: u16,
    rest: &'a [u8],
    session: Session,
    /// Remaining bytes of the limit on replies.
    reply_left_bytes: usize,
    /// True for a binary session with replies that memcached would buffer, without having sent a datagram.
    buffers_replies: bool,
    ended: bool,
}

impl<'a> Datagram<'a> {
    /// The requests of a datagram; their replies have at most `reply_max_bytes` in all. `None` if the datagram is
    /// ignored.
    pub fn read(
        engine: &Engine,
        datagram: &'a [u8],
        protocol: AcceptedProtocol,
        reply_max_bytes: usize,
    ) -> Option<Datagram<'a>> {
        let (header, payload) = datagram.split_first_chunk::<HEADER_BYTES>()?;
        let [id_high, id_low, _, _, total_high, total_low, _, _] = *header;
        let whole = u16::from_be_bytes([total_high, total_low]) == 1;
        let protocol = match (payload.first()?, protocol) {
            (&MAGIC_REQUEST, AcceptedProtocol::Auto | AcceptedProtocol::Binary) => {
                Protocol::Binary(Box::new(Binary::new(engine)))
            }
            (b'a'..=b'z', AcceptedProtocol::Auto | AcceptedProtocol::Ascii) => Protocol::Text,
            _ => return None,
        };
        whole.then(|| Datagram {
            id: u16::from_be_bytes([id_high, id_low]),
            rest: payload,
            session: Session::with_protocol(protocol),
            reply_left_bytes: reply_max_bytes,
            buffers_replies: false,
            ended: false,
        })
    }

    /// Executes the next request and appends its reply to `output`, which must be empty. `None` at the end of the
    /// datagram; an incomplete request is dropped.
    pub fn next_message(
        &mut self,
        context: &SessionContext<'_>,
        output: &mut ReplyBuffer,
        budget: &mut Budget,
    ) -> Option<Message> {
        if self.ended {
            return None;
        }
        let message = match self.session.protocol {
            Protocol::Binary(_) => self.next_binary(context, output, budget),
            _ => self.next_text(context, output, budget),
        }?;
        if message == Message::Send && output.len() > self.reply_left_bytes {
            self.refuse_reply(output);
        }
        self.reply_left_bytes = self.reply_left_bytes.saturating_sub(output.len());
        Some(message)
    }

    fn next_text(
        &mut self,
        context: &SessionContext<'_>,
        output: &mut ReplyBuffer,
        budget: &mut Budget,
    ) -> Option<Message> {
        // Without a line end there is no command, and no first part of a key list.
        if !self.rest.contains(&b'\n') {
            return None;
        }
        let (consumed, message) = match self.session.step_text::<true>(context, self.rest, output, budget) {
            Step::NeedInput => return None,
            Step::Continue(consumed) | Step::Flush(consumed) if output.is_empty() => {
                (consumed, Message::None)
            }
            Step::Continue(consumed) | Step::Flush(consumed) | Step::ContinueWithMessage(consumed) => {
                (consumed, Message::Send)
            }
            Step::Stop(consumed, Next::End(end)) => {
                self.ended = true;
                let message = match end {
                    End::Closed => Message::Send,
                    End::Shutdown(mode) => Message::Shutdown(mode),
                    // Another protocol, or an overlong line, has no reply.
                    End::Refused => return None,
                };
                (consumed, message)
            }
            Step::Stop(consumed, _) => (consumed, Message::None),
        };
        budget.spend(consumed);
        self.rest = &self.rest[consumed..];
        Some(message)
    }

    /// As in memcached, a quiet request without a reply is an empty message where buffering of replies starts: at the
    /// beginning of the datagram, after a Noop, and after an error.
    fn next_binary(
        &mut self,
        context: &SessionContext<'_>,
        output: &mut ReplyBuffer,
        budget: &mut Budget,
    ) -> Option<Message> {
        loop {
            let step = self.session.step_binary::<true>(context, self.rest, output, budget);
            let consumed = match step {
                Step::NeedInput => return None,
                Step::Continue(consumed) | Step::Flush(consumed) | Step::ContinueWithMessage(consumed) => {
                    consumed
                }
                Step::Stop(consumed, Next::End(end)) => {
                    self.ended = true;
                    if output.is_empty() && (end == End::Refused || self.buffers_replies) {
                        return None;
                    }
                    consumed
                }
                // A delayed login is dropped.
                Step::Stop(_, Next::Delay(_)) => return None,
                Step::Stop(consumed, _) => consumed,
            };
            budget.spend(consumed);
            self.rest = &self.rest[consumed..];
            // A refused value is discarded before its reply.
            if self.ended || self.session.is_between_requests() {
                break;
            }
        }
        self.session.finish_binary_value(context, output);
        let is_silent = output.is_empty() && self.buffers_replies;
        self.buffers_replies = !flushes_replies(output);
        Some(if is_silent { Message::None } else { Message::Send })
    }

    /// Replaces a reply over the limit by a refusal, and ends the datagram.
    fn refuse_reply(&mut self, output: &mut ReplyBuffer) {
        self.ended = true;
        let to = match output.pieces(0).next() {
            Some(&[_, opcode, _, _, _, _, _, _, _, _, _, _, a, b, c, d, ..])
                if matches!(self.session.protocol, Protocol::Binary(_)) =>
            {
                Some(Envelope { opcode, opaque: u32::from_be_bytes([a, b, c, d]), cas: 0 })
            }
            _ => None,
        };
        output.clear();
        match to {
            Some(envelope) => output.push_status(&envelope, Status::TooLarge),
            None => output.push(Refusal::TooLargeForUdp.line()),
        }
    }

    /// The datagrams of the message in `output`.
    pub fn packets<'o>(&self, output: &'o ReplyBuffer) -> Packets<'o> {
        let payload_max_bytes = PACKET_MAX_BYTES - HEADER_BYTES;
        // The limit on replies keeps the count below 2^16.
        let total = u16::try_from(output.len().div_ceil(payload_max_bytes)).unwrap_or(u16::MAX);
        Packets { id: self.id, total, sequence: 0, output, sent: 0 }
    }
}

/// The datagrams of one message.
#[derive(Debug)]
pub struct Packets<'o> {
    id: u16,
    total: u16,
    sequence: u16,
    output: &'o ReplyBuffer,
    sent: usize,
}

impl Packets<'_> {
    /// Writes the next datagram into `packet`; false if there is none.
    pub fn next_into(&mut self, packet: &mut Vec<u8>) -> bool {
        // An empty message is a header only.
        if self.sequence > 0 && self.sequence >= self.total {
            return false;
        }
        packet.clear();
        for number in [self.id, self.sequence, self.total, 0] {
            packet.extend_from_slice(&number.to_be_bytes());
        }
        for piece in self.output.pieces(self.sent) {
            let space = PACKET_MAX_BYTES - packet.len();
            packet.extend_from_slice(&piece[..piece.len().min(space)]);
            if packet.len() == PACKET_MAX_BYTES {
                break;
            }
        }
        self.sent += packet.len() - HEADER_BYTES;
        self.sequence += 1;
        true
    }
}

/// True if memcached sends its buffered replies with this one: the reply to a Noop, and an error with a text.
fn flushes_replies(reply: &ReplyBuffer) -> bool {
    match reply.pieces(0).next() {
        Some([_, NOOP, ..]) => true,
        Some([_, _, key_high, key_low, _, _, high, low, ..]) => {
            [high, low] != [&0, &0] && [key_high, key_low] == [&0, &0]
        }
        _ => false,
    }
}
