//! Tables: rows and columns from CSV and NumPy files, with the type of each column found from its cells.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use npyz::{NpyFile, NpyHeader, Order};

use crate::dataset::MAX_VALUES;
use crate::error::check_plausible;
use crate::{DataError, Field, Fields};

/// The most columns of a table, which are the most channels of a sample.
const MOST_COLUMNS: usize = 1 << 16;

/// The most different texts of a column that are categories.
const MOST_CATEGORIES: usize = 256;

/// Texts of which a column may have as many different ones as it has rows.
const FEW: usize = 20;

/// The most bytes of a text file.
const MOST_BYTES: u64 = 1 << 32;

/// More than any array's header has.
const LONGEST_HEADER: u64 = 1 << 20;

/// What stands for a missing value, in lower case; an empty cell does too.
const MISSING: [&str; 8] = ["", "na", "n/a", "nan", "null", "none", "?", "-"];

/// A table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Table {
    /// The file, for messages.
    pub file: String,
    pub rows: usize,
    pub columns: Vec<Column>,
}

/// A named column.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Column {
    pub name: String,
    pub cells: Cells,
}

/// The cells of a column, one for each row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cells {
    /// Finite numbers; a missing one is NaN.
    Numbers(Vec<f64>),
    /// Texts, none of which is empty.
    Texts(Vec<Option<String>>),
}

impl Cells {
    /// A cell as text; `None` if it is missing.
    pub fn text(&self, row: usize) -> Option<String> {
        match self {
            Cells::Numbers(all) => {
                let number = all.get(row).filter(|it| !it.is_nan())?;
                Some(number.to_string())
            }
            Cells::Texts(all) => all.get(row)?.clone(),
        }
    }

    /// Number of cells.
    pub fn len(&self) -> usize {
        match self {
            Cells::Numbers(all) => all.len(),
            Cells::Texts(all) => all.len(),
        }
    }

    fn select(&self, rows: &[u32]) -> Self {
        fn chosen<T: Clone>(all: &[T], rows: &[u32]) -> Vec<T> {
            let chosen = rows.iter().filter_map(|&row| all.get(row as usize));
            chosen.cloned().collect()
        }
        match self {
            Cells::Numbers(all) => Cells::Numbers(chosen(all, rows)),
            Cells::Texts(all) => Cells::Texts(chosen(all, rows)),
        }
    }
}

/// What a reader of a table is told of its columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Told<'a> {
    /// Columns that are left out.
    pub drop: &'a [String],
    /// Columns of numbers that are categories all the same.
    pub categories: &'a [String],
    /// The column of labels, of any type.
    pub label: Option<&'a str>,
    /// The fields of a run by their names: their columns alone count, and are of their kinds.
    pub fields: Option<HashMap<&'a str, &'a Field>>,
}

impl<'a> Told<'a> {
    /// For rows that a run gets, which may have labels.
    pub fn for_run(fields: &'a Fields, label: Option<&'a str>) -> Self {
        let named = fields.0.iter().map(|field| (field.name.as_str(), field));
        Self {
            label,
            fields: Some(named.collect()),
            ..Self::default()
        }
    }

    /// Whether a column's type is of no importance.
    fn is_free(&self, name: &str) -> bool {
        let is_field = |fields: &HashMap<&str, &Field>| fields.contains_key(name);
        self.drop.iter().any(|it| it == name)
            || self.label == Some(name)
            || self.fields.as_ref().is_some_and(|it| !is_field(it))
    }

    /// Whether a run's field of this name is a category, or the user says so, whatever its cells look like.
    fn is_category(&self, name: &str) -> bool {
        let field = self.fields.as_ref().and_then(|fields| fields.get(name));
        self.categories.iter().any(|it| it == name) || field.is_some_and(|it| it.is_category())
    }
}

