//! Series as a data set: windows of them, and which are for training, validation and testing.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::error::wrong;
use crate::labels::Classes;
use crate::load::Loaded;
use crate::preparation::{Aspect, Preparation};
use crate::series::{self, Found, Reading, Series};
use crate::split::sample;
use crate::table::{Cells, TableTest};
use crate::{DataError, Field, FieldKind, Fields, ImageShape, Images, Limit, Warning, counted};

/// Steps of a window where nobody says how many.
const WINDOW: usize = 64;

/// Windows begin so many times in the length of one, where nobody says how often.
const OVERLAP: usize = 4;

/// What a row of a table is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EachRow {
    /// A step of time; its columns are channels.
    #[default]
    Step,
    /// A series; its columns are steps.
    Series,
}

/// Series as a data set.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesOptions {
    /// The file, or a folder of them.
    pub file: PathBuf,
    /// What a row of it is.
    pub each_row: EachRow,
    /// Steps of a window. By default the whole of series of one length where each is a row, else 64.
    pub window: Option<usize>,
    /// Steps from the start of a window to that of the next; by default a quarter of a window.
    pub stride: Option<usize>,
    /// The column of stamps; by default the first one of dates.
    pub time: Option<String>,
    /// The column of labels, which is no channel.
    pub label: Option<String>,
    /// The label of what is trained on; windows with others are for testing alone.
    pub normal: Option<String>,
    /// Columns to leave out.
    pub drop: Vec<String>,
    /// What is for testing: the last share of the steps of one series, a share of several series drawn at random, or
    /// another file.
    pub test: TableTest,
    /// The share of what is left that is for validation, in the same way.
    pub validation: f64,
    /// Training windows to draw at random.
    pub limit: Option<Limit>,
    /// Draws series.
    pub seed: u64,
    /// The channels that a run was trained with; found from the training steps by default.
    pub fields: Option<Arc<Fields>>,
}

/// Series as a data set, which is read once.
#[derive(Debug, Clone)]
pub struct SeriesSet {
    options: SeriesOptions,
    read: Arc<OnceLock<Parts>>,
}

/// Windows of series.
#[derive(Debug)]
pub struct Windows {
    /// The series.
    pub series: Vec<Series>,
    /// Windows as a model sees them, `[window, channel, 1, step]`, with labels if all windows have one.
    pub images: Images,
    /// The series of each window, and its first step.
    pub places: Vec<Place>,
    /// What is to be said of them.
    pub warnings: Vec<Warning>,
}

/// Where a window is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The series.
    pub series: usize,
    /// The first step.
    pub start: usize,
}

/// What was found for training and testing.
#[derive(Debug)]
struct Parts {
    series: Vec<Series>,
    fields: Arc<Fields>,
    window: usize,
    train: Vec<Place>,
    held: Vec<Place>,
    /// Series for testing, those of another file if there is one.
    others: Option<Vec<Series>>,
    test: Vec<Place>,
    warnings: Vec<Warning>,
}

/// Some steps of a series.
type Stretch = (usize, Range<usize>);

impl SeriesSet {
    /// Series that are read when they are needed.
    pub fn new(options: SeriesOptions) -> Self {
        Self {
            options,
            read: Arc::default(),
        }
    }

    /// The same series with the channels that a run was trained with, and windows of so many steps.
    pub fn as_trained(&self, fields: Option<Arc<Fields>>, window: usize) -> Self {
        Self::new(SeriesOptions {
            fields,
            window: Some(window),
            ..self.options.clone()
        })
    }

    /// The same series with all of their training windows.
    pub(crate) fn without_limit(&self) -> Self {
        Self::new(SeriesOptions {
            limit: None,
            ..self.options.clone()
        })
    }

    pub(crate) fn name(&self) -> String {
        let stem = self.options.file.file_stem();
        let name = stem.unwrap_or(self.options.file.as_os_str());
        name.to_string_lossy().into_owned()
    }

