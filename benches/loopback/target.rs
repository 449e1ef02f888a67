//! Starts servers for a load, and opens connections to them.

use crate::channel::Channel;
use crate::loads::Load;
use crate::support::server::Server;
use crate::support::{Failure, tls};

/// The command of the larder in this build.
pub(crate) const LARDER: &str = "{larder} -m 1024 -c 20000 -t {threads} -p {port} -s {sock} {tls}";

/// The command under valgrind, which needs file descriptors of its own.
pub(crate) const LARDER_COUNTED: &str = "{larder} -m 1024 -t {threads} -p {port} -s {sock}";

/// True if a command serves the transport of the load.
pub(crate) fn serves(command: &str, load: &Load) -> bool {
    command.contains(if load.unix { "{sock}" } else { "{port}" }) && (!load.tls || command.contains("{tls}"))
}

/// Starts `command` for the load and waits until it serves.
pub(crate) fn start(command: &str, load: &Load) -> Result<Server, Failure> {
    let options = if load.tls { tls::server_options() } else { String::new() };
    Server::start(command, load.threads, load.placement, load.unix, &[("{tls}", &options)])
}

/// Opens a connection for the load.
pub(crate) fn open(server: &Server, load: &Load) -> Result<Channel, Failure> {
    let socket = server.connect(load.unix)?;
    if load.tls { Channel::encrypted(socket) } else { Ok(Channel::Plain(socket)) }
}
