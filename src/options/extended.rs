//! The sub-options of `-o`. Existing unit files contain them, so larder knows every name of memcached and checks its
//! value as memcached does, even if the setting has no effect.

use super::{BadSetting, number, status, tls_settings};

/// Reasons why a setting has no effect in larder.
const INDEX: &str = "the index grows as needed, and its hash function has a random key";
const PAGES: &str = "pages move to the slab classes that need them automatically";
const QUEUES: &str = "a slab class has one queue with second chance eviction and no maintainer thread";
const SWEEP: &str = "a sweep with an adaptive pace finds expired items";
const LOCKS: &str = "items are never left locked";
const LOGS: &str = "log buffers have a fixed bound";
const LARGE: &str = "large values are stored in pages of their own";
const BUFFERS: &str = "an idle connection has no buffer";
const PRIVILEGES: &str = "-u and the systemd unit drop privileges";
const MEMORY_ONLY: &str = "items are kept in memory only";
const TLS: &str = "rustls manages its buffers and does not use kernel TLS";
const ALREADY: &str = "larder always behaves so";

/// Kind of value of a setting.
#[derive(Clone, Copy)]
enum ValueKind {
    /// No value; a given one is ignored.
    NoValue,
    /// An integer in this range.
    Integer(i64, i64),
    /// An integer in this range, or no value.
    OptionalInteger(i64, i64),
    /// A number greater than the first and at most the second.
    Decimal(f64, f64),
    /// A hash function of memcached.
    Hash,
    /// Ascending sizes in bytes, joined by hyphens.
    Sizes,
    /// `file:size[:bucket]`.
    Storage,
}

use ValueKind::*;

const U32: i64 = u32::MAX as i64;

/// Settings for parts that larder does not have: name, value, and the reason why it has no effect.
const IGNORED_SETTINGS: &[(&str, ValueKind, &str)] = &[
    ("hashpower", Integer(12, 32), INDEX),
    ("no_hashexpand", NoValue, INDEX),
    ("hash_algorithm", Hash, INDEX),
    ("slab_automove", OptionalInteger(0, 2), PAGES),
    ("no_slab_automove", NoValue, PAGES),
    ("slab_automove_ratio", Decimal(0.0, 1.0), PAGES),
    ("slab_automove_window", Integer(3, 1800), PAGES),
    ("slab_automove_freeratio", Decimal(f64::MIN, f64::MAX), PAGES),
    ("tail_repair_time", Integer(10, U32), LOCKS),
    ("lru_crawler_sleep", Integer(0, 1_000_000), SWEEP),
    ("lru_crawler_tocrawl", Integer(0, U32), SWEEP),
    ("lru_maintainer", NoValue, QUEUES),
    ("no_lru_maintainer", NoValue, QUEUES),
    ("hot_lru_pct", Integer(1, 79), QUEUES),
    ("warm_lru_pct", Integer(1, 79), QUEUES),
    ("hot_max_factor", Decimal(0.0, f64::MAX), QUEUES),
    ("warm_max_factor", Decimal(0.0, f64::MAX), QUEUES),
    ("temporary_ttl", Integer(0, U32), QUEUES),
    ("watcher_logbuf_size", Integer(1, U32), LOGS),
    ("worker_logbuf_size", Integer(1, U32), LOGS),
    ("slab_sizes", Sizes, "-n and -f determine the slab classes"),
    ("slab_chunk_max", Integer(1, 1024), LARGE),
    ("no_chunked_items", NoValue, LARGE),
    ("inline_ascii_resp", NoValue, ALREADY),
    ("no_inline_ascii_resp", NoValue, BUFFERS),
    ("read_buf_mem_limit", Integer(0, U32), BUFFERS),
    ("resp_obj_mem_limit", Integer(0, U32), BUFFERS),
    ("drop_privileges", NoValue, PRIVILEGES),
    ("no_drop_privileges", NoValue, ALREADY),
    ("modern", NoValue, ALREADY),
    ("ssl_wbuf_size", Integer(1, U32), TLS),
    ("ssl_kernel_tls", NoValue, TLS),
    ("ext_path", Storage, MEMORY_ONLY),
    ("ext_page_size", Integer(1, U32), MEMORY_ONLY),
    ("ext_wbuf_size", Integer(1, U32), MEMORY_ONLY),
    ("ext_threads", Integer(1, U32), MEMORY_ONLY),
    ("ext_io_depth", Integer(1, U32), MEMORY_ONLY),
    ("ext_item_size", Integer(0, U32), MEMORY_ONLY),
    ("ext_item_age", Integer(0, U32), MEMORY_ONLY),
    ("ext_low_ttl", Integer(0, U32), MEMORY_ONLY),
    ("ext_recache_rate", Integer(0, U32), MEMORY_ONLY),
    ("ext_compact_under", Integer(0, U32), MEMORY_ONLY),
    ("ext_drop_under", Integer(0, U32), MEMORY_ONLY),
    ("ext_max_sleep", Integer(0, U32), MEMORY_ONLY),
    ("ext_max_frag", Decimal(0.0, 1.0), MEMORY_ONLY),
    ("ext_drop_unread", NoValue, MEMORY_ONLY),
];

