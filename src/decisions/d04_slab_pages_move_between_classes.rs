//! # Pages are traded by first hits
//! Its weights are those of [`d13`](super::d13_page_trading_uses_first_hits) since.
//!
//! Need: a slab store that never moves pages is lost when the size of values shifts; one that moves them by age alone
//! moves many and gains little.
//!
//! Choice: each class counts first hits (hits on items not used since the hand passed, and stores of keys evicted
//! lately). A page goes from the class with the lowest count per page, weighted by the chunk size to the power 0.3, to
//! one that makes more than twice as much of it. Slab pages against large values: by idle time, counted in operations;
//! memory moves only to where it would be idle an eighth as long.
//!
//! Evidence, simulated on 18 traces, misses against a memcached-like store: trading by first hits 0.72, by the age of
//! the hand 0.83, plain second chance 0.77. Ghosts as first hits came later: without them a class that loops over
//! slightly more than it holds never has a hit and never gets a page.
//! The real store, 20 replays (`benches/hit_ratio`), misses against exact LRU: 0.981 while one popular newcomer hid how
//! idle large values are, 0.964 since; idle times weighed 4 instead of 2 times 0.951, 8 times 0.945, 16 times 0.943;
//! with 8 and the power 0.3 instead of 0.5 0.934, with 0.1 0.926 (refused: the lower, the more bytes are missed).
//!
//! A class of which an eighth or more is new gives nothing. Before, any that had gained a page lately was left alone,
//! in a large shard nearly all, and the largest gave: seven loads at 128 MiB miss 0.992 times as often since, nine at
//! 64 MiB 0.995. With no such rule 0.992 and 0.997, but a shift to 1000 bytes takes twice as long to follow.
//!
//! Refused: all hits per page (thrashes); utility for large values (starves them: byte misses up to 2.5 times).
//! Price: object misses are bought with byte misses (simulated: 0.89 of memcached's with the root, 0.93 with 0.3).
//! Reopen: real traces in which the popular values are the large ones.
