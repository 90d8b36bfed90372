//! What every request passes, one concern a file; the order is the router's.

pub mod admit;
pub mod caller;
pub mod dress;
pub mod forms;
pub mod gate;
pub mod headers;
pub mod host;
pub mod log;
pub mod path;
pub mod still;
pub mod turns;
