//! Keys that frameworks make: a row per format, as the framework's own source writes it.

use super::version_end;

/// A format of keys.
pub(super) struct Known {
    /// What it is known as.
    pub name: &'static str,
    /// What every such key starts with, behind `prefix:version:` if there is one.
    pub start: &'static str,
    /// True if all that follows is one id.
    pub then_id: bool,
    /// What has to be true of the rest.
    is_so: fn(&[u8]) -> bool,
    /// True if it stands behind `prefix:version:` only.
    needs_version: bool,
}

/// One whose start says it all.
const fn row(name: &'static str, start: &'static str) -> Known {
    Known { name, start, then_id: false, is_so: |_| true, needs_version: false }
}

/// The formats; of two that start alike, the longer start comes first.
static KNOWN: [Known; 12] = [
    // Django (5.2): django.contrib.sessions.backends.{cached_db,cache}, a key of 32 letters and digits.
    Known { then_id: true, is_so: is_token, ..row("django_session", "django.contrib.sessions.cached_db") },
    Known { then_id: true, is_so: is_token, ..row("django_session", "django.contrib.sessions.cache") },
    // django.utils.cache: <prefix>.<method>.<md5>.<md5>, <prefix>.<md5>; then language and time zone.
    row("django_cache_page", "views.decorators.cache.cache_page."),
    row("django_cache_header", "views.decorators.cache.cache_header."),
    // django.core.cache.utils: <fragment name>.<md5>.
    Known { is_so: ends_in_md5, ..row("django_template_fragment", "template.cache.") },
    // Django REST framework (3): rest_framework.throttling, <scope>_<user or address>.
    Known { needs_version: true, ..row("drf_throttle", "throttle_") },
    // Celery (5): celery.backends.base, a task's id, which the application may choose.
    Known { then_id: true, ..row("celery_result", "celery-task-meta-") },
    // Flask-Caching (2): the prefix it sets by default, and the path that `cached` keeps a view by.
    row("flask_view", "flask_cache_view/"),
    // Rails (5.2 and later): <template>:<digest>/<what it is made of>.
    Known { is_so: has_digest, ..row("rails_fragment", "views/") },
    // Rails: ActionDispatch::Session::CacheStore, Rack's private id: version 2, SHA-256.
    Known { then_id: true, ..row("rails_session", "_session_id:2::") },
    // PHP's memcached extension (3): session.save_handler=memcached; locks, sessions.
    Known { then_id: true, ..row("php_session_lock", "memc.sess.key.lock.") },
    Known { then_id: true, ..row("php_session", "memc.sess.key.") },
];

/// The format of a key, and the length of the `prefix:version:` before it.
pub(super) fn find(key: &[u8]) -> Option<(usize, &'static Known)> {
    let colons = key.iter().enumerate().filter(|(_, byte)| **byte == b':');
    let heads = colons.filter_map(|(at, _)| version_end(key, at));
    std::iter::once(0).chain(heads).find_map(|head| Some((head, known_at(&key[head..], head > 0)?)))
}

fn known_at(key: &[u8], behind_version: bool) -> Option<&'static Known> {
    KNOWN.iter().find(|known| {
        let rest = key.strip_prefix(known.start.as_bytes());
        (behind_version || !known.needs_version)
            && rest.is_some_and(|rest| !rest.is_empty() && (known.is_so)(rest))
    })
}

fn is_token(rest: &[u8]) -> bool {
    rest.iter().all(u8::is_ascii_alphanumeric)
}

fn ends_in_md5(rest: &[u8]) -> bool {
    rest.iter().rposition(|byte| *byte == b'.').is_some_and(|dot| is_digest(&rest[dot + 1..]))
}

fn has_digest(rest: &[u8]) -> bool {
    let mut parts = rest.split(|byte| *byte == b':').skip(1);
    parts.any(|part| part.get(32) == Some(&b'/') && is_digest(&part[..32]))
}

/// 32 digits of hex.
fn is_digest(text: &[u8]) -> bool {
    text.len() == 32 && text.iter().all(u8::is_ascii_hexdigit)
}
