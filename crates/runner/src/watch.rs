//! What watches a training of this program: the terminal, and what draws into the run's folder.

use hourglass::config::Config;
use hourglass::measure::metrics::metric::text;
use hourglass::pictures::samples::Samples;
use hourglass::train::observer::{Epoch, Flow, Observer, Place};
use hourglass::train::row::{LayerRow, Row};

use crate::progress::Display;
use crate::{interrupt, terminal};

/// Everything that watches a training of `config`, with `display` as its terminal.
pub fn observers<'a>(config: &Config, display: &'a Display) -> Vec<Box<dyn Observer + 'a>> {
    let mut all: Vec<Box<dyn Observer>> = vec![Box::new(Samples)];
    #[cfg(feature = "report")]
    if config.tensorboard {
        all.push(Box::new(report::tensorboard::EventFiles::default()));
    }
    all.push(Box::new(Terminal {
        display,
        headed: false,
    }));
    #[cfg(feature = "report")]
    all.push(Box::new(report::Reporter));
    // Last, so that it sends what the others have written.
    #[cfg(feature = "track")]
    if let Some(track) = &config.track {
        let warn = |text: &str| display.always(&format!("warning: {text}"));
        all.push(Box::new(report::track::Tracker::new(track.clone(), warn)));
    }
    #[cfg(not(feature = "track"))]
    if config.track.is_some() {
        display.always("warning: track: nothing is tracked, because this program was built without its feature \"track\"");
    }
    all
}

/// Shows a training on the terminal, and stops it when Ctrl-C asks for that.
struct Terminal<'a> {
    display: &'a Display,
    /// Whether the headings of the epochs' table have been shown.
    headed: bool,
}

impl Observer for Terminal<'_> {
    fn step(&mut self, done: usize) {
        self.display.step(done);
    }

    fn flow(&mut self) -> Flow {
        match interrupt::requested() {
            true => Flow::Stop,
            false => Flow::Go,
        }
    }

    fn loss(&mut self, at: &Place<'_>, loss: f32) {
        let layer = at.layer.map_or("", |layer| layer.name);
        let gap = if layer.is_empty() { "" } else { " " };
        let (epoch, epochs) = (at.epoch, at.epochs);
        (self.display).message(format!(
            "{layer}{gap}epoch {epoch}/{epochs}  loss {loss:.5}"
        ));
    }

    fn epoch(&mut self, epoch: &Epoch<'_>) -> hourglass::Result<()> {
        let epochs = epoch.setup.config.train.epochs;
        match terminal::note_width() {
            Some(width) => {
                if !std::mem::replace(&mut self.headed, true) {
                    self.display.line(&heading(width));
                }
                self.display.line(&row(epoch.row, epochs, width));
            }
            None => self.display.line(&line(epoch.row, epochs)),
        }
        Ok(())
    }

    fn layer_epoch(&mut self, at: &Place<'_>, row: &LayerRow) -> hourglass::Result<()> {
        if let Some(layer) = at.layer {
            self.display.line(&format!(
                "layer {}/{} {}  epoch {:>3}/{}  train/loss {:.5}  {:.0} images/s  {:.1} s",
                layer.number,
                layer.of,
                layer.name,
                at.epoch,
                at.epochs,
                row.train_loss,
                row.images_per_s,
                row.seconds
            ));
        }
        Ok(())
    }

    fn measuring(&mut self) {
        self.display.finish();
    }

    fn warn(&mut self, message: &str) {
        self.display.always(&format!("warning: {message}"));
    }

    fn diverged(&mut self, message: &str) {
        self.display.line(message);
    }
}

/// An epoch in one line that names its figures, for files.
fn line(row: &Row, epochs: usize) -> String {
    let mut text = format!(
        "epoch {:>3}/{epochs}  train/loss {:.5}",
        row.epoch, row.train_loss
    );
    if let (Some(loss), Some(mse), Some(psnr)) = (row.val_loss, row.val_mse, row.val_psnr) {
        text += &format!("  val/loss {loss:.5}  val/mse {mse:.5}  val/psnr {psnr:.2} dB");
    }
    if let Some(bits) = row.val_bits_per_pixel {
        text += &format!("  val/bits_per_pixel {bits:.4}");
    }
    text + &format!("  {:.0} images/s  {:.1} s", row.images_per_s, row.seconds)
}

/// A column of the epochs' table on a terminal.
struct Column {
    heading: &'static str,
    width: usize,
    cell: fn(&Row, usize) -> String,
}

/// The columns, those first that the narrowest terminal has.
const COLUMNS: [Column; 7] = [
    Column {
        heading: "epoch",
        width: 7,
        cell: |row, epochs| format!("{}/{epochs}", row.epoch),
    },
    Column {
        heading: "train",
        width: 9,
        cell: |row, _| format!("{:.5}", row.train_loss),
    },
    Column {
        heading: "val",
        width: 9,
        cell: |row, _| text(row.val_loss, 5),
    },
    Column {
        heading: "psnr dB",
        width: 8,
        cell: |row, _| text(row.val_psnr, 2),
    },
    Column {
        heading: "seconds",
        width: 8,
        cell: |row, _| format!("{:.1}", row.seconds),
    },
    Column {
        heading: "images/s",
        width: 9,
        cell: |row, _| format!("{:.0}", row.images_per_s),
    },
    Column {
        heading: "val mse",
        width: 9,
        cell: |row, _| text(row.val_mse, 5),
    },
];

/// The headings of the epochs' table, in as many columns of text as there are.
fn heading(width: usize) -> String {
    across(width, |column| column.heading.to_owned())
}

/// An epoch as a row of that table.
fn row(row: &Row, epochs: usize, width: usize) -> String {
    across(width, |column| (column.cell)(row, epochs))
}

fn across(width: usize, cell: impl Fn(&Column) -> String) -> String {
    let mut text = String::new();
    for column in &COLUMNS {
        let cell = format!("{:>width$}", cell(column), width = column.width);
        if text.len() + cell.len() > width {
            break;
        }
        text += &cell;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(val: Option<f64>) -> Row {
        Row {
            epoch: 5,
            step: 2150,
            seconds: 2.84,
            images_per_s: 19_639.4,
            lr: 1e-3,
            train_loss: 0.033_301,
            val_loss: val,
            val_mse: val,
            val_bce: val,
            val_psnr: val.map(|_| 20.154),
            val_bits_per_pixel: None,
        }
    }

    #[test]
    fn epochs_are_rows_of_a_table() {
        let expected = "  epoch    train      val psnr dB seconds images/s  val mse";
        let words: Vec<&str> = expected.split_whitespace().collect();
        assert_eq!(heading(80).split_whitespace().collect::<Vec<_>>(), words);
        assert_eq!(
            row(&epoch(Some(0.011_44)), 20, 80),
            "   5/20  0.03330  0.01144   20.15     2.8    19639  0.01144"
        );
        assert_eq!(heading(80).len(), row(&epoch(None), 20, 80).len());
        assert!(heading(80).len() <= 60);
    }

    #[test]
    fn a_narrow_terminal_has_fewer_columns_and_no_broken_ones() {
        for width in [20, 40, 58] {
            let (heading, row) = (heading(width), row(&epoch(Some(0.1)), 20, width));
            assert!(heading.len() <= width && row.len() <= width);
        }
        assert_eq!(
            row(&epoch(Some(0.1)), 20, 40),
            "   5/20  0.03330  0.10000   20.15"
        );
    }
}
