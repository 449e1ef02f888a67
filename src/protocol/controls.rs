//! The grammar of the commands for operators and for tests, which only `classic.rs` calls.
//!
//! As there: one complete line without its line end; `arguments` is what follows the command word. A sub-command may be
//! any beginning of its word, and takes exactly its own arguments.

use super::classic::{Line, ends_in_noreply, refused};
use super::limits::{CRAWLER_SLEEP_MAX_MICROS, SLAB_CLASSES_MAX};
use super::refusal::Refusal;
use super::request::{Classes, ClockChange, CrawlerAction, Detail, DumpForm, Request, WatchClasses};
use super::tokens::{Tokens, is_prefix_of, loose_i64, strict_u32, token};

/// Tokens looked at, so that one too many is seen.
const WORDS_MAX: usize = 7;

/// The classes of `watch`, in the order in which a beginning of one is looked up.
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

/// The words behind a command, a last `noreply` left out; and whether there was one.
fn words<'w, 'a>(arguments: &'a [u8], room: &'w mut [&'a [u8]; WORDS_MAX]) -> (&'w [&'a [u8]], bool) {
    let noreply = ends_in_noreply(arguments);
    let mut count = 0;
    for (place, word) in room.iter_mut().zip(Tokens(arguments)) {
        *place = word;
        count += 1;
    }
    let words = &room[..count];
    match words.split_last() {
        Some((last, before)) if noreply && *last == b"noreply" => (before, true),
        _ => (words, noreply),
    }
}

/// `debugtime p|r|<seconds>`
pub(super) fn debug_time(arguments: &[u8]) -> Line<'_> {
    let change = match token(arguments) {
        Ok((_, b"p")) => Some(ClockChange::Pause),
        Ok((_, b"r")) => Some(ClockChange::Resume),
        Ok((_, secs)) => loose_i64(secs).map(ClockChange::Shift),
        Err(_) => None,
    };
    Line::Request(Request::DebugTime { change, noreply: ends_in_noreply(arguments) })
}

/// `watch [<class> ...]`; without one, fetchers. Whatever `noreply` could mean here, it is no class.
pub(super) fn watch(arguments: &[u8]) -> Line<'_> {
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
    Line::Request(Request::Watch(classes))
}

/// `on|off|dump` behind `stats detail`
pub(super) fn detail(arguments: &[u8]) -> Option<Detail> {
    match token(arguments).ok()?.1 {
        word if is_prefix_of(word, b"on") => Some(Detail::On),
        word if is_prefix_of(word, b"off") => Some(Detail::Off),
        word if is_prefix_of(word, b"dump") => Some(Detail::Dump),
        _ => None,
    }
}

/// `lru_crawler enable|disable|sleep <us>|tocrawl <n>|crawl <classes>|metadump <classes>|mgdump <classes>`
pub(super) fn crawler(arguments: &[u8]) -> Line<'_> {
    let mut room = [&b""[..]; WORDS_MAX];
    let (words, noreply) = words(arguments, &mut room);
    let action = match *words {
        [word] if is_prefix_of(word, b"enable") => Ok(CrawlerAction::Enable),
        [word] if is_prefix_of(word, b"disable") => Ok(CrawlerAction::Disable),
        [word, micros] if is_prefix_of(word, b"sleep") => match strict_u32(micros) {
            Some(micros @ ..=CRAWLER_SLEEP_MAX_MICROS) => Ok(CrawlerAction::Sleep(micros)),
            Some(_) => Err(Refusal::SleepTooLong),
            None => Err(Refusal::BadLine),
        },
        [word, items] if is_prefix_of(word, b"tocrawl") => {
            strict_u32(items).map(CrawlerAction::ToCrawl).ok_or(Refusal::BadLine)
        }
        [word, list] if is_prefix_of(word, b"crawl") => match classes(list) {
            Some(Classes::Hash) => Err(Refusal::CannotCrawlThat),
            Some(classes) => Ok(CrawlerAction::Crawl(classes)),
            None => Err(Refusal::BadClass),
        },
        [word, list] if is_prefix_of(word, b"metadump") => return dump(DumpForm::Meta, list, noreply),
        [word, list] if is_prefix_of(word, b"mgdump") => return dump(DumpForm::MetaGet, list, noreply),
        _ => Err(Refusal::Unknown),
    };
    match action {
        Ok(action) => Line::Request(Request::Crawler { action, noreply }),
        Err(refusal) => refused(refusal, noreply),
    }
}