    pub(crate) fn shape(&self) -> Result<ImageShape, DataError> {
        let parts = self.parts()?;
        Ok([parts.fields.channels(), 1, parts.window])
    }

    /// What its channels hold.
    ///
    /// # Errors
    ///
    /// As [`Source::load`](crate::Source::load).
    pub fn fields(&self) -> Result<&Arc<Fields>, DataError> {
        Ok(&self.parts()?.fields)
    }

    pub(crate) fn extent(&self) -> Result<[u64; 2], DataError> {
        let parts = self.parts()?;
        let trained = parts.train.len() + parts.held.len();
        let windows = (trained + parts.test.len()) as u64;
        let values = (parts.fields.channels() * parts.window) as u64;
        let read = (parts.series.iter()).chain(parts.others.iter().flatten());
        let read: u64 = read
            .map(|it| (it.steps() * parts.fields.channels()) as u64)
            .sum();
        let bytes = windows * values * size_of::<f32>() as u64 + read * size_of::<f64>() as u64;
        Ok([trained as u64, bytes])
    }

    pub(crate) fn load(&self) -> Result<Loaded, DataError> {
        let parts = self.parts()?;
        let tested = parts.others.as_ref().unwrap_or(&parts.series);
        let trained = [parts.train.as_slice(), &parts.held].concat();
        let labels = [(&parts.series, &trained), (tested, &parts.test)]
            .map(|(series, places)| self.labels(series, places, parts.window));
        let images = |series: &[Series], places: &[Place]| {
            images(series, places, &parts.fields, parts.window)
        };
        let mut train = images(&parts.series, &trained)?;
        let mut test = images(tested, &parts.test)?;
        if let [Some(of_train), Some(of_test)] = labels
            && let Some(classes) = Classes::of(of_train.iter().chain(&of_test).cloned())
        {
            train = classes.label(train, classes.codes(of_train.into_iter()))?;
            test = classes.label(test, classes.codes(of_test.into_iter()))?;
        }
        let held = (0..trained.len()).map(|index| index >= parts.train.len());
        Ok(Loaded {
            preparation: Preparation::as_is(train.shape(), Aspect::Stretch),
            train,
            test,
            held: match parts.held.is_empty() {
                true => Vec::new(),
                false => held.collect(),
            },
            groups: Vec::new(),
            warnings: parts.warnings.clone(),
        })
    }

    /// The windows of another file or folder as a run with these channels sees them, which are for testing alone.
    ///
    /// # Errors
    ///
    /// As [`Source::load`](crate::Source::load).
    pub fn windows_of(&self, path: &Path) -> Result<Windows, DataError> {
        let Found {
            mut series,
            mut warnings,
            ..
        } = self.found(path, true)?;
        let window = self.window(&series)?;
        settle_gaps(path, &mut series, window, &mut warnings);
        let all = series.iter().enumerate();
        let all: Vec<Stretch> = all.map(|(index, it)| (index, 0..it.steps())).collect();
        let fields = match &self.options.fields {
            Some(fields) => Arc::clone(fields),
            None => Arc::clone(self.fields()?),
        };
        self.as_windows(series, &all, &fields, window, warnings)
    }

    /// The windows that are for testing, with the series that they are of.
    ///
    /// # Errors
    ///
    /// As [`Source::load`](crate::Source::load).
    pub fn test_windows(&self) -> Result<Windows, DataError> {
        let parts = self.parts()?;
        let series = parts.others.as_ref().unwrap_or(&parts.series).clone();
        let mut windows = Windows {
            images: self.load()?.test,
            places: parts.test.clone(),
            series,
            warnings: parts.warnings.clone(),
        };
        windows.keep_tested();
        Ok(windows)
    }

