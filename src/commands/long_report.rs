//! Reports that walk over all items (metadump, mgdump, cachedump, sizes) or connections (conns).
//!
//! A [`LongReport`] is the position in such a report. The session requests one batch at a time with
//! [`Engine::continue_report`], after the batch before was sent, so that a slow reader costs one batch. A batch is
//! bounded in its output and in its steps. Items that change during the walk can be missed or listed twice.

use super::{Engine, Flow};
use crate::clock::{Deadline, Now};
use crate::protocol::binary::{Envelope, ReplyFields};
use crate::protocol::dump_lines::{DumpedItem, push_cachedump_line, push_metadump_line, push_mgdump_line};
use crate::protocol::limits::{CACHEDUMP_MAX_BYTES, OUTPUT_BATCH_BYTES};
use crate::protocol::{Classes, DumpFormat, Refusal, ReplyBuffer, Request, StatsTopic};
use crate::store::{Hit, WalkPosition};
use std::collections::BTreeMap;

/// Steps of the walk per batch: each locks a shard for a few buckets of its index.
const STEPS_PER_BATCH: u32 = 64;

/// Sizes in `stats sizes` are multiples of this, in bytes. Items of n different sizes need at least 16 n^2 bytes, so a
/// store of 64 GiB has at most 66,000 sizes.
const SIZES_STEP_BYTES: u64 = 32;

/// A report that is being sent.
#[derive(Debug)]
pub struct LongReport {
    place: WalkPosition,
    kind: ReportKind,
}

#[derive(Debug)]
enum ReportKind {
    Dump(DumpFormat, Classes),
    CacheDump {
        class: u32,
        items_left: u64,
        bytes_left: usize,
    },
    /// `stats conns`, from descriptor `first` on.
    Connections {
        first: i32,
    },
    /// `stats sizes`: the number of items by size, rounded up.
    Sizes {
        counts: BTreeMap<u64, u64>,
        /// The binary request, if it is one.
        to: Option<Envelope>,
    },
}

impl ReportKind {
    /// The last line of the report.
    fn end(&self) -> &'static [u8] {
        match self {
            ReportKind::Dump(DumpFormat::MetaGet, _) => b"EN\r\n",
            ReportKind::Dump(DumpFormat::Meta, _)
            | ReportKind::CacheDump { .. }
            | ReportKind::Connections { .. } => b"END\r\n",
            // `push_sizes` appends the end.
            ReportKind::Sizes { .. } => b"",
        }
    }
}

impl Engine {
    /// Begins a dump. As in memcached, no reply may be unsent before it.
    pub(super) fn dump(&self, kind: DumpFormat, out: &mut ReplyBuffer) -> Flow {
        let (forbidden, pipelined) = match kind {
            DumpFormat::Meta => (Refusal::MetaDumpNotAllowed, Refusal::PipelinedMetaDump),
            DumpFormat::MetaGet => (Refusal::KeyDumpNotAllowed, Refusal::PipelinedKeyDump),
        };
        let refusal = if !self.settings.dump_enabled {
            forbidden
        } else if !out.is_empty() {
            pipelined
        } else {
            out.push(b"OK\r\n");
            return Flow::Report;
        };
        out.push(refusal.line());
        Flow::Continue
    }

    /// Begins `stats cachedump`.
    pub(super) fn cache_dump(&self, out: &mut ReplyBuffer) -> Flow {
        if self.settings.dump_enabled {
            return Flow::Report;
        }
        out.push(Refusal::CacheDumpNotAllowed.line());
        Flow::Continue
    }

    /// The report for a request, after its execution returned [`Flow::Report`].
    pub fn begin_report(&self, request: &Request<'_>) -> Option<LongReport> {
        let kind = match *request {
            Request::Dump { format, classes } => ReportKind::Dump(format, classes),
            Request::Stats(StatsTopic::CacheDump { class, limit }) => ReportKind::CacheDump {
                class,
                items_left: if limit == 0 { u64::MAX } else { u64::from(limit) },
                bytes_left: CACHEDUMP_MAX_BYTES,
            },
            Request::Stats(StatsTopic::Conns) => ReportKind::Connections { first: 0 },
            Request::Stats(StatsTopic::Sizes) => ReportKind::Sizes { counts: BTreeMap::new(), to: None },
            _ => return None,
        };
        Some(LongReport { place: WalkPosition::default(), kind })
    }

