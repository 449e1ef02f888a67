//! Which protocol a connection speaks.

use super::binary::MAGIC_REQUEST;

/// What is spoken at a listening socket (`-B`).
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Binding {
    /// What the first byte of each connection says.
    #[default]
    Auto,
    /// Text only.
    Ascii,
    /// Binary only.
    Binary,
}

impl Binding {
    /// As `stats settings` names it.
    pub const fn name(self) -> &'static str {
        match self {
            Binding::Auto => "auto-negotiate",
            Binding::Ascii => "ascii",
            Binding::Binary => "binary",
        }
    }

    /// What a client is called in the log.
    pub const fn client(self) -> &'static str {
        match self {
            Binding::Auto => "auto-negotiating",
            Binding::Ascii | Binding::Binary => self.name(),
        }
    }

    /// True if a connection that starts with this byte speaks binary; no text command starts with the magic one.
    pub const fn is_binary(self, first: u8) -> bool {
        match self {
            Binding::Auto => first == MAGIC_REQUEST,
            Binding::Ascii => false,
            Binding::Binary => true,
        }
    }
}
