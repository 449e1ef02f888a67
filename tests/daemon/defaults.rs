//! The defaults under both names.

use crate::support::{Client, has_ipv6, larder, memcached, skip};

#[test]
fn larder_listens_on_both_addresses_of_localhost() {
    if !has_ipv6() {
        return skip("both addresses of localhost (needs ::1)");
    }
    let daemon = larder("").start();
    let [v4, v6] = daemon.addresses() else { panic!("{:?}", daemon.addresses()) };
    for address in [v4, v6] {
        assert!(address.ip().is_loopback());
        Client::tcp(*address).ask("set a 0 0 1\r\nx\r\n", "STORED\r\n");
    }
}

#[test]
fn larder_reports_its_own_defaults() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    assert_eq!(client.stat("settings", "inter"), "127.0.0.1,::1");
    assert_eq!(client.stat("settings", "num_threads"), "4");
    assert_eq!(client.stat("settings", "maxconns"), "1024");
    assert_eq!(client.stat("settings", "growth_factor"), "1.10");
    assert_eq!(client.stat("settings", "maxbytes"), "67108864");
}

#[test]
fn called_memcached_it_listens_on_all_interfaces() {
    let daemon = memcached("").start();
    let mut client = daemon.connect();
    // 127.0.0.2 is an address of this machine that no option names.
    let elsewhere = ([127, 0, 0, 2], daemon.address().port()).into();
    Client::tcp(elsewhere).ask("version\r\n", "VERSION 1.6.45\r\n");
    assert_eq!(client.stat("settings", "inter"), "NULL");
    assert_eq!(client.stat("settings", "growth_factor"), "1.25");
    client.ask("version\r\n", "VERSION 1.6.45\r\n");
}
