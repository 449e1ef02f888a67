//! systemd: socket activation, readiness and watchdog. Without systemd, these functions do nothing.

use super::Failure;
use crate::server::InheritedSocket;
use listenfd::ListenFd;
use log::warn;
use sd_notify::NotifyState;
use socket2::SockRef;

/// Takes the listening sockets of socket activation (LISTEN_FDS, LISTEN_PID). To be called before any file is opened
/// and while there is one thread.
pub fn inherited_sockets() -> Result<Vec<InheritedSocket>, Failure> {
    let mut passed = ListenFd::from_env();
    let mut sockets = Vec::new();
    for index in 0..passed.len() {
        let taken = match passed.take_tcp_listener(index) {
            Ok(tcp) => Ok(tcp.map(InheritedSocket::Tcp)),
            Err(_) => match passed.take_unix_listener(index) {
                Ok(unix) => Ok(unix.map(InheritedSocket::Unix)),
                Err(_) => passed.take_udp_socket(index).map(|udp| udp.map(InheritedSocket::Udp)),
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

/// True if clients can use the socket. A datagram socket does not listen, but must be bound.
fn is_listening(socket: &InheritedSocket) -> bool {
    match socket {
        InheritedSocket::Tcp(tcp) => SockRef::from(tcp).is_listener().unwrap_or(false),
        InheritedSocket::Unix(unix) => SockRef::from(unix).is_listener().unwrap_or(false),
        InheritedSocket::Udp(udp) => udp.local_addr().is_ok_and(|address| address.port() != 0),
    }
}

/// The service manager that receives notifications (NOTIFY_SOCKET), if there is one.
#[derive(Clone, Copy, Debug)]
pub(super) struct ServiceManager {
    watchdog: bool,
}

impl ServiceManager {
    /// Reads the environment. To be called in the process that serves.
    pub(super) fn from_env() -> ServiceManager {
        ServiceManager { watchdog: sd_notify::watchdog_enabled().is_some() }
    }

    /// Reports that the service is up.
    pub(super) fn ready(self) {
        if let Err(error) = sd_notify::notify(&[NotifyState::Ready]) {
            warn!("cannot notify the service manager that the service is up: {error}");
        }
    }

    /// Resets the watchdog. To be called once a second; WatchdogSec= must be longer.
    pub(super) fn alive(self) {
        if self.watchdog {
            // If notifications fail for too long, the service manager restarts the service.
            let _ = sd_notify::notify(&[NotifyState::Watchdog]);
        }
    }

    /// Reports that the service stops.
    pub(super) fn stopping(self) {
        // The service manager notices the end of the process in any case.
        let _ = sd_notify::notify(&[NotifyState::Stopping]);
    }
}