    fn as_windows(
        &self,
        series: Vec<Series>,
        stretches: &[Stretch],
        fields: &Arc<Fields>,
        window: usize,
        mut warnings: Vec<Warning>,
    ) -> Result<Windows, DataError> {
        let file = self.options.file.display().to_string();
        let places = self.places(&series, stretches, window, &file, &mut warnings)?;
        let mut images = images(&series, &places, fields, window)?;
        if let Some(labels) = self.labels(&series, &places, window)
            && let Some(classes) = Classes::of(labels.iter().cloned())
        {
            images = classes.label(images, classes.codes(labels.into_iter()))?;
        }
        Ok(Windows {
            series,
            images,
            places,
            warnings,
        })
    }

    fn parts(&self) -> Result<&Parts, DataError> {
        if let Some(parts) = self.read.get() {
            return Ok(parts);
        }
        let parts = self.find_parts()?;
        // Another thread may have read the same meanwhile.
        Ok(self.read.get_or_init(|| parts))
    }

    fn found(&self, path: &Path, is_other: bool) -> Result<Found, DataError> {
        let options = &self.options;
        let label = options.label.as_deref();
        let reading = Reading {
            each_row: options.each_row,
            time: options.time.as_deref(),
            label,
            drop: &options.drop,
            fields: options.fields.as_deref().filter(|_| is_other),
        };
        let mut found = series::read(path, &reading)?;
        let long = |it: &Series| options.window.is_none_or(|window| it.steps() >= window);
        let short: Vec<&Series> = found.series.iter().filter(|it| !long(it)).collect();
        if let (Some(first), Some(window)) = (short.first(), options.window) {
            let reason = format!(
                "{} shorter than a window of {window} steps, the first is {} with {}",
                match short.len() {
                    1 => "1 series is".to_owned(),
                    count => format!("{count} series are"),
                },
                first.name(),
                first.steps()
            );
            let file = path.display().to_string();
            if short.len() == found.series.len() {
                return Err(wrong(
                    &file,
                    &format!("{reason}; use a smaller data.window"),
                ));
            }
            found.warnings.push(Warning::Series {
                file,
                reason: format!("{reason}; left out"),
            });
            found.series.retain(|it| long(it));
        }
        Ok(found)
    }

    /// Steps of a window.
    fn window(&self, series: &[Series]) -> Result<usize, DataError> {
        let lengths = || series.iter().map(Series::steps);
        let (shortest, longest) = (lengths().min().unwrap_or(0), lengths().max().unwrap_or(0));
        match (self.options.window, self.options.each_row) {
            (Some(window), _) => Ok(window),
            (None, EachRow::Series) if shortest == longest => Ok(longest),
            (None, _) if shortest >= WINDOW => Ok(WINDOW),
            (None, _) => Err(DataError::Option {
                option: "window",
                found: format!(
                    "none, and a series of {shortest} steps, fewer than the usual {WINDOW}"
                ),
                allowed: format!("1 to {shortest}"),
            }),
        }
    }

