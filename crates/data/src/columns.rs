//! Columns that are written as a table: CSV, or Apache Parquet.

use std::io;

/// The entries of a column, one for each row; `None` and NaN are missing ones.
#[derive(Debug, Clone, PartialEq)]
pub enum Entries {
    /// Texts.
    Texts(Vec<Option<String>>),
    /// Whole numbers.
    Whole(Vec<Option<i64>>),
    /// Numbers of 64 bits.
    Numbers(Vec<f64>),
    /// Numbers of 32 bits, as a model gives them.
    Floats(Vec<f32>),
}

/// Columns of one length, each with a name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Columns {
    named: Vec<(String, Entries)>,
}

/// A kind of file that columns are written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableFile {
    /// Lines of text, the first of which has the names: `.csv`.
    Csv,
    /// Apache Parquet, compressed with Snappy: `.parquet`.
    #[cfg(feature = "parquet")]
    Parquet,
}

impl TableFile {
    /// The kind of file that an extension stands for, without regard to case.
    pub fn of(extension: &str) -> Option<Self> {
        match extension.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            #[cfg(feature = "parquet")]
            "parquet" | "pq" => Some(Self::Parquet),
            _ => None,
        }
    }
}

impl Entries {
    fn len(&self) -> usize {
        match self {
            Self::Texts(all) => all.len(),
            Self::Whole(all) => all.len(),
            Self::Numbers(all) => all.len(),
            Self::Floats(all) => all.len(),
        }
    }

    /// The entry of a row as text; empty if it is missing.
    fn text(&self, row: usize) -> String {
        let text = match self {
            Self::Texts(all) => all.get(row).cloned().flatten(),
            Self::Whole(all) => all.get(row).copied().flatten().map(|it| it.to_string()),
            Self::Numbers(all) => number(all.get(row), |it| !it.is_nan()),
            Self::Floats(all) => number(all.get(row), |it| !it.is_nan()),
        };
        text.unwrap_or_default()
    }
}

/// The shortest text that reads back as this number.
fn number<T: ToString>(entry: Option<&T>, known: impl Fn(&&T) -> bool) -> Option<String> {
    entry.filter(known).map(ToString::to_string)
}

impl Columns {
    /// No columns yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a column on the right. All columns must have the same number of entries.
    pub fn add(&mut self, name: impl Into<String>, entries: Entries) {
        self.named.push((name.into(), entries));
    }

    /// Number of rows: that of the longest column.
    pub fn rows(&self) -> usize {
        let lengths = self.named.iter().map(|(_, entries)| entries.len());
        lengths.max().unwrap_or_default()
    }

    /// The bytes of a file of this kind.
    ///
    /// # Errors
    ///
    /// Columns of unequal lengths, as Parquet; memory that is not enough.
    pub fn bytes(&self, kind: TableFile) -> io::Result<Vec<u8>> {
        match kind {
            TableFile::Csv => self.csv(),
            #[cfg(feature = "parquet")]
            TableFile::Parquet => written::parquet(&self.named).map_err(io::Error::other),
        }
    }

    fn csv(&self) -> io::Result<Vec<u8>> {
        let mut lines = csv::Writer::from_writer(Vec::new());
        lines.write_record(self.named.iter().map(|(name, _)| name))?;
        for row in 0..self.rows() {
            lines.write_record(self.named.iter().map(|(_, entries)| entries.text(row)))?;
        }
        lines.into_inner().map_err(csv::IntoInnerError::into_error)
    }
}

#[cfg(feature = "parquet")]
mod written {
    use std::sync::Arc;

    use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
    use parquet::data_type::{
        ByteArray, ByteArrayType, DataType, DoubleType, FloatType, Int64Type,
    };
    use parquet::errors::Result;
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
    use parquet::schema::types::Type;

    use super::Entries;

    /// The definition levels of an entry that may be missing.
    const MISSING: i16 = 0;
    const THERE: i16 = 1;

