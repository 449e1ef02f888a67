//! # A broken data block is dropped to its line end
//! Need: after a data block longer than its declared length, memcached reads the rest of the value as commands. The
//! usual cause is a client that counts characters where bytes are due, and the rest is then whatever the site's
//! users typed.
//!
//! Choice: a block that does not end where it must is dropped up to its next line end and costs exactly one error.
//! A block whose length cannot be read at all is one line: dropped unseen if it came together with its command, and
//! if it came later, dropped unless it is a command (its sender may have read the error first, as people on telnet do).
//! A line end is looked for within 2048 bytes; a connection that shows none is closed.
//!
//! Refused: what memcached does (commands out of values); closing at once (an error would cost a connection).
//!
//! Price: a block shorter than declared takes the next command's line with it; memcached answers that with `ERROR`.
//! Neither can be told from the other with certainty.
//!
//! Reopen: a client found in use that depends on memcached's reading.