    fn find_parts(&self) -> Result<Parts, DataError> {
        let options = &self.options;
        let Found {
            mut series,
            channels,
            mut warnings,
        } = self.found(&options.file, false)?;
        let window = self.window(&series)?;
        settle_gaps(&options.file, &mut series, window, &mut warnings);
        let file = options.file.display().to_string();
        let others = match &options.test {
            TableTest::Share(_) => None,
            TableTest::File(other) => {
                let mut found = self.found(other, false)?;
                settle_gaps(other, &mut found.series, window, &mut found.warnings);
                if found.channels != channels {
                    let reason = format!(
                        "found the channels {}; the training file has {}",
                        found.channels.join(", "),
                        channels.join(", ")
                    );
                    return Err(wrong(&other.display().to_string(), &reason));
                }
                warnings.extend(found.warnings);
                Some(found.series)
            }
        };
        let share = match &options.test {
            TableTest::Share(share) => *share,
            TableTest::File(_) => 0.0,
        };
        let [train, held, test] = match series.as_slice() {
            [one] => self.in_time(&file, one, window, share)?,
            _ => self.by_series(&file, &series, share)?,
        };
        let test = match &others {
            None => test,
            Some(others) => (others.iter().enumerate())
                .map(|(index, it)| (index, 0..it.steps()))
                .collect(),
        };
        let fields = match &options.fields {
            Some(fields) => Arc::clone(fields),
            None => {
                let trained = [train.as_slice(), &held].concat();
                let fields = fit(&channels, &series, &trained);
                let constant = constant(&fields, &series, &trained);
                if !constant.is_empty() {
                    warnings.push(Warning::Constant {
                        file: file.clone(),
                        columns: constant,
                    });
                }
                Arc::new(fields)
            }
        };
        let mut places = |series: &[Series], stretches: &[Stretch]| {
            self.places(series, stretches, window, &file, &mut warnings)
        };
        let all_train = places(&series, &train)?;
        let all_held = match held.is_empty() {
            true => Vec::new(),
            false => places(&series, &held)?,
        };
        let test = places(others.as_ref().unwrap_or(&series), &test)?;
        let train = self.normal_places(&file, &series, all_train, window, "training")?;
        let held = match all_held.is_empty() {
            true => all_held,
            false => self.normal_places(&file, &series, all_held, window, "validation")?,
        };
        let train = match options.limit {
            None => train,
            Some(limit) => sample(train.len(), limit.count, limit.seed)
                .into_iter()
                .filter_map(|index| train.get(index).copied())
                .collect(),
        };
        Ok(Parts {
            series,
            fields,
            window,
            train,
            held,
            others,
            test,
            warnings,
        })
    }

    /// The steps of one series for training, for validation and for testing, in the order of time.
    fn in_time(
        &self,
        file: &str,
        one: &Series,
        window: usize,
        share: f64,
    ) -> Result<[Vec<Stretch>; 3], DataError> {
        let steps = one.steps();
        let part = |of: usize, share: f64| match share > 0.0 {
            true => ((of as f64 * share).round() as usize).max(window),
            false => 0,
        };
        let test = part(steps, share);
        let before = steps.saturating_sub(test);
        let mut held = part(before, self.options.validation);
        if held > 0
            && let Some(long) =
                (one.stretches(&(0..before)).iter().rev()).find(|it| it.len() >= window)
        {
            // Gaps may leave no window in the last steps.
            held = held.max(before + window - long.end);
        }
        let Some(train) = steps
            .checked_sub(test + held)
            .filter(|left| *left >= window)
        else {
            let parts = 1 + usize::from(test > 0) + usize::from(held > 0);
            let reason = format!(
                "{steps} steps are too few for windows of {window}: {test} are for testing, {held} for validation; use a \
                 data.window of at most {}, or a smaller data.test",
                (steps.saturating_sub(part_only(steps, share)) / parts).max(1)
            );
            return Err(wrong(file, &reason));
        };
        let of = |range: Range<usize>| match range.is_empty() {
            true => Vec::new(),
            false => vec![(0, range)],
        };
        Ok([
            of(0..train),
            of(train..train + held),
            of(train + held..steps),
        ])
    }

    /// Whole series for training, for validation and for testing, drawn at random.
    fn by_series(
        &self,
        file: &str,
        series: &[Series],
        share: f64,
    ) -> Result<[Vec<Stretch>; 3], DataError> {
        let options = &self.options;
        let is_normal = |it: &Series| match (&options.normal, it.own_label()) {
            (Some(normal), Some(label)) => normal == label,
            _ => true,
        };
        let all = |index: usize| (index, 0..series.get(index).map_or(0, Series::steps));
        let normal: Vec<usize> = (0..series.len())
            .filter(|index| series.get(*index).is_some_and(is_normal))
            .collect();
        let odd = (0..series.len()).filter(|index| !series.get(*index).is_some_and(is_normal));
        let wanted = (normal.len() as f64 * share).ceil() as usize;
        let left = normal.len().saturating_sub(wanted);
        let held = match options.validation > 0.0 {
            true => ((left as f64 * options.validation).ceil() as usize).max(1),
            false => 0,
        };
        if held >= left {
            let which = match &options.normal {
                Some(normal) => format!(" with the label \"{normal}\""),
                None => String::new(),
            };
            let reason = format!(
                "{} series{which} are too few: {wanted} are for testing and {held} for validation",
                normal.len()
            );
            return Err(wrong(file, &reason));
        }
        let take = |from: &[usize], count: usize, seed: u64| -> [Vec<usize>; 2] {
            let drawn: BTreeSet<usize> = sample(from.len(), count, seed).into_iter().collect();
            [true, false].map(|is_in| {
                let all = from.iter().enumerate();
                let chosen = all.filter(|(place, _)| drawn.contains(place) == is_in);
                chosen.map(|(_, index)| *index).collect()
            })
        };
        let [tested, left] = take(&normal, wanted, options.seed);
        let [held, train] = take(&left, held, options.seed.wrapping_add(1));
        let mut tested: Vec<usize> = tested.into_iter().chain(odd).collect();
        tested.sort_unstable();
        Ok([train, held, tested].map(|part| part.into_iter().map(all).collect()))
    }

