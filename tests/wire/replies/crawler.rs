//! Command: lru_crawler, except dumps.

use super::*;

const BAD_CLASS: &str = "BADCLASS invalid class id\r\n";

#[rustfmt::skip]
const CRAWLER: &[Row<'_>] = &[
    ("lru_crawler\r\n", ERROR),
    ("lru_crawler foo\r\n", ERROR),
    ("lru_crawler foo noreply\r\n", SILENCE),
    ("lru_crawler metadump\r\n", ERROR),
    ("lru_crawler metadump all all\r\n", ERROR),
    ("lru_crawler metadump ALL\r\n", BAD_CLASS),
    ("lru_crawler metadump 0\r\n", BAD_CLASS),
    ("lru_crawler metadump 256\r\n", BAD_CLASS),
    ("lru_crawler mgdump 1,256\r\n", BAD_CLASS),
    ("lru_crawler mgdump x\r\n", BAD_CLASS),
    ("lru_crawler metadump all noreply\r\n", SILENCE),
    ("lru_crawler meta 63\r\n", "OK\r\nEND\r\n"),
    ("lru_crawler mg 63\r\n", "OK\r\nEN\r\n"),
    ("lru_crawler crawl\r\n", ERROR),
    ("lru_crawler crawl 1 2\r\n", ERROR),
    ("lru_crawler crawl 256\r\n", BAD_CLASS),
    ("lru_crawler crawl x\r\n", BAD_CLASS),
    ("lru_crawler crawl hash\r\n", "ERROR an unknown error happened\r\n"),
    // A crawl of few or no items has finished before the reply.
    ("lru_crawler crawl all\r\nlru_crawler crawl all\r\nlru_crawler crawl 1\r\n", "OK\r\nOK\r\nOK\r\n"),
    ("lru_crawler crawl 63\r\nlru_crawler crawl 62,63\r\n", "OK\r\nOK\r\n"),
    ("flush_all\r\nlru_crawler crawl all\r\nlru_crawler crawl 1\r\n", "OK\r\nOK\r\nOK\r\n"),
    ("lru_crawler sleep 0\r\nlru_crawler sleep 1000000\r\n", "OK\r\nOK\r\n"),
    ("lru_crawler sleep 1000001\r\n", "CLIENT_ERROR sleep must be one second or less\r\n"),
    ("lru_crawler sleep x\r\n", BAD_LINE),
    ("lru_crawler sleep\r\n", ERROR),
    ("lru_crawler tocrawl 0\r\nlru_crawler tocrawl 4294967295\r\n", "OK\r\nOK\r\n"),
    ("lru_crawler tocrawl x\r\n", BAD_LINE),
    ("lru_crawler tocrawl 1 2\r\n", OK),
    ("lru_crawler tocrawl\r\n", ERROR),
    ("lru_crawler tocrawl 4294967296\r\n", BAD_LINE),
    ("lru_crawler enable\r\n", "ERROR failed to start lru crawler thread\r\n"),
    ("lru_crawler disable\r\nlru_crawler disable\r\nlru_crawler crawl all\r\nlru_crawler enable\r\n",
     "OK\r\nOK\r\nCLIENT_ERROR lru crawler disabled\r\nOK\r\n"),
    ("lru_crawler disable noreply\r\nlru_crawler enable noreply\r\n", SILENCE),
];

#[test]
fn crawler_commands() {
    check(CRAWLER);
}
