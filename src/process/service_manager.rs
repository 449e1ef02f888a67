//! systemd: sockets it hands over, and what it wants to hear. Without it, nothing here does anything.

use super::Failure;
use crate::server::InheritedSocket;
use listenfd::ListenFd;
use log::warn;
use sd_notify::NotifyState;
use socket2::SockRef;

/// Takes the sockets to listen on that were handed over (LISTEN_FDS, LISTEN_PID). To be called before any file is
/// opened and while there is one thread.
pub fn inherited_sockets() -> Result<Vec<InheritedSocket>, Failure> {
    let mut handed = ListenFd::from_env();
    let mut sockets = Vec::new();
    for index in 0..handed.len() {
        let taken = match handed.take_tcp_listener(index) {
            Ok(tcp) => Ok(tcp.map(InheritedSocket::Tcp)),
            Err(_) => match handed.take_unix_listener(index) {
                Ok(unix) => Ok(unix.map(InheritedSocket::Unix)),
                Err(_) => handed.take_udp_socket(index).map(|udp| udp.map(InheritedSocket::Udp)),
            },
        };
        match taken {
            Ok(Some(socket)) if is_listening(&socket) => sockets.push(socket),
            Ok(None) => {}
            _ => {
                let line = format!(
                    "socket {} of LISTEN_FDS is neither a UDP socket nor a listening TCP or UNIX stream socket",
                    index + 1
                );
                return Err(Failure::os(line));
            }
        }
    }
    Ok(sockets)
}

/// True if clients can come in here. A datagram socket does not listen; it is there for them if it has an address.
fn is_listening(socket: &InheritedSocket) -> bool {
    match socket {
        InheritedSocket::Tcp(tcp) => SockRef::from(tcp).is_listener().unwrap_or(false),
        InheritedSocket::Unix(unix) => SockRef::from(unix).is_listener().unwrap_or(false),
        InheritedSocket::Udp(udp) => udp.local_addr().is_ok_and(|address| address.port() != 0),
    }
}

/// Who waits for news of the service (NOTIFY_SOCKET), if anybody.
#[derive(Clone, Copy, Debug)]
pub(super) struct ServiceManager {
    watchdog: bool,
}

impl ServiceManager {
    /// Reads the environment. To be called in the process that serves.
    pub(super) fn from_env() -> ServiceManager {
        ServiceManager { watchdog: sd_notify::watchdog_enabled().is_some() }
    }

    /// The service is up.
    pub(super) fn ready(self) {
        if let Err(error) = sd_notify::notify(&[NotifyState::Ready]) {
            warn!("the service manager cannot be told that the service is up: {error}");
        }
    }

    /// The service is alive; to be called once a second, and WatchdogSec= to be longer than that.
    pub(super) fn alive(self) {
        if self.watchdog {
            // If this is lost often enough, the service manager acts, which is what it is there for.
            let _ = sd_notify::notify(&[NotifyState::Watchdog]);
        }
    }

    /// The service is about to end.
    pub(super) fn stopping(self) {
        // It will see the end of the process in any case.
        let _ = sd_notify::notify(&[NotifyState::Stopping]);
    }
}
