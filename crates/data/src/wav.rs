//! Recordings: WAV files of any sample format.

use std::io::BufReader;
use std::path::Path;

use hound::{SampleFormat, WavReader};

use crate::DataError;
use crate::dataset::MAX_VALUES;
use crate::error::wrong;
use crate::table::open;

/// A recording.
pub(crate) struct Recording {
    /// Channels, one after the other; whole numbers become -1 to 1.
    pub values: Vec<f64>,
    pub channels: usize,
    /// Samples in a second.
    pub rate: u32,
}

/// Reads a recording.
///
/// # Errors
///
/// [`DataError::Table`] for a file that is none, ends early or holds infinities.
pub(crate) fn read(path: &Path) -> Result<Recording, DataError> {
    let name = path.display().to_string();
    let (file, bytes) = open(path)?;
    let broken = |error: hound::Error| wrong(&name, &format!("not a WAV file: {error}"));
    let reader = WavReader::new(BufReader::new(file)).map_err(broken)?;
    let about = reader.spec();
    let announced = u64::from(reader.len());
    // Each value takes at least a byte.
    if announced > bytes || announced > MAX_VALUES {
        let reason = format!("its header announces {announced} values in {bytes} bytes");
        return Err(wrong(&name, &reason));
    }
    let channels = usize::from(about.channels);
    if channels == 0 || about.sample_rate == 0 || announced == 0 {
        let reason = format!(
            "found {channels} channels, {} samples a second and {announced} values; allowed: 1 or more of each",
            about.sample_rate
        );
        return Err(wrong(&name, &reason));
    }
    // The largest whole number is the loudest sound.
    let loudest = 2_f64.powi(i32::from(about.bits_per_sample) - 1);
    let values: Result<Vec<f64>, hound::Error> = match about.sample_format {
        SampleFormat::Float => {
            let samples = reader.into_samples::<f32>();
            samples.map(|it| it.map(f64::from)).collect()
        }
        SampleFormat::Int => {
            let samples = reader.into_samples::<i32>();
            samples
                .map(|it| it.map(|it| f64::from(it) / loudest))
                .collect()
        }
    };
    let values = values.map_err(broken)?;
    if let Some(place) = values.iter().position(|it| !it.is_finite()) {
        let step = place / channels;
        return Err(wrong(
            &name,
            &format!("sample {step}: found no finite number; mend the recording"),
        ));
    }
    let of_channel = |channel| values.iter().skip(channel).step_by(channels).copied();
    Ok(Recording {
        values: (0..channels).flat_map(of_channel).collect(),
        channels,
        rate: about.sample_rate,
    })
}
