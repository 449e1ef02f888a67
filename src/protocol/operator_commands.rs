//! The grammar of the commands for operators and tests, called by `classic.rs`.
//!
//! A function gets the `arguments` after the command word of one complete line. A sub-command matches by any prefix of
//! its word. Words after its arguments are ignored, except after a list of classes.

use super::limits::{
    AUTOMOVE_MAX, AUTOMOVE_WINDOW, CRAWLER_SLEEP_MAX_MICROS, LRU_PERCENT_MAX, SLAB_CLASSES_MAX,
};
use super::operator_request::{
    ClassSet, Classes, ClockChange, CrawlerAction, DetailAction, DumpFormat, LruAction, SlabsAction,
    WatchClasses,
};
use super::parsed_line::{ParsedLine, ends_in_noreply, refused};
use super::refusal::Refusal;
use super::request::Request;
use super::thousandths::Thousandths;
use super::tokens::{Tokens, is_prefix_of, loose_i64, strict_i32, strict_u32, thousandths, token};

/// Tokens that are read: one more than any command takes.
const WORDS_MAX: usize = 7;

/// The classes of `watch`, in the order in which prefixes are matched.
const WATCH_WORDS: [&[u8]; 10] = [
    b"rawcmds",
    b"evictions",
    b"fetchers",
    b"mutations",
    b"sysevents",
    b"connevents",
    b"deletions",
    b"proxyreqs",
    b"proxyevents",
    b"proxyuser",
];

/// The words after a command without a trailing `noreply`, and whether `noreply` was present.
fn words<'w, 'a>(arguments: &'a [u8], buffer: &'w mut [&'a [u8]; WORDS_MAX]) -> (&'w [&'a [u8]], bool) {
    let noreply = ends_in_noreply(arguments);
    let mut count = 0;
    for (slot, word) in buffer.iter_mut().zip(Tokens(arguments)) {
        *slot = word;
        count += 1;
    }
    let words = &buffer[..count];
    match words.split_last() {
        Some((last, before)) if noreply && *last == b"noreply" => (before, true),
        _ => (words, noreply),
    }
}

/// `debugtime p|r|<seconds>`
pub(super) fn debug_time(arguments: &[u8]) -> ParsedLine<'_> {
    let change = match token(arguments) {
        Ok((_, b"p")) => Some(ClockChange::Pause),
        Ok((_, b"r")) => Some(ClockChange::Resume),
        Ok((_, secs)) => loose_i64(secs).map(ClockChange::Shift),
        Err(_) => None,
    };
    ParsedLine::Request(Request::DebugTime { change, noreply: ends_in_noreply(arguments) })
}

/// `watch [<class> ...]`; the default is `fetchers`. `noreply` is refused like any unknown class.
pub(super) fn watch(arguments: &[u8]) -> ParsedLine<'_> {
    let mut classes = WatchClasses { fetchers: token(arguments).is_err(), ..WatchClasses::default() };
    for word in Tokens(arguments) {
        match WATCH_WORDS.into_iter().find(|known| is_prefix_of(word, known)) {
            Some(b"evictions") => classes.evictions = true,
            Some(b"fetchers") => classes.fetchers = true,
            Some(b"mutations") => classes.mutations = true,
            Some(b"sysevents") => classes.system = true,
            Some(b"connevents") => classes.connections = true,
            Some(b"deletions") => classes.deletions = true,
            Some(_) => {}
            None => return refused(Refusal::Unknown, false),
        }
    }
    ParsedLine::Request(Request::Watch(classes))
}

/// `on|off|dump` after `stats detail`
pub(super) fn detail(arguments: &[u8]) -> Option<DetailAction> {
    match token(arguments).ok()?.1 {
        word if is_prefix_of(word, b"on") => Some(DetailAction::On),
        word if is_prefix_of(word, b"off") => Some(DetailAction::Off),
        word if is_prefix_of(word, b"dump") => Some(DetailAction::Dump),
        _ => None,
    }
}

