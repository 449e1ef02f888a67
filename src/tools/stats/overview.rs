//! The overview of the general statistics. A line is omitted if the server does not have its numbers.

use crate::tools::escape::escape;
use crate::tools::stat_lines::StatLines;
use crate::tools::table::{Align, Table};
use crate::tools::{Style, units};

const BAR_WIDTH: usize = 20;

/// The overview of a server.
pub fn text(server: &str, stats: &StatLines, style: Style) -> String {
    let mut table = Table::new([("", Align::Left), ("", Align::Left)]);
    let rows = [
        ("memory", memory(stats, style)),
        ("items", items(stats)),
        ("hits", hits(stats)),
        ("gets", rate(stats, stats.number("cmd_get"))),
        ("sets", rate(stats, stats.number("cmd_set"))),
        ("deletes", rate(stats, sum(stats, ["delete_hits", "delete_misses"]))),
        ("evictions", evictions(stats)),
        ("expired", stats.number("reclaimed").map(units::count)),
        ("connections", connections(stats)),
        ("traffic", traffic(stats)),
    ];
    for (name, row) in rows {
        if let Some(row) = row {
            table.push([name.to_owned(), row]);
        }
    }
    format!("{}\n\n{}", heading(server, stats), table.text())
}

fn heading(server: &str, stats: &StatLines) -> String {
    let version = stats.text("version").map(|version| format!(", version {}", escape(version.as_bytes())));
    let uptime = stats.number("uptime").map(|secs| format!(", up {}", units::span(secs)));
    let threads = stats.number("threads").map(|count| format!(", worker threads: {count}"));
    [Some(server.to_owned()), version, uptime, threads].into_iter().flatten().collect()
}

fn memory(stats: &StatLines, style: Style) -> Option<String> {
    let (used, limit) = (stats.number("bytes")?, stats.number("limit_maxbytes")?);
    let share = units::share(used, limit)?;
    let bar = units::bar(share, BAR_WIDTH, style.unicode);
    let sizes = format!("{} of {} ({})", units::bytes(used), units::bytes(limit), units::percent(share));
    Some(format!("{sizes}  {bar}").trim_end().to_owned())
}

fn items(stats: &StatLines) -> Option<String> {
    let items = stats.number("curr_items")?;
    let mean = stats.number("bytes")?.checked_div(items);
    let mean = mean.map(|mean| format!(", {} each", units::bytes(mean))).unwrap_or_default();
    Some(units::count(items) + &mean)
}

fn hits(stats: &StatLines) -> Option<String> {
    let (hits, misses) = (stats.number("get_hits")?, stats.number("get_misses")?);
    let gets = hits.saturating_add(misses);
    let of = format!("of {} gets", units::count(gets));
    Some(
        units::share(hits, gets)
            .map_or("none yet".to_owned(), |share| format!("{} {of}", units::percent(share))),
    )
}

fn sum<const N: usize>(stats: &StatLines, names: [&str; N]) -> Option<u64> {
    names.iter().try_fold(0u64, |sum, name| Some(sum.saturating_add(stats.number(name)?)))
}

/// A count, and its mean per second since the start.
fn rate(stats: &StatLines, number: Option<u64>) -> Option<String> {
    let number = number?;
    let uptime = stats.number("uptime")?.max(1);
    Some(format!("{}, {} per second", units::count(number), units::rate(number as f64 / uptime as f64)))
}

fn evictions(stats: &StatLines) -> Option<String> {
    let text = rate(stats, stats.number("evictions"))?;
    let unread = stats.number("evicted_unfetched").filter(|unread| *unread > 0);
    Some(unread.map_or(text.clone(), |unread| format!("{text}; {} never read", units::count(unread))))
}

fn connections(stats: &StatLines) -> Option<String> {
    let (open, limit) = (stats.number("curr_connections")?, stats.number("max_connections")?);
    let rejected = stats.number("rejected_connections").filter(|rejected| *rejected > 0);
    let rejected =
        rejected.map(|rejected| format!("; {} refused", units::count(rejected))).unwrap_or_default();
    Some(format!("{} of {}{rejected}", units::count(open), units::count(limit)))
}

fn traffic(stats: &StatLines) -> Option<String> {
    let uptime = stats.number("uptime")?.max(1);
    let per_second = |name: &str| Some(units::bytes(stats.number(name)? / uptime));
    Some(format!("{}/s in, {}/s out", per_second("bytes_read")?, per_second("bytes_written")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_overview_has_all_lines() {
        let stats = StatLines::of(
            "uptime 192\nversion 1.6.45\nthreads 4\nbytes 33554432\nlimit_maxbytes 67108864\ncurr_items 65536
            get_hits 912\nget_misses 88\ncmd_get 1000\ncmd_set 1920\ndelete_hits 1\ndelete_misses 1\nevictions 384
            evicted_unfetched 12\nreclaimed 7\ncurr_connections 50\nmax_connections 1024\nrejected_connections 3
            bytes_read 1966080\nbytes_written 19200",
        );
        let expected = "\
cache:7, version 1.6.45, up 3 min 12 s, worker threads: 4

memory       32 MB of 64 MB (50.0 %)  ##########
items        65,536, 512 bytes each
hits         91.2 % of 1,000 gets
gets         1,000, 5.2 per second
sets         1,920, 10 per second
deletes      2, 0 per second
evictions    384, 2 per second; 12 never read
expired      7
connections  50 of 1,024; 3 refused
traffic      10 KB/s in, 100 bytes/s out
";
        assert_eq!(text("cache:7", &stats, Style { unicode: false }), expected);
    }

    #[test]
    fn lines_without_numbers_are_omitted() {
        let stats = StatLines::of("version 1.4\ncurr_items 0\nbytes 0\nget_hits 0\nget_misses 0");
        let expected = "cache:7, version 1.4\n\nitems  0\nhits   none yet\n";
        assert_eq!(text("cache:7", &stats, Style { unicode: false }), expected);
    }
}
