//! The binary protocol in a session: takes frames from the decoder and executes them.
//!
//! Invariant: a large value is stored before the next frame is decoded.

use super::text::Step;
use super::{Activity, Budget, End, Next, Progress, Protocol, Session, SessionContext};
use crate::commands::binary::SaslSession;
use crate::commands::{Engine, Flow};
use crate::protocol::ReplyBuffer;
use crate::protocol::binary::{
    Admission, BinaryDecoder, Command, Decoded, Envelope, HEADER_BYTES, SASL_START, SASL_STEP, Status,
    parse_header,
};
use crate::protocol::limits::OUTPUT_BATCH_BYTES;
use log::{debug, log_enabled};

/// The state of a binary session between two calls.
#[derive(Debug)]
pub(super) struct Binary {
    decoder: BinaryDecoder,
    sasl: SaslSession,
}

impl Binary {
    pub(super) fn new(engine: &Engine) -> Binary {
        Binary { decoder: BinaryDecoder::default(), sasl: engine.sasl_session() }
    }

    fn requires_login(&self) -> bool {
        self.sasl.admission() == Admission::LoginOnly
    }

    pub(super) fn is_between_requests(&self) -> bool {
        self.decoder.is_between_requests()
    }
}

impl Session {
    /// Executes the complete frames at the front of `input`.
    pub(super) fn advance_binary(
        &mut self,
        context: &SessionContext<'_>,
        input: &[u8],
        output: &mut ReplyBuffer,
        budget: &mut Budget,
    ) -> Progress {
        let traced = log_enabled!(log::Level::Debug);
        let mut consumed = 0;
        loop {
            let before = output.len();
            self.finish_binary_value(context, output);
            if consumed == input.len() {
                return Progress { consumed, next: Next::Input };
            }
            if budget.is_exhausted() || output.len() >= OUTPUT_BATCH_BYTES {
                return Progress { consumed, next: Next::More };
            }
            let step = self.step_binary::<false>(context, &input[consumed..], output, budget);
            let (frame, next) = match step {
                Step::NeedInput => return Progress { consumed, next: Next::Input },
                Step::Continue(frame) | Step::Flush(frame) | Step::ContinueWithMessage(frame) => {
                    (frame, None)
                }
                Step::Stop(frame, next) => (frame, Some(next)),
            };
            if traced {
                trace(context.fd, &input[consumed..consumed + frame], output, before);
            }
            budget.spend(frame);
            consumed += frame;
            match next {
                Some(Next::End(end)) => {
                    return Progress { consumed: input.len(), next: Next::End(end) };
                }
                Some(next) => return Progress { consumed, next },
                None if self.is_value_incomplete() => {
                    return Progress { consumed, next: Next::Input };
                }
                None => {}
            }
        }
    }

    /// Stores a value that is complete.
    pub(super) fn finish_binary_value(&mut self, context: &SessionContext<'_>, output: &mut ReplyBuffer) {
        if !self.is_value_incomplete()
            && let Some(received) = self.take_incoming()
        {
            context.engine.finish_value(context.counters, *received, true, output);
        }
    }

    fn is_value_incomplete(&self) -> bool {
        matches!(&self.activity, Activity::Receiving(incoming) if incoming.remaining() > 0)
    }

    /// Executes one frame.
    #[inline]
    pub(super) fn step_binary<const DATAGRAM: bool>(
        &mut self,
        context: &SessionContext<'_>,
        input: &[u8],
        output: &mut ReplyBuffer,
        budget: &mut Budget,
    ) -> Step {
        if let Protocol::Binary(binary) = &self.protocol
            && binary.requires_login()
        {
            return self.step_login::<DATAGRAM>(context, input, output, budget);
        }
        self.execute_binary::<DATAGRAM>(context, input, output, budget)
    }

    /// Executes one frame before a login; a frame with a password may have to wait.
    #[cold]
    fn step_login<const DATAGRAM: bool>(
        &mut self,
        context: &SessionContext<'_>,
        input: &[u8],
        output: &mut ReplyBuffer,
        budget: &mut Budget,
    ) -> Step {
        if carries_password(input)
            && let Some(delay) = self.login_delay(context)
        {
            return Step::Stop(0, Next::Delay(delay));
        }
        let failures = self.login_failures();
        let step = self.execute_binary::<DATAGRAM>(context, input, output, budget);
        if self.login_failures() > failures {
            context.engine.record_failed_login(&context.peer_address());
        }
        step
    }

