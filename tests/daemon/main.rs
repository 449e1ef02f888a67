//! The daemon as an operator meets it: its command line, its sockets, its end, and what hostile clients do to it.
//! Each file is one promise.

#[path = "../support/mod.rs"]
mod support;

mod background;
mod connection_limit;
mod defaults;
mod descriptors_run_out;
mod documented_commands;
mod help_and_version;
mod hostile_clients_harm_nobody;
mod idle_connections_are_closed;
mod limits_are_raised;
mod log_follows_verbosity;
mod memory_is_given_back;
mod metrics;
mod pid_file;
mod refused_command_lines;
mod signals;
mod sockets;
mod systemd_units;
mod tls_certificates;
mod tls_keeps_its_promise;
mod tools;
mod udp;
mod user;
