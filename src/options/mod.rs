//! The command line: memcached's options in, checked settings for every layer out.
//!
//! [`read`] goes in two steps: `arguments` reads what was typed, `check` checks it and fills the settings that
//! the layers define. A first word that names one of the tools makes it another command line, which `tools` reads.
//! NoValue is opened, no user looked up, no name resolved here. A bad value ends in one
//! [`BadSetting`]: memcached's line and exit status. What is accepted but means less than it says is told in
//! [`Options::startup_warnings`].

mod arguments;
mod check;
mod extended;
mod help;
mod listen;
mod number;
mod tls_settings;
mod tools;

use crate::{commands, process, server, store};
use arguments::{Arguments, Parsed};
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

/// Exit statuses of memcached for a command line it does not like.
mod status {
    /// The option is not known, or its value is out of range.
    pub(super) const OPTION: u8 = 1;
    /// The options do not make sense (EX_USAGE).
    pub(super) const USAGE: u8 = 64;
    /// An address that cannot be listened on (EX_OSERR).
    pub(super) const OS: u8 = 71;
}

/// What the program is called by; it decides the defaults.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProgramName {
    /// Its own: listens on this machine only.
    Larder,
    /// By a link called `memcached`: defaults and version of memcached.
    Memcached,
}

impl ProgramName {
    /// The name in the first word of a command line.
    pub fn of(program: &Path) -> ProgramName {
        if program.file_name().is_some_and(|name| name == "memcached") {
            ProgramName::Memcached
        } else {
            ProgramName::Larder
        }
    }

    /// As it is printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            ProgramName::Larder => "larder",
            ProgramName::Memcached => "memcached",
        }
    }

    /// The version that goes with the name.
    pub const fn version(self) -> &'static str {
        match self {
            ProgramName::Larder => env!("CARGO_PKG_VERSION"),
            ProgramName::Memcached => commands::WIRE_VERSION,
        }
    }
}

/// A command line that larder does not start with: what to tell the operator, in one line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadSetting {
    line: String,
    status: u8,
}

impl BadSetting {
    fn new(line: impl Into<String>, status: u8) -> BadSetting {
        BadSetting { line: line.into(), status }
    }

    /// The exit status, memcached's for the same mistake.
    pub fn status(&self) -> u8 {
        self.status
    }
}

impl fmt::Display for BadSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}

impl std::error::Error for BadSetting {}

impl From<BadSetting> for process::Failure {
    fn from(bad: BadSetting) -> process::Failure {
        process::Failure::new(bad.line, bad.status)
    }
}

/// What a command line asks for.
#[derive(Debug)]
pub enum Command {
    /// To serve.
    Serve(Box<Options>),
    /// To print this on standard output and to end.
    Print(String),
    /// To ask a running server something and to end.
    RunTool(crate::tools::Settings),
}

/// Checked settings for every layer.
#[derive(Debug)]
pub struct Options {
    /// For the store.
    pub store: store::Settings,
    /// For the commands.
    pub commands: commands::Settings,
    /// For the sockets.
    pub server: server::Settings,
    /// For the process.
    pub process: process::Settings,
    /// True if clients must log in by SASL (`-S`).
    pub sasl: bool,
    /// Users and passwords of the text protocol (`-Y`), absolute.
    pub auth_file: Option<PathBuf>,
    /// What the operator should know, to be logged once the log stands.
    pub startup_warnings: Vec<StartupWarning>,
}

/// A line for the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StartupWarning {
    /// How much it matters.
    pub level: log::Level,
    /// What it says.
    pub line: String,
}

impl Options {
    /// Listens on sockets that the service manager opened, if there are any, instead of opening some. Refuses if
    /// nothing is left to listen on.
    pub fn inherit(&mut self, sockets: Vec<server::InheritedSocket>) -> Result<(), BadSetting> {
        if !sockets.is_empty() {
            self.check_inherited(&sockets)?;
            self.server.inherited = sockets;
            self.server.tcp.clear();
            self.server.udp.clear();
            self.server.unix = None;
            self.commands.listen = None;
            self.commands.unix_path = None;
            self.commands.tcp_port = 0;
            self.commands.udp_port = 0;
        } else if self.server.tcp.is_empty() && self.server.udp.is_empty() && self.server.unix.is_none() {
            return Err(BadSetting::new(
                "nothing to listen on: give an address by -p, -l or -s",
                status::USAGE,
            ));
        }
        Ok(())
    }

    /// What excludes `-U` excludes a UDP socket that was handed over: no datagram is encrypted or logged in.
    fn check_inherited(&self, sockets: &[server::InheritedSocket]) -> Result<(), BadSetting> {
        if !sockets.iter().any(|socket| matches!(socket, server::InheritedSocket::Udp(_))) {
            return Ok(());
        }
        let excluding =
            [("-S", self.sasl), ("-Y", self.auth_file.is_some()), ("-Z", self.server.tls.is_some())];
        match excluding.iter().find(|(_, given)| *given) {
            None => Ok(()),
            Some((option, _)) => Err(BadSetting::new(
                format!("{option} and a UDP socket of LISTEN_FDS exclude each other"),
                status::USAGE,
            )),
        }
    }
}

/// Reads a command line, the program's name included. `port_file` is where to write the bound ports, if anywhere.
pub fn read(args: Vec<OsString>, port_file: Option<OsString>) -> Result<Command, BadSetting> {
    let name = args.first().map_or(ProgramName::Larder, |program| ProgramName::of(Path::new(program)));
    if name == ProgramName::Larder && args.get(1).is_some_and(|word| tools::is_tool(word)) {
        return tools::read(args);
    }
    match Arguments::read(name, args)? {
        Parsed::Help => Ok(Command::Print(help::text(name))),
        Parsed::Version => Ok(Command::Print(format!("{} {}\n", name.as_str(), name.version()))),
        Parsed::Serve(arguments) if arguments.flag('i') => Ok(Command::Print(help::LICENSE.to_owned())),
        Parsed::Serve(arguments) => {
            let options = check::Check::new(name, &arguments).options(port_file)?;
            Ok(Command::Serve(Box::new(options)))
        }
    }
}
