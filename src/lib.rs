//! larder
pub mod clock;
pub mod commands;
pub mod protocol;
pub mod server;
pub mod store;
pub mod telemetry;