/// Default for the largest reply to a datagram, in bytes: enough for most values. It bounds what a sender with a forged
/// address can direct at a victim.
const UDP_REPLY_BYTES: usize = 64 * 1024;

/// Largest `udp_reply_max`: the protocol numbers the datagrams of a reply with 16 bits.
const UDP_REPLY_MAX_BYTES: i64 = 65_535 * 1392;

/// Largest sum of `hot_lru_pct` and `warm_lru_pct`.
const QUEUES_MAX_PERCENT: i64 = 80;

/// The settings of `-o`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Extended {
    /// True: connections over the limit are refused; false: they wait.
    pub(super) max_connections_fast: bool,
    /// Seconds after which an idle TCP connection is closed; 0 for never.
    pub(super) idle_timeout_secs: u32,
    /// Mark of the packets of TCP connections (SO_MARK); 0 for none.
    pub(super) socket_mark: u32,
    /// Largest reply to a datagram, in bytes. Only larder has this setting.
    pub(super) udp_reply_max_bytes: usize,
    /// The `ssl_` settings.
    pub(super) tls: tls_settings::Given,
    /// True: `stats sizes` counts items by size.
    pub(super) track_sizes: bool,
    /// False: operators cannot move pages.
    pub(super) reassign: bool,
    /// False: no background sweep until an operator starts it.
    pub(super) sweep: bool,
    /// Accepted settings without effect, with their values.
    pub(super) without_effect: Vec<(String, String)>,
    /// A warning for each of them.
    pub(super) startup_warnings: Vec<String>,
}

/// Parses the values of all `-o` options.
pub(super) fn read(values: &[String]) -> Result<Extended, BadSetting> {
    let mut extended = Extended {
        max_connections_fast: true,
        idle_timeout_secs: 0,
        socket_mark: 0,
        udp_reply_max_bytes: UDP_REPLY_BYTES,
        tls: tls_settings::Given::default(),
        track_sizes: false,
        reassign: true,
        sweep: true,
        without_effect: Vec::new(),
        startup_warnings: Vec::new(),
    };
    let mut queue_percents = QueuePercents { hot: 20, warm: 40 };
    // As in getsubopt: a value may be empty or end with a comma.
    let trimmed = values.iter().map(|value| value.strip_suffix(',').unwrap_or(value));
    for option in trimmed.filter(|value| !value.is_empty()).flat_map(|value| value.split(',')) {
        let (name, value) = match option.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (option, None),
        };
        if !extended.take(name, value)? && !extended.take_ignored(name, value, &mut queue_percents)? {
            return Err(bad(format!("Illegal suboption \"{option}\"")));
        }
    }
    let QueuePercents { hot, warm } = queue_percents;
    if hot + warm > QUEUES_MAX_PERCENT {
        let line = format!("hot_lru_pct + warm_lru_pct cannot be more than 80% combined ({hot} + {warm})");
        return Err(BadSetting::new(line, status::USAGE));
    }
    Ok(extended)
}

