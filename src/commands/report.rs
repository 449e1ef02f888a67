//! Long answers that need a walk over all items (metadump, mgdump, cachedump, sizes) or connections (conns).
//!
//! A [`Report`] is where such an answer stands. The server asks for it batch by batch with [`Engine::report_on`], and
//! only when the batch before has gone, so that a reader who never reads costs one batch. A batch is bounded by what
//! it prints and by what it looks at. Items that change meanwhile may be missed or listed twice.

use super::{Engine, Flow};
use crate::clock::{Deadline, Now};
use crate::protocol::binary::{Envelope, Fields};
use crate::protocol::limits::{CACHEDUMP_MAX_BYTES, OUTPUT_BATCH_BYTES};
use crate::protocol::listing::{Listed, push_cachedump_line, push_metadump_line, push_mgdump_line};
use crate::protocol::{Classes, DumpForm, Refusal, ReplyBuffer, Request, StatsTopic};
use crate::store::{Hit, WalkPosition};
use std::collections::BTreeMap;

/// Steps of the walk per batch: each locks a shard for a few buckets of its index.
const STEPS_PER_BATCH: u32 = 64;

/// Sizes in `stats sizes` are multiples of this, in bytes. Items of n different sizes take 16 n^2 bytes at least, so a
/// store of 64 GiB has no more than 66,000 sizes to list.
const SIZES_STEP_BYTES: u64 = 32;

/// An answer under way.
#[derive(Debug)]
pub struct Report {
    place: WalkPosition,
    form: Form,
}

#[derive(Debug)]
enum Form {
    Dump(DumpForm, Classes),
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

impl Form {
    /// The last line.
    fn end(&self) -> &'static [u8] {
        match self {
            Form::Dump(DumpForm::MetaGet, _) => b"EN\r\n",
            Form::Dump(DumpForm::Meta, _) | Form::CacheDump { .. } | Form::Connections { .. } => b"END\r\n",
            // Written with the counts.
            Form::Sizes { .. } => b"",
        }
    }
}

impl Engine {
    /// Begins a dump; must be the first of its batch, as clients of memcached know it.
    pub(super) fn dump(&self, form: DumpForm, out: &mut ReplyBuffer) -> Flow {
        let (forbidden, pipelined) = match form {
            DumpForm::Meta => (Refusal::MetaDumpNotAllowed, Refusal::PipelinedMetaDump),
            DumpForm::MetaGet => (Refusal::KeyDumpNotAllowed, Refusal::PipelinedKeyDump),
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
    pub fn report(&self, request: &Request<'_>) -> Option<Report> {
        let form = match *request {
            Request::Dump { form, classes } => Form::Dump(form, classes),
            Request::Stats(StatsTopic::CacheDump { class, limit }) => Form::CacheDump {
                class,
                items_left: if limit == 0 { u64::MAX } else { u64::from(limit) },
                bytes_left: CACHEDUMP_MAX_BYTES,
            },
            Request::Stats(StatsTopic::Conns) => Form::Connections { first: 0 },
            Request::Stats(StatsTopic::Sizes) => Form::Sizes { counts: BTreeMap::new(), to: None },
            _ => return None,
        };
        Some(Report { place: WalkPosition::default(), form })
    }

    /// The report that a request of the binary protocol asks for: there is one alone, Stat `sizes`.
    pub fn binary_report(&self, to: Envelope) -> Report {
        let form = Form::Sizes { counts: BTreeMap::new(), to: Some(to) };
        Report { place: WalkPosition::default(), form }
    }

    /// Appends the next batch of a report; true if there is more to come.
    pub fn report_on(&self, report: &mut Report, out: &mut ReplyBuffer) -> bool {
        let now = self.clock.now();
        if let Form::Connections { first } = &mut report.form {
            if let Some(next) = self.connections_from(*first, now, out) {
                *first = next;
                return true;
            }
            out.push(report.form.end());
            return false;
        }
        for _ in 0..STEPS_PER_BATCH {
            if out.len() >= OUTPUT_BATCH_BYTES {
                return true;
            }
            let form = &mut report.form;
            let next =
                self.store.walk_step(report.place, now, &mut |key, hit| self.list(form, key, &hit, out));
            match next {
                Some(place) => report.place = place,
                None => {
                    if let Form::Sizes { counts, to } = &report.form {
                        push_sizes(counts, to.as_ref(), out);
                    }
                    out.push(report.form.end());
                    return false;
                }
            }
        }
        true
    }

    /// Lists an item where it belongs into the report; false if the report is full. Runs under a shard's lock.
    fn list(&self, form: &mut Form, key: &[u8], hit: &Hit<'_>, out: &mut ReplyBuffer) -> bool {
        match form {
            Form::Sizes { counts, .. } => {
                *counts.entry(hit.item_bytes.next_multiple_of(SIZES_STEP_BYTES)).or_default() += 1
            }
            // It has no walk over items.
            Form::Connections { .. } => {}
            Form::Dump(_, classes) if !classes.contains(hit.class) => {}
            Form::Dump(DumpForm::MetaGet, _) => push_mgdump_line(out, key, hit.marks.binary_key),
            Form::Dump(DumpForm::Meta, _) => push_metadump_line(
                out,
                &Listed {
                    key,
                    dies_at: self.unix_deadline(hit.deadline),
                    last_access: self.clock.unix(hit.last_access),
                    cas: hit.cas,
                    fetched: hit.fetched,
                    class: hit.class,
                    bytes: hit.item_bytes,
                    flags: hit.flags,
                },
            ),
            // A key that came encoded may hold a line end.
            Form::CacheDump { class, .. } if *class != hit.class || hit.marks.binary_key => {}
            Form::CacheDump { items_left, bytes_left, .. } => {
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
        out.push_frame(to, &Fields { key: key.as_bytes(), value: value.as_bytes(), ..Fields::default() });
    }
    out.push_frame(to, &Fields::default());
}
