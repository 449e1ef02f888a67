//! Decision notes: one short note a file, each with the need, the choice, what was refused, the price, and the
//! measurement that would reopen it. They exist in the documentation only.

pub mod d01_one_listening_socket_per_worker;
pub mod d02_a_broken_block_is_dropped_to_its_line_end;
pub mod d03_output_is_cut_inside_a_key_list;
pub mod d05_delete_takes_one_key;
