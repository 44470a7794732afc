//! Errors: why pictures cannot be analysed.

/// Why pictures cannot be analysed. `data` is the name of the data that they are from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnalysisError {
    /// Pictures without labels, for an analysis that needs them.
    #[error(
        "{data}: no labels found; {what} needs labels: those of mnist, of a folder of IDX files, or of one with a \
         folder of pictures for each class, or the column that data.label names"
    )]
    Unlabelled {
        /// Where the pictures are from.
        data: String,
        /// The analysis, with its article.
        what: &'static str,
    },
    /// The same pictures to learn from and to test on.
    #[error(
        "{data}: {what} would learn from the pictures that it is tested on; put them into folders train and test, or \
         have some drawn with a config's data: '{{\"dataset\": \"images\", \"dir\": \"{data}\"}}'"
    )]
    SamePictures {
        /// Where the pictures are from.
        data: String,
        /// The analysis, with its article.
        what: &'static str,
    },
    /// Pictures of a single class, which leave a classifier nothing to learn.
    #[error("{data}: all pictures have the same class; a classifier needs two or more classes")]
    OneClass {
        /// Where the pictures are from.
        data: String,
    },
    /// Test pictures of a single label, which leave nothing to tell it from.
    #[error("{data}: all test pictures have the same label; --one-class needs two or more labels")]
    OneLabel {
        /// Where the pictures are from.
        data: String,
    },
    /// Training samples of a single label, which teach a classifier nothing.
    #[error(
        "{data}: all that the run may train on has the same label, so there is nothing to tell apart; probe runs that were trained \
         on several"
    )]
    OneTrained {
        /// Where they are from.
        data: String,
    },
    /// The same, found while one label is measured.
    #[error("all test pictures have the same label")]
    NothingElse,
    /// A single normal picture.
    #[error(
        "{data}: found 1 picture; at least 2 are needed, because one half sets the threshold and the other is scored"
    )]
    OnePicture {
        /// Where the picture is from.
        data: String,
    },
    /// No normal pictures that could set a threshold.
    #[error("{data}: no pictures left to set the threshold")]
    NoThreshold {
        /// Where the pictures are from.
        data: String,
    },
    /// No validation samples, from which is learned what is usual.
    #[error(
        "{run}: has no validation samples, from which score learns what is usual; train with data.validation above 0"
    )]
    NoValidation {
        /// The run, or its data.
        run: String,
    },
    /// A mask of another size than its picture.
    #[error(
        "{mask}: found {found} pixels, but its picture has {wanted}; give a mask of the same height and width"
    )]
    MaskSize {
        /// The mask's file.
        mask: String,
        /// Its height and width.
        found: String,
        /// Those of the picture.
        wanted: String,
    },
}
