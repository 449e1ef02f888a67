//! Options, and the settings or errors that result.

use crate::options::{Command, Environment, Options, read};
use crate::server::AcceptedProtocol;
use std::ffi::OsString;
use std::path::Path;

fn options_as(program: &str, line: &str) -> Result<Options, (String, u8)> {
    let args = std::iter::once(program).chain(line.split_whitespace()).map(OsString::from).collect();
    match read(args, Environment::default()) {
        Ok(Command::Serve(options)) => Ok(*options),
        Ok(Command::Print(text)) => panic!("prints {text}"),
        Ok(Command::RunTool(settings)) => panic!("asks {settings:?}"),
        Err(bad) => Err((bad.to_string(), bad.status())),
    }
}

fn options(line: &str) -> Options {
    options_as("larder", line).unwrap_or_else(|(bad, _)| panic!("{line}: {bad}"))
}

fn warnings(options: &Options) -> Vec<&str> {
    let warnings = options.startup_warnings.iter().filter(|warning| warning.level == log::Level::Warn);
    warnings.map(|warning| warning.line.as_str()).collect()
}

#[track_caller]
fn refuses(line: &str, status: u8, start: &str) {
    let (refusal, got) = options_as("larder", line).err().unwrap_or_else(|| panic!("{line}: accepted"));
    assert!(refusal.starts_with(start), "{line}: {refusal}");
    assert_eq!(got, status, "{line}: {refusal}");
    assert!(!refusal.contains('\n'), "{refusal}");
}

#[test]
fn larder_listens_on_loopback_addresses_by_default() {
    let options = options("");
    let hosts: Vec<_> = options.server.tcp.iter().map(|tcp| tcp.host.as_deref()).collect();
    assert_eq!(hosts, [Some("127.0.0.1"), Some("::1")]);
    assert!(options.server.tcp.iter().all(|tcp| tcp.port == 11211 && tcp.optional));
    assert_eq!(options.commands.listen.as_deref(), Some("127.0.0.1,::1"));
    assert_eq!(options.store.memory_limit_bytes, 64 << 20);
    assert_eq!(options.store.growth_factor, 1.10);
    assert_eq!(options.store.item_max_bytes, 1 << 20);
    assert_eq!(options.server.threads, 4);
    assert_eq!(options.server.max_connections, 1024);
    assert!(!options.process.user_required);
    assert!(options.startup_warnings.is_empty());
}

#[test]
fn the_name_memcached_has_memcacheds_defaults() {
    let options = options_as("/usr/local/bin/memcached", "").unwrap();
    assert_eq!(options.server.tcp.len(), 1);
    assert_eq!(options.server.tcp[0].host, None);
    assert!(!options.server.tcp[0].optional);
    assert_eq!(options.commands.listen, None);
    assert_eq!(options.store.growth_factor, 1.25);
    assert_eq!(options.commands.growth_factor, 1.25);
    assert!(options.process.user_required);
}

#[test]
fn a_unix_socket_excludes_tcp_under_the_name_memcached_only() {
    let both = options("-s /tmp/x -a 0766");
    assert_eq!(both.server.tcp.len(), 2);
    assert_eq!(both.server.unix.as_ref().unwrap().mask, 0o766);
    let unix_only = options("-s /tmp/x -p 0");
    assert!(unix_only.server.tcp.is_empty());
    let as_memcached = options_as("memcached", "-s /tmp/x -p 11211 -l 127.0.0.1").unwrap();
    assert!(as_memcached.server.tcp.is_empty());
    assert_eq!(as_memcached.commands.tcp_port, 0);
    assert_eq!(as_memcached.commands.unix_path.as_deref(), Some("/tmp/x"));
}

