//! The sockets that options open, and the failures when one cannot be opened.

use crate::support::{Client, Folder, has_ipv6, larder, memcached, skip};
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixListener;

fn works(client: &mut Client) {
    client.ask("set a 0 0 1\r\nx\r\nget a\r\n", "STORED\r\nVALUE a 0 1\r\nx\r\nEND\r\n");
}

#[test]
fn every_address_of_l_is_served() {
    let daemon = larder("-l 127.0.0.1,127.0.0.2:0;127.0.0.3:-1 -l 127.0.0.4").start();
    assert_eq!(daemon.addresses().len(), 4);
    for (address, last) in daemon.addresses().iter().zip(1..) {
        works(&mut Client::tcp(SocketAddr::from(([127, 0, 0, last], address.port()))));
    }
    let listen = daemon.connect().stat("settings", "inter");
    assert_eq!(listen, "127.0.0.1,127.0.0.2:0;127.0.0.3:-1,127.0.0.4");
}

#[test]
fn ipv6_addresses_are_served_with_and_without_brackets() {
    if !has_ipv6() {
        return skip("IPv6 addresses (needs ::1)");
    }
    for listen in ["::1", "[::1]", "[::1]:0"] {
        let daemon = larder("-l").arg(listen).start();
        assert!(daemon.address().is_ipv6(), "{listen}");
        works(&mut daemon.connect());
    }
}

#[test]
fn a_star_means_all_interfaces() {
    let daemon = larder("-l *").start();
    assert_eq!(daemon.addresses().len(), 1 + usize::from(has_ipv6()));
    works(&mut Client::tcp(SocketAddr::from(([127, 0, 0, 9], daemon.address().port()))));
    for address in daemon.addresses() {
        works(&mut Client::tcp(*address));
    }
}

#[test]
fn addresses_may_name_their_protocol() {
    let daemon = larder("-vv -l proto[ascii]:127.0.0.1,tag[web]:proto[negotiating]:127.0.0.2").start();
    works(&mut daemon.connect());
    let second = SocketAddr::from(([127, 0, 0, 2], daemon.addresses()[1].port()));
    works(&mut Client::tcp(second));
    let messages = daemon.stop();
    for line in
        ["server listening (ascii)", "server listening (auto-negotiate)", "new ascii client connection"]
    {
        assert_eq!(messages.matches(line).count(), 1, "{line} in {messages}");
    }
}

#[test]
fn an_address_may_be_binary_only() {
    // A noop, and the first bytes of its reply.
    let noop = [&[0x80, 10][..], &[0; 22]].concat();
    let daemon = larder("-l proto[binary]:127.0.0.1,proto[ascii]:127.0.0.2").start();
    let mut binary = daemon.connect();
    binary.send(&noop);
    binary.expect([0x81, 10]);
    let mut text = daemon.connect();
    text.send("version\r\n");
    text.close_sending();
    assert!(!text.read_to_close().contains("VERSION"));
    let second = SocketAddr::from(([127, 0, 0, 2], daemon.addresses()[1].port()));
    works(&mut Client::tcp(second));
    let mut binary = Client::tcp(second);
    binary.send(&noop);
    binary.close_sending();
    assert!(!binary.read_to_close().contains('\u{fffd}'));
}

#[test]
fn called_larder_the_daemon_listens_on_localhost_only() {
    let daemon = larder("").start();
    // 127.0.0.2 represents any address that no option names.
    let elsewhere = SocketAddr::from(([127, 0, 0, 2], daemon.address().port()));
    assert!(TcpStream::connect(elsewhere).is_err());
}

#[test]
fn a_unix_socket_is_served_together_with_tcp() {
    let folder = Folder::new();
    let path = folder.file("socket");
    let daemon = larder("").arg("-s").arg(&path).start();
    works(&mut Client::unix(&path));
    daemon.connect().ask("get a\r\n", "VALUE a 0 1\r\nx\r\nEND\r\n");
    assert_eq!(daemon.connect().stat("settings", "domain_socket"), path.display().to_string());
}

#[test]
fn called_memcached_a_unix_socket_turns_tcp_off() {
    let folder = Folder::new();
    let path = folder.file("socket");
    let daemon = memcached("-l 127.0.0.1").arg("-s").arg(&path).start();
    assert!(daemon.addresses().is_empty());
    works(&mut Client::unix(&path));
}

#[test]
fn a_unix_socket_alone_needs_port_0() {
    let folder = Folder::new();
    let path = folder.file("socket");
    let daemon = larder("-p 0").arg("-s").arg(&path).start_on_given_ports();
    assert!(daemon.addresses().is_empty());
    works(&mut Client::unix(&path));
}

#[test]
fn a_unix_socket_has_the_permissions_of_its_option() {
    for (mask, mode) in [("", 0o700), ("-a 0766", 0o766), ("-a 777", 0o777), ("--unix-mask=70", 0o070)] {
        let folder = Folder::new();
        let path = folder.file("socket");
        let _daemon = larder(mask).arg("-s").arg(&path).start();
        let found = fs::metadata(&path).unwrap();
        assert!(found.file_type().is_socket());
        assert_eq!(found.permissions().mode() & 0o777, mode, "{mask}");
    }
}

#[test]
fn a_stale_unix_socket_is_replaced() {
    let folder = Folder::new();
    let path = folder.file("socket");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let _daemon = larder("").arg("-s").arg(&path).start();
    works(&mut Client::unix(&path));
}

#[test]
fn a_unix_socket_in_use_is_not_replaced() {
    let folder = Folder::new();
    let path = folder.file("socket");
    let _first = larder("").arg("-s").arg(&path).start();
    let refusal = larder("-p -1").arg("-s").arg(&path).refusal();
    let line = format!("failed to listen on UNIX socket: {}: Address already in use", path.display());
    assert_eq!(refusal, (line, 71));
    works(&mut Client::unix(&path));
}

#[test]
fn a_file_that_is_not_a_socket_is_not_replaced() {
    let folder = Folder::new();
    let path = folder.file("notes");
    fs::write(&path, "mine").unwrap();
    let (line, status) = larder("-p -1").arg("-s").arg(&path).refusal();
    assert!(line.ends_with("Address already in use"), "{line}");
    assert_eq!(status, 71);
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
}

#[test]
fn a_port_in_use_fails_with_one_line() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let larder_too = larder("").start();
    for port in [other.local_addr().unwrap().port(), larder_too.address().port()] {
        let by_port = larder(&format!("-p {port}")).refusal();
        assert_eq!(by_port, (format!("failed to listen on TCP port {port}: Address already in use"), 71));
        let by_address = larder(&format!("-l 127.0.0.1:{port}")).refusal();
        let line =
            format!("failed to listen on one of interface(s) 127.0.0.1:{port}: Address already in use");
        assert_eq!(by_address, (line, 71));
    }
}

#[test]
fn a_port_can_be_bound_again_at_once() {
    let daemon = larder("").start();
    let address = daemon.address();
    let mut client = daemon.connect();
    works(&mut client);
    daemon.stop();
    let again = larder(&format!("-l {address}")).start();
    works(&mut again.connect());
}