impl Table {
    /// Reads a file by its extension: `.csv`, `.tsv`, `.txt`, `.npy` or `.npz`.
    ///
    /// # Errors
    ///
    /// [`DataError::Table`] with the line and column where one is at fault.
    pub fn read(path: &Path, told: &Told) -> Result<Self, DataError> {
        let name = path.display().to_string();
        let extension = path.extension().unwrap_or_default().to_string_lossy();
        let table = match extension.to_lowercase().as_str() {
            "npy" | "npz" => numpy(path, told)?,
            "csv" | "tsv" | "txt" | "data" => text(path, told)?,
            _ => {
                return Err(DataError::Table {
                    file: name,
                    reason: "found another kind of file; allowed: .csv, .tsv, .txt, .npy, .npz"
                        .into(),
                });
            }
        };
        if table.rows == 0 {
            return Err(table.wrong("has no rows"));
        }
        let all = || table.columns.iter().map(|column| &column.name);
        let mut seen = BTreeSet::new();
        if let Some(twice) = all().find(|name| !seen.insert(*name)) {
            return Err(table.wrong(&format!(
                "has two columns \"{twice}\"; give each a name of its own"
            )));
        }
        // Rows for a run need its fields alone.
        let label = told.label.filter(|_| told.fields.is_none());
        let named = told.drop.iter().chain(told.categories);
        let named = named.map(String::as_str).chain(label);
        for wanted in named {
            if !all().any(|name| name == wanted) {
                let some: Vec<&str> = all().take(8).map(String::as_str).collect();
                let some = some.join(", ");
                return Err(table.wrong(&format!(
                    "has no column \"{wanted}\"; the first ones: {some}"
                )));
            }
        }
        let kept = |column: &Column| !told.drop.contains(&column.name);
        let columns: Vec<Column> = table.columns.into_iter().filter(kept).collect();
        Ok(Table { columns, ..table })
    }

    /// The rows at these places.
    pub fn select(&self, rows: &[u32]) -> Self {
        let columns = self.columns.iter().map(|column| Column {
            name: column.name.clone(),
            cells: column.cells.select(rows),
        });
        Table {
            file: self.file.clone(),
            rows: rows.len(),
            columns: columns.collect(),
        }
    }

    /// Takes a column out of the table.
    pub fn take(&mut self, name: &str) -> Option<Column> {
        let place = self.columns.iter().position(|it| it.name == name)?;
        Some(self.columns.remove(place))
    }

    fn wrong(&self, reason: &str) -> DataError {
        wrong(&self.file, reason)
    }
}

fn wrong(file: &str, reason: &str) -> DataError {
    DataError::Table {
        file: file.to_owned(),
        reason: reason.to_owned(),
    }
}

/// Opens a file that is no pipe or device.
fn open(path: &Path) -> Result<(File, u64), DataError> {
    let about = path
        .metadata()
        .map_err(|error| DataError::read(path, error))?;
    if !about.is_file() {
        return Err(wrong(&path.display().to_string(), "is not a file"));
    }
    let file = File::open(path).map_err(|error| DataError::read(path, error))?;
    Ok((file, about.len()))
}