    /// The report for a binary request, after its execution returned [`Flow::Report`]: Stat `sizes`.
    pub fn begin_binary_report(&self, to: Envelope) -> LongReport {
        let kind = ReportKind::Sizes { counts: BTreeMap::new(), to: Some(to) };
        LongReport { place: WalkPosition::default(), kind }
    }

    /// Appends the next batch of a report; true if the report is not complete.
    pub fn continue_report(&self, report: &mut LongReport, out: &mut ReplyBuffer) -> bool {
        let now = self.clock.now();
        if let ReportKind::Connections { first } = &mut report.kind {
            if let Some(next) = self.connections_from(*first, now, out) {
                *first = next;
                return true;
            }
            out.push(report.kind.end());
            return false;
        }
        for _ in 0..STEPS_PER_BATCH {
            if out.len() >= OUTPUT_BATCH_BYTES {
                return true;
            }
            let kind = &mut report.kind;
            let next =
                self.store.walk_step(report.place, now, &mut |key, hit| self.list(kind, key, &hit, out));
            match next {
                Some(place) => report.place = place,
                None => {
                    if let ReportKind::Sizes { counts, to } = &report.kind {
                        push_sizes(counts, to.as_ref(), out);
                    }
                    out.push(report.kind.end());
                    return false;
                }
            }
        }
        true
    }

    /// Adds an item to the report, if it belongs there; false if the report is full. Runs under the lock of a shard.
    fn list(&self, kind: &mut ReportKind, key: &[u8], hit: &Hit<'_>, out: &mut ReplyBuffer) -> bool {
        match kind {
            ReportKind::Sizes { counts, .. } => {
                *counts.entry(hit.item_bytes.next_multiple_of(SIZES_STEP_BYTES)).or_default() += 1
            }
            // Does not walk over items.
            ReportKind::Connections { .. } => {}
            ReportKind::Dump(_, classes) if !classes.contains(hit.class) => {}
            ReportKind::Dump(DumpFormat::MetaGet, _) => push_mgdump_line(out, key, hit.marks.binary_key),
            ReportKind::Dump(DumpFormat::Meta, _) => push_metadump_line(
                out,
                &DumpedItem {
                    key,
                    expires_at: self.unix_deadline(hit.deadline),
                    last_access: self.clock.unix(hit.last_access),
                    cas: hit.cas,
                    fetched: hit.fetched,
                    class: hit.class,
                    bytes: hit.item_bytes,
                    flags: hit.flags,
                },
            ),
            // A binary key can contain a line end.
            ReportKind::CacheDump { class, .. } if *class != hit.class || hit.marks.binary_key => {}
            ReportKind::CacheDump { items_left, bytes_left, .. } => {
                let before = (out.mark(), out.len());
                push_cachedump_line(out, key, hit.value.len(), self.unix_deadline(hit.deadline).unwrap_or(0));
                let printed = out.len() - before.1;
                if printed > *bytes_left {
                    out.truncate(before.0);
                    return false;
                }
                *bytes_left -= printed;
                *items_left -= 1;
                return *items_left > 0;
            }
        }
        true
    }

    fn unix_deadline(&self, deadline: Deadline) -> Option<u64> {
        (!deadline.is_never()).then(|| self.clock.unix(Now::from_secs(deadline.secs())))
    }
}

/// Appends one line per size and `END`, or one frame per size and an empty one.
fn push_sizes(counts: &BTreeMap<u64, u64>, to: Option<&Envelope>, out: &mut ReplyBuffer) {
    let Some(to) = to else {
        counts.iter().for_each(|(size, count)| out.push_stat(size, count));
        return out.push(b"END\r\n");
    };
    for (size, count) in counts {
        let (key, value) = (size.to_string(), count.to_string());
        out.push_frame(
            to,
            &ReplyFields { key: key.as_bytes(), value: value.as_bytes(), ..ReplyFields::default() },
        );
    }
    out.push_frame(to, &ReplyFields::default());
}
