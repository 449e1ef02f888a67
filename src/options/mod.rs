//! The command line: parses memcached's options and checks the settings of every layer.
//!
//! [`read`] has two steps: `arguments` parses the options, `check` converts them to settings. If the first word names a
//! tool or a server, `tools` parses the command line instead. This module opens nothing and resolves no user and no
//! host name.
//!
//! An invalid value is a [`BadSetting`] with memcached's message and exit status. Options that have less effect than in
//! memcached cause [`Options::startup_warnings`].

mod arguments;
mod check;
mod extended;
mod help;
mod listen;
mod number;
mod size;
mod suggestion;
mod tls_settings;
mod tools;

use crate::{commands, process, server, store};
use arguments::{Arguments, Parsed};
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

/// Exit statuses of memcached for invalid command lines.
mod status {
    /// An unknown option, or a value out of range.
    pub(super) const OPTION: u8 = 1;
    /// Options that exclude each other (EX_USAGE).
    pub(super) const USAGE: u8 = 64;
    /// An invalid address (EX_OSERR).
    pub(super) const OS: u8 = 71;
    /// An invalid command line of a tool. memcached has no tools.
    pub(super) const TOOL_USAGE: u8 = 2;
}

/// The name that the program was started with; it decides the defaults.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProgramName {
    /// `larder`: listens on loopback addresses only.
    Larder,
    /// A link called `memcached`: defaults and version of memcached.
    Memcached,
}

impl ProgramName {
    /// The name from the first word of a command line.
    pub fn of(program: &Path) -> ProgramName {
        if program.file_name().is_some_and(|name| name == "memcached") {
            ProgramName::Memcached
        } else {
            ProgramName::Larder
        }
    }

    /// The name in messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            ProgramName::Larder => "larder",
            ProgramName::Memcached => "memcached",
        }
    }

    /// The version that the name reports.
    pub const fn version(self) -> &'static str {
        match self {
            ProgramName::Larder => env!("CARGO_PKG_VERSION"),
            ProgramName::Memcached => commands::WIRE_VERSION,
        }
    }
}

/// An invalid command line, as one line for the operator.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadSetting {
    line: String,
    status: u8,
}

impl BadSetting {
    fn new(line: impl Into<String>, status: u8) -> BadSetting {
        BadSetting { line: line.into(), status }
    }

    /// The exit status: memcached's, or 2 for the command line of a tool.
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

/// What a command line requests.
#[derive(Debug)]
pub enum Command {
    /// Run the server.
    Serve(Box<Options>),
    /// Print this text on standard output and exit.
    Print(String),
    /// Run a tool against a running server and exit.
    RunTool(crate::tools::Settings),
}

/// Checked settings for every layer.
#[derive(Debug)]
pub struct Options {
    /// Settings of the store.
    pub store: store::Settings,
    /// Settings of the commands.
    pub commands: commands::Settings,
    /// Settings of the sockets.
    pub server: server::Settings,
    /// Settings of the process.
    pub process: process::Settings,
    /// True if clients must log in by SASL (`-S`).
    pub sasl: bool,
    /// Users and passwords of the text protocol (`-Y`), absolute.
    pub auth_file: Option<PathBuf>,
    /// Warnings, logged once the log is set up.
    pub startup_warnings: Vec<StartupWarning>,
}

/// A log line about the options.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StartupWarning {
    /// Log level.
    pub level: log::Level,
    /// Text.
    pub line: String,
}

impl Options {
    /// Uses the sockets of the service manager, if there are any, instead of the configured addresses. Fails if there
    /// is nothing to listen on.
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

    /// Warns of a memory limit above the memory that the process can use.
    pub fn compare_with_available_memory(&mut self, available: Option<(u64, process::MemorySource)>) {
        let limit = self.store.memory_limit_bytes;
        let Some((bytes, source)) = available.filter(|(bytes, _)| *bytes < limit) else { return };
        let (limit, bytes) = (limit.div_ceil(1 << 20), bytes >> 20);
        let source = match source {
            process::MemorySource::Machine => format!("this machine has {bytes} MB of memory"),
            process::MemorySource::ControlGroup => {
                format!("the control group (container or unit) may use {bytes} MB")
            }
        };
        let line = format!("WARNING: the memory limit is {limit} MB (-m), but {source}");
        self.startup_warnings.push(StartupWarning { level: log::Level::Warn, line });
    }

    /// A UDP socket of the service manager excludes the same options as `-U`: datagrams have no encryption and no
    /// login.
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

/// The environment variables that supplement a command line.
#[derive(Clone, Default, Debug)]
pub struct Environment {
    /// The file to write the bound ports to (`MEMCACHED_PORT_FILENAME`).
    pub port_file: Option<OsString>,
    /// The server that tools ask by default (`LARDER_SERVER`).
    pub server: Option<OsString>,
}

/// Parses a command line that begins with the name of the program.
pub fn read(args: Vec<OsString>, environment: Environment) -> Result<Command, BadSetting> {
    let name = args.first().map_or(ProgramName::Larder, |program| ProgramName::of(Path::new(program)));
    if name == ProgramName::Larder && tools::is_tool_line(&args) {
        return tools::read(args, environment.server);
    }
    let parsed = Arguments::read(name, args.clone()).map_err(|bad| match name {
        ProgramName::Larder => tools::misplaced_tool(&args).unwrap_or(bad),
        ProgramName::Memcached => bad,
    })?;
    match parsed {
        Parsed::Help => Ok(Command::Print(help::text(name))),
        Parsed::Version => Ok(Command::Print(format!("{} {}\n", name.as_str(), name.version()))),
        Parsed::Serve(arguments) if arguments.flag('i') => Ok(Command::Print(help::LICENSE.to_owned())),
        Parsed::Serve(arguments) => {
            if name == ProgramName::Larder {
                tools::check_operands(&arguments, &args)?;
            }
            let options = check::Check::new(name, &arguments).options(environment.port_file)?;
            Ok(Command::Serve(Box::new(options)))
        }
    }
}