/// Rows of a text file with separators.
fn text(path: &Path, told: &Told) -> Result<Table, DataError> {
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
    let content = content.strip_prefix('\u{feff}').unwrap_or(&content);
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
                    "line {line}: found {} cells, but line 1 has {width}",
                    record.len()
                ),
            ));
        }
        records.push(record);
    }
    // Where a separator other than the comma is used, the comma may be the decimal point.
    let comma = separator != b',';
    let Some(head) = records.first() else {
        return Err(wrong(&name, "is empty"));
    };
    let is_number = |cell: &str| number(cell, comma).is_some();
    let has_names = !head.iter().any(is_number) && head.iter().all(|it| !it.is_empty());
    let names: Vec<String> = match has_names {
        true => head.iter().map(String::from).collect(),
        false => (0..head.len()).map(|place| format!("x{place}")).collect(),
    };
    let body = records.get(usize::from(has_names)..).unwrap_or_default();
    let columns = names.into_iter().enumerate().map(|(place, name_of)| {
        let cells: Vec<(u64, &str)> = body
            .iter()
            .map(|record| {
                let line = record.position().map_or(0, csv::Position::line);
                (line, record.get(place).unwrap_or_default())
            })
            .collect();
        column(&name, name_of, &cells, comma, told)
    });
    Ok(Table {
        rows: body.len(),
        columns: columns.collect::<Result<_, _>>()?,
        file: name,
    })
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
fn number(cell: &str, comma: bool) -> Option<f64> {
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

fn is_missing(cell: &str) -> bool {
    MISSING.contains(&cell.to_lowercase().as_str())
}

/// Whether a text looks like a date: two separators of a kind between digits, with a time behind it or without.
fn is_date(cell: &str) -> bool {
    let day = cell.split(['T', ' ']).next().unwrap_or_default();
    ["-", "/", "."].iter().any(|separator| {
        let parts: Vec<&str> = day.split(separator).collect();
        let digits = |part: &&str| {
            (1..=4).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
        };
        parts.len() == 3 && parts.iter().all(digits)
    })
}

/// A column from its cells with their lines.
fn column(
    file: &str,
    name: String,
    cells: &[(u64, &str)],
    comma: bool,
    told: &Told,
) -> Result<Column, DataError> {
    let place = |line: u64| format!("line {line}, column \"{name}\": ");
    let known = || cells.iter().filter(|(_, cell)| !is_missing(cell));
    let count = known().count();
    let as_text = told.is_free(&name) || told.is_category(&name);
    let numbers = known()
        .filter(|(_, cell)| number(cell, comma).is_some())
        .count();
    if numbers == count && !as_text {
        let mut all = Vec::with_capacity(cells.len());
        for (line, cell) in cells {
            let value = match is_missing(cell) {
                true => f64::NAN,
                false => number(cell, comma).unwrap_or(f64::NAN),
            };
            if value.is_infinite() {
                let text = format!(
                    "{}found {cell}; allowed: finite numbers, or nothing if it is missing",
                    place(*line)
                );
                return Err(wrong(file, &text));
            }
            all.push(value);
        }
        return Ok(Column {
            name,
            cells: Cells::Numbers(all),
        });
    }
    if !as_text {
        // A text among numbers is a slip of the pen rather than a category.
        let is_text = |(_, cell): &&(u64, &str)| number(cell, comma).is_none();
        if numbers * 2 > count
            && let Some((line, cell)) = known().find(is_text)
        {
            let text = format!(
                "{}found \"{}\" among numbers; mend it, empty the cell if it is missing, or list the column in \
                 data.categories",
                place(*line),
                short(cell)
            );
            return Err(wrong(file, &text));
        }
        if let Some((_, cell)) = known().next()
            && known().all(|(_, cell)| is_date(cell))
        {
            let text = format!(
                "column \"{name}\": found dates (\"{}\"), which cannot be learned as they are; list it in data.drop, \
                 or replace it by numbers such as the weekday and the hour",
                short(cell)
            );
            return Err(wrong(file, &text));
        }
        let different: BTreeSet<&str> = known().map(|(_, cell)| *cell).collect();
        let different = different.len();
        if different > MOST_CATEGORIES || (different > FEW && different * 2 > count) {
            let text = format!(
                "column \"{name}\": found {different} different texts in {count} rows, which are no categories; list \
                 it in data.drop"
            );
            return Err(wrong(file, &text));
        }
    }
    let texts = (cells.iter()).map(|(_, cell)| (!is_missing(cell)).then(|| cell.to_string()));
    Ok(Column {
        name,
        cells: Cells::Texts(texts.collect()),
    })
}

/// The start of a text, for messages.
fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

/// Columns of a NumPy file: those of its array, or of `X` in an archive, whose other arrays of one axis are columns by
/// their names.
fn numpy(path: &Path, told: &Told) -> Result<Table, DataError> {
    let name = path.display().to_string();
    let (file, bytes) = open(path)?;
    let is_archive = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("npz"));
    if !is_archive {
        let array = Array::read(&name, BufReader::new(file), [bytes, bytes])?;
        return array.table(name, told);
    }
    let broken = |error: zip::result::ZipError| wrong(&name, &format!("not an archive: {error}"));
    let mut archive = zip::ZipArchive::new(BufReader::new(file)).map_err(broken)?;
    let members: Vec<String> = archive.file_names().map(String::from).collect();
    let main = ["X.npy", "x.npy", "data.npy", "arr_0.npy"];
    let Some(main) = main
        .iter()
        .find(|it| members.iter().any(|name| name == *it))
    else {
        let some: Vec<&str> = members.iter().take(8).map(String::as_str).collect();
        let reason = format!("found the arrays {}; needs one named X", some.join(", "));
        return Err(wrong(&name, &reason));
    };
    let mut read = |member: &str| -> Result<Array, DataError> {
        let entry = archive.by_name(member).map_err(broken)?;
        let sizes = [entry.size(), entry.compressed_size()];
        Array::read(&format!("{name}, {member}"), entry, sizes)
    };
    let mut table = read(main)?.table(name.clone(), told)?;
    if let Some(label) = told.label {
        let member = format!("{label}.npy");
        if members.contains(&member) {
            let array = read(&member)?;
            if array.values.len() != table.rows {
                let (found, rows) = (array.values.len(), table.rows);
                let reason = format!("found {found} values in {label} for {rows} rows of X");
                return Err(wrong(&name, &reason));
            }
            table.columns.push(Column {
                name: label.to_owned(),
                cells: Cells::Numbers(array.values),
            });
        }
    }
    Ok(table)
}

/// Numbers of a NumPy file in C order.
struct Array {
    values: Vec<f64>,
    shape: Vec<usize>,
}

