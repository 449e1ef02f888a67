//! # A broken data block is dropped up to its line end
//! Need: if a data block is longer than declared, memcached executes the rest of the value as
//! commands. The usual cause is a client that counts characters instead of bytes. The rest is then
//! text that users of the site typed.
//!
//! Choice: a block that does not end at its declared length is dropped up to the next line end,
//! with one error. If the length cannot be parsed, the following line is dropped when it arrived
//! together with its command. If it arrived later, it is dropped unless it is a command: a person
//! at telnet may have read the error first. The line end is searched for within 2048 bytes. Without
//! one, the connection is closed.
//!
//! Refused: executing values as commands, as memcached does. Closing at once, which costs a
//! connection per error.
//!
//! Price: a block shorter than declared takes the line of the next command with it, where memcached
//! answers `ERROR`. The two cases cannot be distinguished with certainty.
//!
//! Reopen: a client in use depends on memcached's behaviour.
