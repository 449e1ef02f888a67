//! The kinds of heavy clients: server options, stored items, and load.

use crate::connection::Target;
use crate::items::Stored;
use crate::support::Failure;
use crate::{loops, pipelines};

/// The load of a heavy client, which runs until it is killed.
type Run = fn(&Target) -> Result<(), Failure>;

/// A kind of heavy client.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) needs: Needs,
    pub(crate) stored: Stored,
    /// `None` for the baseline.
    pub(crate) run: Option<Run>,
    /// The unit of the count.
    pub(crate) unit: Unit,
}

/// Server options that a kind needs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    Nothing,
    Udp,
    /// TLS on `{port}`, and plain text on a second port.
    Tls,
    /// A file of users.
    Logins,
}

/// The unit of a count.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Bytes sent and received.
    Bytes,
    Connections,
}

const TEXT: Kind = Kind {
    name: "none",
    about: "no heavy client: the baseline",
    needs: Needs::Nothing,
    stored: Stored::Nothing,
    run: None,
    unit: Unit::Bytes,
};

pub(crate) const KINDS: &[Kind] = &[
    TEXT,
    Kind {
        name: "large-gets",
        about: "pipelined gets of one value of 1 MB",
        stored: Stored::Large,
        run: Some(pipelines::large_gets),
        ..TEXT
    },
    Kind {
        name: "multigets",
        about: "pipelined gets of 1000 keys with values of 1 KB",
        stored: Stored::Several,
        run: Some(pipelines::multigets),
        ..TEXT
    },
    Kind {
        name: "large-sets",
        about: "sets of 1 MB without pause",
        run: Some(pipelines::large_sets),
        ..TEXT
    },
    Kind {
        name: "small-gets",
        about: "pipelined gets of one value of 100 bytes",
        stored: Stored::Small,
        run: Some(pipelines::small_gets),
        ..TEXT
    },
    Kind {
        name: "too-large",
        about: "values of 2 GB that the server refuses and has to skip",
        run: Some(pipelines::too_large),
        ..TEXT
    },
    Kind {
        name: "metadump",
        about: "`lru_crawler metadump all` of 400,000 items in a loop",
        stored: Stored::Many,
        run: Some(loops::metadump),
        ..TEXT
    },
    Kind { name: "stats", about: "pipelined `stats`", run: Some(pipelines::stats), ..TEXT },
    Kind {
        name: "stats-items",
        about: "pipelined `stats items` and `stats slabs`",
        stored: Stored::Sizes,
        run: Some(pipelines::stats_items),
        ..TEXT
    },
    Kind {
        name: "flush-all",
        about: "`flush_all` and 100 sets in a loop, pipelined",
        run: Some(pipelines::flush_all),
        ..TEXT
    },
    Kind {
        name: "tls-handshakes",
        about: "connect by TLS without resumption, get, close, in a loop",
        needs: Needs::Tls,
        run: Some(loops::tls_handshakes),
        unit: Unit::Connections,
        ..TEXT
    },
    Kind {
        name: "connects",
        about: "connect and close in a loop",
        run: Some(loops::connects),
        unit: Unit::Connections,
        ..TEXT
    },
    Kind {
        name: "binary-gets",
        about: "pipelined binary gets of one value of 100 bytes",
        stored: Stored::Small,
        run: Some(pipelines::binary_gets),
        ..TEXT
    },
    Kind {
        name: "watch",
        about: "`watch fetchers mutations` beside pipelined gets of one value of 100 bytes",
        stored: Stored::Small,
        run: Some(pipelines::watch),
        ..TEXT
    },
    Kind {
        name: "udp-large-gets",
        about: "300 datagrams a second that ask for a value of 1 MB",
        needs: Needs::Udp,
        stored: Stored::Large,
        run: Some(loops::udp_large_gets),
        ..TEXT
    },
    Kind {
        name: "failed-logins",
        about: "connect, log in with a wrong password, close, in a loop",
        needs: Needs::Logins,
        run: Some(loops::failed_logins),
        unit: Unit::Connections,
        ..TEXT
    },
];
