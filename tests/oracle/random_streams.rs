//! Random commands, valid and corrupted, in random pieces: both servers must send the same replies, byte for byte.

use crate::random_commands::RandomCommands;
use crate::seed::{number, seeded};
use crate::text_session::{STREAM_COMMANDS, Session};

const SEED: &str = "LARDER_ORACLE_SEED";
const COMMANDS: &str = "LARDER_ORACLE_COMMANDS";
const COMMANDS_DEFAULT: u64 = 200_000;

#[test]
fn random_commands_get_the_replies_of_memcached() {
    let mut session = Session::start(RandomCommands::new(seeded(SEED)));
    let streams = number(COMMANDS, COMMANDS_DEFAULT).div_ceil(STREAM_COMMANDS as u64);
    for _ in 0..streams {
        session.run_stream(35);
    }
}