/// Sizes of memcached's queues, of which only the sum is checked.
struct QueuePercents {
    hot: i64,
    warm: i64,
}

impl Extended {
    /// Parses a setting that has an effect; false for any other name.
    fn take(&mut self, name: &str, value: Option<&str>) -> Result<bool, BadSetting> {
        match name {
            "maxconns_fast" => self.max_connections_fast = true,
            "no_maxconns_fast" => self.max_connections_fast = false,
            "idle_timeout" => self.idle_timeout_secs = whole(name, value, 0, U32)? as u32,
            "sock_cookie_id" => self.socket_mark = whole(name, value, 0, U32)? as u32,
            "udp_reply_max" => {
                self.udp_reply_max_bytes = whole(name, value, 1, UDP_REPLY_MAX_BYTES)? as usize;
            }
            "track_sizes" => self.track_sizes = true,
            "slab_reassign" => self.reassign = true,
            "no_slab_reassign" => {
                self.reassign = false;
                self.warn(
                    "-o no_slab_reassign: larder refuses slabs reassign, but still moves pages automatically",
                );
            }
            "lru_crawler" => self.sweep = true,
            "no_lru_crawler" => {
                self.sweep = false;
                self.warn("-o no_lru_crawler: every store still sweeps a few items");
            }
            "no_modern" => {
                self.max_connections_fast = false;
                self.warn("-o no_modern: larder applies only no_maxconns_fast of it");
            }
            _ => return self.tls.take(name, value),
        }
        Ok(true)
    }

    /// Checks a setting without effect; false for an unknown name.
    fn take_ignored(
        &mut self,
        name: &str,
        value: Option<&str>,
        queue_percents: &mut QueuePercents,
    ) -> Result<bool, BadSetting> {
        let Some((_, kind, reason)) = IGNORED_SETTINGS.iter().find(|(known, ..)| *known == name) else {
            return Ok(false);
        };
        check(name, value, *kind)?;
        match name {
            "hot_lru_pct" => queue_percents.hot = whole(name, value, 1, 79)?,
            "warm_lru_pct" => queue_percents.warm = whole(name, value, 1, 79)?,
            _ => {}
        }
        let (reported, text) = match name {
            "no_slab_automove" => ("slab_automove", "0"),
            _ => (name, value.unwrap_or_default()),
        };
        self.without_effect.push((reported.to_owned(), text.to_owned()));
        self.warn(&format!("-o {name} has no effect in larder: {reason}"));
        Ok(true)
    }

    fn warn(&mut self, line: &str) {
        self.startup_warnings.push(line.to_owned());
    }
}

fn bad(line: String) -> BadSetting {
    BadSetting::new(line, status::OPTION)
}

/// The value of a setting that requires one.
fn given<'a>(name: &str, value: Option<&'a str>) -> Result<&'a str, BadSetting> {
    value.filter(|value| !value.is_empty()).ok_or_else(|| bad(format!("Missing {name} argument")))
}

/// An integer within bounds that makes up the whole value.
fn whole(name: &str, value: Option<&str>, low: i64, high: i64) -> Result<i64, BadSetting> {
    let text = given(name, value)?;
    let number = match number::integer(text) {
        Some((number, "")) => number,
        _ => return Err(bad(format!("could not parse argument to {name}: \"{text}\" is not a number"))),
    };
    match number {
        _ if (low..=high).contains(&number) => Ok(number),
        _ if name == "hashpower" => {
            let which = if number < low { "low" } else { "high" };
            Err(bad(format!("Initial hashtable multiplier of {number} is too {which}")))
        }
        _ if high == U32 => Err(bad(format!("{name} must be at least {low}, and at most {high}: {number}"))),
        _ => Err(bad(format!("{name} must be between {low} and {high} (not {number})"))),
    }
}

