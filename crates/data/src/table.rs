//! Tables: rows and columns from CSV and NumPy files, with the type of each column found from its cells.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use crate::error::wrong;
use crate::numpy::Array;
use crate::text::{Text, is_missing, number};
use crate::{DataError, Field, Fields};

/// The most columns of a table, which are the most channels of a sample.
pub(crate) const MOST_COLUMNS: usize = 1 << 16;

/// The most different texts of a column that are categories.
const MOST_CATEGORIES: usize = 256;

/// Texts of which a column may have as many different ones as it has rows.
const FEW: usize = 20;

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
    /// The column of times, of any type.
    pub time: Option<&'a str>,
    /// Whether a column of dates is kept as texts; otherwise it is refused.
    pub dates: bool,
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
            || self.time == Some(name)
            || self.fields.as_ref().is_some_and(|it| !is_field(it))
    }

    /// Whether a column of this name is read as texts, whatever its cells are.
    pub fn is_text(&self, name: &str) -> bool {
        self.is_free(name) || self.is_category(name)
    }

    /// Whether a run's field of this name is a category, or the user says so, whatever its cells look like.
    fn is_category(&self, name: &str) -> bool {
        let field = self.fields.as_ref().and_then(|fields| fields.get(name));
        self.categories.iter().any(|it| it == name) || field.is_some_and(|it| it.is_category())
    }
}

impl Table {
    /// Reads a file by its extension: `.csv`, `.tsv`, `.txt`, `.npy`, `.npz` or `.parquet`.
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
            #[cfg(feature = "parquet")]
            "parquet" | "pq" => crate::parquet::read(path, told)?,
            _ => {
                return Err(DataError::Table {
                    file: name,
                    reason: "found another kind of file; allowed: .csv, .tsv, .txt, .npy, .npz, .parquet"
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
        let named = named.map(String::as_str).chain(label).chain(told.time);
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

/// Opens a file that is no pipe or device, with its length.
pub(crate) fn open(path: &Path) -> Result<(File, u64), DataError> {
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
    let text = Text::read(path)?;
    let (body, comma) = (text.body(), text.has_comma());
    let columns = text.names().into_iter().enumerate().map(|(place, name)| {
        let cells: Vec<(u64, &str)> = body
            .iter()
            .map(|record| {
                let line = record.position().map_or(0, csv::Position::line);
                (line, record.get(place).unwrap_or_default())
            })
            .collect();
        column(&text.file, name, &cells, comma, told)
    });
    Ok(Table {
        rows: body.len(),
        columns: columns.collect::<Result<_, _>>()?,
        file: text.file.clone(),
    })
}

/// Whether a text looks like a date: two separators of a kind between digits, with a time behind it or without.
pub(crate) fn is_date(cell: &str) -> bool {
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
pub(crate) fn column(
    file: &str,
    name: String,
    cells: &[(u64, &str)],
    comma: bool,
    told: &Told,
) -> Result<Column, DataError> {
    let place = |line: u64| format!("line {line}, column \"{name}\": ");
    let known = || cells.iter().filter(|(_, cell)| !is_missing(cell));
    let count = known().count();
    let as_text = told.is_text(&name);
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
            if told.dates {
                return Ok(texts(name, cells));
            }
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
    Ok(texts(name, cells))
}

/// A column of texts.
fn texts(name: String, cells: &[(u64, &str)]) -> Column {
    let texts = (cells.iter()).map(|(_, cell)| (!is_missing(cell)).then(|| cell.to_string()));
    Column {
        name,
        cells: Cells::Texts(texts.collect()),
    }
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
        return of_array(&array, name, told);
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
    let mut table = of_array(&read(main)?, name.clone(), told)?;
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

/// An array as a table.
fn of_array(array: &Array, file: String, told: &Told) -> Result<Table, DataError> {
    let &[rows, columns] = array.shape.as_slice() else {
        let reason = format!(
            "found an array of shape {:?}; allowed: [rows, columns]",
            array.shape
        );
        return Err(wrong(&file, &reason));
    };
    if columns == 0 || columns > MOST_COLUMNS {
        let reason = format!("found {columns} columns; allowed: 1 to {MOST_COLUMNS}");
        return Err(wrong(&file, &reason));
    }
    let columns = (0..columns).map(|place| {
        let name = format!("x{place}");
        let all = array.values.iter().skip(place).step_by(columns).copied();
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
