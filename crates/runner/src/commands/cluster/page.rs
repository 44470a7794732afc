//! The page: each cluster's decoded centre and some of its pictures.

use anyhow::Result;
use hourglass::Error;
use hourglass::analysis::clustering::Found;
use hourglass::analysis::features::Features;
use hourglass::analysis::subject::Subject;
use hourglass::pictures;

use crate::terminal;

/// Pictures per cluster on the page, besides the decoded centre.
const PICTURES: usize = 15;

/// Clusters on the page, largest first.
const PAGE_CLUSTERS: usize = 50;

/// `analysis/cluster.png`: one row per cluster, largest first.
pub fn write(subject: &Subject, chosen: &[u32], found: &Found) -> Result<()> {
    let mut order = found.largest_first(chosen);
    if order.len() > PAGE_CLUSTERS {
        terminal::note(&format!(
            "note: cluster.png shows the {PAGE_CLUSTERS} largest of {} clusters",
            order.len()
        ));
        order.truncate(PAGE_CLUSTERS);
    }
    let centres = order.iter().map(|cluster| found.centre(cluster.label));
    let centres: Vec<f32> = centres.flatten().copied().collect();
    // A residual model cannot decode a centre: its rows begin with the pictures.
    let decoded = match subject.loaded.decode(&centres, found.codes.width()) {
        Err(Error::NeedsInput(_)) => Vec::new(),
        decoded => decoded?,
    };
    let mut decoded = decoded.into_iter();
    let mut rows: Vec<Vec<Vec<f32>>> = Vec::new();
    for cluster in &order {
        let members = &cluster.members;
        let shown = members.len().min(PICTURES);
        // Evenly spaced from the nearest to the farthest.
        let place = |at: usize| at * (members.len() - 1) / (shown - 1).max(1);
        let indices: Vec<u32> = (0..shown)
            .filter_map(|at| members.get(place(at)).map(|member| member.1))
            .collect();
        let pictures = Features::pixels(&subject.test, &indices);
        let pictures = (0..pictures.len()).map(|row| pictures.row(row).to_vec());
        rows.push(decoded.next().into_iter().chain(pictures).collect());
    }
    let rows: Vec<Vec<&[f32]>> = rows
        .iter()
        .map(|row| row.iter().map(Vec::as_slice).collect())
        .collect();
    let file = subject.loaded.run.analysis("cluster.png")?;
    Ok(pictures::grid(&rows, subject.test.shape(), &file)?)
}