fn check(name: &str, value: Option<&str>, kind: ValueKind) -> Result<(), BadSetting> {
    match kind {
        NoValue => Ok(()),
        Integer(low, high) => whole(name, value, low, high).map(drop),
        OptionalInteger(_, _) if value.is_none() => Ok(()),
        OptionalInteger(low, high) => whole(name, value, low, high).map(drop),
        Decimal(above, high) => match number::decimal(given(name, value)?) {
            Some((number, "")) if number > above && number <= high => Ok(()),
            _ if high == f64::MAX => Err(bad(format!("{name} must be greater than {above}"))),
            _ => Err(bad(format!("{name} must be greater than {above} and at most {high}"))),
        },
        Hash => match given(name, value)? {
            "jenkins" | "murmur3" | "xxh3" => Ok(()),
            _ => Err(bad("Unknown hash_algorithm option (jenkins, murmur3, xxh3)".to_owned())),
        },
        Sizes => sizes(given(name, value)?),
        Storage => storage(given(name, value)?),
    }
}

/// Each slab size exceeds the one before by more than 8 bytes.
fn sizes(text: &str) -> Result<(), BadSetting> {
    let mut before = 0;
    for size in text.split('-') {
        match number::integer(size) {
            Some((bytes, "")) if bytes > before + 8 => before = bytes,
            _ => {
                let line =
                    format!("slab size {size} must be a number of bytes, by more than 8 above {before}");
                return Err(BadSetting::new(line, status::USAGE));
            }
        }
    }
    Ok(())
}

