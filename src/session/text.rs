//! The text protocol in a session: classic and meta commands.

use super::{Activity, Budget, End, Next, Progress, Session, SessionContext};
use crate::commands::{Flow, IncomingValue};
use crate::protocol::limits::OUTPUT_BATCH_BYTES;
use crate::protocol::{Decoded, Keys, Refusal, ReplyBuffer, Request, Retrieval};
use log::{debug, log_enabled};

/// What one frame has led to.
pub(super) enum Step {
    /// The input holds no complete frame.
    NeedInput,
    /// So many bytes are done; the next frame may follow at once.
    Continue(usize),
    /// So many bytes are done; the output is to be sent before the next frame.
    Flush(usize),
    /// So many bytes are done, and something else comes before the next frame.
    Stop(usize, Next),
    /// So many bytes are done; in a datagram, the output is a message even if it is empty.
    Answer(usize),
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
                Step::Continue(frame) | Step::Answer(frame) => (frame, None),
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
                // What follows the end is not executed.
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

    /// Executes one frame; in a datagram, one key of a retrieval.
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
                self.answer_key(context, &retrieval, consumed, output)
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
                    flow => self.follow(context, request, flow, consumed, output, budget),
                }
            }
            // The rest of the value will not come.
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
                let begun = engine.begin_value(counters, &header);
                self.receive(context, begun, header.value_len, input, consumed)
            }
            Decoded::ReceiveMetaValue { header, consumed } => {
                budget.spend_request();
                let begun = engine.begin_meta_value(counters, &header).map_err(Some);
                self.receive(context, begun, header.value_len, input, consumed)
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
                let end = if output.is_empty() { End::UnknownProtocol } else { End::Refused };
                Step::Stop(input.len(), Next::End(end))
            }
        }
    }

    /// Does what the execution of a request asks for, if that is more than to go on; `consumed` bytes were its frame.
    #[cold]
    fn follow(
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
                // A part is as much work as a turn may do.
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
            Flow::Exhaust => {
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
                // Refused, it goes on as a session like any other; watching, it drops what follows.
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

    /// BinaryReply the first key of a retrieval: in a datagram every key found is a message of its own, and the end of the
    /// list goes with the last key. If the first of several keys is not found, memcached sends a message of no datagram.
    fn answer_key(
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
        let one = Retrieval { keys: &retrieval.keys[..used], last: retrieval.last && !more, ..*retrieval };
        let flow = context.engine.execute(context.counters, &Request::Retrieval(one), output);
        if flow == Flow::DiscardKeys {
            self.decoder.discard_keys(retrieval);
            return Step::Continue(consumed);
        }
        let kept = if more { self.decoder.resume_keys(retrieval, before - used) } else { 0 };
        // Keys of a long line may come without any in their first part.
        if retrieval.first && first.is_some() {
            Step::Answer(consumed - kept)
        } else {
            Step::Continue(consumed - kept)
        }
    }

    /// BinaryReply a request whose reply has no bounded length or no end.
    fn refuse_in_datagram(&mut self, flow: Flow, consumed: usize, output: &mut ReplyBuffer) -> Step {
        if flow != Flow::RefreshCertificates {
            output.clear();
            output.push(Refusal::NotByUdp.line());
        }
        Step::Continue(consumed)
    }

    /// Begins to receive a large value, whose line took `consumed` bytes of the input, or to drop it.
    fn receive(
        &mut self,
        context: &SessionContext<'_>,
        begun: Result<IncomingValue, Option<Refusal>>,
        value_len: usize,
        input: &[u8],
        consumed: usize,
    ) -> Step {
        match begun {
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

/// The lines of `-vv`: the first line of a request and of its reply.
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
