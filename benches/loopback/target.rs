//! Servers as a load wants them: the commands of larder, and connections encrypted or not.

use crate::channel::Channel;
use crate::loads::Load;
use crate::support::server::Server;
use crate::support::{Failure, tls};

/// The larder that cargo has just built, as `{larder}`.
pub(crate) const LARDER: &str = "{larder} -m 1024 -c 20000 -t {threads} -p {port} -s {sock} {tls}";

/// The same below valgrind, which keeps descriptors for itself.
pub(crate) const LARDER_COUNTED: &str = "{larder} -m 1024 -t {threads} -p {port} -s {sock}";

/// True if a command serves where, and as, the load connects.
pub(crate) fn speaks(command: &str, load: &Load) -> bool {
    command.contains(if load.unix { "{sock}" } else { "{port}" }) && (!load.tls || command.contains("{tls}"))
}

/// Starts `command` as the load wants it, and waits until it serves.
pub(crate) fn start(command: &str, load: &Load) -> Result<Server, Failure> {
    let options = if load.tls { tls::server_options() } else { String::new() };
    Server::start(command, load.threads, load.placement, load.unix, &[("{tls}", &options)])
}

/// A new connection as the load has it, encrypted or not.
pub(crate) fn open(server: &Server, load: &Load) -> Result<Channel, Failure> {
    let socket = server.connect(load.unix)?;
    if load.tls { Channel::encrypted(socket) } else { Ok(Channel::Plain(socket)) }
}
