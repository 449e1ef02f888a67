//! Key formats of frameworks: one row per format, as the source of the framework writes it.

use super::version_end;

/// A key format.
pub(super) struct KnownFormat {
    /// Name of the family.
    pub name: &'static str,
    /// The start of every such key, after `prefix:version:` if there is one.
    pub start: &'static str,
    /// True if the rest is one id.
    pub rest_is_id: bool,
    /// Condition on the rest.
    matches_rest: fn(&[u8]) -> bool,
    /// True if the format only occurs after `prefix:version:`.
    needs_version: bool,
}

/// A format without a condition.
const fn format(name: &'static str, start: &'static str) -> KnownFormat {
    KnownFormat { name, start, rest_is_id: false, matches_rest: |_| true, needs_version: false }
}

/// The formats. If one start is a prefix of another, the longer one comes first.
static KNOWN_FORMATS: [KnownFormat; 12] = [
    // Django (5.2): django.contrib.sessions.backends.{cached_db,cache}, a key of 32 letters and digits.
    KnownFormat {
        rest_is_id: true,
        matches_rest: is_token,
        ..format("django_session", "django.contrib.sessions.cached_db")
    },
    KnownFormat {
        rest_is_id: true,
        matches_rest: is_token,
        ..format("django_session", "django.contrib.sessions.cache")
    },
    // django.utils.cache: <prefix>.<method>.<md5>.<md5>, <prefix>.<md5>; then language and time zone.
    format("django_cache_page", "views.decorators.cache.cache_page."),
    format("django_cache_header", "views.decorators.cache.cache_header."),
    // django.core.cache.utils: <fragment name>.<md5>.
    KnownFormat { matches_rest: ends_in_md5, ..format("django_template_fragment", "template.cache.") },
    // Django REST framework (3): rest_framework.throttling, <scope>_<user or address>.
    KnownFormat { needs_version: true, ..format("drf_throttle", "throttle_") },
    // Celery (5): celery.backends.base, the id of a task, which the application may choose.
    KnownFormat { rest_is_id: true, ..format("celery_result", "celery-task-meta-") },
    // Flask-Caching (2): its default prefix, and the path of a view that `cached` decorates.
    format("flask_view", "flask_cache_view/"),
    // Rails (5.2 and later): <template>:<digest>/<its records>.
    KnownFormat { matches_rest: has_digest, ..format("rails_fragment", "views/") },
    // Rails: ActionDispatch::Session::CacheStore, Rack's private id: version 2, SHA-256.
    KnownFormat { rest_is_id: true, ..format("rails_session", "_session_id:2::") },
    // PHP's memcached extension (3): session.save_handler=memcached; locks, sessions.
    KnownFormat { rest_is_id: true, ..format("php_session_lock", "memc.sess.key.lock.") },
    KnownFormat { rest_is_id: true, ..format("php_session", "memc.sess.key.") },
];

/// The format of a key, and the length of the `prefix:version:` before it.
pub(super) fn find(key: &[u8]) -> Option<(usize, &'static KnownFormat)> {
    let colons = key.iter().enumerate().filter(|(_, byte)| **byte == b':');
    let heads = colons.filter_map(|(at, _)| version_end(key, at));
    std::iter::once(0).chain(heads).find_map(|head| Some((head, format_at(&key[head..], head > 0)?)))
}

fn format_at(key: &[u8], after_version: bool) -> Option<&'static KnownFormat> {
    KNOWN_FORMATS.iter().find(|format| {
        let rest = key.strip_prefix(format.start.as_bytes());
        (after_version || !format.needs_version)
            && rest.is_some_and(|rest| !rest.is_empty() && (format.matches_rest)(rest))
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

/// 32 hex digits.
fn is_digest(text: &[u8]) -> bool {
    text.len() == 32 && text.iter().all(u8::is_ascii_hexdigit)
}
