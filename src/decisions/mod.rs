//! Decision notes, one a file: need, choice, refused, price, what reopens it. They exist in the docs only.

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
