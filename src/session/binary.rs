//! The binary protocol in a session.
//!
//! Invariant: a value received in place is finished before another frame is looked at.

use super::text::Step;
use super::{Activity, Budget, End, Next, Progress, Protocol, Session, SessionContext};
use crate::commands::binary::SaslSession;
use crate::commands::{Engine, Flow};
use crate::protocol::ReplyBuffer;
use crate::protocol::binary::{
    Admission, BinaryDecoder, Command, Decoded, HEADER_BYTES, SASL_START, SASL_STEP, Status, parse_header,
};
use crate::protocol::limits::OUTPUT_BATCH_BYTES;
use log::{debug, log_enabled};

/// What a session that speaks binary keeps between two calls.
#[derive(Debug)]
pub(super) struct Binary {
    decoder: BinaryDecoder,
    sasl: SaslSession,
}

impl Binary {
    pub(super) fn new(engine: &Engine) -> Binary {
        Binary { decoder: BinaryDecoder::default(), sasl: engine.sasl_session() }
    }

    fn awaits_login(&self) -> bool {
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
                Step::Continue(frame) | Step::Flush(frame) | Step::Answer(frame) => (frame, None),
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
                None if self.awaits_value() => {
                    return Progress { consumed, next: Next::Input };
                }
                None => {}
            }
        }
    }

    /// Stores a value that is complete.
    pub(super) fn finish_binary_value(&mut self, context: &SessionContext<'_>, output: &mut ReplyBuffer) {
        if !self.awaits_value()
            && let Some(received) = self.take_received()
        {
            context.engine.finish_value(context.counters, *received, true, output);
        }
    }

    fn awaits_value(&self) -> bool {
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
            && binary.awaits_login()
        {
            return self.step_login::<DATAGRAM>(context, input, output, budget);
        }
        self.execute_binary::<DATAGRAM>(context, input, output, budget)
    }

    /// The same before a login: a frame with a password may have to wait.
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
            context.engine.record_failed_login(&context.peer());
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
            // The rest of the frame will not come.
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
                    // Of no bounded length.
                    Flow::Report if DATAGRAM => {
                        output.push_status(&frame.envelope, Status::NotFound);
                        Step::Continue(consumed)
                    }
                    Flow::Report => {
                        budget.exhaust();
                        *activity = Activity::Report(Box::new(engine.begin_binary_report(frame.envelope)));
                        Step::Stop(consumed, Next::More)
                    }
                    Flow::Exhaust => {
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
            Decoded::Close { reply } => {
                if let Some((envelope, status)) = reply {
                    output.push_status(&envelope, status);
                }
                let end = if output.is_empty() { End::UnknownProtocol } else { End::Refused };
                Step::Stop(input.len(), Next::End(end))
            }
        }
    }
}

/// True if the input begins with a whole frame that may carry a password.
fn carries_password(input: &[u8]) -> bool {
    let Ok((_, header)) = parse_header(input) else { return false };
    let is_login = matches!(header.envelope.opcode, SASL_START | SASL_STEP);
    is_login && header.body_len > 0 && input.len() >= HEADER_BYTES + header.body_len
}

/// The lines of `-vv`: which command came, and the status of its reply. Keys and values are not shown: the message of a
/// login would be among them.
fn trace(number: i32, request: &[u8], output: &ReplyBuffer, before: usize) {
    if let [_, opcode, ..] = request {
        debug!("<{number} binary request 0x{opcode:02x}, {} bytes", request.len());
    }
    if let Some([_, opcode, _, _, _, _, high, low, ..]) = output.pieces(before).next() {
        let status = u16::from_be_bytes([*high, *low]);
        debug!(">{number} binary reply to 0x{opcode:02x}, status 0x{status:02x}");
    }
}
