//! The topics of larder: hot keys, families, memory, latency.

use crate::tools::escape::{escape, percent_decoded};
use crate::tools::stat_lines::StatLines;
use crate::tools::table::{Align, Table};
use crate::tools::{Style, json, units};
use serde_json::{Value, json};

const BAR_WIDTH: usize = 30;

/// Format of a topic.
#[derive(Clone, Copy)]
pub struct TopicFormat {
    topic: &'static str,
    /// True if the reply of a larder is never empty.
    pub never_empty: bool,
    /// Formats text.
    pub text: fn(&StatLines, Style) -> String,
    /// Formats JSON.
    pub value: fn(&StatLines) -> Value,
}

const TOPIC_FORMATS: [TopicFormat; 4] = [
    TopicFormat { topic: "hotkeys", never_empty: true, text: hot_keys_text, value: hot_keys_value },
    TopicFormat { topic: "families", never_empty: false, text: families_text, value: families_value },
    TopicFormat { topic: "memory", never_empty: true, text: memory_text, value: memory_value },
    TopicFormat { topic: "latency", never_empty: false, text: latency_text, value: latency_value },
];

/// The format of a topic of larder.
pub fn topic_format(topic: &str) -> Option<TopicFormat> {
    TOPIC_FORMATS.into_iter().find(|topic_format| topic_format.topic == topic)
}

/// Order of a list of hot keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ranking {
    /// Reads.
    Reads,
    /// Stores.
    Writes,
    /// Bytes of values read.
    BytesOut,
}

impl Ranking {
    /// All of them.
    pub const ALL: [Ranking; 3] = [Ranking::Reads, Ranking::Writes, Ranking::BytesOut];

    /// The name in the protocol.
    pub fn name(self) -> &'static str {
        match self {
            Ranking::Reads => "reads",
            Ranking::Writes => "writes",
            Ranking::BytesOut => "bytes_out",
        }
    }

    /// The name in the output.
    pub fn words(self) -> &'static str {
        match self {
            Ranking::BytesOut => "bytes out",
            _ => self.name(),
        }
    }

    /// Formats a count of this ranking.
    pub fn amount(self, number: u64) -> String {
        if self == Ranking::BytesOut { units::bytes(number) } else { units::count(number) }
    }

    /// The total that the counts are part of.
    pub fn total(self, stats: &StatLines) -> u64 {
        stats.number(&format!("total_{}", self.name())).unwrap_or(0)
    }
}

/// A key of a list of the most used ones.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HotKey {
    /// Percent-encoded.
    encoded: String,
    /// Estimated count, and the upper bound of its error.
    pub count: u64,
    error: u64,
}

impl HotKey {
    /// The keys of one ranking, the most used first.
    pub fn read(stats: &StatLines, ranking: Ranking) -> Vec<HotKey> {
        let groups = stats.below(&format!("{}:", ranking.name())).groups();
        let keys = groups.into_iter().filter_map(|(_, stats)| {
            let encoded = stats.text("key")?.to_owned();
            Some(HotKey { encoded, count: stats.number("count")?, error: stats.number("error").unwrap_or(0) })
        });
        keys.collect()
    }

    /// The key, escaped.
    pub fn escaped(&self) -> String {
        escape(&percent_decoded(self.encoded.as_bytes()))
    }
}

fn hot_keys_text(stats: &StatLines, _: Style) -> String {
    let sampled = stats.number("sampled_one_in").unwrap_or(1);
    let mut text = match sampled {
        ..=1 => "Every operation is sampled.\n".to_owned(),
        _ => format!("One operation in {} is sampled.\n", units::count(sampled)),
    };
    for ranking in Ranking::ALL {
        let total = ranking.total(stats);
        let keys = HotKey::read(stats, ranking);
        text += &format!("\nBy {}, of {} in all:\n", ranking.words(), ranking.amount(total));
        if keys.is_empty() {
            text += "none\n";
            continue;
        }
        let heading = ranking.words().to_uppercase();
        let columns = [
            (heading.as_str(), Align::Right),
            ("MAX ERROR", Align::Right),
            ("SHARE", Align::Right),
            ("KEY", Align::Left),
        ];
        let mut table = Table::new(columns);
        for key in keys {
            let share = units::share_of(key.count, total);
            table.push([ranking.amount(key.count), ranking.amount(key.error), share, key.escaped()]);
        }
        text += &table.text();
    }
    text
}

/// JSON of the hot keys.
pub fn hot_keys_value(stats: &StatLines) -> Value {
    let mut object = json!({"sampled_one_in": stats.number("sampled_one_in")});
    for ranking in Ranking::ALL {
        let keys = HotKey::read(stats, ranking).into_iter().map(|key| {
            let text = json::key(&key.encoded);
            json!({"key": text, "encoded": key.encoded, "count": key.count, "error": key.error})
        });
        object[format!("total_{}", ranking.name())] = json!(ranking.total(stats));
        object[ranking.name()] = keys.collect();
    }
    object
}

