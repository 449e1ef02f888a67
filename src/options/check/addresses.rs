//! The addresses to listen on: `-p`, `-U`, `-l`, `-s` and `-a`.

use super::{Check, ProgramName};
use crate::options::{BadSetting, listen, number, status};
use crate::server::{ListenAddress, Service, UnixAddress};
use log::Level;
use std::path::PathBuf;

/// Default addresses of `larder`: both addresses of `localhost`, because a client may try only one of them.
const LOOPBACK: [&str; 2] = ["127.0.0.1", "::1"];

/// The addresses to listen on, and their form in `stats settings`.
pub(super) struct Addresses {
    pub(super) tcp: Vec<ListenAddress>,
    pub(super) udp: Vec<ListenAddress>,
    pub(super) udp_port: i32,
    pub(super) unix: Option<UnixAddress>,
    pub(super) port: i32,
    /// The values of `-l`, or their default.
    pub(super) texts: Option<String>,
    pub(super) mask: u32,
}

impl Check<'_> {
    pub(super) fn listen(&mut self, service: Service) -> Result<Addresses, BadSetting> {
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
                self.warn(Level::Info, format!("{reason} turns TCP off, so -l has no effect"));
            }
            let (tcp, udp) = (Vec::new(), Vec::new());
            return Ok(Addresses { tcp, udp, udp_port, unix, port, texts: None, mask });
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
        Ok(Addresses { tcp, udp, udp_port, unix, port, texts, mask })
    }

    /// The addresses to listen on for a given port; none for port 0.
    fn addresses(
        &self,
        port: i32,
        values: &[String],
        service: Service,
    ) -> Result<Vec<ListenAddress>, BadSetting> {
        // The OS chooses the port if it is negative.
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

    /// The UDP port: 0 for none, negative if the OS chooses it.
    fn udp_port(&mut self) -> Result<i32, BadSetting> {
        match self.number('U', status::USAGE)? {
            None => Ok(0),
            Some(port @ ..=65535) => Ok(port.max(-1) as i32),
            Some(port) => {
                Err(BadSetting::new(format!("ERROR: Invalid UDP port number {port}."), status::USAGE))
            }
        }
    }

    /// The TCP port: 0 for none, negative if the OS chooses it. The default is the UDP port, if there is one.
    pub(super) fn port(&mut self) -> Result<i32, BadSetting> {
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
