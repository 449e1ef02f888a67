//! The lines of a reply to `stats`, in the order of the server.

use super::reply;

/// Names and values.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct StatLines(Vec<(String, String)>);

impl StatLines {
    /// Appends a line.
    pub fn push(&mut self, name: &[u8], value: &[u8]) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        self.0.push((text(name), text(value)));
    }

    /// True if there are no lines.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Number of lines.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// All names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The value with this name.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// The value with this name as an integer.
    pub fn number(&self, name: &str) -> Option<u64> {
        reply::number(self.text(name)?.as_bytes())
    }

    /// The value with this name as a number, which may have a fraction.
    pub fn real(&self, name: &str) -> Option<f64> {
        reply::real(self.text(name)?.as_bytes())
    }

    /// The lines with names that begin with `start`, without it.
    pub fn below(&self, start: &str) -> StatLines {
        let below = self.iter().filter_map(|(name, value)| Some((name.strip_prefix(start)?, value)));
        StatLines(below.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// Groups the lines by the part of their name before the first colon, in the order of the server.
    pub fn groups(&self) -> Vec<(String, StatLines)> {
        let mut groups: Vec<(String, StatLines)> = Vec::new();
        for (name, value) in self.iter() {
            let Some((group, name)) = name.split_once(':') else { continue };
            if groups.last().is_none_or(|(last, _)| last != group) {
                groups.push((group.to_owned(), StatLines::default()));
            }
            if let Some((_, stats)) = groups.last_mut() {
                stats.push(name.as_bytes(), value.as_bytes());
            }
        }
        groups
    }
}

#[cfg(test)]
impl StatLines {
    /// Parses a text with a name and a value on each line.
    pub fn of(text: &str) -> StatLines {
        let mut stats = StatLines::default();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(' ').unwrap_or((line, ""));
            stats.push(name.as_bytes(), value.as_bytes());
        }
        stats
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_name() {
        let stats = StatLines::of("items 7\nratio 0.5\nversion 1.6");
        assert_eq!(stats.number("items"), Some(7));
        assert_eq!(stats.real("ratio"), Some(0.5));
        assert_eq!(stats.text("version"), Some("1.6"));
        assert_eq!(stats.number("ratio"), None);
        assert_eq!(stats.number("none"), None);
    }

    #[test]
    fn groups_have_the_order_of_the_server() {
        let stats = StatLines::of("total 9\n10:shape a\n10:items 1\n2:shape b");
        let groups = stats.groups();
        let names: Vec<&str> = groups.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["10", "2"]);
        assert_eq!(groups[0].1.number("items"), Some(1));
        let keys = StatLines::of("reads:1:key a\nwrites:1:key b").below("reads:");
        assert_eq!(keys.groups()[0].1.text("key"), Some("a"));
    }
}