/// `lru_crawler enable|disable|sleep <us>|tocrawl <n>|crawl <classes>|metadump <classes>|mgdump <classes>`
pub(super) fn crawler(arguments: &[u8]) -> ParsedLine<'_> {
    let mut buffer = [&b""[..]; WORDS_MAX];
    let (words, noreply) = words(arguments, &mut buffer);
    let action = match *words {
        [word, ..] if is_prefix_of(word, b"enable") => Ok(CrawlerAction::Enable),
        [word, ..] if is_prefix_of(word, b"disable") => Ok(CrawlerAction::Disable),
        [word, micros, ..] if is_prefix_of(word, b"sleep") => match strict_u32(micros) {
            Some(micros @ ..=CRAWLER_SLEEP_MAX_MICROS) => Ok(CrawlerAction::Sleep(micros)),
            Some(_) => Err(Refusal::SleepTooLong),
            None => Err(Refusal::BadLine),
        },
        [word, items, ..] if is_prefix_of(word, b"tocrawl") => {
            strict_u32(items).map(CrawlerAction::ToCrawl).ok_or(Refusal::BadLine)
        }
        [word, list] if is_prefix_of(word, b"crawl") => match classes(list) {
            Some(Classes::Hash) => Err(Refusal::CannotCrawlThat),
            Some(classes) => Ok(CrawlerAction::Crawl(classes)),
            None => Err(Refusal::BadClass),
        },
        [word, list] if is_prefix_of(word, b"metadump") => return dump(DumpFormat::Meta, list, noreply),
        [word, list] if is_prefix_of(word, b"mgdump") => return dump(DumpFormat::MetaGet, list, noreply),
        _ => Err(Refusal::Unknown),
    };
    match action {
        Ok(action) => ParsedLine::Request(Request::Crawler { action, noreply }),
        Err(refusal) => refused(refusal, noreply),
    }
}

/// `slabs reassign <from> <to>|automove <n>|automove ratio|freeratio|window <n>`
pub(super) fn slabs(arguments: &[u8]) -> ParsedLine<'_> {
    let mut buffer = [&b""[..]; WORDS_MAX];
    let (words, noreply) = words(arguments, &mut buffer);
    let action = match *words {
        [word, from, to] if is_prefix_of(word, b"reassign") => match (strict_i32(from), strict_i32(to)) {
            (Some(from), Some(to)) => Ok(SlabsAction::Reassign { from, to }),
            _ => Err(Refusal::BadLine),
        },
        [word, rule, number, ..] if is_prefix_of(word, b"automove") && is_prefix_of(rule, b"ratio") => {
            let ratio = thousandths(number).filter(|ratio| (1..=1000).contains(&ratio.0));
            ratio.map(SlabsAction::AutomoveRatio).ok_or(Refusal::Unknown)
        }
        [word, rule, number, ..] if is_prefix_of(word, b"automove") && is_prefix_of(rule, b"freeratio") => {
            thousandths(number).map(|_| SlabsAction::AutomoveFreeRatio).ok_or(Refusal::Unknown)
        }
        [word, rule, number, ..] if is_prefix_of(word, b"automove") && is_prefix_of(rule, b"window") => {
            let window = strict_u32(number).filter(|window| AUTOMOVE_WINDOW.contains(window));
            window.map(SlabsAction::AutomoveWindow).ok_or(Refusal::BadAutomoveWindow)
        }
        [word, number, ..] if is_prefix_of(word, b"automove") => match strict_u32(number) {
            Some(number @ ..=AUTOMOVE_MAX) => Ok(SlabsAction::Automove(number)),
            Some(_) => Err(Refusal::Unknown),
            None => Err(Refusal::BadLine),
        },
        _ => Err(Refusal::Unknown),
    };
    match action {
        Ok(action) => ParsedLine::Request(Request::Slabs { action, noreply }),
        Err(refusal) => refused(refusal, noreply),
    }
}

/// `lru tune <hot> <warm> <factor> <factor>|mode flat|segmented|temp_ttl <seconds>`
pub(super) fn lru(arguments: &[u8]) -> ParsedLine<'_> {
    let mut buffer = [&b""[..]; WORDS_MAX];
    let (words, noreply) = words(arguments, &mut buffer);
    let action = match *words {
        [word, ref numbers @ ..] if is_prefix_of(word, b"tune") => tune(numbers),
        [word, mode, ..] if is_prefix_of(word, b"mode") => match mode {
            mode if is_prefix_of(mode, b"flat") => Ok(LruAction::Mode { segmented: false }),
            mode if is_prefix_of(mode, b"segmented") => Ok(LruAction::Mode { segmented: true }),
            _ => Err(Refusal::Unknown),
        },
        [word, secs, ..] if is_prefix_of(word, b"temp_ttl") => {
            strict_i32(secs).map(LruAction::TempTtl).ok_or(Refusal::Unknown)
        }
        _ => Err(Refusal::Unknown),
    };
    match action {
        Ok(action) => ParsedLine::Request(Request::Lru { action, noreply }),
        Err(refusal) => refused(refusal, noreply),
    }
}

fn tune(numbers: &[&[u8]]) -> Result<LruAction, Refusal> {
    let [hot, warm, hot_factor, warm_factor, ..] = *numbers else { return Err(Refusal::Unknown) };
    let numbers = (strict_u32(hot), strict_u32(warm), thousandths(hot_factor), thousandths(warm_factor));
    let (Some(hot_percent), Some(warm_percent), Some(hot_factor), Some(warm_factor)) = numbers else {
        return Err(Refusal::Unknown);
    };
    if hot_percent.saturating_add(warm_percent) > LRU_PERCENT_MAX {
        Err(Refusal::LruPercentTooHigh)
    } else if hot_factor.min(warm_factor) == Thousandths(0) {
        Err(Refusal::LruFactorTooLow)
    } else {
        Ok(LruAction::Tune { hot_percent, warm_percent, hot_factor, warm_factor })
    }
}

