//! Decision notes, one decision a file: need, choice, what was refused, price, and what reopens it.
//!
//! The notes exist in the documentation only. Measurements carry their load and what they are compared with; the
//! benches named in them repeat them.
//!
//! | note | decision |
//! | --- | --- |
//! | [`d01`](d01_one_listening_socket_per_worker) | Each worker has its own listening socket (superseded by d12) |
//! | [`d02`](d02_a_broken_data_block_is_dropped_to_its_line_end) | A broken data block is dropped up to its line end |
//! | [`d03`](d03_multigets_are_answered_in_parts) | Multigets are answered in parts |
//! | [`d04`](d04_slab_pages_move_between_classes) | Slab pages move between size classes (weights superseded by d13) |
//! | [`d05`](d05_the_index_grows_by_one_bucket) | The index grows by one bucket |
//! | [`d06`](d06_large_values_are_stored_in_pages) | Large values are stored in pages |
//! | [`d07`](d07_huge_pages_are_off) | Huge pages are off |
//! | [`d08`](d08_delete_takes_one_key) | `delete` takes one key |
//! | [`d09`](d09_large_values_start_on_probation) | Large values start on probation |
//! | [`d10`](d10_sockets_are_registered_for_reading) | Sockets are registered for reading, and workers have no timers |
//! | [`d11`](d11_sixteen_shards_at_most) | There are sixteen shards at most |
//! | [`d12`](d12_one_thread_polls_the_others_run_tasks) | One thread polls, the others run tasks |
//! | [`d13`](d13_page_trading_uses_first_hits) | Page trading uses first hits |
//! | [`d14`](d14_the_advisor_runs_miniature_simulations) | The advisor runs miniature simulations |
//! | [`d15`](d15_fragmentation_is_charged) | Fragmentation is charged (superseded by d24) |
//! | [`d16`](d16_poll_before_accept) | A worker polls before it accepts again |
//! | [`d17`](d17_large_values_are_evicted_by_size_and_idle_time) | Large values are evicted by size and idle time |
//! | [`d18`](d18_larder_has_its_own_event_loop) | larder has its own event loop |
//! | [`d19`](d19_replies_are_not_deferred) | Replies are not deferred |
//! | [`d20`](d20_fragments_are_compacted) | Fragments are compacted |
//! | [`d21`](d21_purging_is_off_the_request_path) | Purging is off the request path |
//! | [`d22`](d22_a_session_does_no_io) | A session does no IO |
//! | [`d23`](d23_young_items_are_not_evicted) | Young items are not evicted |
//! | [`d24`](d24_memory_is_pages_of_one_pool) | All memory of items comes from one page pool |

pub mod d01_one_listening_socket_per_worker;
pub mod d02_a_broken_data_block_is_dropped_to_its_line_end;
pub mod d03_multigets_are_answered_in_parts;
pub mod d04_slab_pages_move_between_classes;
pub mod d05_the_index_grows_by_one_bucket;
pub mod d06_large_values_are_stored_in_pages;
pub mod d07_huge_pages_are_off;
pub mod d08_delete_takes_one_key;
pub mod d09_large_values_start_on_probation;
pub mod d10_sockets_are_registered_for_reading;
pub mod d11_sixteen_shards_at_most;
pub mod d12_one_thread_polls_the_others_run_tasks;
pub mod d13_page_trading_uses_first_hits;
pub mod d14_the_advisor_runs_miniature_simulations;
pub mod d15_fragmentation_is_charged;
pub mod d16_poll_before_accept;
pub mod d17_large_values_are_evicted_by_size_and_idle_time;
pub mod d18_larder_has_its_own_event_loop;
pub mod d19_replies_are_not_deferred;
pub mod d20_fragments_are_compacted;
pub mod d21_purging_is_off_the_request_path;
pub mod d22_a_session_does_no_io;
pub mod d23_young_items_are_not_evicted;
pub mod d24_memory_is_pages_of_one_pool;