    /// The places of the windows of some stretches: one every few steps, and one at the end of each.
    fn places(
        &self,
        series: &[Series],
        stretches: &[Stretch],
        window: usize,
        file: &str,
        warnings: &mut Vec<Warning>,
    ) -> Result<Vec<Place>, DataError> {
        let stride = self.options.stride.unwrap_or(window / OVERLAP).max(1);
        let mut places = Vec::new();
        let mut lost = 0;
        for (index, steps) in stretches {
            let Some(one) = series.get(*index) else {
                continue;
            };
            for stretch in one.stretches(steps) {
                let Some(last) = stretch.len().checked_sub(window) else {
                    lost += stretch.len();
                    continue;
                };
                let starts = (0..last).step_by(stride).chain([last]);
                places.extend(starts.map(|start| Place {
                    series: *index,
                    start: stretch.start + start,
                }));
            }
        }
        if lost > 0 {
            warnings.push(Warning::Series {
                file: file.to_owned(),
                reason: format!(
                    "{} in stretches between gaps that are shorter than a window of {window}: left out",
                    counted(lost, "step")
                ),
            });
        }
        if places.is_empty() {
            let reason = format!(
                "no stretch between gaps has the {window} steps of a window; use a smaller data.window"
            );
            return Err(wrong(file, &reason));
        }
        Ok(places)
    }

    /// The windows of which each step has the normal label, if there is one.
    fn normal_places(
        &self,
        file: &str,
        series: &[Series],
        places: Vec<Place>,
        window: usize,
        part: &str,
    ) -> Result<Vec<Place>, DataError> {
        let Some(normal) = &self.options.normal else {
            return Ok(places);
        };
        if self.options.label.is_none() {
            let reason = "data.normal needs data.label, the column that it is a value of";
            return Err(wrong(file, reason));
        }
        let is_normal = |place: &Place| {
            let Some(one) = series.get(place.series) else {
                return false;
            };
            let mut steps = match one.own_label() {
                Some(_) => place.start..place.start + 1,
                None => place.start..place.start + window,
            };
            steps.all(|step| one.label(step).is_some_and(|label| label == *normal))
        };
        let all = places.len();
        let kept: Vec<Place> = places.into_iter().filter(is_normal).collect();
        if kept.is_empty() {
            let reason = format!(
                "none of the {all} {part} windows has the label \"{normal}\" of data.normal in all of its steps"
            );
            return Err(wrong(file, &reason));
        }
        Ok(kept)
    }

    /// The label of each window, unless one has none: that of its first step which is not normal, or else the most
    /// frequent one.
    fn labels(&self, series: &[Series], places: &[Place], window: usize) -> Option<Vec<String>> {
        let of = |place: &Place| {
            let one = series.get(place.series)?;
            if let Some(label) = one.own_label() {
                return Some(label.to_owned());
            }
            let labels: Option<Vec<String>> = (place.start..place.start + window)
                .map(|step| one.label(step))
                .collect();
            let labels = labels?;
            if let Some(normal) = &self.options.normal {
                let odd = labels.iter().find(|label| *label != normal);
                return Some(odd.unwrap_or(normal).clone());
            }
            let count = |label: &String| labels.iter().filter(|it| *it == label).count();
            labels.iter().max_by_key(|label| count(label)).cloned()
        };
        places.iter().map(of).collect()
    }
}

