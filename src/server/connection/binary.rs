//! The binary protocol on a connection.
//!
//! Invariant: a value received in place is finished before another frame is looked at.

use super::{Connection, End, LINGER_BYTES, Speech, Stop};
use crate::commands::binary::Session;
use crate::commands::{Engine, Flow};
use crate::protocol::ReplyBuffer;
use crate::protocol::binary::{Command, Intake, Pull};
use crate::protocol::limits::OUTPUT_BATCH_BYTES;
use crate::server::worker::Stream;
use log::{debug, log_enabled};
use std::os::fd::RawFd;

/// What a connection that speaks binary keeps between two looks at its bytes.
pub(super) struct Binary {
    intake: Intake,
    session: Session,
}

impl Binary {
    pub(super) fn new(engine: &Engine) -> Binary {
        Binary { intake: Intake::default(), session: engine.session() }
    }

    pub(super) fn is_between_requests(&self) -> bool {
        self.intake.is_between_requests()
    }
}

impl<S: Stream> Connection<S> {
    /// Executes the complete frames at the front of `bytes`; returns how many bytes they took.
    pub(super) fn execute_binary(
        &mut self,
        bytes: &[u8],
        out: &mut ReplyBuffer,
        share: &mut u32,
    ) -> (usize, Stop) {
        let Connection { speech: Speech::Binary(binary), receiving, report, worker, fd, .. } = self else {
            return (0, Stop::NeedMore);
        };
        let Binary { intake, session } = &mut **binary;
        let engine = &*worker.shared.engine;
        let counters = worker.counters();
        let traced = log_enabled!(log::Level::Debug);
        let mut at = 0;
        loop {
            let before = out.len();
            if let Some(received) = receiving.take_if(|receiving| receiving.missing() == 0) {
                engine.finish_value(counters, *received, true, out);
            }
            if *share == 0 || out.len() >= OUTPUT_BATCH_BYTES {
                return (at, if at < bytes.len() { Stop::MoreToDo } else { Stop::NeedMore });
            }
            let mut consumed;
            let mut end = None;
            match intake.pull(&bytes[at..], session.gate()) {
                Pull::NeedMore => return (at, Stop::NeedMore),
                Pull::Request { frame, consumed: all } => {
                    consumed = all;
                    *share -= 1;
                    let quits = frame.command == Command::Quit;
                    match engine.execute_binary(counters, session, &frame, out) {
                        Flow::Close if quits => end = Some(End::Closed),
                        Flow::Close => end = Some(End::Refused { left: LINGER_BYTES }),
                        Flow::Report => *report = Some(Box::new(engine.binary_report(frame.envelope))),
                        _ => {}
                    }
                }
                Pull::Receive { envelope, quiet, item, value_len, consumed: head } => {
                    consumed = head;
                    *share -= 1;
                    match engine.begin_binary_value(envelope, quiet, &item, value_len) {
                        Ok(mut value) => {
                            consumed += value.push(&bytes[at + head..]);
                            *receiving = Some(Box::new(value));
                        }
                        Err(status) => intake.swallow(value_len, envelope, status),
                    }
                }
                Pull::Refused { envelope, status, consumed: dropped } => {
                    consumed = dropped;
                    out.push_status(&envelope, status);
                }
                Pull::Dropped { consumed: dropped } => consumed = dropped,
                Pull::Close { answer } => {
                    if let Some((envelope, status)) = answer {
                        out.push_status(&envelope, status);
                    }
                    consumed = bytes.len() - at;
                    let told = !out.is_empty();
                    end = Some(if told { End::Refused { left: LINGER_BYTES } } else { End::Foreign });
                }
            }
            if traced {
                trace(*fd, &bytes[at..at + consumed], out, before);
            }
            at += consumed;
            if let Some(end) = end {
                return (bytes.len(), Stop::End(end));
            }
            if report.is_some() {
                return (at, if at < bytes.len() { Stop::MoreToDo } else { Stop::NeedMore });
            }
            if receiving.as_ref().is_some_and(|value| value.missing() > 0) {
                return (at, Stop::NeedMore);
            }
        }
    }
}

/// The lines of `-vv`: which command came, with which status it is answered. Keys and values are not shown: a message
/// of a login would be among them.
fn trace(fd: RawFd, came: &[u8], out: &ReplyBuffer, before: usize) {
    if let [_, opcode, ..] = came {
        debug!("<{fd} binary request 0x{opcode:02x}, {} bytes", came.len());
    }
    if let Some([_, opcode, _, _, _, _, high, low, ..]) = out.pieces(before).next() {
        let status = u16::from_be_bytes([*high, *low]);
        debug!(">{fd} binary reply to 0x{opcode:02x}, status 0x{status:02x}");
    }
}
