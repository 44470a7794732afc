//! Reports of Hourglass's runs: pages, charts, sheets of pictures and TensorBoard's event files.
//!
//! [`Reporter`] and [`EventFiles`](tensorboard::EventFiles) watch a training and write what it leaves in
//! its folder.

mod architecture;
pub mod chart;
pub mod code;
pub mod curve;
pub mod curves;
pub mod page;
pub mod pictures;
pub mod plots;
mod report;
pub mod scatter;
pub mod sheet;
pub mod steps;
pub mod tensorboard;
#[cfg(feature = "track")]
pub mod track;

pub use report::{FILE, Report, Reporter};
