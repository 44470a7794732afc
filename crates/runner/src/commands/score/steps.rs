//! The steps of series: a table and a drawing of each series, and the intervals that are odd.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use data::Series;
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
        let mut found = csv::Writer::from_writer(Vec::new());
        let failed = || format!("{}: cannot be written", self.folder.display());
        found
            .write_record([
                "series",
                "first_step",
                "last_step",
                "first_time",
                "last_time",
                "largest_score",
            ])
            .with_context(failed)?;
        let mut count = 0;
        for ((name, series), file) in series.iter().zip(&self.names) {
            let mut scores: Vec<Option<f64>> = self
                .steps
                .of(name)
                .into_iter()
                .map(|it| it.map(|it| by.of(it)))
                .collect();
            scores.resize(series.steps(), None);
            let odd = intervals(&scores, threshold);
            count += odd.len();
            let time = |step| series.time(step).unwrap_or_default();
            let mut lines = csv::Writer::from_writer(Vec::new());
            lines
                .write_record(["step", "time", "score", "threshold", "verdict"])
                .with_context(failed)?;
            for (step, score) in scores.iter().enumerate() {
                let verdict = match score {
                    None => "unknown",
                    Some(score) if *score > threshold => "odd",
                    Some(_) => "normal",
                };
                let score = score.map_or_else(String::new, |it| it.to_string());
                let [step_number, threshold] = [step.to_string(), threshold.to_string()];
                let line = [
                    step_number,
                    time(step),
                    score,
                    threshold,
                    verdict.to_owned(),
                ];
                lines.write_record(line).with_context(failed)?;
            }
            write(&self.folder.join(format!("{file}-steps.csv")), lines)?;
            for &[first, last] in &odd {
                let within = scores
                    .get(first..=last)
                    .unwrap_or_default()
                    .iter()
                    .flatten();
                let largest = within.copied().fold(f64::MIN, f64::max);
                found
                    .write_record([
                        name.clone(),
                        first.to_string(),
                        last.to_string(),
                        time(first),
                        time(last),
                        largest.to_string(),
                    ])
                    .with_context(failed)?;
            }
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
        write(&self.folder.join(INTERVALS), found)?;
        Ok(count)
    }
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

fn write(path: &Path, lines: csv::Writer<Vec<u8>>) -> Result<()> {
    let failed = || format!("{}: cannot be written", path.display());
    let bytes = lines.into_inner().map_err(csv::IntoInnerError::into_error);
    Ok(files::write(path, &bytes.with_context(failed)?)?)
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