#[test]
fn debians_configuration_is_accepted() {
    let line = "-m 64 -p 11211 -u memcache -l 127.0.0.1 -P /run/memcached/memcached.pid -l ::1 -U 0 -c 1024 -v -I 4m";
    let options = options_as("memcached", line).unwrap();
    assert_eq!(options.server.tcp.len(), 2);
    assert_eq!(options.commands.listen.as_deref(), Some("127.0.0.1,::1"));
    assert_eq!(options.process.user.as_deref(), Some("memcache"));
    assert_eq!(options.store.item_max_bytes, 4 << 20);
    assert!(warnings(&options).is_empty());
}

#[test]
fn every_flag_sets_its_setting() {
    let options =
        options("-A -d -r -M -k -C -F -t 2 -R 7 -n 96 -f 1.5 -b 9 -c 5 -m 100 -vv -o no_maxconns_fast");
    let commands = &options.commands;
    assert!(commands.shutdown_enabled && !commands.flush_enabled && !commands.cas_enabled && !commands.evict);
    assert!(!commands.max_connections_fast && !options.server.max_connections_fast);
    assert!(!options.store.cas && !options.store.evict);
    assert_eq!((options.store.chunk_min_bytes, options.store.growth_factor), (96, 1.5));
    assert_eq!((options.server.requests_per_event, options.server.backlog), (7, 9));
    assert_eq!((options.server.threads, options.server.max_connections), (2, 5));
    assert_eq!(options.store.memory_limit_bytes, 100 << 20);
    assert_eq!(commands.verbosity, 2);
    let process = &options.process;
    assert!(process.detach && process.core_files && process.lock_memory && process.keep_terminal);
}

#[test]
fn paths_are_made_absolute() {
    let options = options("-d -P run/larder.pid");
    assert!(options.process.pid_file.unwrap().is_absolute());
}

#[test]
fn a_number_ends_where_its_digits_end_with_a_warning_about_the_rest() {
    assert_eq!(warnings(&options("-t 2x")), ["-t 2x is read as 2"]);
    let memcached = |line: &str| options_as("memcached", line).unwrap();
    assert!(warnings(&memcached("-m 1024m")).is_empty());
    assert_eq!(memcached("-m 1024m").store.memory_limit_bytes, 1024 << 20);
    assert_eq!(memcached("-m 4g").store.memory_limit_bytes, 4 << 20);
    assert_eq!(warnings(&memcached("-m 4g")), ["-m 4g is read as 4"]);
    assert_eq!(warnings(&memcached("-I 2.5m")), ["-I 2.5m is read as 2097152 bytes"]);
}

#[test]
fn under_its_own_name_a_size_is_its_text() {
    for (text, bytes) in [
        ("64", 64 << 20),
        ("2g", 2 << 30),
        ("512MB", 512 << 20),
        ("1024m", 1 << 30),
        ("1.5GiB", 3 << 29),
        ("4096k", 4 << 20),
    ] {
        let options = options(&format!("-m {text}"));
        assert_eq!(options.store.memory_limit_bytes, bytes, "{text}");
        assert!(warnings(&options).is_empty(), "{text}");
    }
    let item = |text: &str| options(&format!("-m 4g -I {text}")).store.item_max_bytes;
    assert_eq!((item("1g"), item("2.5MB"), item("100KB")), (1 << 30, 5 << 19, 100 << 10));
    refuses("-m 2gigs", 64, "-m needs a size such as 512k, 64m, 512MB or 2g, not \"2gigs\"");
    refuses("-m -1", 64, "-m needs a size");
    refuses("-m 512k", 64, "The memory limit must be at least 1 megabyte (-m 512k)");
    refuses("-m 4g -I 2g", 64, "Cannot set item size limit higher than a gigabyte.");
}

