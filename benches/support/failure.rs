//! The error type of benches.

use std::error::Error;

/// An error that ends the run.
pub(crate) type Failure = Box<dyn Error>;
