//! Arrays as a data set: which samples are for training, which for testing, and what their columns are.

use std::sync::{Arc, OnceLock};

use crate::array::Array;
use crate::images::Limit;
use crate::load::Loaded;
use crate::preparation::{Aspect, Preparation};
use crate::split::sample;
use crate::{DataError, Fields, ImageShape, Warning};

/// The name of such a set, for display.
pub(crate) const NAME: &str = "array";

/// How arrays are split and read.
#[derive(Clone, Debug, PartialEq)]
pub struct ArrayOptions {
    /// The share of the samples for testing, above 0 and below 1, drawn at random, but at least one; `None` if the
    /// samples for testing are an array of their own.
    pub test: Option<f64>,
    /// Training samples to draw at random; by default all are used.
    pub limit: Option<Limit>,
    /// Draws the samples for testing.
    pub seed: u64,
    /// What a run found of the columns that it was trained on; by default it is found anew.
    pub fields: Option<Arc<Fields>>,
}

/// The arrays of a set.
#[derive(Clone, Debug)]
pub struct Given {
    /// Samples to train on, and to test with if there are no others for that.
    pub train: Arc<Array>,
    /// Samples to test with.
    pub test: Option<Arc<Array>>,
}

/// Arrays as a data set.
#[derive(Clone, Debug)]
pub struct ArraySet {
    options: ArrayOptions,
    given: Option<Given>,
    read: Arc<OnceLock<Parts>>,
}

/// Which samples are for what.
#[derive(Debug)]
struct Parts {
    shape: ImageShape,
    train: Vec<u32>,
    /// Samples of the array to test with; all of the other one, if there is one.
    test: Option<Vec<u32>>,
    /// Of rows of numbers.
    fields: Option<Arc<Fields>>,
    constant: Vec<String>,
}

impl ArraySet {
    /// A set of arrays, which are given later.
    pub fn new(options: ArrayOptions) -> Self {
        Self {
            options,
            given: None,
            read: Arc::default(),
        }
    }

    /// The same set with its arrays.
    #[must_use]
    pub fn with_arrays(&self, given: Option<Given>) -> Self {
        Self {
            given,
            ..Self::new(self.options.clone())
        }
    }

    /// The same set with the fields that a run was trained with.
    #[must_use]
    pub fn as_trained(&self, fields: Option<Arc<Fields>>) -> Self {
        let options = ArrayOptions {
            fields,
            ..self.options.clone()
        };
        Self::new(options).with_arrays(self.given.clone())
    }

    /// The same set with all of its training samples.
    pub(crate) fn without_limit(&self) -> Self {
        let options = ArrayOptions {
            limit: None,
            ..self.options.clone()
        };
        Self::new(options).with_arrays(self.given.clone())
    }

    pub(crate) fn shape(&self) -> Result<ImageShape, DataError> {
        Ok(self.parts()?.shape)
    }

    /// What the columns hold; `None` of pictures.
    ///
    /// # Errors
    ///
    /// As [`Source::load`](crate::Source::load).
    pub fn fields(&self) -> Result<Option<&Arc<Fields>>, DataError> {
        Ok(self.parts()?.fields.as_ref())
    }

    pub(crate) fn extent(&self) -> Result<[u64; 2], DataError> {
        let (parts, given) = (self.parts()?, self.given()?);
        let tested = match (&parts.test, &given.test) {
            (Some(test), _) => test.len(),
            (None, Some(test)) => test.len(),
            (None, None) => 0,
        };
        let value = match parts.fields {
            Some(_) => size_of::<f32>(),
            None => 1,
        };
        let sample = parts.shape.iter().product::<usize>() * value;
        let bytes = (parts.train.len() + tested) as u64 * sample as u64;
        Ok([parts.train.len() as u64, bytes])
    }

    pub(crate) fn load(&self) -> Result<Loaded, DataError> {
        let (parts, given) = (self.parts()?, self.given()?);
        let (shape, fields) = (parts.shape, parts.fields.as_ref());
        let train = given.train.images(shape, fields, Some(&parts.train))?;
        let tested = given.test.as_ref().unwrap_or(&given.train);
        let test = tested.images(shape, fields, parts.test.as_deref())?;
        let warnings = match parts.constant.is_empty() {
            true => Vec::new(),
            false => vec![Warning::Constant {
                file: NAME.to_owned(),
                columns: parts.constant.clone(),
            }],
        };
        Ok(Loaded {
            preparation: Preparation::as_is(shape, Aspect::Stretch),
            train,
            held: Vec::new(),
            groups: Vec::new(),
            test,
            warnings,
        })
    }

    fn given(&self) -> Result<&Given, DataError> {
        self.given.as_ref().ok_or(DataError::InMemory)
    }

    fn parts(&self) -> Result<&Parts, DataError> {
        if let Some(parts) = self.read.get() {
            return Ok(parts);
        }
        let parts = self.options.parts(self.given()?)?;
        // Another thread may have found the same meanwhile.
        Ok(self.read.get_or_init(|| parts))
    }
}

impl ArrayOptions {
    fn parts(&self, given: &Given) -> Result<Parts, DataError> {
        let array = &given.train;
        let shape = array.shape()?;
        let all = array.len() as u32;
        let (mut train, test): (Vec<u32>, _) = match (self.test, &given.test) {
            (_, Some(_)) => ((0..all).collect(), None),
            (Some(share), None) => {
                let (train, test) = self.drawn(array.len(), share)?;
                (train, Some(test))
            }
            (None, None) => {
                return Err(DataError::Option {
                    option: "test",
                    found: "null".into(),
                    allowed:
                        "null only with a second array to test with; or a fraction between 0 and 1"
                            .into(),
                });
            }
        };
        if let Some(limit) = self.limit {
            let kept = sample(train.len(), limit.count, limit.seed);
            train = kept
                .into_iter()
                .filter_map(|at| train.get(at).copied())
                .collect();
        }
        let (fields, constant) = match (&self.fields, array.is_rows()) {
            (_, false) => (None, Vec::new()),
            (Some(fields), true) => (Some(Arc::clone(fields)), Vec::new()),
            (None, true) => {
                let (fields, constant) = array.fit(&train);
                (Some(Arc::new(fields)), constant)
            }
        };
        Ok(Parts {
            shape,
            train,
            test,
            fields,
            constant,
        })
    }

    /// Samples to train on and to test with.
    fn drawn(&self, count: usize, share: f64) -> Result<(Vec<u32>, Vec<u32>), DataError> {
        let wanted = ((count as f64 * share).ceil() as usize).max(1);
        if count < 2 || wanted >= count {
            return Err(DataError::Array {
                name: NAME.to_owned(),
                reason: format!(
                    "found {count} {}; needs 2 or more, and a smaller data.test",
                    if count == 1 { "sample" } else { "samples" }
                ),
            });
        }
        let test = sample(count, wanted, self.seed);
        let test: Vec<u32> = test.into_iter().map(|it| it as u32).collect();
        let is_test = |index: &u32| test.binary_search(index).is_ok();
        let train = (0..count as u32).filter(|index| !is_test(index)).collect();
        Ok((train, test))
    }
}