/// A dump that nobody wants to hear is none.
fn dump(form: DumpForm, list: &[u8], noreply: bool) -> Line<'_> {
    match classes(list) {
        Some(classes) if !noreply => Line::Request(Request::Dump { form, classes }),
        _ => refused(Refusal::BadClass, noreply),
    }
}

/// `all`, `hash`, or ids from 1 separated by commas; empty places between commas mean nothing.
fn classes(list: &[u8]) -> Option<Classes> {
    match list {
        b"all" => return Some(Classes::All),
        b"hash" => return Some(Classes::Hash),
        _ => {}
    }
    let ids = list.split(|byte| *byte == b',').filter(|id| !id.is_empty());
    ids.map(|id| strict_u32(id).filter(|id| (1..SLAB_CLASSES_MAX).contains(id)))
        .try_fold(0, |bits, id| Some(bits | 1 << id?))
        .map(Classes::Listed)
}

#[cfg(test)]
mod tests {
    use super::super::classic::line;
    use super::*;

    fn crawled(text: &str) -> CrawlerAction {
        match line(text.as_bytes(), 2) {
            Line::Request(Request::Crawler { action, noreply: false }) => action,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn answer(text: &str) -> Option<Refusal> {
        match line(text.as_bytes(), 2) {
            Line::Refused { answer, .. } => answer,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn crawler_words_may_be_cut_short_and_take_their_own_arguments() {
        assert_eq!(crawled("lru_crawler e"), CrawlerAction::Enable);
        assert_eq!(crawled(" lru_crawler  disable "), CrawlerAction::Disable);
        assert_eq!(crawled("lru_crawler sl 1000000"), CrawlerAction::Sleep(1_000_000));
        assert_eq!(crawled("lru_crawler tocrawl 7"), CrawlerAction::ToCrawl(7));
        assert_eq!(crawled("lru_crawler crawl all"), CrawlerAction::Crawl(Classes::All));
        for words in ["", "enablex", "enable 1", "crawl", "crawl 1 2", "metadump", "sleep", "tocrawl 1 2"] {
            assert_eq!(answer(&format!("lru_crawler {words}")), Some(Refusal::Unknown), "{words}");
        }
        assert_eq!(answer("lru_crawler sleep 1000001"), Some(Refusal::SleepTooLong));
        assert_eq!(answer("lru_crawler tocrawl x"), Some(Refusal::BadLine));
        assert_eq!(answer("lru_crawler crawl hash"), Some(Refusal::CannotCrawlThat));
        assert_eq!(answer("lru_crawler foo noreply"), None);
    }

    #[test]
    fn watched_classes_add_up_and_may_be_cut_short() {
        let watched = |text: &str| match line(text.as_bytes(), 2) {
            Line::Request(Request::Watch(classes)) => classes,
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
            assert_eq!(answer(text), Some(Refusal::Unknown), "{text}");
        }
    }

    #[test]
    fn classes_are_listed_by_number() {
        let listed = |text: &str| classes(text.as_bytes());
        assert_eq!(listed("1"), Some(Classes::Listed(0b10)));
        assert_eq!(listed("63,1,"), Some(Classes::Listed(1 << 63 | 0b10)));
        for text in ["0", "64", "1,64", "x", "1,x", "-1", "ALL"] {
            assert_eq!(listed(text), None, "{text}");
        }
        let some = Classes::Listed(0b10);
        assert!(some.contains(1) && !some.contains(2) && !some.contains(64) && Classes::All.contains(64));
    }
}
