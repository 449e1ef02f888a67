//! From what was typed to settings: ranges, defaults, and what the options mean together.

use super::arguments::Arguments;
use super::{
    BadSetting, Options, ProgramName, StartupWarning, extended, listen, number, status, tls_settings,
};
use crate::server::{
    AcceptedProtocol, ClientCertificates, KeyFormat, ListenAddress, Service, TlsSettings, UnixAddress,
};
use crate::{commands, process, server, store};
use log::Level;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// `-t` above this gets memcached's warning.
const THREADS_SANE_MAX: usize = 64;

/// Largest `-t`: each worker takes a thread and descriptors.
const THREADS_MAX: i64 = 1024;

/// Smallest and largest `-I`, in bytes.
const ITEM_MIN_BYTES: i64 = 1024;
const ITEM_MAX_BYTES: i64 = 1024 << 20;

/// Largest `-m`, in MiB; what is above was meant as bytes.
const MEMORY_MAX_MIB: i64 = 1_000_000_000;

/// Where `larder` listens by itself: both addresses of `localhost`, because a client may try only one of them.
const LOOPBACK: [&str; 2] = ["127.0.0.1", "::1"];

/// One pass over the arguments.
pub(super) struct Check<'a> {
    name: ProgramName,
    arguments: &'a Arguments,
    startup_warnings: Vec<StartupWarning>,
}

/// Where to listen, and what `stats settings` says of it.
struct Listen {
    tcp: Vec<ListenAddress>,
    udp: Vec<ListenAddress>,
    udp_port: i32,
    unix: Option<UnixAddress>,
    port: i32,
    texts: Option<String>,
    mask: u32,
}