impl Windows {
    /// Leaves out the series that no window is of.
    fn keep_tested(&mut self) {
        let used: BTreeSet<usize> = self.places.iter().map(|place| place.series).collect();
        let place = |index: usize| used.iter().position(|it| *it == index).unwrap_or(0);
        for it in &mut self.places {
            it.series = place(it.series);
        }
        let mut index = 0;
        self.series.retain(|_| {
            index += 1;
            used.contains(&(index - 1))
        });
    }
}

/// Windows as a model sees them.
fn images(
    series: &[Series],
    places: &[Place],
    fields: &Arc<Fields>,
    window: usize,
) -> Result<Images, DataError> {
    let channels = fields.channels();
    let mut values = Vec::with_capacity(places.len() * channels * window);
    let mut called = Vec::with_capacity(places.len());
    for place in places {
        let Some(one) = series.get(place.series) else {
            continue;
        };
        for (channel, field) in fields.0.iter().enumerate() {
            let steps = one.channel(channel).get(place.start..place.start + window);
            let (mean, deviation) = match field.kind {
                FieldKind::Number { mean, deviation } => (mean, deviation),
                FieldKind::Category { .. } => (0.0, 1.0),
            };
            let seen = |it: &f64| ((it - mean) / deviation) as f32;
            values.extend(steps.unwrap_or_default().iter().map(seen));
        }
        called.push(match one.steps() == window {
            true => one.name().to_owned(),
            false => format!("{}@{}", one.name(), place.start),
        });
    }
    let images = Images::real(values, [channels, 1, window], Arc::clone(fields))?;
    images.with_names(called)
}

/// Decides which gaps windows cross, and says so.
fn settle_gaps(path: &Path, series: &mut [Series], window: usize, warnings: &mut Vec<Warning>) {
    for one in series {
        if let Some(reason) = one.settle_gaps(window) {
            let name = one.name();
            let is_one = path
                .file_name()
                .is_some_and(|it| it.to_string_lossy() == name);
            let file = if is_one {
                path.to_owned()
            } else {
                path.join(name)
            };
            warnings.push(Warning::Series {
                file: file.display().to_string(),
                reason,
            });
        }
    }
}

/// A share of some steps.
fn part_only(steps: usize, share: f64) -> usize {
    (steps as f64 * share).round() as usize
}

/// The values of a channel in some stretches.
fn channel<'a>(
    series: &'a [Series],
    stretches: &'a [Stretch],
    channel: usize,
) -> impl Iterator<Item = f64> + 'a {
    stretches.iter().flat_map(move |(index, steps)| {
        let all = series.get(*index).map(|one| one.channel(channel));
        let some = all.and_then(|all| all.get(steps.clone()));
        some.unwrap_or_default().iter().copied()
    })
}

/// What the channels hold in the training steps.
fn fit(channels: &[String], series: &[Series], stretches: &[Stretch]) -> Fields {
    let field = |(index, name): (usize, &String)| {
        let all = channel(series, stretches, index).collect();
        Field::fit(name, &Cells::Numbers(all))
    };
    Fields(channels.iter().enumerate().map(field).collect())
}

/// The names of the channels that have one value in all training steps.
fn constant(fields: &Fields, series: &[Series], stretches: &[Stretch]) -> Vec<String> {
    let is_constant = |index: usize| {
        let mut known = channel(series, stretches, index).filter(|it| !it.is_nan());
        let first = known.next();
        known.all(|it| Some(it) == first)
    };
    let named = fields.0.iter().enumerate();
    let constant = named.filter(|(index, _)| is_constant(*index));
    constant.map(|(_, field)| field.name.clone()).collect()
}
