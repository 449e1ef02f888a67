//! The daemon as a process: command line, sockets, signals, limits, and hostile clients. Each file tests one promise.

#[path = "../support/mod.rs"]
mod support;

mod background;
mod connection_limit;
mod dashboards;
mod defaults;
mod descriptors_run_out;
mod documented_commands;
mod freed_memory_is_returned;
mod help_and_version;
mod hostile_clients;
mod idle_connections_are_closed;
mod limits_are_raised;
mod log_follows_verbosity;
mod metrics;
mod pid_file;
mod refused_command_lines;
mod signals;
mod sockets;
mod systemd_units;
mod tls_certificates;
mod tls_connections;
mod tools;
mod udp;
mod user;