impl<'a> Check<'a> {
    pub(super) fn new(name: ProgramName, arguments: &'a Arguments) -> Check<'a> {
        Check { name, arguments, startup_warnings: Vec::new() }
    }

    /// Checks everything.
    pub(super) fn options(mut self, port_file: Option<OsString>) -> Result<Options, BadSetting> {
        let (protocol, sasl) = self.protocol()?;
        let auth_file = self.auth_file()?;
        let extended = extended::read(&self.arguments.values('o'))?;
        let startup_warnings =
            extended.startup_warnings.into_iter().map(|line| StartupWarning { level: Level::Warn, line });
        self.startup_warnings.extend(startup_warnings);

        let max_connections = self.at_least_1('c', 1024, "Maximum connections must be greater than 0")?;
        let threads = self.threads()?;
        self.napi_ids(threads)?;
        if self.arguments.path('e').is_some() {
            self.warning(Level::Warn, "-e has no meaning in larder: items do not outlive a restart yet");
        }
        let requests_per_event =
            self.at_least_1('R', 20, "Number of requests per event must be greater than 0")?;
        let chunk_min_bytes = self.at_least_1('n', 48, "Chunk size must be greater than 0")?;
        let backlog = self.number('b', status::OPTION)?.unwrap_or(1024);
        let growth_factor = self.growth_factor()?;
        let (memory_limit_bytes, item_max_bytes) = self.memory()?;
        let tls = self.tls(&extended.tls)?;
        let metrics = listen::metrics(self.arguments)?;
        let listen = self.listen(Service { protocol, tls: tls.as_ref().map(|tls| tls.clients) })?;

        let commands = commands::Settings {
            flush_enabled: !self.arguments.flag('F'),
            reassign_enabled: extended.reassign,
            sweep_enabled: extended.sweep,
            watch_enabled: !self.arguments.flag('W'),
            prefix_delimiter: self.prefix_delimiter()?,
            detail_enabled: self.arguments.value('D').is_some(),
            track_sizes: extended.track_sizes,
            reported_options: commands::ReportedOptions(extended.without_effect),
            dump_enabled: !self.arguments.flag('X'),
            shutdown_enabled: self.arguments.flag('A'),
            cas_enabled: !self.arguments.flag('C'),
            evict: !self.arguments.flag('M'),
            item_max_bytes,
            max_connections: count(max_connections, usize::MAX),
            tcp_port: listen.port,
            udp_port: listen.udp_port,
            listen: listen.texts,
            unix_path: listen.unix.as_ref().map(|unix| unix.path.display().to_string()),
            unix_mask: listen.mask,
            growth_factor,
            chunk_min_bytes: count(chunk_min_bytes, u32::MAX),
            threads,
            requests_per_event: count(requests_per_event, u32::MAX),
            backlog: count(backlog, i32::MAX),
            max_connections_fast: extended.max_connections_fast,
            idle_timeout_secs: extended.idle_timeout_secs,
            tls: tls.as_ref().map_or_else(Default::default, tls_report),
            protocol,
            verbosity: self.arguments.verbosity(),
            debug_commands: self.arguments.debug_commands(),
        };
        let store = store::Settings {
            memory_limit_bytes,
            threads,
            growth_factor,
            chunk_min_bytes: commands.chunk_min_bytes,
            evict: commands.evict,
            cas: commands.cas_enabled,
            item_max_bytes,
            hash_seed: None,
            shards: None,
        };
        let server = server::Settings {
            threads,
            max_connections: commands.max_connections,
            requests_per_event: commands.requests_per_event,
            backlog: commands.backlog,
            tcp: listen.tcp,
            udp: listen.udp,
            udp_reply_max_bytes: extended.udp_reply_max_bytes,
            unix: listen.unix,
            port_file: port_file.filter(|path| !path.is_empty()).map(|path| absolute(Path::new(&path))),
            protocol,
            inherited: Vec::new(),
            max_connections_fast: commands.max_connections_fast,
            idle_timeout_secs: commands.idle_timeout_secs,
            socket_mark: extended.socket_mark,
            tls,
            metrics,
        };
        let process = self.process();
        Ok(Options {
            store,
            commands,
            server,
            process,
            sasl,
            auth_file,
            startup_warnings: self.startup_warnings,
        })
    }

    fn process(&self) -> process::Settings {
        process::Settings {
            detach: self.arguments.flag('d'),
            // Absolute, because a daemon leaves the directory it was started in.
            pid_file: self.arguments.path('P').map(|path| absolute(Path::new(path))),
            user: self.arguments.value('u').filter(|user| !user.is_empty()),
            user_required: self.name == ProgramName::Memcached,
            lock_memory: self.arguments.flag('k'),
            large_pages: self.arguments.flag('L'),
            core_files: self.arguments.flag('r'),
            keep_terminal: self.arguments.verbosity() > 0,
        }
    }

    /// The file of users and passwords that clients of the text protocol log in with.
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

    /// What is spoken, and whether clients must log in by SASL, which the binary protocol alone can do.
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

    /// The character that ends a prefix (`-D`), of which memcached reads the first one given.
    fn prefix_delimiter(&mut self) -> Result<u8, BadSetting> {
        let Some(text) = self.arguments.value('D') else { return Ok(b':') };
        match text.as_bytes().first() {
            None => Err(BadSetting::new("No delimiter specified (-D)", status::OPTION)),
            Some(delimiter) if delimiter.is_ascii() => {
                if text.len() > 1 {
                    self.warning(Level::Warn, format!("-D {text} is read as {}", char::from(*delimiter)));
                }
                Ok(*delimiter)
            }
            Some(_) => {
                Err(BadSetting::new(format!("-D needs an ASCII character, not \"{text}\""), status::OPTION))
            }
        }
    }

    fn warning(&mut self, level: Level, line: impl Into<String>) {
        let warning = StartupWarning { level, line: line.into() };
        // Some values are read twice.
        if !self.startup_warnings.contains(&warning) {
            self.startup_warnings.push(warning);
        }
    }

    /// The number given with an option. What follows the number is ignored as memcached does, but not in silence.
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
            self.warning(Level::Warn, format!("-{letter} {text} is read as {number}"));
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
            self.warning(
                Level::Warn,
                format!(
                    "WARNING: -t {threads} is a high number of worker threads; \
                     set it to the number of cores in your machine or less"
                ),
            );
        }
        Ok(threads)
    }

    /// `-N` tells threads apart by the network card's queue; larder leaves that to the kernel.
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
            Some(_) => self.warning(
                Level::Warn,
                "-N has no meaning in larder: whichever thread is free serves a connection",
            ),
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

    /// Memory limit and largest item, in bytes.
    fn memory(&mut self) -> Result<(u64, u64), BadSetting> {
        let usage = |line: String| Err(BadSetting::new(line, status::USAGE));
        let mib = self.number('m', status::USAGE)?.unwrap_or(64);
        if mib <= 0 {
            return usage(format!("The memory limit must be greater than 0 megabytes (-m {mib})"));
        }
        if mib > MEMORY_MAX_MIB {
            return usage(format!("The memory limit is in megabytes, not bytes (-m {mib})"));
        }
        let item = self.item_max_bytes()?;
        if item < ITEM_MIN_BYTES {
            return usage(format!("Item max size cannot be less than 1024 bytes. (-I is {item} bytes)"));
        }
        if item > (mib << 20) / 2 {
            return usage(format!(
                "Cannot set item size limit higher than 1/2 of memory max. (-I is {item} bytes, -m {mib} megabytes)"
            ));
        }
        if item > ITEM_MAX_BYTES {
            return usage(format!("Cannot set item size limit higher than a gigabyte. (-I is {item} bytes)"));
        }
        Ok(((mib as u64) << 20, item as u64))
    }

    /// `-I` takes bytes, or a number with the suffix k or m.
    fn item_max_bytes(&mut self) -> Result<i64, BadSetting> {
        let Some(text) = self.arguments.value('I') else { return Ok(1 << 20) };
        let Some((number, rest)) = number::integer(&text) else {
            let line = format!("-I needs a number of bytes, or one with the suffix k or m, not \"{text}\"");
            return Err(BadSetting::new(line, status::USAGE));
        };
        let unit = match text.trim_end().to_ascii_lowercase().chars().next_back() {
            Some('k') => 1 << 10,
            Some('m') => 1 << 20,
            _ => 1,
        };
        let bytes = number.saturating_mul(unit);
        if rest.trim().len() > usize::from(unit > 1) {
            self.warning(Level::Warn, format!("-I {text} is read as {bytes} bytes"));
        }
        Ok(bytes)
    }

    fn tls(&mut self, given: &tls_settings::Given) -> Result<Option<TlsSettings>, BadSetting> {
        if !self.arguments.flag('Z') {
            if given.is_any() {
                self.warning(Level::Warn, "-o ssl_ settings have no effect without -Z");
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

    fn listen(&mut self, service: Service) -> Result<Listen, BadSetting> {
        let mask = self.unix_mask()?;
        let unix = self.arguments.path('s').map(|path| UnixAddress { path: PathBuf::from(path), mask });
        let port = self.port()?;
        let values = self.arguments.values('l');
        let udp_port = self.udp_port()?;
        let unix_alone = unix.is_some() && self.name == ProgramName::Memcached;
        let (port, udp_port) = if unix_alone { (0, 0) } else { (port, udp_port) };
        if port == 0 && udp_port == 0 {
            if !values.is_empty() {
                let reason = if unix_alone { "-s" } else { "-p 0" };
                self.warning(Level::Info, format!("{reason} turns TCP off, so -l has no effect"));
            }
            let (tcp, udp) = (Vec::new(), Vec::new());
            return Ok(Listen { tcp, udp, udp_port, unix, port, texts: None, mask });
        }
        if udp_port != 0 && service.tls.is_some() {
            let line = "ERROR: UDP cannot be encrypted: -U and -Z exclude each other.";
            return Err(BadSetting::new(line, status::USAGE));
        }
        let tcp = self.addresses(port, &values, service)?;
        let udp = self.addresses(udp_port, &values, service)?;
        let texts = match self.name {
            _ if !values.is_empty() => Some(values.join(",")),
            ProgramName::Larder => Some(LOOPBACK.join(",")),
            ProgramName::Memcached => None,
        };
        Ok(Listen { tcp, udp, udp_port, unix, port, texts, mask })
    }

    /// Where to listen with a port as given: 0 is nowhere.
    fn addresses(
        &self,
        port: i32,
        values: &[String],
        service: Service,
    ) -> Result<Vec<ListenAddress>, BadSetting> {
        // A port below 0 is for the OS to choose.
        let bindable = u16::try_from(port).unwrap_or(0);
        let logged_in = self.arguments.flag('S') || self.arguments.value('Y').is_some();
        Ok(match self.name {
            _ if port == 0 => Vec::new(),
            _ if !values.is_empty() => listen::addresses(values, bindable, service, logged_in)?,
            ProgramName::Larder => loopback(bindable, service),
            ProgramName::Memcached => vec![all_interfaces(bindable, service)],
        })
    }

    fn unix_mask(&self) -> Result<u32, BadSetting> {
        let Some(text) = self.arguments.value('a') else { return Ok(0o700) };
        match number::octal(&text) {
            // As umask(2) takes it.
            Some(mask) => Ok(mask & 0o777),
            None => Err(BadSetting::new(format!("-a needs an octal mode, not \"{text}\""), status::USAGE)),
        }
    }

    /// The UDP port as given: 0 for none, negative for one that the OS chooses.
    fn udp_port(&mut self) -> Result<i32, BadSetting> {
        match self.number('U', status::USAGE)? {
            None => Ok(0),
            Some(port @ ..=65535) => Ok(port.max(-1) as i32),
            Some(port) => {
                Err(BadSetting::new(format!("ERROR: Invalid UDP port number {port}."), status::USAGE))
            }
        }
    }

    /// The TCP port as given: 0 for none, negative for one that the OS chooses. Without one it is that of UDP, if there
    /// is one.
    fn port(&mut self) -> Result<i32, BadSetting> {
        match self.number('p', status::USAGE)? {
            None => match self.udp_port()? {
                0 => Ok(11211),
                port => Ok(port),
            },
            Some(port @ ..=65535) => Ok(port.max(-1) as i32),
            Some(port) => Err(BadSetting::new(format!("ERROR: Invalid port number {port}."), status::USAGE)),
        }
    }
}

fn loopback(port: u16, service: Service) -> Vec<ListenAddress> {
    LOOPBACK
        .into_iter()
        .map(|host| {
            let host = Some(host.to_owned());
            ListenAddress { host, port, service, text: String::new(), optional: true }
        })
        .collect()
}

fn all_interfaces(port: u16, service: Service) -> ListenAddress {
    ListenAddress { host: None, port, service, text: String::new(), optional: false }
}

/// What `stats settings` says of it.
fn tls_report(tls: &TlsSettings) -> commands::TlsReport {
    let text = |path: &PathBuf| path.display().to_string();
    commands::TlsReport {
        enabled: true,
        chain_cert: Some(text(&tls.chain_cert)),
        key: Some(text(&tls.key)),
        ca_cert: tls.ca_cert.as_ref().map(text),
        ciphers: tls.ciphers.clone(),
        verify_mode: match tls.clients {
            ClientCertificates::Ignored => 0,
            ClientCertificates::Requested => 1,
            ClientCertificates::Required => 2,
        },
        key_format: match tls.key_format {
            KeyFormat::Pem => 1,
            KeyFormat::Der => 2,
        },
        session_cache: tls.session_cache,
        min_version: if tls.only_tls13 { "tlsv1.3" } else { "tlsv1.2" },
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn bad_usage<T>(line: impl Into<String>) -> Result<T, BadSetting> {
    Err(BadSetting::new(line, status::USAGE))
}

/// A count too large for its setting is as good as the largest.
fn count<T: TryFrom<i64>>(number: i64, largest: T) -> T {
    T::try_from(number).unwrap_or(largest)
}

#[cfg(test)]
mod tests;
