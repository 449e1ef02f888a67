//! The reports that only larder has are printed as sentences, tables and JSON.

use super::scripted_server::ScriptedServer;
use super::{printed, refused};

const ADVISOR: &str = "STAT requests 1234567\r\nSTAT keys 5120\r\nSTAT sampled_share 0.000123\r\n\
    STAT own_bytes 300000\r\n\
    STAT hit_percent 91.23\r\nSTAT 100:limit_bytes 67108864\r\nSTAT 100:hit_percent 91.20\r\n\
    STAT 200:limit_bytes 134217728\r\nSTAT 200:hit_percent 95.80\r\n\
    STAT advice 128%20MB%20would%20raise%20hits\r\nEND\r\n";

#[test]
fn advise_prints_a_table_and_a_sentence() {
    let server = ScriptedServer::new(&[("stats advisor", ADVISOR)]);
    let text = printed("advise", server.address());
    assert!(text.contains("\n 64 MB  91.2 %            8.8  ####"), "{text}");
    assert!(text.contains("\n128 MB  95.8 %            4.2  ####"), "{text}");
    assert!(text.ends_with("\n128 MB would raise hits.\n"), "{text}");
    let json = printed("advise --json", server.address());
    assert!(json.contains("{\"hit_ratio\":0.958,\"limit_bytes\":134217728,\"percent\":200}"), "{json}");
}

#[test]
fn advise_reports_that_the_server_has_sampled_too_few_reads() {
    let reply =
        "STAT requests 3\r\nSTAT keys 1\r\nSTAT hit_percent 0.00\r\nSTAT advice Too%20few%20reads\r\nEND\r\n";
    let server = ScriptedServer::new(&[("stats advisor", reply)]);
    let text = printed("advise", server.address());
    assert_eq!(text, "Not enough data yet, only 3 reads of 1 sampled keys. Too few reads.\n");
}

#[test]
fn why_explains_a_missing_key_in_a_sentence() {
    let server = ScriptedServer::new(&[
        ("why :1:news", "WHY %3A1%3Anews evicted ago=192 age=41 idle=38 size=1234\r\n"),
        ("why other", "WHY other unknown reach=7200\r\n"),
    ]);
    assert_eq!(
        printed("why :1:news", server.address()),
        ":1:news: evicted 3 min 12 s ago, 41 s after it was stored and 38 s after its last use; its size was 1.2 KB.\n"
    );
    let text = printed("why other", server.address());
    assert!(text.starts_with("other: not stored, and not removed in the last 2 h,"), "{text}");
    let json = printed("why other --json", server.address());
    assert_eq!(
        json,
        "{\"flushed_secs_ago\":null,\"key\":\"other\",\"reach_secs\":7200,\"state\":\"unknown\"}\n"
    );
}

#[test]
fn stats_topics_of_larder_are_printed_as_tables() {
    let server = ScriptedServer::new(&[
        (
            "stats hotkeys",
            "STAT sampled_one_in 100\r\nSTAT total_reads 10000\r\nSTAT reads:1:key a%1B\r\n\
            STAT reads:1:count 2500\r\nSTAT reads:1:error 25\r\nEND\r\n",
        ),
        (
            "stats families",
            "STAT 1:shape site%3A1%3A*\r\nSTAT 1:name django\r\nSTAT 1:items 1200\r\nSTAT 1:bytes 1048576\r\nEND\r\n",
        ),
        ("stats memory", "STAT slab_pages 3145728\r\nSTAT resident 4194304\r\nEND\r\n"),
        ("stats latency", "STAT get:count 7\r\nSTAT get:p50_us 12.3\r\nEND\r\n"),
    ]);
    let server = server.address();
    assert!(printed("stats hotkeys", server).contains("\n2,500         25  25.0 %  a\\x1b\n"));
    assert!(printed("stats families", server).contains("\n1,200   1 MB "));
    assert!(printed("stats memory", server).contains("\nslab pages  3 MB   75.0 %  ####"));
    assert!(printed("stats latency", server).contains("\nget              7  12.3 us  "));
    for topic in ["hotkeys", "families", "memory", "latency"] {
        assert!(printed(&format!("stats {topic} --json"), server).starts_with('{'));
    }
}

#[test]
fn the_error_of_a_server_that_forbids_a_report_is_quoted() {
    let server = ScriptedServer::new(&[
        ("stats hotkeys", "CLIENT_ERROR stats hotkeys not \x1b[2Jallowed\r\n"),
        ("why k", "ERROR why not allowed\r\n"),
    ]);
    let line = refused("stats hotkeys", server.address());
    assert!(
        line.ends_with(" refuses \"stats hotkeys\": CLIENT_ERROR stats hotkeys not \\x1b[2Jallowed"),
        "{line}"
    );
    assert!(refused("why k", server.address()).ends_with(" refuses \"why k\": ERROR why not allowed"));
}
