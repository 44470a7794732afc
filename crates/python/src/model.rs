//! Models of runs: codes, reconstructions and scores of arrays.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use burn::tensor::Device;
use data::{Batches, Images};
use hourglass::analysis::anomaly::squared_errors;
use hourglass::analysis::normality::{Normal, Normality, Piece, Scorer};
use hourglass::analysis::scoring::Method;
use hourglass::batched::{self, BATCH, values};
use hourglass::comparison::{self, Comparison, SortBy};
use hourglass::config::BackendChoice;
use hourglass::fields::Form;
use hourglass::input::{self, Part, Reading};
use hourglass::run::checkpoint::{self, Meta};
use hourglass::run::loaded;
use hourglass::streams::Stream;
use hourglass::{Error, Loaded, Run, backend, imputation, memory};
use model::{Autoencoder, ImageShape, Layer};
use numpy::{IntoPyArray, PyArray1, PyArray2, PyArrayDyn, PyArrayMethods, PyUntypedArrayMethods};
use pyo3::prelude::*;

use crate::array::{Array, copied};
use crate::compute::whole;
use crate::error::{raised, usage};
use crate::training::given;

/// The best model of a run, ready to compute.
struct Own {
    folder: PathBuf,
    model: Autoencoder,
    device: Device,
    meta: Meta,
}

/// The best model of a run.
#[pyclass(frozen, module = "hourglass._native")]
pub struct Model {
    loaded: Mutex<Own>,
    /// What is usual for it, as far as it was learned.
    usual: Mutex<Option<(Method, Normality)>>,
}

/// What is in a lock. A computation that panicked has not changed it.
fn open<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Samples as a caller gives them: an array, or what an INPUT of the command line may be.
#[derive(FromPyObject)]
pub enum Samples<'py> {
    /// An array.
    Array(Bound<'py, Array>),
    /// A file, a folder or the name of a data set.
    Named(String),
}

/// The same without Python.
enum Source {
    Array(Arc<data::Array>),
    Named(String),
}

impl Samples<'_> {
    fn source(&self) -> Source {
        match self {
            Samples::Array(array) => Source::Array(Arc::clone(&array.get().0)),
            Samples::Named(spec) => Source::Named(spec.clone()),
        }
    }
}

impl Source {
    /// The samples as the model sees them.
    fn images(&self, loaded: &Own) -> hourglass::Result<Arc<Images>> {
        let meta = &loaded.meta;
        let images = match self {
            Source::Array(array) => {
                let fields = meta.fields.clone().map(Arc::new);
                array.images(meta.input_shape, fields.as_ref(), None)?
            }
            Source::Named(spec) => {
                let reading = Reading { meta, strict: true };
                input::read("input", spec, Part::Test, reading, |_| ())?
            }
        };
        Ok(Arc::new(images))
    }
}

#[pymethods]
impl Model {
    /// Opens a run by its folder, or by its name in the folder `runs`.
    #[new]
    fn new(py: Python<'_>, run: PathBuf, runs: PathBuf) -> PyResult<Self> {
        let loaded = whole(py, || {
            let run = Run::open(&run, &runs)?;
            Loaded::open(run, backend::open(BackendChoice::Auto)?.device)
        })?;
        Ok(Self::of(Own {
            folder: loaded.run.folder().to_owned(),
            model: loaded.model,
            device: loaded.device,
            meta: loaded.meta,
        }))
    }

    /// Opens a model by the files `meta.json` and `model.safetensors` of its checkpoint alone, in any folder.
    #[staticmethod]
    fn kept(py: Python<'_>, folder: PathBuf) -> PyResult<Self> {
        let own = whole(py, || {
            let checkpoint = checkpoint::read_kept(&folder)?;
            let device = backend::open(BackendChoice::Auto)?.device;
            Ok(Own {
                model: checkpoint.model(&device)?,
                device,
                meta: checkpoint.meta,
                folder,
            })
        })?;
        Ok(Self::of(own))
    }

    /// The run's folder.
    #[getter]
    fn folder(&self) -> PathBuf {
        open(&self.loaded).folder.clone()
    }

