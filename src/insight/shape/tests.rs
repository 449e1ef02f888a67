//! Shapes of example keys, and the names of their families.

use super::*;

fn shape_of(key: &[u8]) -> (String, &'static str) {
    let mut shape = "left over".to_owned();
    let name = write_shape(key, &mut shape);
    (shape, name)
}

fn check(rows: &[(&str, &str)]) {
    for (key, expected) in rows {
        assert_eq!(shape_of(key.as_bytes()), ((*expected).to_owned(), ""), "{key}");
    }
}

fn check_named(name: &'static str, rows: &[(&str, &str)]) {
    for (key, expected) in rows {
        assert_eq!(shape_of(key.as_bytes()), ((*expected).to_owned(), name), "{key}");
    }
}

#[test]
fn numbers_and_hex_become_a_star() {
    check(&[
        ("user:1234", "user:*"),
        ("user:1234:profile", "user:*:profile"),
        ("1234", "*"),
        ("page12", "page*"),
        ("api:v2:list", "api:v*:list"),
        ("a:0f", "a:*"),
        ("etag:9e107d9d372bb6826bd81d3542a419d6", "etag:*"),
        ("etag:ABCDEF0123", "etag:*"),
        ("h:abcdefabcdefabcd", "h:*"),
        ("ip:192.168.0.1", "ip:*.*.*.*"),
        ("item_77", "item_*"),
        ("a/12/b/34", "a/*/b/*"),
        ("x|1|2", "x|*|*"),
    ]);
}

#[test]
fn words_and_separators_stay() {
    check(&[
        ("", ""),
        ("config", "config"),
        ("site.menu-main_de/top|x", "site.menu-main_de/top|x"),
        ("getUserById", "getUserById"),
        ("face:cafe:decade", "face:cafe:decade"),
        ("a=b&c=3", "a=b&c=*"),
        ("größe:übersicht", "größe:übersicht"),
        ("ключ:17", "ключ:*"),
        (":::", ":::"),
        ("a*b", "a*b"),
    ]);
}