    fn login_failures(&self) -> u32 {
        if let Protocol::Binary(binary) = &self.protocol { binary.sasl.failures() } else { 0 }
    }

    fn execute_binary<const DATAGRAM: bool>(
        &mut self,
        context: &SessionContext<'_>,
        input: &[u8],
        output: &mut ReplyBuffer,
        budget: &mut Budget,
    ) -> Step {
        let Session { protocol: Protocol::Binary(binary), activity, .. } = self else {
            return Step::NeedInput;
        };
        let Binary { decoder, sasl } = &mut **binary;
        let SessionContext { engine, counters, .. } = *context;
        match decoder.decode(input, sasl.admission()) {
            Decoded::NeedMore => Step::NeedInput,
            // The datagram ends within the frame.
            Decoded::Discarded { .. } if DATAGRAM => Step::NeedInput,
            Decoded::ReceiveValue { value_len, consumed, .. }
                if DATAGRAM && input.len() - consumed < value_len =>
            {
                Step::NeedInput
            }
            Decoded::Request { frame, consumed } => {
                budget.spend_request();
                let quits = frame.command == Command::Quit;
                match engine.execute_binary(counters, sasl, &frame, output) {
                    Flow::Close if quits => Step::Stop(consumed, Next::End(End::Closed)),
                    Flow::Close => Step::Stop(consumed, Next::End(End::Refused)),
                    // The length of the reply is not bounded.
                    Flow::Report if DATAGRAM => {
                        output.push_status(&frame.envelope, Status::NotFound);
                        Step::Continue(consumed)
                    }
                    Flow::Report => {
                        budget.exhaust();
                        *activity = Activity::Report(Box::new(engine.begin_binary_report(frame.envelope)));
                        Step::Stop(consumed, Next::More)
                    }
                    Flow::EndTurn => {
                        budget.exhaust();
                        Step::Continue(consumed)
                    }
                    _ => Step::Continue(consumed),
                }
            }
            Decoded::ReceiveValue { envelope, quiet, header, value_len, consumed } => {
                budget.spend_request();
                match engine.begin_binary_value(envelope, quiet, &header, value_len) {
                    Ok(mut value) => {
                        let received = engine.fill_value(&mut value, &input[consumed..]);
                        *activity = Activity::Receiving(Box::new(value));
                        Step::Continue(consumed + received)
                    }
                    Err(status) => {
                        decoder.discard_value(value_len, envelope, status);
                        Step::Continue(consumed)
                    }
                }
            }
            Decoded::Refused { envelope, status, consumed } => {
                output.push_status(&envelope, status);
                Step::Continue(consumed)
            }
            Decoded::Discarded { consumed } => Step::Continue(consumed),
            Decoded::Close { reply } => close(reply, input.len(), output),
        }
    }
}

/// Ends a session after invalid input; `input_len` bytes are discarded.
#[cold]
fn close(reply: Option<(Envelope, Status)>, input_len: usize, output: &mut ReplyBuffer) -> Step {
    if let Some((envelope, status)) = reply {
        output.push_status(&envelope, status);
    }
    Step::Stop(input_len, Next::End(End::Refused))
}

/// True if the input begins with a complete frame that may contain a password.
fn carries_password(input: &[u8]) -> bool {
    let Ok((_, header)) = parse_header(input) else { return false };
    let is_login = matches!(header.envelope.opcode, SASL_START | SASL_STEP);
    is_login && header.body_len > 0 && input.len() >= HEADER_BYTES + header.body_len
}

/// The log lines of `-vv`: opcode and status. Keys and values are left out, because they can contain a password.
fn trace(number: i32, request: &[u8], output: &ReplyBuffer, before: usize) {
    if let [_, opcode, ..] = request {
        debug!("<{number} binary request 0x{opcode:02x}, {} bytes", request.len());
    }
    if let Some([_, opcode, _, _, _, _, high, low, ..]) = output.pieces(before).next() {
        let status = u16::from_be_bytes([*high, *low]);
        debug!(">{number} binary reply to 0x{opcode:02x}, status 0x{status:02x}");
    }
}