    /// Values of a code.
    #[getter]
    fn code_size(&self) -> PyResult<usize> {
        let layers = open(&self.loaded).meta.layers();
        Ok(layers.map_err(raised)?.code_size())
    }

    /// Names of the encoder's layers, the input's first.
    #[getter]
    fn encoder_layers(&self) -> PyResult<Vec<String>> {
        let layers = open(&self.loaded).meta.layers().map_err(raised)?;
        Ok(layers.encoder().iter().map(Layer::name).collect())
    }

    /// The shape of samples in arrays, without their number.
    #[getter]
    fn shape(&self) -> Vec<usize> {
        sizes(&open(&self.loaded))
    }

    /// Codes, `[samples, units]`, or what another layer of the encoder gives.
    #[pyo3(signature = (x, layer=None))]
    fn encode<'py>(
        &self,
        py: Python<'py>,
        x: Samples<'_>,
        layer: Option<&str>,
    ) -> PyResult<Bound<'py, PyArray2<f32>>> {
        let source = x.source();
        let name = layer.unwrap_or("code");
        let Some(last) = open(&self.loaded).model.encoder_layer(name) else {
            let names = self.encoder_layers()?.join(", ");
            return Err(usage(&format!("layer: found {name:?}; allowed: {names}")));
        };
        let (codes, count) = whole(py, || {
            let loaded = open(&self.loaded);
            let images = source.images(&loaded)?;
            let batches = Batches::new(Arc::clone(&images), &loaded.device, false);
            let codes = batched::encoded(&loaded.model, &batches, &all(&images), last, |_| ())?;
            Ok((codes, images.len()))
        })?;
        let units = codes.len() / count.max(1);
        codes.into_pyarray(py).reshape([count, units])
    }

    /// What the decoder makes of codes, `[samples, units]`.
    fn decode<'py>(
        &self,
        py: Python<'py>,
        codes: &Bound<'py, PyArrayDyn<f32>>,
    ) -> PyResult<Bound<'py, PyArrayDyn<f32>>> {
        let units = self.code_size()?;
        let (count, width) = match *codes.shape() {
            [count, width] => (count, width),
            ref other => {
                return Err(usage(&format!(
                    "codes: found an array of {} axes; allowed: (samples, {units})",
                    other.len()
                )));
            }
        };
        if width != units || count == 0 {
            return Err(usage(&format!(
                "codes: found an array of shape ({count}, {width}); the model takes (samples, {units})"
            )));
        }
        let codes = copied("codes", codes)?;
        if let Some(at) = codes.iter().position(|it| !it.is_finite()) {
            let (row, column) = (at / units.max(1), at % units.max(1));
            return Err(usage(&format!(
                "codes: found a value that is not finite at [{row}, {column}]"
            )));
        }
        let decoded = whole(py, || {
            let loaded = open(&self.loaded);
            let mut decoded = Vec::new();
            let (model, device) = (&loaded.model, &loaded.device);
            batched::decoded(
                model,
                device,
                &codes,
                units,
                |part| -> hourglass::Result<()> {
                    decoded.extend(part);
                    Ok(())
                },
            )?;
            Ok(shown(decoded, &loaded))
        })?;
        self.shaped(py, decoded, count)
    }

    /// What the model makes of samples: pictures in [0, 1], rows in the data's own units.
    fn reconstruct<'py>(
        &self,
        py: Python<'py>,
        x: Samples<'_>,
    ) -> PyResult<Bound<'py, PyArrayDyn<f32>>> {
        let source = x.source();
        let (restored, count) = whole(py, || {
            let loaded = open(&self.loaded);
            let images = source.images(&loaded)?;
            Ok((shown(forward(&loaded, &images)?, &loaded), images.len()))
        })?;
        self.shaped(py, restored, count)
    }

    /// Samples without their damage: of rows, missing values filled in; of pictures, what a denoising model makes of them
    /// as they are.
    fn restore<'py>(
        &self,
        py: Python<'py>,
        x: Samples<'_>,
    ) -> PyResult<Bound<'py, PyArrayDyn<f32>>> {
        let source = x.source();
        {
            let loaded = open(&self.loaded);
            if loaded.meta.fields.is_none() && !loaded.model.is_denoising() {
                return Err(usage(&format!(
                    "{}: the model was not trained to restore pictures; train one of the kind \"denoising\", or use \
                     reconstruct",
                    loaded.folder.display()
                )));
            }
        }
        let (restored, count) = whole(py, || {
            let loaded = open(&self.loaded);
            let images = source.images(&loaded)?;
            let restored = match loaded.meta.fields {
                Some(_) => {
                    let batches = Batches::new(Arc::clone(&images), &loaded.device, false);
                    imputation::filled(&loaded.model, &batches)?
                }
                None => forward(&loaded, &images)?,
            };
            Ok((shown(restored, &loaded), images.len()))
        })?;
        self.shaped(py, restored, count)
    }

    /// How odd samples are, a float64 for each; the larger, the odder. What is usual is learned from the run's own data,
    /// which are given if they were an array, or from `known`, of which the samples at `held` were not trained on.
    #[pyo3(signature = (x, method, *, data=None, test=None, known=None, held=None))]
    #[allow(clippy::too_many_arguments)]
    fn score<'py>(
        &self,
        py: Python<'py>,
        x: Samples<'_>,
        method: &str,
        data: Option<&Bound<'py, Array>>,
        test: Option<&Bound<'py, Array>>,
        known: Option<&Bound<'py, Array>>,
        held: Option<Vec<u32>>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let Some(method) = Method::ALL.into_iter().find(|it| it.name() == method) else {
            let names = Method::ALL.map(Method::name).join(", ");
            return Err(usage(&format!(
                "method: found {method:?}; allowed: {names}"
            )));
        };
        let source = x.source();
        let arrays = given(data.map(Bound::get), test.map(Bound::get));
        let known = known.map(|known| Arc::clone(&known.get().0));
        let scores = whole(py, || {
            let loaded = open(&self.loaded);
            let images = source.images(&loaded)?;
            let all = all(&images);
            if let Some(score) = method.of_error() {
                let errors = squared_errors(&loaded.model, &loaded.device, &images, &all)?;
                return Ok(score.of(&errors, &images, &all));
            }
            let mut usual = open(&self.usual);
            if usual.as_ref().is_none_or(|(learned, _)| *learned != method) {
                let learned = match &known {
                    Some(known) => of_known(&loaded, method, known, held.unwrap_or_default())?,
                    None => of_run(&loaded, method, arrays)?,
                };
                *usual = Some((method, learned));
            }
            let mut scores = Vec::with_capacity(all.len());
            if let Some((_, normality)) = usual.as_ref() {
                normality.score(&images, &Piece::wholes(&all), false, |_, scored| {
                    scores.push(scored.score);
                    Ok(())
                })?;
            }
            Ok(scores)
        })?;
        Ok(scores.into_pyarray(py))
    }
}

