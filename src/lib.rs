//! larder
pub mod clock;
pub mod protocol;
pub mod store;
pub mod telemetry;
