//! Errors: why the library could not do what was asked.
//!
//! The text of an error is one line: the place, what was found, and how to mend it. Only a config may
//! have several faults, a line each. The texts are complete: no error hides a part of its reason in
//! [`source`](std::error::Error::source).

use data::DataError;
use model::weights::WeightsError;
use model::{ModelError, NeedsInput};

use crate::analysis::error::AnalysisError;
use crate::arrays::ArrayError;
use crate::backend::BackendError;
use crate::codec::Damaged;
use crate::codec::decompress::DecompressError;
use crate::config::ConfigError;
use crate::export::ExportError;
use crate::files::FileError;
use crate::import::ImportError;
use crate::input::InputError;
use crate::measure::metrics::MetricError;
use crate::measure::pca::PcaError;
use crate::memory::MemoryError;
use crate::pictures::PictureError;
use crate::run::RunError;
use crate::run::checkpoint::CheckpointError;

/// What the library's functions give.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the library could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A config that is not allowed, a line for each fault.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A backend that is not compiled in or finds no hardware.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// Less memory than is needed.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// Data that cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A command's input that names nothing, or images of another shape.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A model that cannot be built for these images.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A residual model that was asked to decode a code alone.
    #[error(transparent)]
    NeedsInput(#[from] NeedsInput),
    /// Weights that do not belong to the model.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// A run folder that is missing, locked, or not of this program.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A checkpoint that is missing or damaged.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A file that cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A model that cannot be exported.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// Weights of another program that do not fit.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// A NumPy file that does not hold a model's codes.
    #[error(transparent)]
    Array(#[from] ArrayError),
    /// Images that cannot be measured.
    #[error(transparent)]
    Metric(#[from] MetricError),
    /// Images that PCA cannot be fitted to.
    #[error(transparent)]
    Pca(#[from] PcaError),
    /// Pictures that cannot be analysed.
    #[error(transparent)]
    Analysis(#[from] AnalysisError),
    /// A picture that cannot be drawn.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// A compressed file that cannot be used.
    #[error(transparent)]
    Damaged(#[from] Damaged),
    /// A compressed file that cannot be turned into pictures.
    #[error(transparent)]
    Decompress(#[from] DecompressError),
    /// A code that holds a NaN or an infinity.
    #[error("image {image}: its code is not finite")]
    NotFinite {
        /// The image's index.
        image: u32,
    },
    /// A reconstruction that holds a NaN or an infinity.
    #[error("image {image}: its reconstruction is not finite")]
    Reconstruction {
        /// The image's index.
        image: u32,
    },
    /// A classifier of codes that diverged.
    #[error("the classifier's output is not finite")]
    Classifier,
    /// A model that gives another number of values than its images have.
    #[error("the model returned {found} values instead of {expected}")]
    Values {
        /// Values given.
        found: usize,
        /// Values that the images have.
        expected: usize,
    },
    /// The device did not give a result.
    #[error("the device returned no result: {0}")]
    Device(String),
    /// The system does not give what a computation needs, such as a thread.
    #[error("{0}")]
    System(String),
    /// What watches a training could not do its part.
    #[error("{0}")]
    Observer(Box<dyn std::error::Error + Send + Sync>),
    /// The same with the place that it concerns.
    #[error("{place}: {error}")]
    At {
        /// A file, a folder or what else the user knows by name.
        place: String,
        /// What is wrong there.
        error: Box<Error>,
    },
}

impl Error {
    /// The error itself, without the places that it was told with.
    pub fn root(&self) -> &Error {
        match self {
            Self::At { error, .. } => error.root(),
            other => other,
        }
    }
}

/// Says where an error came up.
pub trait At<T> {
    /// The same result, with `place` before an error's text.
    ///
    /// # Errors
    /// Those of the result.
    fn at(self, place: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: Into<Error>> At<T> for Result<T, E> {
    fn at(self, place: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| Error::At {
            place: place(),
            error: Box::new(error.into()),
        })
    }
}
