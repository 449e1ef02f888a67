//! The text protocols in a session: takes requests from the decoder (`protocol/text_decoder.rs`) and executes them
//! (`commands/mod.rs`; a `get` continues in `commands/retrieval.rs`).

use super::{Activity, Budget, End, Next, Progress, Session, SessionContext};
use crate::commands::{Flow, IncomingValue};
use crate::protocol::limits::OUTPUT_BATCH_BYTES;
use crate::protocol::{Decoded, Keys, Refusal, ReplyBuffer, Request, Retrieval};
use log::{debug, log_enabled};

/// The result of one step; the number is that of the consumed bytes.
pub(super) enum Step {
    /// The input contains no complete request.
    NeedInput,
    /// The next request may follow at once.
    Continue(usize),
    /// The output must be sent before the next request.
    Flush(usize),
    /// Another action comes before the next request.
    Stop(usize, Next),
    /// As `Continue`; in a datagram, the output is a message even if it is empty.
    ContinueWithMessage(usize),
}

impl Session {
    /// Executes the complete requests at the front of `input`.
    pub(super) fn advance_text(
        &mut self,
        context: &SessionContext<'_>,
        input: &[u8],
        output: &mut ReplyBuffer,
        budget: &mut Budget,
    ) -> Progress {
        let traced = log_enabled!(log::Level::Debug);
        let mut consumed = 0;
        loop {
            if consumed == input.len() {
                return Progress { consumed, next: Next::Input };
            }
            if budget.is_exhausted() || output.len() >= OUTPUT_BATCH_BYTES {
                return Progress { consumed, next: Next::More };
            }
            let before = output.len();
            let step = self.step_text::<false>(context, &input[consumed..], output, budget);
            let (frame, next) = match step {
                Step::NeedInput => return Progress { consumed, next: Next::Input },
                Step::Continue(frame) | Step::ContinueWithMessage(frame) => (frame, None),
                Step::Flush(frame) if consumed + frame == input.len() => (frame, None),
                Step::Flush(frame) => (frame, Some(Next::More)),
                Step::Stop(frame, next) => (frame, Some(next)),
            };
            if traced {
                trace(context.fd, &input[consumed..consumed + frame], output, before);
            }
            budget.spend(frame);
            consumed += frame;
            match next {
                None => {}
                // Input after the end is not executed.
                Some(Next::End(end)) => {
                    return Progress { consumed: input.len(), next: Next::End(end) };
                }
                // A watcher's input is dropped.
                Some(_) if self.is_watching() => {
                    return Progress { consumed: input.len(), next: Next::Input };
                }
                Some(next) => return Progress { consumed, next },
            }
        }
    }

    /// Decodes and executes one request; in a datagram, one key of a retrieval.
    #[inline]
    pub(super) fn step_text<const DATAGRAM: bool>(
        &mut self,
        context: &SessionContext<'_>,
        input: &[u8],
        output: &mut ReplyBuffer,
        budget: &mut Budget,
    ) -> Step {
        let SessionContext { engine, counters, .. } = *context;
        match self.decoder.decode(input) {
            Decoded::NeedMore => Step::NeedInput,
            Decoded::Request { request: Request::Retrieval(retrieval), consumed } if DATAGRAM => {
                self.execute_first_key(context, &retrieval, consumed, output)
            }
            Decoded::Request { ref request, consumed } => {
                budget.spend_request();
                let flow = engine.execute(counters, request, output);
                if DATAGRAM && matches!(flow, Flow::Report | Flow::Watch | Flow::RefreshCertificates) {
                    return self.refuse_in_datagram(flow, consumed, output);
                }
                match flow {
                    Flow::Continue => Step::Continue(consumed),
                    Flow::Retrieved { keys } => {
                        budget.spend_keys(keys);
                        Step::Continue(consumed)
                    }
                    flow => self.handle_flow(context, request, flow, consumed, output, budget),
                }
            }
            // The datagram ends within the value.
            Decoded::ReceiveValue { header, consumed }
                if DATAGRAM && input.len() - consumed < header.value_len =>
            {
                Step::NeedInput
            }
            Decoded::ReceiveMetaValue { header, consumed }
                if DATAGRAM && input.len() - consumed < header.value_len =>
            {
                Step::NeedInput
            }
            Decoded::ReceiveValue { header, consumed } => {
                budget.spend_request();
                let begin_result = engine.begin_value(counters, &header);
                self.receive(context, begin_result, header.value_len, input, consumed)
            }
            Decoded::ReceiveMetaValue { header, consumed } => {
                budget.spend_request();
                let begin_result = engine.begin_meta_value(counters, &header).map_err(Some);
                self.receive(context, begin_result, header.value_len, input, consumed)
            }
            Decoded::ValueEnd { intact, consumed } => {
                if let Activity::Receiving(incoming) = std::mem::replace(&mut self.activity, Activity::None) {
                    engine.finish_value(counters, *incoming, intact, output);
                }
                Step::Continue(consumed)
            }
            Decoded::Refused { reply, consumed } => {
                push_refusal(output, reply);
                Step::Continue(consumed)
            }
            Decoded::Close { reply } => {
                push_refusal(output, reply);
                Step::Stop(input.len(), Next::End(End::Refused))
            }
        }
    }

