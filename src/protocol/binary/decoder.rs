//! Finds one complete frame in the received bytes; the counterpart of `text_decoder.rs`.
//!
//! Lengths are checked as soon as the header is complete. A refused frame is discarded as a whole, so that the next one
//! is found. An inconsistent header ends the connection after the reply.
//! Invariant: before a login, only the requests that [`Admission::LoginOnly`] admits are returned.

use super::frame::{
    BinaryStorageHeader, Envelope, Frame, HEADER_BYTES, Header, MAGIC_REQUEST, kind_of, parse_header,
};
use super::reply::Status;
use crate::protocol::limits::{BODY_MAX_BYTES, KEY_MAX_BYTES, VALUE_INLINE_MAX_BYTES};

/// The requests that a connection may send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Admission {
    /// All requests.
    All,
    /// Version and SASL only; any other request ends the connection.
    LoginOnly,
}

/// The result of decoding; `consumed` bytes at the front belong to it.
#[derive(PartialEq, Eq, Debug)]
pub enum Decoded<'a> {
    /// A complete request.
    Request {
        /// The request.
        frame: Frame<'a>,
        /// Bytes to drop.
        consumed: usize,
    },
    /// A storage command with a value too long for the buffer; the caller receives the value or calls
    /// [`BinaryDecoder::discard_value`]. The next frame starts after the value.
    ReceiveValue {
        /// For the reply.
        envelope: Envelope,
        /// Do not reply success.
        quiet: bool,
        /// All but the value.
        header: BinaryStorageHeader<'a>,
        /// Length of the value in bytes.
        value_len: usize,
        /// Bytes to drop; the value starts after them.
        consumed: usize,
    },
    /// A frame, or the last of it, that needs no execution: reply with this.
    Refused {
        /// For the reply.
        envelope: Envelope,
        /// The reply.
        status: Status,
        /// Bytes to drop.
        consumed: usize,
    },
    /// Bytes of a refused frame.
    Discarded {
        /// Bytes to drop.
        consumed: usize,
    },
    /// The connection is closed after the reply, if one is due.
    Close {
        /// The reply.
        reply: Option<(Envelope, Status)>,
    },
    /// The input is incomplete.
    NeedMore,
}

/// The decoder state of one connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BinaryDecoder {
    discarding: Option<DiscardedFrame>,
}

/// A frame that is being discarded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct DiscardedFrame {
    /// Bytes not received yet.
    remaining: usize,
    envelope: Envelope,
    /// The status of the reply, which comes after the frame.
    status: Status,
}

impl BinaryDecoder {
    /// True between two requests.
    pub fn is_between_requests(&self) -> bool {
        self.discarding.is_none()
    }

    /// Discards the next `len` bytes, at least one, then replies. For a caller that refuses the value.
    pub fn discard_value(&mut self, len: usize, envelope: Envelope, status: Status) {
        self.discarding = Some(DiscardedFrame { remaining: len, envelope, status });
    }

    /// Decodes the next request from the bytes that are not consumed yet.
    pub fn decode<'a>(&mut self, bytes: &'a [u8], gate: Admission) -> Decoded<'a> {
        if let Some(frame) = self.discarding {
            return self.decode_discarded(bytes, frame);
        }
        match bytes {
            [] => return Decoded::NeedMore,
            [MAGIC_REQUEST, ..] => {}
            _ => return Decoded::Close { reply: None },
        }
        let Ok((_, header)) = parse_header(bytes) else { return Decoded::NeedMore };
        match refusal(&header, gate) {
            Some(status) => Decoded::Close { reply: Some((header.envelope, status)) },
            None => self.decode_body(bytes, &header),
        }
    }

    /// Discards the received bytes of a frame, and replies if the frame is complete.
    fn discard_frame<'a>(&mut self, bytes: &[u8], header: &Header, status: Status) -> Decoded<'a> {
        let Header { envelope, body_len, .. } = *header;
        let frame_len = HEADER_BYTES + body_len;
        if bytes.len() >= frame_len {
            return Decoded::Refused { envelope, status, consumed: frame_len };
        }
        self.discard_value(frame_len - bytes.len(), envelope, status);
        Decoded::Discarded { consumed: bytes.len() }
    }

    fn decode_discarded<'a>(&mut self, bytes: &[u8], frame: DiscardedFrame) -> Decoded<'a> {
        let DiscardedFrame { remaining, envelope, status } = frame;
        let consumed = remaining.min(bytes.len());
        if consumed == remaining {
            self.discarding = None;
            return Decoded::Refused { envelope, status, consumed };
        }
        if consumed == 0 {
            return Decoded::NeedMore;
        }
        self.discarding = Some(DiscardedFrame { remaining: remaining - consumed, ..frame });
        Decoded::Discarded { consumed }
    }

    fn decode_body<'a>(&mut self, bytes: &'a [u8], header: &Header) -> Decoded<'a> {
        let Header { envelope, body_len, .. } = *header;
        let Some((kind, quiet)) = kind_of(envelope.opcode) else {
            return self.discard_frame(bytes, header, Status::Unknown);
        };
        let value_len = header.value_len();
        if value_len > VALUE_INLINE_MAX_BYTES && !kind.is_storage() {
            return self.discard_frame(bytes, header, Status::MessageTooLong);
        }
        let head_len = header.head_len();
        if value_len > VALUE_INLINE_MAX_BYTES {
            let Some(head) = bytes.get(HEADER_BYTES..head_len) else { return Decoded::NeedMore };
            let (extras, key) = head.split_at(header.extras_len);
            return match kind.storage_header(extras, key) {
                Some(header) => {
                    Decoded::ReceiveValue { envelope, quiet, header, value_len, consumed: head_len }
                }
                None => Decoded::Close { reply: Some((envelope, Status::Invalid)) },
            };
        }
        let consumed = HEADER_BYTES + body_len;
        let Some(body) = bytes.get(HEADER_BYTES..consumed) else { return Decoded::NeedMore };
        match kind.read(header, body) {
            Some(command) => Decoded::Request { frame: Frame { envelope, quiet, command }, consumed },
            None => Decoded::Close { reply: Some((envelope, Status::Invalid)) },
        }
    }
}

/// The reason why a header ends the connection, checked in memcached's order.
fn refusal(header: &Header, gate: Admission) -> Option<Status> {
    let kind = kind_of(header.envelope.opcode).map(|(kind, _)| kind);
    if header.key_len + header.extras_len > header.body_len {
        return Some(Status::Unknown);
    }
    if header.body_len > BODY_MAX_BYTES {
        return Some(Status::Invalid);
    }
    if gate == Admission::LoginOnly && !kind.is_some_and(|kind| kind.is_allowed_before_login()) {
        return Some(Status::AuthFailure);
    }
    if header.key_len > KEY_MAX_BYTES {
        return Some(Status::Invalid);
    }
    kind.is_some_and(|kind| !kind.fits(header)).then_some(Status::Invalid)
}