#[test]
fn uuids_and_dates_are_one_star() {
    check(&[
        ("550e8400-e29b-41d4-a716-446655440000", "*"),
        ("u:550E8400-E29B-41D4-A716-446655440000:x", "u:*:x"),
        ("u-aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "u-*"),
        ("u_550e8400-e29b-41d4-a716-446655440000_x", "u_*_x"),
        ("550e8400e29b41d4a716446655440000", "*"),
        ("day:2024-01-15", "day:*"),
        ("ids:1,2,3,4", "ids:*"),
    ]);
    // Not quite a UUID: its parts have shapes of their own.
    check(&[("550e8400-e29b-41d4-a716-44665544000z", "*-a*")]);
}

#[test]
fn long_random_tokens_are_one_star() {
    check(&[
        ("t:dGhpcyBpcyBhIHRlc3Q0NQ", "t:*"),
        ("t:8f3kL-aZ_92kdPq1xW_Zk3", "t:*"),
        ("t:k3x9q2zj4mm1p0s8d7f6g5h4", "t:*"),
        ("t:aQxPzRtYuWvBnMkLoIjHgF", "t:*"),
        ("yt:dQw4w9WgXcQ", "yt:*"),
        ("t:a1b2", "t:*"),
    ]);
    // Long names with mixed case that are not random.
    check(&[
        ("getUserProfileByName2", "getUserProfileByName*"),
        ("User_Profile_Settings_V2", "User_Profile_Settings_V*"),
        ("ActiveRecordConnectionPool", "ActiveRecordConnectionPool"),
        ("internationalization", "internationalization"),
    ]);
}

#[test]
fn every_byte_becomes_visible_text() {
    check(&[("a\tb\u{7f}", "a*b*"), ("a\u{202e}b", "*"), ("x:\u{1f600}", "x:*")]);
    assert_eq!(shape_of(b"a:\xff\xfe:b").0, "a:*:b");
    assert_eq!(shape_of(b"\x00\x01\x02").0, "*");
    let mut random = fastrand::Rng::with_seed(1);
    for _ in 0..20_000 {
        let mut key = vec![0; random.usize(..=250)];
        random.fill(&mut key);
        if random.bool() {
            key.iter_mut().for_each(|byte| *byte = b":1._-/|aF\xc3\xa9*,+"[usize::from(*byte % 14)]);
        }
        let (shape, _) = shape_of(&key);
        assert!(shape.len() <= SHAPE_MAX_BYTES, "{shape}");
        assert!(shape.chars().all(|c| c.is_ascii_graphic() || c.is_alphanumeric()), "{shape:?}");
        assert!(!shape.contains("**") || key.contains(&b'*') || shape.len() == SHAPE_MAX_BYTES, "{shape}");
    }
}

#[test]
fn random_ids_of_one_kind_have_few_shapes() {
    let alphabets = [
        ("hex", "0123456789abcdef", 32),
        ("base36", "0123456789abcdefghijklmnopqrstuvwxyz", 32),
        ("base62", "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", 22),
        ("base64url", "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_", 32),
    ];
    for (name, alphabet, len) in alphabets {
        let mut random = fastrand::Rng::with_seed(2);
        let alphabet: Vec<char> = alphabet.chars().collect();
        let mut same = 0;
        for _ in 0..10_000 {
            let id: String = (0..len).map(|_| alphabet[random.usize(..alphabet.len())]).collect();
            same += usize::from(shape_of(format!("token:{id}").as_bytes()).0 == "token:*");
        }
        // The remaining ids have hardly any digits.
        assert!(same >= 9_500, "{name}: {same} of 10000");
    }
}

#[test]
fn a_long_shape_is_cut() {
    let key = "ab:".repeat(80);
    let (shape, _) = shape_of(key.as_bytes());
    assert_eq!(shape.len(), SHAPE_MAX_BYTES);
    assert!(shape.ends_with('*') && shape.starts_with("ab:ab:"));
    let (longer, _) = shape_of(format!("{key}cd:12").as_bytes());
    assert_eq!(shape, longer);
}

#[test]
fn the_version_of_a_django_key_remains() {
    check(&[
        (":1:user.7", ":1:user.*"),
        (":12:user.7", ":12:user.*"),
        (":20240115:x", ":20240115:x"),
        ("site:1:user.7", "site:1:user.*"),
        ("site:2:user.7", "site:*:user.*"),
        // Ids in the place of a version, and versions that are none.
        ("user:1234:x", "user:*:x"),
        ("user:12:x", "user:*:x"),
        (":12345678901:x", ":*:x"),
        (":1", ":*"),
        (":1a:x", ":*:x"),
        ("::x", "::x"),
    ]);
}

const MD5: &str = "9e107d9d372bb6826bd81d3542a419d6";

#[test]
fn django_keys_are_named() {
    let session = "k3x9q2zj4mm1p0s8d7f6g5h4abcdefgh";
    check_named(
        "django_session",
        &[
            (&format!(":1:django.contrib.sessions.cache{session}"), ":1:django.contrib.sessions.cache*"),
            (
                &format!("s:4:django.contrib.sessions.cached_db{session}"),
                "s:4:django.contrib.sessions.cached_db*",
            ),
            ("a:b:12:django.contrib.sessions.cacheabcdefghijkl", "a:b:12:django.contrib.sessions.cache*"),
            ("django.contrib.sessions.cacheabc", "django.contrib.sessions.cache*"),
        ],
    );
    let page = "views.decorators.cache.cache_page.";
    check_named(
        "django_cache_page",
        &[
            (&format!(":1:{page}.GET.{MD5}.{MD5}.en-us.UTC"), &format!(":1:{page}.GET.*.*.en-us.UTC")),
            (&format!(":1:{page}blog.HEAD.{MD5}.{MD5}"), &format!(":1:{page}blog.HEAD.*.*")),
            (
                &format!("p:100:{page}blog.GET.{MD5}.{MD5}.de.Europe/Berlin"),
                &format!("p:100:{page}blog.GET.*.*.de.Europe/Berlin"),
            ),
        ],
    );
    let header = "views.decorators.cache.cache_header.";
    check_named(
        "django_cache_header",
        &[(&format!(":1:{header}blog.{MD5}.en-us.UTC"), &format!(":1:{header}blog.*.en-us.UTC"))],
    );
    check_named(
        "django_template_fragment",
        &[
            (&format!(":1:template.cache.sidebar.{MD5}"), ":1:template.cache.sidebar.*"),
            (&format!(":1:template.cache.side.bar2.{MD5}"), ":1:template.cache.side.bar*.*"),
        ],
    );
    check_named("drf_throttle", &[(":1:throttle_anon_10.0.0.7", ":1:throttle_anon_*.*.*.*")]);
}

#[test]
fn keys_of_other_frameworks_are_named() {
    let uuid = "550e8400-e29b-41d4-a716-446655440000";
    check_named("celery_result", &[(&format!("celery-task-meta-{uuid}"), "celery-task-meta-*")]);
    check_named("flask_view", &[("flask_cache_view//users/42", "flask_cache_view//users/*")]);
    let fragment = format!("views/products/index:{MD5}/products/17-20240115");
    check_named("rails_fragment", &[(&fragment, "views/products/index:*/products/*")]);
    let session = format!("_session_id:2::{MD5}{MD5}");
    check_named("rails_session", &[(&session, "_session_id:2::*")]);
    check_named("php_session", &[("memc.sess.key.abcdefghijklmnopqrstuvwxyz", "memc.sess.key.*")]);
    check_named("php_session_lock", &[("memc.sess.key.lock.abcdefghijk", "memc.sess.key.lock.*")]);
}

#[test]
fn keys_that_only_resemble_a_framework_are_not_named() {
    check(&[
        (":1:django.contrib.sessions.cache", ":1:django.contrib.sessions.cache"),
        (":1:django.contrib.sessions.cache.x", ":1:django.contrib.sessions.cache.x"),
        (":1:template.cache.sidebar.12", ":1:template.cache.sidebar.*"),
        ("x:template.cache.a", "x:template.cache.a"),
        ("throttle_anon_7", "throttle_anon_*"),
        ("views/products/7", "views/products/*"),
        ("my:celery-task-meta-x", "my:celery-task-meta-x"),
    ]);
}