impl Model {
    fn of(own: Own) -> Self {
        Self {
            loaded: Mutex::new(own),
            usual: Mutex::new(None),
        }
    }

    /// Values of so many samples as an array of them.
    fn shaped<'py>(
        &self,
        py: Python<'py>,
        values: Vec<f32>,
        count: usize,
    ) -> PyResult<Bound<'py, PyArrayDyn<f32>>> {
        let mut shape = vec![count];
        {
            let loaded = open(&self.loaded);
            shape.extend(sizes(&loaded));
        }
        values.into_pyarray(py).reshape(shape)
    }
}

/// What is usual by the run's own data.
fn of_run(
    loaded: &Own,
    method: Method,
    arrays: Option<data::Given>,
) -> hourglass::Result<Normality> {
    let run = Run::open(&loaded.folder, &PathBuf::new())?;
    let setup = loaded::own_images(&run, None, false, arrays)?;
    let normal = Normal {
        images: &setup.train,
        train: &setup.split.train,
        held: &setup.split.validation,
        seed: Stream::Analysis.seed(loaded.meta.seed, 1),
    };
    learned(loaded, method, &normal)
}

/// What is usual by samples that are given.
fn of_known(
    loaded: &Own,
    method: Method,
    known: &data::Array,
    mut held: Vec<u32>,
) -> hourglass::Result<Normality> {
    held.sort_unstable();
    let fields = loaded.meta.fields.clone().map(Arc::new);
    let images = known.images(loaded.meta.input_shape, fields.as_ref(), None)?;
    let images = Arc::new(images);
    let is_held = |index: &u32| held.binary_search(index).is_ok();
    let normal = Normal {
        images: &images,
        train: &all(&images)
            .into_iter()
            .filter(|it| !is_held(it))
            .collect::<Vec<u32>>(),
        held: &held,
        seed: Stream::Analysis.seed(loaded.meta.seed, 1),
    };
    learned(loaded, method, &normal)
}

