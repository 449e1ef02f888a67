//! Decision notes, one a file: need, choice, refused, price, what reopens it. They exist in the docs only.

pub mod d01_one_listening_socket_per_worker;
pub mod d02_a_broken_block_is_dropped_to_its_line_end;
pub mod d03_output_is_cut_inside_a_key_list;
pub mod d04_pages_are_traded_by_first_hits;
pub mod d05_the_index_grows_by_one_bucket;
pub mod d06_large_values_lie_in_blocks;
pub mod d07_no_huge_pages;
pub mod d08_delete_takes_one_key;
pub mod d09_large_values_have_a_probation;
pub mod d10_sockets_are_waited_for_to_be_read;
pub mod d11_sixteen_shards_carry_a_terabyte;
pub mod d12_one_thread_waits_the_others_run;
pub mod d13_what_a_hit_is_worth_decides;
pub mod d14_advice_comes_from_miniature_runs;
pub mod d15_holes_count;
pub mod d16_nobody_is_accepted_in_vain;
pub mod d17_large_values_lie_apart_by_size;
pub mod d18_the_event_loop_is_our_own;
pub mod d19_replies_are_not_deferred;
pub mod d20_frames_close_up;
pub mod d21_nobody_pays_for_all;
pub mod d22_a_session_does_no_io;
pub mod d23_young_items_stay;
pub mod d24_memory_is_pages_of_one_pool;
