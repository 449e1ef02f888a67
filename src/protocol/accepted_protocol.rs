//! The protocols that a listening socket accepts.

use super::binary::MAGIC_REQUEST;

/// The protocol that a listening socket accepts (`-B`).
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum AcceptedProtocol {
    /// The protocol that the first byte of a connection indicates.
    #[default]
    Auto,
    /// The text protocols only.
    Ascii,
    /// The binary protocol only.
    Binary,
}

impl AcceptedProtocol {
    /// The name in `stats settings`.
    pub const fn name(self) -> &'static str {
        match self {
            AcceptedProtocol::Auto => "auto-negotiate",
            AcceptedProtocol::Ascii => "ascii",
            AcceptedProtocol::Binary => "binary",
        }
    }

    /// The name of a client in the log.
    pub const fn client(self) -> &'static str {
        match self {
            AcceptedProtocol::Auto => "auto-negotiating",
            AcceptedProtocol::Ascii | AcceptedProtocol::Binary => self.name(),
        }
    }

    /// True if a connection with `first` as first byte uses the binary protocol. No text command begins with
    /// [`MAGIC_REQUEST`].
    pub const fn is_binary(self, first: u8) -> bool {
        match self {
            AcceptedProtocol::Auto => first == MAGIC_REQUEST,
            AcceptedProtocol::Ascii => false,
            AcceptedProtocol::Binary => true,
        }
    }
}
