//! Scatter charts of the codes by label: of the code itself if it has one or two units, else of its
//! principal components and of t-SNE.

use anyhow::Result;
use data::counted;

use super::{Files, Study, TsneFigures};
use crate::terminal;
use hourglass::analysis::principal::Principal;
use hourglass::analysis::random::Random;
use hourglass::analysis::tsne;
use hourglass::streams::Stream;
use report::plots::write_chart;
use report::scatter::{Axis, MOST_LABELS, Scatter};

impl Study<'_> {
    /// Draws the rows of the codes in `scattered`; `step` is called with t-SNE's progress.
    pub(super) fn scatter(
        &self,
        principal: &Principal,
        scattered: &[u32],
        files: &mut Files<'_>,
        step: impl FnMut(usize) + Send,
    ) -> Result<Option<TsneFigures>> {
        let sampled = self.codes.select(scattered);
        let labels: Option<Vec<u8>> = self.labels.as_ref().map(|labels| {
            let label = |&row: &u32| labels.get(row as usize).copied();
            scattered.iter().filter_map(label).collect()
        });
        let chart = |title: String, detail: &str, axes, equal, places: &[[f64; 2]]| {
            Scatter {
                title,
                subtitle: format!("{}{detail}", self.pictures(scattered.len())),
                axes,
                equal,
                places,
                labels: labels.as_deref(),
                classes: self.subject.test.classes(),
            }
            .chart()
        };
        let name = &self.name;
        let width = sampled.width();
        if width <= 2 {
            let mut random = Random::new(Stream::Analysis.seed(self.seed, 3));
            let second = |row: &[f32]| row.get(1).copied().map(f64::from);
            let places: Vec<[f64; 2]> = sampled
                .values()
                .chunks_exact(width)
                .map(|row| {
                    let first = row.first().copied().map_or(0.0, f64::from);
                    [first, second(row).unwrap_or_else(|| random.uniform())]
                })
                .collect();
            let up = if width == 2 {
                axis("unit 1", true)
            } else {
                axis("random, so that pictures do not overlap", false)
            };
            let title = match width {
                1 => format!("{name}: the code of 1 unit"),
                _ => format!("{name}: the code of 2 units"),
            };
            let drawn = chart(title, "", [axis("unit 0", true), up], width == 2, &places);
            write_chart(&drawn, &files.stem("code"))?;
            return Ok(None);
        }
        let places = principal.places(&sampled);
        let label = |component: usize| match principal.explained().get(component) {
            Some(share) => {
                format!(
                    "component {} ({:.1} % of the variance)",
                    component + 1,
                    share * 100.0
                )
            }
            None => format!("component {} (no variance)", component + 1),
        };
        let axes = [0, 1].map(|component| axis(&label(component), true));
        let title = format!("{name}: principal components of the code of {width} units");
        let drawn = chart(title, "", axes, true, &places);
        write_chart(&drawn, &files.stem("pca"))?;
        let Some(map) = tsne::map(&sampled, &places, step)? else {
            terminal::note(&format!(
                "note: t-SNE skipped: it needs at least {} pictures with different codes",
                tsne::FEWEST
            ));
            return Ok(None);
        };
        let title = format!("{name}: t-SNE of the code of {width} units");
        let detail = format!("; perplexity {}", map.perplexity);
        let axes = [axis("first axis", false), axis("second axis", false)];
        let drawn = chart(title, &detail, axes, true, &map.places);
        write_chart(&drawn, &files.stem("tsne"))?;
        Ok(Some(TsneFigures {
            images: sampled.len(),
            perplexity: map.perplexity,
        }))
    }

    /// Which pictures are shown, in words.
    fn pictures(&self, shown: usize) -> String {
        let all = self.codes.len();
        let pictures = if shown < all {
            format!(
                "{shown} of {} of {}",
                counted(all, "picture"),
                self.subject.data
            )
        } else {
            format!("{} of {}", counted(all, "picture"), self.subject.data)
        };
        match &self.labels {
            None => format!("{pictures}, without labels"),
            Some(labels) => {
                let mut names = labels.clone();
                names.sort_unstable();
                names.dedup();
                if names.len() > MOST_LABELS {
                    format!("{pictures}; {} labels, too many for colours", names.len())
                } else {
                    pictures
                }
            }
        }
    }
}

fn axis(label: &str, ticks: bool) -> Axis {
    Axis {
        label: label.to_owned(),
        ticks,
    }
}