/// The family of all keys with one shape.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Family {
    /// Percent-encoded.
    encoded: String,
    /// The name in the protocol; empty if the family has none.
    name: String,
    /// Stored items.
    pub items: u64,
    /// Bytes of these items.
    pub bytes: u64,
    /// Reads.
    pub reads: u64,
    /// Hits among the reads.
    pub hits: u64,
    /// Stores.
    pub writes: u64,
    /// Evictions.
    pub evictions: u64,
    age_secs: Option<u64>,
}

impl Family {
    /// All families, in the order of the server.
    pub fn read(stats: &StatLines) -> Vec<Family> {
        let groups = stats.groups().into_iter();
        let families = groups.filter_map(|(_, stats)| {
            let number = |name| stats.number(name).unwrap_or(0);
            Some(Family {
                encoded: stats.text("shape")?.to_owned(),
                name: stats.text("name").unwrap_or_default().to_owned(),
                items: number("items"),
                bytes: number("bytes"),
                reads: number("reads"),
                hits: number("hits"),
                writes: number("writes"),
                evictions: number("evictions"),
                age_secs: stats.number("age_mean"),
            })
        });
        families.collect()
    }

    /// The shape, escaped.
    pub fn shape(&self) -> String {
        escape(&percent_decoded(self.encoded.as_bytes()))
    }

    /// The name with spaces, escaped; empty if there is none.
    pub fn display_name(&self) -> String {
        escape(self.name.replace('_', " ").as_bytes())
    }

    /// Hits per read, in per cent.
    pub fn hit_ratio(&self) -> String {
        units::share_of(self.hits, self.reads)
    }

    /// Mean age of the items.
    pub fn age(&self) -> String {
        self.age_secs.map_or_else(|| "-".to_owned(), units::span)
    }
}

fn families_text(stats: &StatLines, _: Style) -> String {
    let families = Family::read(stats);
    if families.is_empty() {
        return "no families of keys: nothing sampled yet, or not supported by the server\n".to_owned();
    }
    let mut table = Table::new([
        ("ITEMS", Align::Right),
        ("BYTES", Align::Right),
        ("READS", Align::Right),
        ("HITS", Align::Right),
        ("WRITES", Align::Right),
        ("EVICTIONS", Align::Right),
        ("MEAN AGE", Align::Right),
        ("WHAT", Align::Left),
        ("SHAPE", Align::Left),
    ]);
    for family in families {
        table.push([
            units::count(family.items),
            units::bytes(family.bytes),
            units::count(family.reads),
            family.hit_ratio(),
            units::count(family.writes),
            units::count(family.evictions),
            family.age(),
            family.display_name(),
            family.shape(),
        ]);
    }
    table.text()
}

/// JSON of the families.
pub fn families_value(stats: &StatLines) -> Value {
    let families = Family::read(stats).into_iter().map(|family| {
        json!({
            "shape": json::key(&family.encoded), "name": (!family.name.is_empty()).then_some(family.name),
            "items": family.items, "bytes": family.bytes, "reads": family.reads, "hits": family.hits,
            "writes": family.writes, "evictions": family.evictions, "age_mean_secs": family.age_secs,
        })
    });
    json!({"families": families.collect::<Vec<_>>()})
}

/// Name of the line with the total.
const RESIDENT: &str = "resident";

fn memory_text(stats: &StatLines, style: Style) -> String {
    let parts = stats.iter().filter_map(|(name, value)| Some((name, value.parse::<u64>().ok()?)));
    let parts: Vec<(&str, u64)> = parts.collect();
    let sum = || parts.iter().map(|(_, bytes)| *bytes).fold(0, u64::saturating_add);
    let resident = stats.number(RESIDENT).unwrap_or_else(sum);
    let mut table = Table::new([
        ("PART", Align::Left),
        ("SIZE", Align::Right),
        ("SHARE", Align::Right),
        ("", Align::Left),
    ]);
    for (name, bytes) in parts {
        let share = units::share(bytes, resident).unwrap_or(0.0);
        let bar = if name == RESIDENT { String::new() } else { units::bar(share, BAR_WIDTH, style.unicode) };
        let name = escape(name.replace('_', " ").as_bytes());
        table.push([name, units::bytes(bytes), units::percent(share), bar]);
    }
    table.text()
}

fn memory_value(stats: &StatLines) -> Value {
    Value::Object(json::object(stats))
}

