//! Errors: why something could not be drawn. They reach the user as the library's errors.

/// Why something could not be drawn. The text is one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// A chart that cannot be encoded.
    #[error("the chart cannot be encoded: {0}")]
    Chart(String),
    /// Sample pictures that cannot be read.
    #[error("the sample pictures cannot be read: {0}")]
    Samples(String),
}

impl From<ReportError> for hourglass::Error {
    fn from(error: ReportError) -> Self {
        Self::Observer(Box::new(error))
    }
}
