//! The same random commands, whole and damaged, torn at random: the same answers, byte for byte.

use crate::random_commands::RandomCommands;
use crate::seed::{number, seeded};
use crate::text_session::{STREAM_COMMANDS, Session};

const SEED: &str = "LARDER_ORACLE_SEED";
const COMMANDS: &str = "LARDER_ORACLE_COMMANDS";
const COMMANDS_DEFAULT: u64 = 200_000;

#[test]
fn random_streams_are_answered_as_memcached_answers_them() {
    let mut session = Session::start(RandomCommands::new(seeded(SEED)));
    let streams = number(COMMANDS, COMMANDS_DEFAULT).div_ceil(STREAM_COMMANDS as u64);
    for _ in 0..streams {
        session.run_stream(35);
    }
}
