//! The sub-options of `-o`. Existing unit files carry them, so every name of memcached's is known here.

use super::{BadSetting, status};

/// Names that tune what larder does not have: its own store, threads and buffers need no such setting.
const WITHOUT_EFFECT: &[&str] = &[
    "hashpower",
    "no_hashexpand",
    "slab_automove",
    "no_slab_automove",
    "slab_automove_ratio",
    "slab_automove_window",
    "slab_automove_freeratio",
    "tail_repair_time",
    "hash_algorithm",
    "lru_crawler",
    "no_lru_crawler",
    "lru_crawler_sleep",
    "lru_crawler_tocrawl",
    "lru_maintainer",
    "no_lru_maintainer",
    "hot_lru_pct",
    "warm_lru_pct",
    "hot_max_factor",
    "warm_max_factor",
    "temporary_ttl",
    "watcher_logbuf_size",
    "worker_logbuf_size",
    "slab_sizes",
    "slab_chunk_max",
    "no_chunked_items",
    "inline_ascii_resp",
    "no_inline_ascii_resp",
    "read_buf_mem_limit",
    "resp_obj_mem_limit",
    "no_drop_privileges",
    "modern",
];

/// Names that ask for something that a server could have and larder does not have yet; it serves without.
const NOT_YET: &[&str] = &["idle_timeout", "sock_cookie_id"];

/// Names that ask for protection, or for storage elsewhere, that larder cannot give yet: starting without would be
/// worse than not starting. A name that ends in `_` stands for all that start so.
const REFUSED: &[&str] = &["drop_privileges", "ssl_", "ext_"];

/// What `-o` asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Extended {
    /// True: a connection over the limit is refused; false: it waits.
    pub(super) max_connections_fast: bool,
    /// True: `stats sizes` has an answer.
    pub(super) track_sizes: bool,
    /// False: an operator may not move pages.
    pub(super) reassign: bool,
    /// One line for each name that was accepted and changes nothing.
    pub(super) remarks: Vec<String>,
}

/// Reads the values of all `-o` options.
pub(super) fn read(values: &[String]) -> Result<Extended, BadSetting> {
    let mut extended =
        Extended { max_connections_fast: true, track_sizes: false, reassign: true, remarks: Vec::new() };
    for option in values.iter().flat_map(|value| value.split(',')) {
        let name = option.split('=').next().unwrap_or_default();
        match name {
            "maxconns_fast" => extended.max_connections_fast = true,
            "no_maxconns_fast" => extended.max_connections_fast = false,
            "track_sizes" => extended.track_sizes = true,
            "slab_reassign" => extended.reassign = true,
            "no_slab_reassign" => {
                extended.reassign = false;
                let line =
                    "-o no_slab_reassign: larder refuses slabs reassign and goes on to move pages by itself";
                extended.remarks.push(line.to_owned());
            }
            "no_modern" => {
                extended.max_connections_fast = false;
                extended.remarks.push("-o no_modern: larder only takes no_maxconns_fast from it".to_owned());
            }
            _ if WITHOUT_EFFECT.contains(&name) => {
                extended.remarks.push(format!("-o {name} has no effect in larder"));
            }
            _ if NOT_YET.contains(&name) => {
                extended.remarks.push(format!("-o {name} is not supported yet and has no effect"));
            }
            _ if REFUSED.iter().any(|refused| is_refused(refused, name)) => {
                return Err(BadSetting::new(format!("-o {name} is not supported yet"), status::OPTION));
            }
            _ => {
                return Err(BadSetting::new(format!("Illegal suboption \"{option}\""), status::OPTION));
            }
        }
    }
    Ok(extended)
}

fn is_refused(refused: &str, name: &str) -> bool {
    if refused.ends_with('_') { name.starts_with(refused) } else { name == refused }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_one(value: &str) -> Result<Extended, String> {
        read(&[value.to_owned()]).map_err(|bad| {
            assert_eq!(bad.status(), 1);
            bad.to_string()
        })
    }

    #[test]
    fn maxconns_fast_is_on_unless_switched_off() {
        assert!(read(&[]).unwrap().max_connections_fast);
        assert!(!read_one("no_maxconns_fast").unwrap().max_connections_fast);
        assert!(read_one("no_maxconns_fast,maxconns_fast").unwrap().max_connections_fast);
        assert!(!read_one("no_modern").unwrap().max_connections_fast);
    }

    #[test]
    fn a_name_without_effect_costs_one_line() {
        let extended = read_one("modern,hashpower=20,idle_timeout=300").unwrap();
        assert_eq!(extended.remarks.len(), 3);
        assert!(extended.remarks[1].contains("hashpower has no effect"));
        assert!(extended.remarks[2].contains("idle_timeout is not supported yet"));
    }

    #[test]
    fn names_that_promise_protection_or_storage_are_refused() {
        for option in ["ssl_key=/k", "drop_privileges", "ext_path=/e:1G"] {
            let line = read_one(option).unwrap_err();
            assert!(line.ends_with("is not supported yet"), "{line}");
        }
    }

    #[test]
    fn unknown_names_are_illegal() {
        assert_eq!(read_one("foo=1"), Err("Illegal suboption \"foo=1\"".into()));
        assert_eq!(read_one("modern,,modern"), Err("Illegal suboption \"\"".into()));
        assert_eq!(read_one(" modern"), Err("Illegal suboption \" modern\"".into()));
        assert!(read_one("proxy_config=x").is_err());
    }
}