impl Array {
    /// Reads an array of so many bytes, stored in so many.
    fn read(
        name: &str,
        mut reader: impl Read,
        [bytes, stored]: [u64; 2],
    ) -> Result<Self, DataError> {
        let broken = |error: std::io::Error| {
            wrong(
                name,
                &format!("not a NumPy file: {}", crate::reason(&error)),
            )
        };
        // A header may announce any length of itself.
        let header =
            NpyHeader::from_reader(reader.by_ref().take(LONGEST_HEADER)).map_err(broken)?;
        let file = NpyFile::with_header(header, reader);
        let shape: Vec<usize> = file.shape().iter().map(|&size| size as usize).collect();
        let count = (file.shape().iter()).try_fold(1_u64, |all, &size| all.checked_mul(size));
        // Each value takes at least a byte.
        let count = count.filter(|&count| count <= MAX_VALUES && count <= bytes);
        let Some(count) = count else {
            let reason = format!("its header announces {shape:?} values in {bytes} bytes");
            return Err(wrong(name, &reason));
        };
        // An archive may unpack to any size.
        check_plausible(name, count, stored)?;
        let is_fortran = file.order() == Order::Fortran;
        let kind = file.dtype().descr();
        let values = numbers(file).map_err(broken)?;
        let Some(values) = values else {
            let reason = format!("found values of type {kind}; allowed: numbers");
            return Err(wrong(name, &reason));
        };
        if values.len() as u64 != count {
            return Err(wrong(name, "ends before its last value"));
        }
        if let Some(place) = values.iter().position(|it| it.is_infinite()) {
            let row = place / shape.get(1).copied().unwrap_or(1).max(1);
            let reason = format!("row {row}: found an infinity; allowed: finite numbers, or NaN");
            return Err(wrong(name, &reason));
        }
        let values = match (is_fortran, shape.as_slice()) {
            (true, &[rows, columns]) => (0..rows * columns)
                .map(|place| values[place % columns * rows + place / columns])
                .collect(),
            _ => values,
        };
        Ok(Array { values, shape })
    }

    fn table(self, file: String, told: &Told) -> Result<Table, DataError> {
        let &[rows, columns] = self.shape.as_slice() else {
            let reason = format!(
                "found an array of shape {:?}; allowed: [rows, columns]",
                self.shape
            );
            return Err(wrong(&file, &reason));
        };
        if columns == 0 || columns > MOST_COLUMNS {
            let reason = format!("found {columns} columns; allowed: 1 to {MOST_COLUMNS}");
            return Err(wrong(&file, &reason));
        }
        let columns = (0..columns).map(|place| {
            let name = format!("x{place}");
            let all = self.values.iter().skip(place).step_by(columns).copied();
            let cells = match told.is_category(&name) {
                true => Cells::Texts(
                    all.map(|it| (!it.is_nan()).then(|| it.to_string()))
                        .collect(),
                ),
                false => Cells::Numbers(all.collect()),
            };
            Column { name, cells }
        });
        Ok(Table {
            rows,
            columns: columns.collect(),
            file,
        })
    }
}

/// All values of a NumPy file as numbers; `None` if they are none.
fn numbers(file: NpyFile<impl Read>) -> std::io::Result<Option<Vec<f64>>> {
    macro_rules! attempt {
        ($file:expr, $($kind:ty => $into:expr),*) => {{
            let mut file = $file;
            $(
                file = match file.try_data::<$kind>() {
                    Ok(values) => return values.map(|it| it.map($into)).collect::<std::io::Result<_>>().map(Some),
                    Err(file) => file,
                };
            )*
            let _ = file;
            Ok(None)
        }};
    }
    attempt!(file,
        f64 => |it| it, f32 => f64::from, i64 => |it| it as f64, i32 => f64::from, i16 => f64::from,
        i8 => f64::from, u8 => f64::from, u16 => f64::from, u32 => f64::from, u64 => |it| it as f64,
        bool => |it| f64::from(u8::from(it)))
}

/// A table as a data set.
#[derive(Clone, Debug, PartialEq)]
pub struct TableOptions {
    /// The file.
    pub file: PathBuf,
    /// The rows for testing.
    pub test: TableTest,
    /// The column of labels, which is no input.
    pub label: Option<String>,
    /// The label of the rows to train on; all others are for testing.
    pub normal: Option<String>,
    /// Columns to leave out.
    pub drop: Vec<String>,
    /// Columns of numbers that are categories.
    pub categories: Vec<String>,
    /// Training rows to draw at random.
    pub limit: Option<crate::Limit>,
    /// Draws the test rows.
    pub seed: u64,
    /// The fields that a run was trained with; found from the training rows by default.
    pub fields: Option<std::sync::Arc<crate::Fields>>,
}

/// Which rows are for testing.
#[derive(Clone, Debug, PartialEq)]
pub enum TableTest {
    /// This share, drawn at random, but at least one; of the rows of the normal label, if there is one.
    Share(f64),
    /// Those of another file with the same columns.
    File(PathBuf),
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