/// Names of the times in the protocol, and their headings.
const TIMES: [(&str, &str); 4] =
    [("p50_us", "P50"), ("p99_us", "P99"), ("p999_us", "P99.9"), ("max_us", "MAX")];

fn latency_text(stats: &StatLines, _: Style) -> String {
    let commands = stats.groups();
    if commands.is_empty() {
        return "no latency: nothing measured yet, or not supported by the server\n".to_owned();
    }
    let times = TIMES.map(|(_, heading)| (heading, Align::Right));
    let [half, p99, p999, all] = times;
    let mut table = Table::new([("COMMANDS", Align::Left), ("MEASURED", Align::Right), half, p99, p999, all]);
    for (commands, stats) in commands {
        let time = |(name, _): (&str, &str)| stats.real(name).map_or("-".to_owned(), units::micros);
        let [half, p99, p999, all] = TIMES.map(time);
        let count = units::count(stats.number("count").unwrap_or(0));
        table.push([escape(commands.as_bytes()), count, half, p99, p999, all]);
    }
    table.text()
}

fn latency_value(stats: &StatLines) -> Value {
    let commands = stats.groups().into_iter();
    Value::Object(commands.map(|(name, stats)| (name, Value::Object(json::object(&stats)))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASCII: Style = Style { unicode: false };

    #[test]
    fn hot_keys_have_three_rankings() {
        let stats = StatLines::of(
            "sampled_one_in 100\ntotal_reads 10000\ntotal_writes 0\ntotal_bytes_out 2097152
            reads:1:key %3A1%3Anews\nreads:1:count 2500\nreads:1:error 25
            reads:2:key a%1Bb\nreads:2:count 100\nreads:2:error 0
            bytes_out:1:key big\nbytes_out:1:count 1048576\nbytes_out:1:error 1024",
        );
        let expected = "\
One operation in 100 is sampled.

By reads, of 10,000 in all:
READS  MAX ERROR   SHARE  KEY
2,500         25  25.0 %  :1:news
  100          0   1.0 %  a\\x1bb

By writes, of 0 in all:
none

By bytes out, of 2 MB in all:
BYTES OUT  MAX ERROR   SHARE  KEY
     1 MB       1 KB  50.0 %  big
";
        assert_eq!(hot_keys_text(&stats, ASCII), expected);
        let value = hot_keys_value(&stats);
        assert_eq!(value["reads"][0]["key"], ":1:news");
        assert_eq!(value["reads"][0]["encoded"], "%3A1%3Anews");
        assert_eq!(value["writes"], json!([]));
    }

    #[test]
    fn families_are_a_table() {
        let stats = StatLines::of(
            "1:shape %3A1%3Asession*\n1:name django_session\n1:items 1200\n1:bytes 1048576\n1:reads 1000\n1:hits 912
            1:writes 30\n1:evictions 4\n1:age_mean 192\n2:shape x*\n2:items 1\n2:bytes 70\n2:reads 0\n2:hits 0
            2:writes 1\n2:evictions 0",
        );
        let expected = "\
ITEMS     BYTES  READS    HITS  WRITES  EVICTIONS    MEAN AGE  WHAT            SHAPE
1,200      1 MB  1,000  91.2 %      30          4  3 min 12 s  django session  :1:session*
    1  70 bytes      0       -       1          0           -                  x*
";
        assert_eq!(families_text(&stats, ASCII), expected);
        let value = families_value(&stats);
        assert_eq!(value["families"][0]["name"], "django_session");
        assert_eq!(value["families"][1]["name"], Value::Null);
        assert_eq!(value["families"][1]["age_mean_secs"], Value::Null);
        assert!(families_text(&StatLines::default(), ASCII).starts_with("no families"));
    }

    #[test]
    fn memory_has_bars() {
        let stats = StatLines::of("slab_pages 3145728\nindex 1048576\nresident 4194304");
        let expected = "\
PART        SIZE    SHARE
slab pages  3 MB   75.0 %  #######################
index       1 MB   25.0 %  ########
resident    4 MB  100.0 %
";
        assert_eq!(memory_text(&stats, ASCII), expected);
    }

    #[test]
    fn latencies_have_a_fitting_unit() {
        let stats = StatLines::of(
            "get:count 1000\nget:p50_us 12.3\nget:p99_us 1500.0\nget:p999_us 2000000.0\nget:max_us 2500000.0",
        );
        let expected = "\
COMMANDS  MEASURED      P50     P99  P99.9    MAX
get          1,000  12.3 us  1.5 ms    2 s  2.5 s
";
        assert_eq!(latency_text(&stats, ASCII), expected);
        assert_eq!(latency_value(&stats)["get"]["p50_us"], 12.3);
        assert!(latency_text(&StatLines::default(), ASCII).starts_with("no latency"));
    }
}
