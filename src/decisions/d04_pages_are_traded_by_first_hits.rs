//! # Pages are traded by first hits
//! Need: a slab store that never moves pages is lost when the size of values shifts; one that moves them by age alone
//! moves many and gains little.
//!
//! Choice: each class counts first hits (hits on items not used since the hand passed, and stores of keys evicted
//! lately). A page goes from the class with the lowest count per page, weighted by the root of the chunk size, to one
//! that makes more than twice as much of it. Slab pages against large values: by idle time, counted in operations.
//!
//! Evidence: simulation on 18 traces at 10 % and 20 % of the footprint, object misses against a memcached-like store,
//! geometric mean: trading by first hits 0.72, by the age of the hand 0.83, plain second chance 0.77. Epochs of 1 to
//! 4 first hits per page behave alike, 16 follows a shift too slowly. Ghosts as first hits came later: without them
//! a class that loops over slightly more than it holds never has a hit and never gets a page.
//!
//! Refused: all hits per page (thrashes); utility for large values (starves them: byte misses up to 2.5 times).
//!
//! Price: object misses are bought with byte misses (0.81 to 0.85 of memcached's).
//!
//! Reopen: real traces in which the popular values are the large ones.
