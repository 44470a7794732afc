//! The steps of series: a table and a drawing of each series, and the intervals that are odd.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;
use data::{Columns, Entries, Series, TableFile};
use hourglass::analysis::normality::Normality;
use hourglass::analysis::roc::quantile;
use hourglass::analysis::scoring::Method;
use hourglass::analysis::steps::{StepScore, Steps, intervals, place};
use hourglass::files;

use crate::output;

/// What is written.
#[derive(Debug)]
pub struct Writer {
    folder: PathBuf,
    /// Of each series: the start of its files' names.
    names: Vec<String>,
    method: Method,
    steps: Steps,
    held: Steps,
}

impl Writer {
    /// Makes the folder, before anything is computed.
    ///
    /// # Errors
    /// If it cannot be made, or holds files of these names.
    pub fn new(
        folder: &Path,
        series: &[(String, Series)],
        method: Method,
        force: bool,
    ) -> Result<Self> {
        let names = file_names(series.iter().map(|(name, _)| name.as_str()));
        let mut files = vec![INTERVALS.to_owned()];
        for name in &names {
            files.push(format!("{name}-steps.csv"));
            if cfg!(feature = "report") {
                files.extend(["values", "scores"].map(|of| format!("{name}-{of}.svg")));
            }
        }
        output::new_files(folder, &files, force)?;
        Ok(Self {
            folder: folder.to_owned(),
            names,
            method,
            steps: Steps::default(),
            held: Steps::default(),
        })
    }

    /// Learns what steps of validation windows have.
    pub fn learn(&mut self, normality: &Normality, names: &[String], held: &[u32]) {
        let mut held = held.to_vec();
        held.sort_unstable();
        for (index, scored) in held.iter().zip(&normality.held) {
            if let Some(name) = names.get(*index as usize) {
                let (series, start) = place(name);
                self.held.push(series, start, scored.score, &scored.steps);
            }
        }
    }

    /// Adds a window of a series.
    pub fn push(&mut self, series: &str, start: usize, score: f64, errors: &[f32]) {
        self.steps.push(series, start, score, errors);
    }

    /// Writes everything; gives the number of intervals.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub fn finish(
        self,
        series: &[(String, Series)],
        share: f64,
        channels: &[&str],
    ) -> Result<usize> {
        let by = StepScore::learn(self.method, &self.held);
        let threshold = quantile(&by.all(&self.held), share).unwrap_or_default();
        let mut found: Vec<Interval> = Vec::new();
        for ((name, series), file) in series.iter().zip(&self.names) {
            let mut scores: Vec<Option<f64>> = self
                .steps
                .of(name)
                .into_iter()
                .map(|it| it.map(|it| by.of(it)))
                .collect();
            scores.resize(series.steps(), None);
            let odd = intervals(&scores, threshold);
            let path = self.folder.join(format!("{file}-steps.csv"));
            output::write_table(&path, TableFile::Csv, &steps(series, &scores, threshold))?;
            found.extend(odd.iter().map(|&[first, last]| {
                let within = scores.get(first..=last).unwrap_or_default();
                let largest = within.iter().flatten().copied().fold(f64::MIN, f64::max);
                Interval {
                    series: name.clone(),
                    steps: [first, last],
                    times: [first, last].map(|step| series.time(step)),
                    largest,
                }
            }));
            #[cfg(feature = "report")]
            draw(
                &self.folder.join(file),
                name,
                series,
                channels,
                &scores,
                threshold,
                &odd,
            )?;
        }
        let path = self.folder.join(INTERVALS);
        output::write_table(&path, TableFile::Csv, &as_table(&found))?;
        Ok(found.len())
    }
}

/// Steps of a series in a row that are odd.
struct Interval {
    series: String,
    /// The first and the last.
    steps: [usize; 2],
    /// Their stamps.
    times: [Option<String>; 2],
    /// The largest score among them.
    largest: f64,
}

/// The intervals of all series, a row each.
fn as_table(found: &[Interval]) -> Columns {
    let step = |at: usize| {
        let number = |it: &Interval| it.steps.get(at).map(|&step| step as i64);
        Entries::Whole(found.iter().map(number).collect())
    };
    let time = |at: usize| {
        let text = |it: &Interval| it.times.get(at).cloned().flatten();
        Entries::Texts(found.iter().map(text).collect())
    };
    let mut table = Columns::new();
    let names = found.iter().map(|it| Some(it.series.clone()));
    table.add("series", Entries::Texts(names.collect()));
    table.add("first_step", step(0));
    table.add("last_step", step(1));
    table.add("first_time", time(0));
    table.add("last_time", time(1));
    table.add(
        "largest_score",
        Entries::Numbers(found.iter().map(|it| it.largest).collect()),
    );
    table
}

/// The steps of a series, a row each; one without a score is unknown.
fn steps(series: &Series, scores: &[Option<f64>], threshold: f64) -> Columns {
    let verdict = |score: &Option<f64>| match score {
        None => "unknown",
        Some(score) if *score > threshold => "odd",
        Some(_) => "normal",
    };
    let count = scores.len();
    let mut table = Columns::new();
    table.add(
        "step",
        Entries::Whole((0..count).map(|step| Some(step as i64)).collect()),
    );
    table.add(
        "time",
        Entries::Texts((0..count).map(|step| series.time(step)).collect()),
    );
    let known = scores.iter().map(|it| it.unwrap_or(f64::NAN));
    table.add("score", Entries::Numbers(known.collect()));
    table.add("threshold", Entries::Numbers(vec![threshold; count]));
    let verdicts = scores.iter().map(|it| Some(verdict(it).to_owned()));
    table.add("verdict", Entries::Texts(verdicts.collect()));
    table
}

/// The file of all intervals.
const INTERVALS: &str = "intervals.csv";

/// Names of files for series, each another one.
fn file_names<'a>(series: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let name = |series: &str| {
        let series = series.strip_suffix(".csv").unwrap_or(series);
        let plain = |it: char| match it {
            it if it.is_alphanumeric() || "-_".contains(it) => it,
            _ => '_',
        };
        let name: String = series.chars().map(plain).take(100).collect();
        // Systems that do not tell large letters from small ones see one file in both.
        let count = seen.entry(name.to_lowercase()).or_default();
        *count += 1;
        match *count {
            1 => name,
            count => format!("{name}-{count}"),
        }
    };
    series.map(name).collect()
}

#[cfg(feature = "report")]
fn draw(
    path: &Path,
    name: &str,
    series: &Series,
    channels: &[&str],
    scores: &[Option<f64>],
    threshold: f64,
    intervals: &[[usize; 2]],
) -> Result<()> {
    let channels = channels.iter().enumerate();
    let scored = report::steps::Scored {
        name,
        channels: channels
            .map(|(at, name)| (*name, series.channel(at)))
            .collect(),
        scores,
        threshold,
        intervals,
    };
    let start = path.display();
    for (chart, of) in [(scored.values(), "values"), (scored.scores(), "scores")] {
        files::write(
            Path::new(&format!("{start}-{of}.svg")),
            chart.file().as_bytes(),
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_stay_in_the_folder_and_apart() {
        let names = file_names(["a.csv", "../a.csv", "A", "b.wav:3", "a_b", "a/b"].into_iter());
        assert_eq!(names, ["a", "___a", "A-2", "b_wav_3", "a_b", "a_b-2"]);
    }
}
