//! Finds one complete frame in the bytes received so far: the binary twin of [`crate::protocol::Intake`].
//!
//! Every length is judged by the header alone, before anything behind it is waited for. A frame that is refused is
//! dropped whole, so the next one is found; where a header cannot be believed, the connection ends behind the answer.
//! Invariant: nothing but what [`Gate::LoginOnly`] lets through becomes a request before somebody has logged in.

use super::{Envelope, Frame, HEADER_BYTES, Header, MAGIC_REQUEST, Status, StoreItem, header, kind_of};
use crate::protocol::limits::{BODY_MAX_BYTES, KEY_MAX_BYTES, VALUE_INLINE_MAX_BYTES};

/// What may come in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Gate {
    /// Everything.
    Open,
    /// Version and SASL only; anything else ends the connection.
    LoginOnly,
}

/// What was found at the front of the bytes; `consumed` of them belong to it.
#[derive(PartialEq, Eq, Debug)]
pub enum Pull<'a> {
    /// A whole request.
    Request {
        /// The request.
        frame: Frame<'a>,
        /// Bytes to drop.
        consumed: usize,
    },
    /// A storage command whose value is too long for the buffer and is to be received in place. The next frame starts
    /// right behind it. A caller that will not receive it calls [`Intake::swallow`].
    Receive {
        /// For the reply.
        envelope: Envelope,
        /// Do not answer success.
        quiet: bool,
        /// All but the value.
        item: StoreItem<'a>,
        /// Length of the value in bytes.
        value_len: usize,
        /// Bytes to drop; the value starts behind them.
        consumed: usize,
    },
    /// A frame, or the last of it, that needs no execution: answer with this.
    Refused {
        /// For the reply.
        envelope: Envelope,
        /// The answer.
        status: Status,
        /// Bytes to drop.
        consumed: usize,
    },
    /// Bytes of a frame that was refused already.
    Dropped {
        /// Bytes to drop.
        consumed: usize,
    },
    /// Answer with this, if there is something, and close.
    Close {
        /// The answer.
        answer: Option<(Envelope, Status)>,
    },
    /// Nothing complete yet.
    NeedMore,
}

/// The state of one connection's input.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Intake {
    swallowing: Option<Swallow>,
}

/// A frame being dropped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Swallow {
    /// Bytes still to come.
    left: usize,
    envelope: Envelope,
    /// The answer, given behind the frame.
    status: Status,
}

impl Intake {
    /// True between two requests, when a connection owes no byte.
    pub fn is_between_requests(&self) -> bool {
        self.swallowing.is_none()
    }

    /// Drops the next `len` bytes, at least one, then answers.
    pub fn swallow(&mut self, len: usize, envelope: Envelope, status: Status) {
        self.swallowing = Some(Swallow { left: len, envelope, status });
    }

    /// Looks at everything received and not yet consumed.
    pub fn pull<'a>(&mut self, bytes: &'a [u8], gate: Gate) -> Pull<'a> {
        if let Some(swallow) = self.swallowing {
            return self.pull_swallowed(bytes, swallow);
        }
        match bytes {
            [] => return Pull::NeedMore,
            [MAGIC_REQUEST, ..] => {}
            _ => return Pull::Close { answer: None },
        }
        let Ok((_, header)) = header(bytes) else { return Pull::NeedMore };
        match refusal(&header, gate) {
            Some(status) => Pull::Close { answer: Some((header.envelope, status)) },
            None => self.pull_body(bytes, &header),
        }
    }

    /// Drops what is there of a frame, and answers if that is all of it.
    fn drop_frame<'a>(&mut self, bytes: &[u8], header: &Header, status: Status) -> Pull<'a> {
        let Header { envelope, body_len, .. } = *header;
        let frame_len = HEADER_BYTES + body_len;
        if bytes.len() >= frame_len {
            return Pull::Refused { envelope, status, consumed: frame_len };
        }
        self.swallow(frame_len - bytes.len(), envelope, status);
        Pull::Dropped { consumed: bytes.len() }
    }

    fn pull_swallowed<'a>(&mut self, bytes: &[u8], swallow: Swallow) -> Pull<'a> {
        let Swallow { left, envelope, status } = swallow;
        let consumed = left.min(bytes.len());
        if consumed == left {
            self.swallowing = None;
            return Pull::Refused { envelope, status, consumed };
        }
        if consumed == 0 {
            return Pull::NeedMore;
        }
        self.swallowing = Some(Swallow { left: left - consumed, ..swallow });
        Pull::Dropped { consumed }
    }

    fn pull_body<'a>(&mut self, bytes: &'a [u8], header: &Header) -> Pull<'a> {
        let Header { envelope, body_len, .. } = *header;
        let Some((kind, quiet)) = kind_of(envelope.opcode) else {
            return self.drop_frame(bytes, header, Status::Unknown);
        };
        let value_len = header.value_len();
        if value_len > VALUE_INLINE_MAX_BYTES && !kind.is_storage() {
            return self.drop_frame(bytes, header, Status::MessageTooLong);
        }
        let head_len = header.head_len();
        if value_len > VALUE_INLINE_MAX_BYTES {
            let Some(head) = bytes.get(HEADER_BYTES..head_len) else { return Pull::NeedMore };
            let (extras, key) = head.split_at(header.extras_len);
            return match kind.item(extras, key) {
                Some(item) => Pull::Receive { envelope, quiet, item, value_len, consumed: head_len },
                None => Pull::Close { answer: Some((envelope, Status::Invalid)) },
            };
        }
        let consumed = HEADER_BYTES + body_len;
        let Some(body) = bytes.get(HEADER_BYTES..consumed) else { return Pull::NeedMore };
        match kind.read(header, body) {
            Some(command) => Pull::Request { frame: Frame { envelope, quiet, command }, consumed },
            None => Pull::Close { answer: Some((envelope, Status::Invalid)) },
        }
    }
}

/// Why a header ends the connection, in memcached's order.
fn refusal(header: &Header, gate: Gate) -> Option<Status> {
    let kind = kind_of(header.envelope.opcode).map(|(kind, _)| kind);
    if header.key_len + header.extras_len > header.body_len {
        return Some(Status::Unknown);
    }
    if header.body_len > BODY_MAX_BYTES {
        return Some(Status::Invalid);
    }
    if gate == Gate::LoginOnly && !kind.is_some_and(|kind| kind.is_open_to_all()) {
        return Some(Status::AuthFailure);
    }
    if header.key_len > KEY_MAX_BYTES {
        return Some(Status::Invalid);
    }
    kind.is_some_and(|kind| !kind.fits(header)).then_some(Status::Invalid)
}