/// The file for memcached's external storage.
fn storage(text: &str) -> Result<(), BadSetting> {
    const BUCKETS: [&str; 6] = ["compact", "lowttl", "chunked", "default", "coldcompact", "old"];
    let mut parts = text.splitn(3, ':');
    let (file, size, bucket) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    let Some(size) = size.filter(|_| !file.is_empty()) else {
        return Err(
            bad("must supply size to ext_path, ie: ext_path=/f/e:64m (M|G|T|P supported)".to_owned()),
        );
    };
    match number::integer(size) {
        Some((1.., unit)) if ["m", "g", "t", "p"].contains(&unit.to_ascii_lowercase().as_str()) => {}
        Some((0, _)) => {
            let line = "supplied ext_path has zero size, cannot use";
            return Err(BadSetting::new(line, status::USAGE));
        }
        _ => return Err(bad(format!("must supply size to ext_path with a unit (M|G|T|P), not \"{size}\""))),
    }
    match bucket {
        Some(bucket) if !BUCKETS.contains(&bucket) => {
            Err(bad(format!("ext_path bucket must be one of {}", BUCKETS.join(", "))))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_one(value: &str) -> Result<Extended, (String, u8)> {
        read(&[value.to_owned()]).map_err(|bad| (bad.to_string(), bad.status()))
    }

    #[track_caller]
    fn refuses(value: &str, status: u8, start: &str) {
        let (line, got) = read_one(value).expect_err(value);
        assert!(line.starts_with(start), "{value}: {line}");
        assert_eq!(got, status, "{value}: {line}");
    }

    #[test]
    fn maxconns_fast_is_on_unless_switched_off() {
        assert!(read(&[]).unwrap().max_connections_fast);
        assert!(!read_one("no_maxconns_fast").unwrap().max_connections_fast);
        assert!(read_one("no_maxconns_fast,maxconns_fast").unwrap().max_connections_fast);
        assert!(!read_one("no_modern").unwrap().max_connections_fast);
    }

    #[test]
    fn an_empty_value_and_a_trailing_comma_are_ignored() {
        for value in ["", "modern,", "idle_timeout=5,"] {
            assert!(read_one(value).is_ok(), "{value}");
        }
        refuses(",modern", 1, "Illegal suboption");
        refuses("modern,,track_sizes", 1, "Illegal suboption");
    }

    #[test]
    fn the_crawler_is_on_unless_switched_off() {
        assert!(read(&[]).unwrap().sweep);
        assert!(!read_one("no_lru_crawler").unwrap().sweep);
        assert!(read_one("no_lru_crawler,lru_crawler").unwrap().sweep);
    }

    #[test]
    fn settings_with_an_effect_cause_no_warning() {
        let extended = read_one("idle_timeout=300,sock_cookie_id=7").unwrap();
        assert_eq!((extended.idle_timeout_secs, extended.socket_mark), (300, 7));
        assert!(extended.startup_warnings.is_empty());
        refuses("idle_timeout", 1, "Missing idle_timeout argument");
        refuses("udp_reply_max", 1, "Missing udp_reply_max argument");
        refuses("idle_timeout=soon", 1, "could not parse argument to idle_timeout");
        refuses("idle_timeout=-1", 1, "idle_timeout must be at least 0");
    }

    #[test]
    fn a_setting_without_effect_causes_a_warning_with_the_reason() {
        let extended = read_one("modern,hashpower=20,ext_path=/e:1G:old").unwrap();
        assert_eq!(extended.startup_warnings.len(), 3);
        assert_eq!(extended.startup_warnings[1], format!("-o hashpower has no effect in larder: {INDEX}"));
    }

    #[test]
    fn every_name_accepts_a_valid_value_only() {
        for (name, kind, _) in IGNORED_SETTINGS {
            let (good, bad) = match kind {
                NoValue => (None, None),
                Integer(low, high) => (Some(low.to_string()), Some((high + 1).to_string())),
                OptionalInteger(low, _) => (Some(low.to_string()), Some((low - 1).to_string())),
                Decimal(above, _) => (Some("0.5".to_owned()), Some(above.to_string())),
                Hash => (Some("xxh3".to_owned()), Some("md5".to_owned())),
                Sizes => (Some("100-200-300".to_owned()), Some("100-108".to_owned())),
                Storage => (Some("/e:64m".to_owned()), Some("/e".to_owned())),
            };
            let option = good.map_or((*name).to_owned(), |good| format!("{name}={good}"));
            assert_eq!(read_one(&option).expect(&option).startup_warnings.len(), 1);
            if let Some(bad) = bad {
                read_one(&format!("{name}={bad}")).expect_err(name);
                if !matches!(kind, OptionalInteger(..)) {
                    refuses(name, 1, &format!("Missing {name} argument"));
                }
            }
        }
    }

    #[test]
    fn values_out_of_range_have_the_message_and_status_of_memcached() {
        refuses("hashpower=11", 1, "Initial hashtable multiplier of 11 is too low");
        refuses("hashpower=33", 1, "Initial hashtable multiplier of 33 is too high");
        refuses("slab_automove=3", 1, "slab_automove must be between 0 and 2");
        refuses("hash_algorithm=crc", 1, "Unknown hash_algorithm option (jenkins, murmur3, xxh3)");
        refuses("hot_lru_pct=50,warm_lru_pct=31", 64, "hot_lru_pct + warm_lru_pct cannot be more than 80%");
        refuses("hot_lru_pct=41", 64, "hot_lru_pct + warm_lru_pct cannot be more than 80%");
        refuses("slab_sizes=200-100", 64, "slab size 100 ");
        refuses("ext_path=/e", 1, "must supply size to ext_path, ie: ");
        refuses("ext_path=/e:0m", 64, "supplied ext_path has zero size, cannot use");
        refuses("ext_path=/e:64", 1, "must supply size to ext_path");
        refuses("ext_path=/e:64m:attic", 1, "ext_path bucket must be one of");
        refuses("ext_threads=many", 1, "could not parse argument to ext_threads");
    }

    #[test]
    fn unknown_names_are_illegal() {
        refuses("foo=1", 1, "Illegal suboption \"foo=1\"");
        refuses("modern,,modern", 1, "Illegal suboption \"\"");
        refuses(" modern", 1, "Illegal suboption \" modern\"");
        refuses("proxy_config=x", 1, "Illegal suboption");
    }
}
