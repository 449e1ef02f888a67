//! Long answers that need a walk over all items (metadump, mgdump, cachedump, sizes) or connections (conns).
//!
//! A [`LongReport`] is where such an answer stands. The server asks for it batch by batch with [`Engine::continue_report`], and
//! only when the batch before has gone, so that a reader who never reads costs one batch. A batch is bounded by what
//! it prints and by what it looks at. Items that change meanwhile may be missed or listed twice.

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

/// Sizes in `stats sizes` are multiples of this, in bytes. Items of n different sizes take 16 n^2 bytes at least, so a
/// store of 64 GiB has no more than 66,000 sizes to list.
const SIZES_STEP_BYTES: u64 = 32;

/// An answer under way.
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
    /// `stats conns`, from this descriptor on.
    Connections {
        first: i32,
    },
    /// Items counted by their size, rounded up.
    Sizes {
        counts: BTreeMap<u64, u64>,
        /// The request of the binary protocol that is answered, if it is one.
        to: Option<Envelope>,
    },
}

impl ReportKind {
    /// The last line.
    fn end(&self) -> &'static [u8] {
        match self {
            ReportKind::Dump(DumpFormat::MetaGet, _) => b"EN\r\n",
            ReportKind::Dump(DumpFormat::Meta, _)
            | ReportKind::CacheDump { .. }
            | ReportKind::Connections { .. } => b"END\r\n",
            // Written with the counts.
            ReportKind::Sizes { .. } => b"",
        }
    }
}

impl Engine {
    /// Begins a dump; must be the first of its batch, as clients of memcached know it.
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

    /// The report that a request asks for, when its execution said [`Flow::Report`].
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

    /// The report that a request of the binary protocol asks for: there is one alone, Stat `sizes`.
    pub fn begin_binary_report(&self, to: Envelope) -> LongReport {
        let kind = ReportKind::Sizes { counts: BTreeMap::new(), to: Some(to) };
        LongReport { place: WalkPosition::default(), kind }
    }

    /// Appends the next batch of a report; true if there is more to come.
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

    /// Lists an item where it belongs into the report; false if the report is full. Runs under a shard's lock.
    fn list(&self, kind: &mut ReportKind, key: &[u8], hit: &Hit<'_>, out: &mut ReplyBuffer) -> bool {
        match kind {
            ReportKind::Sizes { counts, .. } => {
                *counts.entry(hit.item_bytes.next_multiple_of(SIZES_STEP_BYTES)).or_default() += 1
            }
            // It has no walk over items.
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
            // A key that came encoded may hold a line end.
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

/// Lines and `END`, or a frame for each size and an empty one.
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
