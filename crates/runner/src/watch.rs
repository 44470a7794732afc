//! What watches a training of this program: the terminal, and what draws into the run's folder.

use hourglass::config::Config;
use hourglass::pictures::samples::Samples;
use hourglass::train::observer::{Epoch, Flow, Observer, Place};
use hourglass::train::row::{LayerRow, Row};

use crate::interrupt;
use crate::progress::Display;

/// Everything that watches a training of `config`, with `display` as its terminal.
pub fn observers<'a>(config: &Config, display: &'a Display) -> Vec<Box<dyn Observer + 'a>> {
    let mut all: Vec<Box<dyn Observer>> = vec![Box::new(Samples)];
    #[cfg(feature = "report")]
    if config.tensorboard {
        all.push(Box::new(report::tensorboard::EventFiles::default()));
    }
    all.push(Box::new(Terminal { display }));
    #[cfg(feature = "report")]
    all.push(Box::new(report::Reporter));
    all
}

/// Shows a training on the terminal, and stops it when Ctrl-C asks for that.
struct Terminal<'a> {
    display: &'a Display,
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
        self.display.line(&line(epoch.row, epochs));
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

/// An epoch in one line for people.
fn line(row: &Row, epochs: usize) -> String {
    let mut text = format!(
        "epoch {:>3}/{epochs}  train/loss {:.5}",
        row.epoch, row.train_loss
    );
    if let (Some(loss), Some(mse), Some(psnr)) = (row.val_loss, row.val_mse, row.val_psnr) {
        text += &format!("  val/loss {loss:.5}  val/mse {mse:.5}  val/psnr {psnr:.2} dB");
    }
    text + &format!("  {:.0} images/s  {:.1} s", row.images_per_s, row.seconds)
}