    /// Handles the less frequent results of an execution. The request has `consumed` bytes.
    #[cold]
    fn handle_flow(
        &mut self,
        context: &SessionContext<'_>,
        request: &Request<'_>,
        flow: Flow,
        consumed: usize,
        output: &mut ReplyBuffer,
        budget: &mut Budget,
    ) -> Step {
        match flow {
            Flow::Continue | Flow::Retrieved { .. } => Step::Continue(consumed),
            Flow::Partial { remaining } => {
                // A part is as much work as a full turn.
                budget.exhaust();
                let Request::Retrieval(retrieval) = request else { return Step::Flush(consumed) };
                Step::Stop(consumed - self.decoder.resume_keys(retrieval, remaining), Next::More)
            }
            Flow::DiscardKeys => {
                if let Request::Retrieval(retrieval) = request {
                    self.decoder.discard_keys(retrieval);
                }
                Step::Continue(consumed)
            }
            Flow::Flush => Step::Flush(consumed),
            Flow::EndTurn => {
                budget.exhaust();
                Step::Continue(consumed)
            }
            Flow::RefreshCertificates => Step::Stop(consumed, Next::RefreshCertificates),
            Flow::Report => {
                budget.exhaust();
                if let Some(report) = context.engine.begin_report(request) {
                    self.activity = Activity::Report(Box::new(report));
                }
                Step::Stop(consumed, Next::More)
            }
            Flow::Watch => {
                let Request::Watch(classes) = request else { return Step::Continue(consumed) };
                // A watching session discards its further input; a refused one continues.
                let Some(watcher) = context.engine.begin_watch(*classes, output) else {
                    return Step::Continue(consumed);
                };
                self.activity = Activity::Watching(watcher);
                Step::Stop(consumed, Next::More)
            }
            Flow::Close => Step::Stop(consumed, Next::End(End::Closed)),
            Flow::Shutdown(mode) => Step::Stop(consumed, Next::End(End::Shutdown(mode))),
        }
    }

    /// Executes the first key of a retrieval in a datagram: each hit is a message, and `END` is sent with the last key.
    /// If the first of several keys misses, memcached sends an empty message.
    fn execute_first_key(
        &mut self,
        context: &SessionContext<'_>,
        retrieval: &Retrieval<'_>,
        consumed: usize,
        output: &mut ReplyBuffer,
    ) -> Step {
        let mut keys = Keys::new(retrieval.keys);
        if retrieval.first
            && let Some(refusal) = keys.clone().find_map(Result::err)
        {
            output.push(refusal.line());
            self.decoder.discard_keys(retrieval);
            return Step::Continue(consumed);
        }
        let before = retrieval.keys.len();
        let first = keys.next();
        let used = before - keys.remaining_bytes();
        let more = keys.clone().next().is_some();
        let first_key =
            Retrieval { keys: &retrieval.keys[..used], last: retrieval.last && !more, ..*retrieval };
        let flow = context.engine.execute(context.counters, &Request::Retrieval(first_key), output);
        if flow == Flow::DiscardKeys {
            self.decoder.discard_keys(retrieval);
            return Step::Continue(consumed);
        }
        let kept = if more { self.decoder.resume_keys(retrieval, before - used) } else { 0 };
        // The first part of a long line can be without keys.
        if retrieval.first && first.is_some() {
            Step::ContinueWithMessage(consumed - kept)
        } else {
            Step::Continue(consumed - kept)
        }
    }

    /// Refuses a request with a reply of unbounded length.
    fn refuse_in_datagram(&mut self, flow: Flow, consumed: usize, output: &mut ReplyBuffer) -> Step {
        if flow != Flow::RefreshCertificates {
            output.clear();
            output.push(Refusal::NotByUdp.line());
        }
        Step::Continue(consumed)
    }

    /// Starts to receive or to discard a large value. Its line has `consumed` bytes of the input.
    fn receive(
        &mut self,
        context: &SessionContext<'_>,
        begin_result: Result<IncomingValue, Option<Refusal>>,
        value_len: usize,
        input: &[u8],
        consumed: usize,
    ) -> Step {
        match begin_result {
            Ok(mut incoming) => {
                let received = context.engine.fill_value(&mut incoming, &input[consumed..]);
                self.activity = Activity::Receiving(Box::new(incoming));
                Step::Continue(consumed + received)
            }
            Err(reply) => {
                self.decoder.discard_value(value_len, reply);
                Step::Continue(consumed)
            }
        }
    }
}

fn push_refusal(output: &mut ReplyBuffer, reply: Option<Refusal>) {
    if let Some(refusal) = reply {
        output.push(refusal.line());
    }
}

/// The log lines of `-vv`: the first line of a request and of its reply.
fn trace(number: i32, request: &[u8], output: &ReplyBuffer, before: usize) {
    let first_line = |bytes: &[u8]| {
        let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
        String::from_utf8_lossy(line).trim_end().to_owned()
    };
    debug!("<{number} {}", first_line(request));
    if let Some(reply) = output.pieces(before).next() {
        debug!(">{number} {}", first_line(reply));
    }
}