fn learned(loaded: &Own, method: Method, normal: &Normal<'_>) -> hourglass::Result<Normality> {
    let scorer = Scorer {
        model: loaded.model.clone(),
        device: loaded.device.clone(),
    };
    let of_patches = loaded.meta.prepared().patch().is_some() && loaded.meta.fields.is_none();
    let name = loaded.folder.display().to_string();
    Normality::learn(scorer, method, normal, of_patches, &name)
}

/// The shape of a sample in an array, without the number of samples.
fn sizes(loaded: &Own) -> Vec<usize> {
    let meta = &loaded.meta;
    let [channels, height, width] = loaded.model.output_shape();
    match (meta.form(), channels, &meta.fields) {
        // A category is a single number there.
        (Form::Table, _, fields) => vec![fields.as_ref().map_or(channels, |it| it.0.len())],
        (Form::Series, ..) => vec![width, channels],
        (Form::Pictures | Form::Clips, 1, _) => vec![height, width],
        (Form::Pictures | Form::Clips, ..) => vec![height, width, channels],
    }
}

/// Values as a model gives them, `[channel, height, width]` each, as arrays hold them.
fn shown(values: Vec<f32>, loaded: &Own) -> Vec<f32> {
    let [.., steps] = loaded.meta.input_shape;
    match (&loaded.meta.fields, loaded.model.output_shape()) {
        (Some(fields), _) => fields.own_values(&values, steps),
        (None, [1, ..]) => values,
        (None, shape) => channels_last(&values, shape),
    }
}

/// Pictures whose channels alternate, of ones whose channels follow each other.
fn channels_last(values: &[f32], [channels, height, width]: ImageShape) -> Vec<f32> {
    let plane = (height * width).max(1);
    let pictures = values.chunks_exact(plane * channels.max(1));
    let pixel = |of: &[f32], at: usize| -> Vec<f32> {
        of.iter().skip(at).step_by(plane).copied().collect()
    };
    pictures
        .flat_map(|of| (0..plane).flat_map(move |at| pixel(of, at)))
        .collect()
}

/// What a model makes of samples as they are.
fn forward(loaded: &Own, images: &Arc<Images>) -> hourglass::Result<Vec<f32>> {
    let model = &loaded.model;
    memory::check_batch(model, images.len().min(BATCH))?;
    let batches = Batches::new(Arc::clone(images), &loaded.device, false);
    let mut restored = Vec::new();
    batched::each(&batches, &all(images), |_, input| -> Result<(), Error> {
        restored.extend(values(model.forward(model.clean_input(input)))?);
        Ok(())
    })?;
    Ok(restored)
}

/// The indices of all samples.
fn all(images: &Images) -> Vec<u32> {
    (0..images.len() as u32).collect()
}

/// The figures of finished runs side by side, as JSON.
#[pyfunction]
pub fn compare(py: Python<'_>, runs: Vec<PathBuf>) -> PyResult<String> {
    whole(py, || {
        let opened = runs.iter().map(|run| Run::open(run, &PathBuf::new()));
        let rows = comparison::read(opened, |_| ())?;
        let compared = Comparison::new(rows, SortBy::default());
        Ok(serde_json::to_string(&compared).unwrap_or_default())
    })
}
