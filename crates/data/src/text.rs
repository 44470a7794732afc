//! Text with separators: the lines and cells of a file, as the programs of many countries write it.

use std::io::{BufReader, Read};
use std::path::Path;

use csv::StringRecord;

use crate::error::wrong;
use crate::table::{MOST_COLUMNS, open};
use crate::{DataError, Fields, counted};

/// The most bytes of a text file.
const MOST_BYTES: u64 = 1 << 32;

/// What stands for a missing value, in lower case; an empty cell does too.
const MISSING: [&str; 8] = ["", "na", "n/a", "nan", "null", "none", "?", "-"];

/// What other programs put before UTF-8.
const MARK: char = '\u{feff}';

/// A text file with separators.
pub(crate) struct Text {
    /// The file, for messages.
    pub file: String,
    /// Whether it begins with a byte order mark.
    is_marked: bool,
    separator: u8,
    /// Whether lines end as in Windows.
    has_returns: bool,
    /// Whether the first line holds names.
    has_names: bool,
    /// All lines, each with as many cells as the first.
    records: Vec<StringRecord>,
}

impl Text {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`DataError::Table`] with the line that is at fault.
    pub fn read(path: &Path) -> Result<Self, DataError> {
        let name = path.display().to_string();
        let (file, bytes) = open(path)?;
        if bytes > MOST_BYTES {
            return Err(wrong(
                &name,
                &format!("{bytes} bytes are too many; allowed: at most {MOST_BYTES}; use .npy"),
            ));
        }
        let mut content = Vec::new();
        BufReader::new(file)
            .read_to_end(&mut content)
            .map_err(|error| DataError::read(path, error))?;
        let content = String::from_utf8(content).map_err(|error| {
            let place = error.utf8_error().valid_up_to();
            let before = error.as_bytes().get(..place).unwrap_or_default();
            let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
            wrong(
                &name,
                &format!("line {line}: found bytes that are not UTF-8; save the file as UTF-8"),
            )
        })?;
        let is_marked = content.starts_with(MARK);
        let content = content.strip_prefix(MARK).unwrap_or(&content);
        let first = content.lines().next().unwrap_or_default();
        let separator = separator(first);
        if content.bytes().filter(|&byte| byte == b'"').count() % 2 == 1 {
            let place = content.rfind('"').unwrap_or(0);
            let line = content
                .get(..place)
                .unwrap_or_default()
                .lines()
                .count()
                .max(1);
            return Err(wrong(
                &name,
                &format!("found a quote that does not end; the last one is in line {line}"),
            ));
        }
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(separator)
            .trim(csv::Trim::All)
            .from_reader(content.as_bytes());
        let mut records = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|error| wrong(&name, &error.to_string()))?;
            let width = records.first().map_or(record.len(), csv::StringRecord::len);
            if record.len() > MOST_COLUMNS {
                return Err(wrong(
                    &name,
                    &format!(
                        "found {} columns; allowed: at most {MOST_COLUMNS}",
                        record.len()
                    ),
                ));
            }
            if record.len() != width {
                let line = record.position().map_or(0, csv::Position::line);
                return Err(wrong(
                    &name,
                    &format!(
                        "line {line}: found {}, but line 1 has {width}",
                        counted(record.len(), "cell")
                    ),
                ));
            }
            records.push(record);
        }
        let comma = separator != b',';
        let Some(head) = records.first() else {
            return Err(wrong(&name, "is empty"));
        };
        let is_number = |cell: &str| number(cell, comma).is_some();
        let has_names = !head.iter().any(is_number) && head.iter().all(|it| !it.is_empty());
        Ok(Self {
            file: name,
            is_marked,
            separator,
            has_returns: content
                .lines()
                .next()
                .is_some_and(|line| content[line.len()..].starts_with('\r')),
            has_names,
            records,
        })
    }

    /// Whether the comma may be the decimal point: where a separator other than the comma is used.
    pub fn has_comma(&self) -> bool {
        self.separator != b','
    }

    /// The names of the columns: x0, x1 and so on where the file has none.
    pub fn names(&self) -> Vec<String> {
        let head = self.records.first();
        let cells = head.into_iter().flatten().enumerate();
        cells
            .map(|(place, cell)| match self.has_names {
                true => cell.to_owned(),
                false => format!("x{place}"),
            })
            .collect()
    }

    /// The lines of data.
    pub fn body(&self) -> &[StringRecord] {
        let start = usize::from(self.has_names);
        self.records.get(start..).unwrap_or_default()
    }

    /// The file with the missing cells of the fields' columns filled in from rows `[row, channel]`, and the number of
    /// cells that were.
    ///
    /// # Errors
    ///
    /// Only if the file was changed since the rows were read.
    pub fn filled(&self, fields: &Fields, rows: &[f32]) -> Result<(Vec<u8>, usize), DataError> {
        let names = self.names();
        let place = |name: &String| fields.0.iter().position(|field| field.name == *name);
        let places: Vec<Option<usize>> = names.iter().map(place).collect();
        if rows.len() != self.body().len() * fields.channels() {
            return Err(wrong(&self.file, "changed while it was being read"));
        }
        let mut bytes = Vec::new();
        if self.is_marked {
            bytes.extend(MARK.to_string().into_bytes());
        }
        let mut writer = csv::WriterBuilder::new()
            .delimiter(self.separator)
            .terminator(match self.has_returns {
                true => csv::Terminator::CRLF,
                false => csv::Terminator::Any(b'\n'),
            })
            .from_writer(bytes);
        let broken = |error: csv::Error| wrong(&self.file, &error.to_string());
        if self.has_names {
            writer.write_record(&names).map_err(broken)?;
        }
        let mut count = 0;
        let with_commas = self.has_comma() && self.uses_commas();
        let samples = rows.chunks_exact(fields.channels().max(1));
        for (record, sample) in self.body().iter().zip(samples) {
            let own = fields.own(sample);
            for (cell, place) in record.iter().zip(&places) {
                let given = place.and_then(|place| own.get(place));
                match given.filter(|_| is_missing(cell)) {
                    None => writer.write_field(cell).map_err(broken)?,
                    Some(given) => {
                        count += 1;
                        let is_number = given.parse::<f64>().is_ok();
                        match is_number && with_commas {
                            true => writer
                                .write_field(given.replace('.', ","))
                                .map_err(broken)?,
                            false => writer.write_field(given).map_err(broken)?,
                        }
                    }
                }
            }
            writer.write_record(None::<&[u8]>).map_err(broken)?;
        }
        let bytes = writer.into_inner();
        let bytes = bytes.map_err(|error| wrong(&self.file, &error.to_string()))?;
        Ok((bytes, count))
    }

    /// Whether a number is written with a decimal comma.
    fn uses_commas(&self) -> bool {
        let cells = self.body().iter().flatten();
        let mut commas = cells.filter(|cell| cell.contains(','));
        commas.any(|cell| number(cell, true).is_some())
    }
}

