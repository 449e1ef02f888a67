//! Checks the parsed options and converts them to settings: ranges, defaults, and combinations of options.

mod addresses;
mod memory;
mod settings;

use super::arguments::Arguments;
use super::{
    BadSetting, Options, ProgramName, StartupWarning, extended, listen, number, status, tls_settings,
};
use crate::process;
use crate::server::{AcceptedProtocol, Service, TlsSettings};
use log::Level;
use settings::Checked;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Above this number of threads, memcached and larder warn.
const THREADS_SANE_MAX: usize = 64;

/// Largest `-t`: each worker needs a thread and file descriptors.
const THREADS_MAX: i64 = 1024;

/// A check of one command line.
pub(super) struct Check<'a> {
    name: ProgramName,
    arguments: &'a Arguments,
    startup_warnings: Vec<StartupWarning>,
}

impl<'a> Check<'a> {
    pub(super) fn new(name: ProgramName, arguments: &'a Arguments) -> Check<'a> {
        Check { name, arguments, startup_warnings: Vec::new() }
    }

    /// Checks all options.
    pub(super) fn options(mut self, port_file: Option<OsString>) -> Result<Options, BadSetting> {
        let checked = self.checked()?;
        let commands = checked.commands(self.arguments);
        Ok(Options {
            store: checked.store(&commands),
            commands,
            sasl: checked.sasl,
            auth_file: checked.auth_file.clone(),
            server: checked.server(port_file),
            process: self.process(),
            startup_warnings: self.startup_warnings,
        })
    }

    /// The values of all options, in the order of memcached's checks.
    fn checked(&mut self) -> Result<Checked, BadSetting> {
        let (protocol, sasl) = self.protocol()?;
        let auth_file = self.auth_file()?;
        let mut extended = extended::read(&self.arguments.values('o'))?;
        for line in std::mem::take(&mut extended.startup_warnings) {
            self.warn(Level::Warn, line);
        }
        let max_connections = self.at_least_1('c', 1024, "Maximum connections must be greater than 0")?;
        let threads = self.threads()?;
        self.napi_ids(threads)?;
        if self.arguments.path('e').is_some() {
            self.warn(Level::Warn, "-e has no effect in larder: items do not outlive a restart");
        }
        let requests_per_event =
            self.at_least_1('R', 20, "Number of requests per event must be greater than 0")?;
        let chunk_min_bytes = self.at_least_1('n', 48, "Chunk size must be greater than 0")?;
        let backlog = self.number('b', status::OPTION)?.unwrap_or(1024);
        let growth_factor = self.growth_factor()?;
        let (memory_limit_bytes, item_max_bytes) = self.memory()?;
        let tls = self.tls(&extended.tls)?;
        let metrics = listen::metrics(self.arguments)?;
        let addresses = self.listen(Service { protocol, tls: tls.as_ref().map(|tls| tls.clients) })?;
        Ok(Checked {
            protocol,
            sasl,
            auth_file,
            extended,
            max_connections: count(max_connections, usize::MAX),
            threads,
            requests_per_event: count(requests_per_event, u32::MAX),
            chunk_min_bytes: count(chunk_min_bytes, u32::MAX),
            backlog: count(backlog, i32::MAX),
            growth_factor,
            memory_limit_bytes,
            item_max_bytes,
            tls,
            metrics,
            addresses,
            prefix_delimiter: self.prefix_delimiter()?,
        })
    }

    fn process(&self) -> process::Settings {
        process::Settings {
            detach: self.arguments.flag('d'),
            // Absolute, because a daemon changes its working directory.
            pid_file: self.arguments.path('P').map(|path| absolute(Path::new(path))),
            user: self.arguments.value('u').filter(|user| !user.is_empty()),
            user_required: self.name == ProgramName::Memcached,
            lock_memory: self.arguments.flag('k'),
            large_pages: self.arguments.flag('L'),
            core_files: self.arguments.flag('r'),
            keep_terminal: self.arguments.verbosity() > 0,
        }
    }

    /// The file with users and passwords of the text protocol.
    fn auth_file(&mut self) -> Result<Option<PathBuf>, BadSetting> {
        if self.arguments.value('Y').is_none() {
            return Ok(None);
        }
        // An empty name is a file that cannot be read, not a server without a login.
        let path = absolute(self.arguments.path('Y').map_or(Path::new(""), Path::new));
        if self.arguments.flag('S') || self.arguments.value('B').is_some_and(|protocol| protocol != "ascii") {
            return bad_usage(
                "ERROR: You cannot allow the BINARY protocol while using ascii authentication tokens.",
            );
        }
        if self.number('U', status::USAGE)?.is_some_and(|port| port != 0) {
            return bad_usage("Cannot use UDP with ascii authentication enabled (-U 0 to disable)");
        }
        Ok(Some(path))
    }

    /// The protocols that are served, and whether clients must log in with SASL, which only the binary protocol
    /// supports.
    fn protocol(&mut self) -> Result<(AcceptedProtocol, bool), BadSetting> {
        let sasl = self.arguments.flag('S');
        let given = self.arguments.value('B');
        let protocol = match given.as_deref() {
            None if sasl => AcceptedProtocol::Binary,
            None if self.arguments.value('Y').is_some() => AcceptedProtocol::Ascii,
            None | Some("auto") => AcceptedProtocol::Auto,
            Some("ascii") => AcceptedProtocol::Ascii,
            Some("binary") => AcceptedProtocol::Binary,
            Some(other) => {
                return bad_usage(format!(
                    "Invalid value for binding protocol: {other} -- should be one of auto, binary, or ascii"
                ));
            }
        };
        if sasl && protocol != AcceptedProtocol::Binary {
            return bad_usage("ERROR: You cannot allow the ASCII protocol while using SASL.");
        }
        if sasl && self.number('U', status::USAGE)?.is_some_and(|port| port != 0) {
            return bad_usage("ERROR: Cannot enable UDP while using binary SASL authentication.");
        }
        Ok((protocol, sasl))
    }

    /// The character that ends a prefix (`-D`). As memcached, uses the first one given.
    fn prefix_delimiter(&mut self) -> Result<u8, BadSetting> {
        let Some(text) = self.arguments.value('D') else { return Ok(b':') };
        match text.as_bytes().first() {
            None => Err(BadSetting::new("No delimiter specified (-D)", status::OPTION)),
            Some(delimiter) if delimiter.is_ascii() => {
                if text.len() > 1 {
                    self.warn(Level::Warn, format!("-D {text} is read as {}", char::from(*delimiter)));
                }
                Ok(*delimiter)
            }
            Some(_) => {
                Err(BadSetting::new(format!("-D needs an ASCII character, not \"{text}\""), status::OPTION))
            }
        }
    }

    fn warn(&mut self, level: Level, line: impl Into<String>) {
        let warning = StartupWarning { level, line: line.into() };
        // Some values are read twice.
        if !self.startup_warnings.contains(&warning) {
            self.startup_warnings.push(warning);
        }
    }

    /// The number of an option. Text after the number is ignored, as in memcached, but with a warning.
    fn number(&mut self, letter: char, status: u8) -> Result<Option<i64>, BadSetting> {
        let Some(text) = self.arguments.value(letter) else { return Ok(None) };
        let Some((number, rest)) = number::integer(&text) else {
            return Err(BadSetting::new(format!("-{letter} needs a number, not \"{text}\""), status));
        };
        self.check_rest(letter, &text, rest, number);
        Ok(Some(number))
    }

    fn check_rest(&mut self, letter: char, text: &str, rest: &str, number: impl std::fmt::Display) {
        let megabytes = letter == 'm' && ["m", "mb", "mib"].contains(&rest.to_ascii_lowercase().as_str());
        if !rest.trim().is_empty() && !megabytes {
            self.warn(Level::Warn, format!("-{letter} {text} is read as {number}"));
        }
    }

    fn at_least_1(&mut self, letter: char, default: i64, line: &str) -> Result<i64, BadSetting> {
        match self.number(letter, status::OPTION)? {
            None => Ok(default),
            Some(number @ 1..) => Ok(number),
            Some(number) => Err(BadSetting::new(format!("{line} (-{letter} {number})"), status::OPTION)),
        }
    }

    fn threads(&mut self) -> Result<usize, BadSetting> {
        let threads = self.at_least_1('t', 4, "Number of threads must be greater than 0")?;
        if threads > THREADS_MAX {
            let line = format!("Number of threads cannot be greater than {THREADS_MAX} (-t {threads})");
            return Err(BadSetting::new(line, status::OPTION));
        }
        let threads = count(threads, THREADS_MAX as usize);
        if threads > THREADS_SANE_MAX {
            self.warn(
                Level::Warn,
                format!(
                    "WARNING: -t {threads} is a high number of worker threads; \
                     set it to the number of cores in your machine or less"
                ),
            );
        }
        Ok(threads)
    }

    /// `-N` assigns connections to threads by the queue of the network card; larder leaves this to the kernel.
    fn napi_ids(&mut self, threads: usize) -> Result<(), BadSetting> {
        match self.number('N', status::OPTION)? {
            None => {}
            Some(..=0) => {
                let line = "Maximum number of NAPI IDs must be greater than 0";
                return Err(BadSetting::new(line, status::OPTION));
            }
            Some(ids) if ids > threads as i64 => {
                let line =
                    format!("Number of napi_ids({ids}) cannot be greater than number of threads({threads})");
                return Err(BadSetting::new(line, status::USAGE));
            }
            Some(_) => {
                self.warn(Level::Warn, "-N has no effect in larder: any free thread serves a connection")
            }
        }
        Ok(())
    }

    fn growth_factor(&mut self) -> Result<f64, BadSetting> {
        let Some(text) = self.arguments.value('f') else {
            return Ok(match self.name {
                ProgramName::Larder => 1.10,
                ProgramName::Memcached => 1.25,
            });
        };
        match number::decimal(&text) {
            Some((factor, rest)) if factor > 1.0 => {
                self.check_rest('f', &text, rest, factor);
                Ok(factor)
            }
            _ => Err(BadSetting::new(format!("Factor must be greater than 1 (-f {text})"), status::OPTION)),
        }
    }

    fn tls(&mut self, given: &tls_settings::Given) -> Result<Option<TlsSettings>, BadSetting> {
        if !self.arguments.flag('Z') {
            if given.is_any() {
                self.warn(Level::Warn, "-o ssl_ settings have no effect without -Z");
            }
            return Ok(None);
        }
        let unix_alone = self.name == ProgramName::Memcached && self.arguments.path('s').is_some();
        if self.port()? == 0 || unix_alone {
            let line = "ERROR: You cannot enable SSL without a TCP port.";
            return Err(BadSetting::new(line, status::USAGE));
        }
        given.settings(absolute).map(Some)
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn bad_usage<T>(line: impl Into<String>) -> Result<T, BadSetting> {
    Err(BadSetting::new(line, status::USAGE))
}

/// The number, or `largest` if it is out of range.
fn count<T: TryFrom<i64>>(number: i64, largest: T) -> T {
    T::try_from(number).unwrap_or(largest)
}

#[cfg(test)]
mod tests;
