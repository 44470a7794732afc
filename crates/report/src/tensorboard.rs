//! Event files for TensorBoard: a run's figures and sample pictures in TensorBoard's format.
//!
//! An event file is a sequence of records as in TensorFlow's `record_writer.h`: the length of the data in 8 bytes,
//! little-endian, a checksum of these 8 bytes, the data, and a checksum of it. A checksum is CRC-32C, rotated by 15 bits
//! and added to a constant. The data is an `Event` of TensorFlow's `event.proto` in the wire format of protocol buffers;
//! only a few of its fields are needed here.

use std::fs::File;
use std::io::{Cursor, Write};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use image::ImageFormat;

use hourglass::Result;
use hourglass::files::{self, FileError};
use hourglass::measure::metrics::Figures;
use hourglass::measure::metrics::metric::METRICS;
use hourglass::pictures::{PictureError, samples};
use hourglass::run::Run;
use hourglass::setup::Setup;
use hourglass::train::observer::{End, Epoch, Observer};
use hourglass::train::row::Row;

/// The prefix by which TensorBoard recognises event files.
const PREFIX: &str = "events.out.tfevents";

/// The content of the first event.
const VERSION: &[u8] = b"brain.Event:2";

/// Added to a rotated checksum, so that data that itself contains checksums is not a special case.
const MASK: u32 = 0xa282_ead8;

/// Fields of `Event`.
const WALL_TIME: u32 = 1;
const STEP: u32 = 2;
const FILE_VERSION: u32 = 3;
const SUMMARY: u32 = 5;
const SESSION_LOG: u32 = 7;

/// Fields of `Summary`, of its `Value` and of its `Image`.
const VALUE: u32 = 1;
const TAG: u32 = 1;
const SIMPLE_VALUE: u32 = 2;
const IMAGE: u32 = 4;
const IMAGE_HEIGHT: u32 = 1;
const IMAGE_WIDTH: u32 = 2;
const IMAGE_COLORSPACE: u32 = 3;
const IMAGE_ENCODED: u32 = 4;

/// Field of `SessionLog`, and its value for a start: TensorBoard then discards this step and later ones.
const SESSION_STATUS: u32 = 1;
const SESSION_START: u64 = 1;

/// `Image.colorspace` of red, green and blue.
const RGB: u64 = 3;

/// The most bytes of a file of sample pictures: as many as such a file is sent to a browser with.
const LARGEST_PICTURE: u64 = 64 << 20;

/// Writes an event file of the training that it watches.
#[derive(Debug, Default)]
pub struct EventFiles {
    events: Option<Events>,
}

impl Observer for EventFiles {
    fn start(&mut self, _setup: &Setup, run: &Run, step: usize) -> hourglass::Result<()> {
        self.events = Some(Events::start(run, step)?);
        Ok(())
    }

    fn epoch(&mut self, epoch: &Epoch<'_>) -> hourglass::Result<()> {
        if let Some(events) = &mut self.events {
            let path = samples::path(epoch.run, epoch.row.epoch);
            let pictures = files::read(&path, LARGEST_PICTURE)?;
            events.epoch(epoch.row, &pictures)?;
        }
        Ok(())
    }

    fn end(&mut self, end: &End<'_>) -> hourglass::Result<()> {
        if let Some(events) = &mut self.events {
            events.test(end.summary.steps, &end.evaluation.figures)?;
        }
        Ok(())
    }
}

/// An event file that grows with its run.
#[derive(Debug)]
pub struct Events {
    file: File,
    path: PathBuf,
}