/// `<classes>`; a dump with `noreply` does nothing.
fn dump(format: DumpFormat, list: &[u8], noreply: bool) -> ParsedLine<'_> {
    match classes(list) {
        Some(classes) if !noreply => ParsedLine::Request(Request::Dump { format, classes }),
        _ => refused(Refusal::BadClass, noreply),
    }
}

/// `all`, `hash`, or ids from 1 separated by commas; empty entries are ignored.
fn classes(list: &[u8]) -> Option<Classes> {
    match list {
        b"all" => return Some(Classes::All),
        b"hash" => return Some(Classes::Hash),
        _ => {}
    }
    let ids = list.split(|byte| *byte == b',').filter(|id| !id.is_empty());
    ids.map(|id| strict_u32(id).filter(|id| (1..SLAB_CLASSES_MAX).contains(id)))
        .try_fold(ClassSet::default(), |set, id| Some(set.with(id?)))
        .map(Classes::Listed)
}

#[cfg(test)]
mod tests {
    use super::super::classic::parse_line;
    use super::*;

    fn crawler_action(text: &str) -> CrawlerAction {
        match parse_line(text.as_bytes(), 2) {
            ParsedLine::Request(Request::Crawler { action, noreply: false }) => action,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn refusal(text: &str) -> Option<Refusal> {
        match parse_line(text.as_bytes(), 2) {
            ParsedLine::Refused { reply, .. } => reply,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn crawler_sub_commands_match_by_prefix() {
        assert_eq!(crawler_action("lru_crawler e"), CrawlerAction::Enable);
        assert_eq!(crawler_action(" lru_crawler  disable "), CrawlerAction::Disable);
        assert_eq!(crawler_action("lru_crawler sl 1000000"), CrawlerAction::Sleep(1_000_000));
        assert_eq!(crawler_action("lru_crawler tocrawl 7"), CrawlerAction::ToCrawl(7));
        assert_eq!(crawler_action("lru_crawler crawl all"), CrawlerAction::Crawl(Classes::All));
        assert_eq!(crawler_action("lru_crawler enable x"), CrawlerAction::Enable);
        for words in ["", "enablex", "crawl", "crawl 1 2", "metadump", "sleep", "tocrawl"] {
            assert_eq!(refusal(&format!("lru_crawler {words}")), Some(Refusal::Unknown), "{words}");
        }
        assert_eq!(refusal("lru_crawler sleep 1000001"), Some(Refusal::SleepTooLong));
        assert_eq!(refusal("lru_crawler tocrawl x"), Some(Refusal::BadLine));
        assert_eq!(refusal("lru_crawler crawl hash"), Some(Refusal::CannotCrawlThat));
        assert_eq!(refusal("lru_crawler foo noreply"), None);
    }

    #[test]
    fn watch_classes_accumulate_and_match_by_prefix() {
        let watched = |text: &str| match parse_line(text.as_bytes(), 2) {
            ParsedLine::Request(Request::Watch(classes)) => classes,
            other => panic!("{text}: {other:?}"),
        };
        let fetchers = WatchClasses { fetchers: true, ..WatchClasses::default() };
        assert_eq!(watched("watch"), fetchers);
        assert_eq!(watched("watch f"), fetchers);
        assert_eq!(watched("watch rawcmds proxyreqs proxyevents proxyuser"), WatchClasses::default());
        let all = watched("watch evictions fetchers mutations sysevents connevents deletions");
        assert!(
            all.evictions && all.fetchers && all.mutations && all.system && all.connections && all.deletions
        );
        for text in ["watch x", "watch fetchersx", "watch fetchers x", "watch noreply"] {
            assert_eq!(refusal(text), Some(Refusal::Unknown), "{text}");
        }
    }

    #[test]
    fn classes_are_listed_by_id() {
        let listed = |text: &str| classes(text.as_bytes());
        let one = ClassSet::default().with(1);
        assert_eq!(listed("1"), Some(Classes::Listed(one)));
        assert_eq!(listed("255,1,63,64,"), Some(Classes::Listed(one.with(63).with(64).with(255))));
        for text in ["0", "256", "1,256", "x", "1,x", "-1", "ALL"] {
            assert_eq!(listed(text), None, "{text}");
        }
        let some = Classes::Listed(one.with(255));
        assert!(some.contains(1) && some.contains(255) && Classes::All.contains(1000));
        assert!(![0, 2, 65, 256, 257].iter().any(|class| some.contains(*class)));
    }
}