#[test]
fn a_limit_above_the_available_memory_causes_a_warning() {
    use crate::process::MemorySource;
    let warned = |bytes, source| {
        let mut options = options("-m 2g");
        options.compare_with_available_memory(Some((bytes, source)));
        warnings(&options).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(warned(2 << 30, MemorySource::Machine).is_empty());
    assert_eq!(
        warned(1 << 30, MemorySource::Machine),
        ["WARNING: the memory limit is 2048 MB (-m), but this machine has 1024 MB of memory"]
    );
    assert_eq!(
        warned(512 << 20, MemorySource::ControlGroup),
        [
            "WARNING: the memory limit is 2048 MB (-m), but the control group (container or unit) may use 512 MB"
        ]
    );
}

#[test]
fn item_sizes_take_a_suffix() {
    for (text, bytes) in [("512k", 512 << 10), ("2M", 2 << 20), ("1024", 1024), ("1500000", 1_500_000)] {
        assert_eq!(options(&format!("-I {text}")).store.item_max_bytes, bytes, "{text}");
    }
}

#[test]
fn values_out_of_range_have_the_message_and_status_of_memcached() {
    refuses("-p 65536", 64, "ERROR: Invalid port number 65536.");
    refuses("-c 0", 1, "Maximum connections must be greater than 0");
    refuses("-t 0", 1, "Number of threads must be greater than 0");
    refuses("-t 1025", 1, "Number of threads cannot be greater than 1024");
    refuses("-R -1", 1, "Number of requests per event must be greater than 0");
    refuses("-n 0", 1, "Chunk size must be greater than 0");
    refuses("-f 1", 1, "Factor must be greater than 1");
    refuses("-f nan", 1, "Factor must be greater than 1");
    refuses("-I 1023", 64, "Item max size cannot be less than 1024 bytes.");
    refuses("-I 1g", 64, "Cannot set item size limit higher than 1/2 of memory max.");
    refuses("-I 33m", 64, "Cannot set item size limit higher than 1/2 of memory max.");
    refuses("-m 1", 64, "Cannot set item size limit higher than 1/2 of memory max.");
    refuses("-m 4096 -I 1025m", 64, "Cannot set item size limit higher than a gigabyte.");
    refuses("-m 0", 64, "The memory limit must be greater than 0");
    refuses("-m 1000000001", 64, "The memory limit is in megabytes");
    refuses("-a 8", 64, "-a needs an octal mode");
    refuses("-B foo", 64, "Invalid value for binding protocol: foo");
    refuses("-l 127.0.0.1:x", 71, "Invalid port number: \"x\"");
    refuses("-o foo", 1, "Illegal suboption \"foo\"");
}

#[test]
fn values_at_the_limits_are_accepted() {
    options("-p 65535 -c 1 -t 1024 -R 1 -n 1 -f 1.01 -I 1024 -m 1 -a 777 -b 0");
    options("-m 2");
    options("-m 2048 -I 1024m");
    options("-m 1000000000");
}

#[test]
fn texts_without_a_number_are_refused() {
    for (letter, status) in [('p', 64), ('U', 64), ('c', 1), ('t', 1), ('R', 1), ('n', 1), ('b', 1)] {
        refuses(&format!("-{letter} abc"), status, &format!("-{letter} needs a number, not \"abc\""));
    }
    refuses("-m abc", 64, "-m needs a size");
    refuses("-I abc", 64, "-I needs a size");
    refuses("-f abc", 1, "Factor must be greater than 1");
}

#[test]
fn settings_without_effect_are_checked_and_cause_a_warning() {
    assert_eq!(warnings(&options("-N 4")).len(), 1);
    assert_eq!(
        warnings(&options("-e /dev/shm/items")),
        ["-e has no effect in larder: items do not outlive a restart"]
    );
    assert_eq!(warnings(&options("-o hashpower=20,lru_maintainer")).len(), 2);
    refuses("-N 0", 1, "Maximum number of NAPI IDs must be greater than 0");
    refuses("-N 5", 64, "Number of napi_ids(5) cannot be greater than number of threads(4)");
    refuses("-o hashpower=11", 1, "Initial hashtable multiplier of 11 is too low");
}

#[test]
fn idle_timeout_large_pages_and_marks_set_their_settings() {
    let options = options("-L -o idle_timeout=7,sock_cookie_id=9");
    assert!(options.process.large_pages);
    assert_eq!((options.server.idle_timeout_secs, options.commands.idle_timeout_secs), (7, 7));
    assert_eq!(options.server.socket_mark, 9);
    assert!(warnings(&options).is_empty());
}

#[test]
fn tls_settings_are_checked_and_apply_to_every_address() {
    use crate::server::{ClientCertificates, KeyFormat};
    let files = "-Z -o ssl_chain_cert=c.pem,ssl_key=k.der,ssl_ca_cert=/a.pem,ssl_keyformat=2";
    let options = options(&format!("{files} -o ssl_verify_mode=3,ssl_min_version=3,ssl_session_cache"));
    let tls = options.server.tls.as_ref().unwrap();
    assert!(tls.chain_cert.is_absolute() && tls.key.is_absolute());
    assert_eq!((tls.key_format, tls.clients), (KeyFormat::Der, ClientCertificates::Required));
    assert!(tls.only_tls13 && tls.session_cache);
    assert!(options.server.tcp.iter().all(|tcp| tcp.service.tls == Some(ClientCertificates::Required)));
    assert!(warnings(&options).is_empty());

    refuses("-Z", 64, "-Z needs -o ssl_chain_cert=<file>,ssl_key=<file>");
    refuses("-Z -o ssl_key=k", 64, "-Z needs -o ssl_chain_cert=<file>,ssl_key=<file>");
    refuses(&format!("{files} -p 0"), 64, "ERROR: You cannot enable SSL without a TCP port.");
    refuses("-o ssl_verify_mode=4", 1, "Invalid ssl_verify_mode. Use help to see valid options.");
    refuses("-o ssl_keyformat=3", 1, "ssl_keyformat must be 1 (PEM) or 2 (ASN.1)");
    refuses("-o ssl_min_version=1", 1, "ssl_min_version=1 (TLS 1.1) is not secure");
    refuses("-o ssl_min_version=4", 1, "Invalid ssl_min_version. Use help to see valid options.");
    refuses("-o ssl_key", 1, "Missing ssl_key argument");
    refuses("-o ssl_key_of_cellar=1", 1, "Illegal suboption");
}

#[test]
fn tls_settings_without_tls_cause_a_warning() {
    let options = options("-o ssl_chain_cert=c,ssl_key=k");
    assert!(options.server.tls.is_none());
    assert_eq!(warnings(&options), ["-o ssl_ settings have no effect without -Z"]);
}

#[test]
fn metrics_hosts_are_names_and_require_metrics() {
    let names = |line: &str| options(line).server.metrics.unwrap().names;
    assert_eq!(names("--metrics 9150"), ["127.0.0.1"]);
    assert_eq!(
        names("--metrics-host a.example --metrics cache:9150 --metrics-host b_1"),
        ["a.example", "b_1", "cache"]
    );
    let start = "--metrics-host needs a host name without a port, not";
    for name in ["a:9150", "[::1]", "http://a", "*"] {
        refuses(&format!("--metrics 9150 --metrics-host {name}"), 64, start);
    }
    refuses("--metrics-host a", 64, "--metrics-host has no effect without --metrics");
}

#[test]
fn udp_uses_the_addresses_of_tcp_and_sets_its_default_port() {
    let ports = |list: &[crate::server::ListenAddress]| list.iter().map(|at| at.port).collect::<Vec<_>>();
    let both = options("-U 7");
    assert_eq!((ports(&both.server.tcp), ports(&both.server.udp)), (vec![7, 7], vec![7, 7]));
    let apart = options("-U 7 -p 8 -l 127.0.0.1,[::1]:9");
    assert_eq!((ports(&apart.server.tcp), ports(&apart.server.udp)), (vec![8, 9], vec![7, 9]));
    assert_eq!((apart.commands.tcp_port, apart.commands.udp_port), (8, 7));
    let alone = options("-U 7 -p 0");
    assert!(alone.server.tcp.is_empty() && alone.server.udp.len() == 2);
    assert_eq!(options("-U -5").commands.udp_port, -1);
    assert!(options("-U 0").server.udp.is_empty() && options("").server.udp.is_empty());
    let unix = options_as("memcached", "-s /tmp/x -U 7").unwrap();
    assert!(unix.server.udp.is_empty() && unix.commands.udp_port == 0);
    refuses("-U 65536", 64, "ERROR: Invalid UDP port number 65536.");
    refuses("-U 7 -Z -o ssl_chain_cert=c,ssl_key=k", 64, "ERROR: UDP cannot be encrypted");
}

#[test]
fn a_text_login_requires_the_text_protocol() {
    for line in ["-Y /f", "-Y /f -B ascii -U 0"] {
        let options = options(line);
        assert_eq!(options.server.protocol, AcceptedProtocol::Ascii, "{line}");
        assert_eq!(options.auth_file.as_deref(), Some(Path::new("/f")), "{line}");
    }
    assert!(options("-Y f").auth_file.is_some_and(|file| file.is_absolute()));
    assert_eq!(options("").auth_file, None);
    for line in ["-Y /f -B auto", "-Y /f -B binary", "-Y /f -S", "-Y /f -S -B binary"] {
        let binary = "ERROR: You cannot allow the BINARY protocol while using ascii authentication tokens.";
        refuses(line, 64, binary);
    }
}

#[test]
fn sasl_requires_the_binary_protocol() {
    for (line, protocol, sasl) in [
        ("", AcceptedProtocol::Auto, false),
        ("-B auto", AcceptedProtocol::Auto, false),
        ("-B ascii", AcceptedProtocol::Ascii, false),
        ("-B binary", AcceptedProtocol::Binary, false),
        ("-S", AcceptedProtocol::Binary, true),
        ("-S -B binary -U 0", AcceptedProtocol::Binary, true),
    ] {
        let options = options(line);
        assert_eq!((options.server.protocol, options.sasl), (protocol, sasl), "{line}");
        assert_eq!(options.commands.protocol, protocol, "{line}");
    }
    for line in ["-S -B ascii", "-S -B auto"] {
        refuses(line, 64, "ERROR: You cannot allow the ASCII protocol while using SASL.");
    }
    refuses("-S -U 11211", 64, "ERROR: Cannot enable UDP while using binary SASL authentication.");
    refuses(
        "-B Binary",
        64,
        "Invalid value for binding protocol: Binary -- should be one of auto, binary, or ascii",
    );
}

#[test]
fn a_delimiter_is_one_character_and_enables_prefix_statistics() {
    let delimiter = |line: &str| options(line).commands.prefix_delimiter;
    assert_eq!((delimiter(""), delimiter("-D /"), delimiter("-D ab")), (b':', b'/', b'a'));
    assert!(!options("").commands.detail_enabled && options("-D :").commands.detail_enabled);
    assert_eq!(warnings(&options("-D ab")), ["-D ab is read as a"]);
    refuses("-D \u{e9}", 1, "-D needs an ASCII character");
}

#[test]
fn nothing_to_listen_on_is_refused() {
    for line in ["-p 0", "-l ,", "-p 0 -l 127.0.0.1"] {
        let bad = options(line).inherit(Vec::new()).unwrap_err();
        assert!(bad.to_string().starts_with("nothing to listen on"), "{line}");
        assert_eq!(bad.status(), 64);
    }
    options("-p 0 -s /tmp/x").inherit(Vec::new()).unwrap();
}

#[test]
fn a_high_number_of_threads_causes_a_warning() {
    assert!(warnings(&options("-t 64")).is_empty());
    assert!(warnings(&options("-t 65"))[0].starts_with("WARNING: -t 65"));
}