    /// The bytes of a Parquet file with one group of rows.
    pub(super) fn parquet(columns: &[(String, Entries)]) -> Result<Vec<u8>> {
        let fields: Result<Vec<_>> = columns
            .iter()
            .map(|(name, entries)| Ok(Arc::new(field(name, entries)?)))
            .collect();
        let schema = Type::group_type_builder("schema").with_fields(fields?);
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY);
        let mut writer = SerializedFileWriter::new(
            Vec::new(),
            Arc::new(schema.build()?),
            Arc::new(properties.build()),
        )?;
        let mut rows = writer.next_row_group()?;
        for (_, entries) in columns {
            match entries {
                Entries::Texts(all) => {
                    let bytes = |it: &Option<String>| it.as_deref().map(ByteArray::from);
                    column::<ByteArrayType>(&mut rows, all.iter().map(bytes))?;
                }
                Entries::Whole(all) => column::<Int64Type>(&mut rows, all.iter().copied())?,
                Entries::Numbers(all) => {
                    let known = all.iter().map(|it| Some(*it).filter(|it| !it.is_nan()));
                    column::<DoubleType>(&mut rows, known)?;
                }
                Entries::Floats(all) => {
                    let known = all.iter().map(|it| Some(*it).filter(|it| !it.is_nan()));
                    column::<FloatType>(&mut rows, known)?;
                }
            }
        }
        rows.close()?;
        writer.into_inner()
    }

    fn field(name: &str, entries: &Entries) -> Result<Type> {
        let (physical, logical) = match entries {
            Entries::Texts(_) => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Entries::Whole(_) => (Physical::INT64, None),
            Entries::Numbers(_) => (Physical::DOUBLE, None),
            Entries::Floats(_) => (Physical::FLOAT, None),
        };
        Type::primitive_type_builder(name, physical)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(logical)
            .build()
    }

    fn column<T: DataType>(
        rows: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
        entries: impl Iterator<Item = Option<T::T>>,
    ) -> Result<()> {
        let (mut values, mut levels) = (Vec::new(), Vec::new());
        for entry in entries {
            levels.push(if entry.is_some() { THERE } else { MISSING });
            values.extend(entry);
        }
        let Some(mut writer) = rows.next_column()? else {
            return Ok(());
        };
        writer
            .typed::<T>()
            .write_batch(&values, Some(&levels), None)?;
        writer.close()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people() -> Columns {
        let mut columns = Columns::new();
        let names = [Some("Ada, \"the\" first"), None, Some("Grace")];
        let names = names.map(|it| it.map(String::from)).to_vec();
        columns.add("name", Entries::Texts(names));
        columns.add("born", Entries::Whole(vec![Some(1815), Some(-3), None]));
        columns.add("height", Entries::Numbers(vec![1.65, f64::NAN, 0.1]));
        columns.add("code", Entries::Floats(vec![0.1, -2.5e-8, f32::NAN]));
        columns
    }

    #[test]
    fn lines_of_text_have_quotes_where_they_need_them() {
        let bytes = people().bytes(TableFile::Csv).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(
            text,
            "name,born,height,code\n\"Ada, \"\"the\"\" first\",1815,1.65,0.1\n,-3,,-0.000000025\nGrace,,0.1,\n"
        );
    }

    /// What is written as Parquet is read back by the reader of tables.
    #[cfg(feature = "parquet")]
    #[test]
    fn parquet_is_read_back() {
        use crate::table::{Cells, Table, Told};

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("people.parquet");
        let kind = TableFile::of("PARQUET").unwrap();
        std::fs::write(&path, people().bytes(kind).unwrap()).unwrap();
        let table = Table::read(&path, &Told::default()).unwrap();
        let found: Vec<&str> = table.columns.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(found, ["name", "born", "height", "code"]);
        let text = |column: usize, row| table.columns[column].cells.text(row);
        assert_eq!(text(0, 0).as_deref(), Some("Ada, \"the\" first"));
        assert_eq!(text(0, 1), None);
        assert_eq!(text(1, 1).as_deref(), Some("-3"));
        assert_eq!(text(1, 2), None);
        assert_eq!(text(2, 1), None);
        let Cells::Numbers(codes) = &table.columns[3].cells else {
            panic!("{:?}", table.columns[3]);
        };
        assert_eq!(codes[0], f64::from(0.1_f32));
        assert!(codes[2].is_nan());
    }

    #[cfg(feature = "parquet")]
    #[test]
    fn columns_of_unequal_lengths_are_no_table() {
        let mut columns = people();
        columns.add("short", Entries::Whole(vec![Some(1)]));
        assert!(columns.bytes(TableFile::Parquet).is_err());
    }
}