/// The text of a table of a run with its missing cells filled in from rows `[row, channel]`, as a model sees them, and the
/// number of cells that were. All else stays as it is written.
///
/// # Errors
///
/// [`DataError::Table`] if the file cannot be read.
pub fn filled_text(
    path: &Path,
    fields: &Fields,
    rows: &[f32],
) -> Result<(Vec<u8>, usize), DataError> {
    Text::read(path)?.filled(fields, rows)
}

/// What separates the cells of a line: the most frequent of the usual ones outside of quotes.
fn separator(line: &str) -> u8 {
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0), (b'|', 0)];
    let mut quoted = false;
    for byte in line.bytes() {
        quoted ^= byte == b'"';
        for (separator, count) in &mut counts {
            *count += usize::from(!quoted && byte == *separator);
        }
    }
    let most = counts.iter().map(|(_, count)| *count).max().unwrap_or(0);
    let found = counts.iter().find(|(_, count)| *count == most);
    found.map_or(b',', |(separator, _)| *separator)
}

/// A cell as a number; with `comma`, that may be the decimal point, as in `1.234,5`.
pub(crate) fn number(cell: &str, comma: bool) -> Option<f64> {
    let plain = |text: &str| -> Option<f64> {
        let numeric = text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
        let infinite = ["inf", "+inf", "-inf", "infinity", "-infinity"]
            .contains(&text.to_lowercase().as_str());
        (numeric || infinite).then(|| text.parse().ok()).flatten()
    };
    match comma && cell.matches(',').count() == 1 {
        true => plain(&cell.replace('.', "").replace(',', ".")),
        false => plain(cell),
    }
}

/// Whether a cell stands for a missing value.
pub(crate) fn is_missing(cell: &str) -> bool {
    MISSING.contains(&cell.to_lowercase().as_str())
}