impl Events {
    /// Starts a new event file in the run's folder. A run resumed after `step` steps gets one more file, which
    /// replaces the later steps of the files before.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub fn start(run: &Run, step: usize) -> Result<Self> {
        let seconds = now().as_secs();
        let name = format!("{PREFIX}.{seconds:010}.hourglass.{}", std::process::id());
        let path = run.path(&name);
        let file = File::options().create(true).append(true).open(&path);
        let file = file.map_err(FileError::write(&path))?;
        let mut events = Self { file, path };
        events.write(|event| bytes(event, FILE_VERSION, VERSION))?;
        if step > 0 {
            events.write(|event| {
                integer(event, STEP, step as u64 + 1);
                let mut log = Vec::new();
                integer(&mut log, SESSION_STATUS, SESSION_START);
                bytes(event, SESSION_LOG, &log);
            })?;
        }
        Ok(events)
    }

    /// Writes the figures of an epoch and its sample pictures, a PNG file.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn epoch(&mut self, row: &Row, samples: &[u8]) -> Result<()> {
        for (tag, figure) in row.figures() {
            self.scalar(row.step, tag, figure)?;
        }
        let reader = image::ImageReader::with_format(Cursor::new(samples), ImageFormat::Png);
        let (width, height) = reader.into_dimensions().map_err(PictureError::Encode)?;
        let mut picture = Vec::new();
        integer(&mut picture, IMAGE_HEIGHT, height.into());
        integer(&mut picture, IMAGE_WIDTH, width.into());
        integer(&mut picture, IMAGE_COLORSPACE, RGB);
        bytes(&mut picture, IMAGE_ENCODED, samples);
        self.summary(row.step, "samples", |value| bytes(value, IMAGE, &picture))
    }

    /// Writes the figures on the test images.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn test(&mut self, step: usize, found: &Figures) -> Result<()> {
        for metric in METRICS.iter().filter(|it| it.in_tensorboard) {
            self.scalar(step, &format!("test/{}", metric.name), (metric.of)(found))?;
        }
        Ok(())
    }

    /// Writes a figure, if there is one.
    fn scalar(&mut self, step: usize, tag: &str, figure: Option<f64>) -> Result<()> {
        let Some(figure) = figure else {
            return Ok(());
        };
        self.summary(step, tag, |value| {
            key(value, SIMPLE_VALUE, 5);
            value.extend((figure as f32).to_le_bytes());
        })
    }

    fn summary(
        &mut self,
        step: usize,
        tag: &str,
        content: impl FnOnce(&mut Vec<u8>),
    ) -> Result<()> {
        self.write(|event| {
            integer(event, STEP, step as u64);
            let mut value = Vec::new();
            bytes(&mut value, TAG, tag.as_bytes());
            content(&mut value);
            let mut summary = Vec::new();
            bytes(&mut summary, VALUE, &value);
            bytes(event, SUMMARY, &summary);
        })
    }

    /// Appends an event in one write, so that a concurrent reader does not see half a record for long.
    fn write(&mut self, content: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
        let mut event = Vec::new();
        key(&mut event, WALL_TIME, 1);
        event.extend(now().as_secs_f64().to_le_bytes());
        content(&mut event);
        let written = self.file.write_all(&record(&event));
        Ok(written.map_err(FileError::write(&self.path))?)
    }
}

/// Time since 1970; 0 if the clock is set before that.
fn now() -> std::time::Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

/// Data as a record.
fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let mut record = Vec::with_capacity(data.len() + 16);
    record.extend(length);
    record.extend(checksum(&length).to_le_bytes());
    record.extend(data);
    record.extend(checksum(data).to_le_bytes());
    record
}

fn checksum(data: &[u8]) -> u32 {
    crc32c::crc32c(data).rotate_right(15).wrapping_add(MASK)
}

/// A number in groups of 7 bits, lowest first; all but the last have the highest bit set.
fn varint(message: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        message.push(value as u8 | 0x80);
        value >>= 7;
    }
    message.push(value as u8);
}

/// A field's number and wire type: 0 for integers, 1 for 8 bytes, 2 for bytes with a length, 5 for 4 bytes.
fn key(message: &mut Vec<u8>, field: u32, wire: u32) {
    varint(message, u64::from(field << 3 | wire));
}

fn integer(message: &mut Vec<u8>, field: u32, value: u64) {
    key(message, field, 0);
    varint(message, value);
}

fn bytes(message: &mut Vec<u8>, field: u32, value: &[u8]) {
    key(message, field, 2);
    varint(message, value.len() as u64);
    message.extend(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_masked_crc32c() {
        // CRC-32C of "123456789" is 0xe3069283 (RFC 3720); rotated by 15 and masked as TensorFlow does.
        let masked = 0xe306_9283_u32.rotate_right(15).wrapping_add(0xa282_ead8);
        assert_eq!(checksum(b"123456789"), masked);
        let record = record(b"123456789");
        assert_eq!(record.len(), 8 + 4 + 9 + 4);
        assert_eq!(record[21..], masked.to_le_bytes());
    }

    #[test]
    fn integers_take_seven_bits_a_byte() {
        let of = |value| {
            let mut message = Vec::new();
            varint(&mut message, value);
            message
        };
        assert_eq!(of(1), [1]);
        assert_eq!(of(300), [0xac, 0x02]);
        assert_eq!(of(u64::MAX).len(), 10);
    }
}
