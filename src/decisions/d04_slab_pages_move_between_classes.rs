//! # Slab pages move between size classes
//! The weights of this note are superseded by [d13](super::d13_page_trading_uses_first_hits).
//!
//! Need: a slab store that never moves pages misses often once the sizes of values shift. A store
//! that moves pages by age alone moves many pages and gains little.
//!
//! Choice: each class counts first hits: hits on items not used since the clock hand passed, and
//! stores of keys evicted recently. A page moves from the class with the lowest count per page,
//! weighted by chunk size to the power 0.3, to a class with more than twice that score. Idle time,
//! counted in operations, decides between slab pages and large values. A class gives no page while
//! an eighth of its pages are new.
//!
//! Measured: simulated on 18 traces, misses relative to a store like memcached: first hits 0.72,
//! age of the hand 0.83, second chance alone 0.77. In 20 replays of the real store, misses relative
//! to exact LRU were 0.945 with the power 0.5, 0.934 with 0.3 and 0.926 with 0.1.
//!
//! Refused: counting all hits per page, which moves pages back and forth. Utility for large values,
//! which raises byte misses up to 2.5 times. Without the rule for new pages a shift to values of
//! 1000 bytes takes twice as long.
//!
//! Price: fewer missed objects cost more missed bytes.
//!
//! Reopen: real traces in which the popular values are the large ones.
