//! Tables as a data set: which rows are for training, which for testing, and what their fields are.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use crate::labels::Classes;
use crate::load::Loaded;
use crate::preparation::{Aspect, Preparation};
use crate::split::sample;
use crate::table::{Column, Table, TableOptions, TableTest, Told};
use crate::{DataError, Fields, ImageShape, Images, Warning};

/// A table as a data set, which is read once.
#[derive(Debug, Clone)]
pub struct TableSet {
    options: TableOptions,
    read: Arc<OnceLock<Parts>>,
}

/// Training and test rows, without labels among the columns.
#[derive(Debug)]
struct Parts {
    train: Table,
    test: Table,
    labels: Option<(Classes, [Vec<u8>; 2])>,
    fields: Arc<Fields>,
    constant: Vec<String>,
}

impl TableSet {
    /// A table that is read when it is needed.
    pub fn new(options: TableOptions) -> Self {
        Self {
            options,
            read: Arc::default(),
        }
    }

    /// The same table with the fields that a run was trained with.
    pub fn as_trained(&self, fields: Option<Arc<Fields>>) -> Self {
        Self::new(TableOptions {
            fields,
            ..self.options.clone()
        })
    }

    /// The same table with all of its training rows.
    pub(crate) fn without_limit(&self) -> Self {
        Self::new(TableOptions {
            limit: None,
            ..self.options.clone()
        })
    }

    pub(crate) fn name(&self) -> String {
        let stem = self.options.file.file_stem();
        let name = stem.unwrap_or(self.options.file.as_os_str());
        name.to_string_lossy().into_owned()
    }

    pub(crate) fn shape(&self) -> Result<ImageShape, DataError> {
        Ok([self.parts()?.fields.channels(), 1, 1])
    }

    /// What its columns hold.
    ///
    /// # Errors
    ///
    /// As [`Source::load`](crate::Source::load).
    pub fn fields(&self) -> Result<&Arc<Fields>, DataError> {
        Ok(&self.parts()?.fields)
    }

    pub(crate) fn extent(&self) -> Result<[u64; 2], DataError> {
        let parts = self.parts()?;
        let rows = (parts.train.rows + parts.test.rows) as u64;
        let bytes = rows * parts.fields.channels() as u64 * size_of::<f32>() as u64;
        Ok([parts.train.rows as u64, bytes])
    }

    pub(crate) fn load(&self) -> Result<Loaded, DataError> {
        let parts = self.parts()?;
        let (mut train, mut warnings) = images(&parts.train, &parts.fields)?;
        let (mut test, more) = images(&parts.test, &parts.fields)?;
        warnings.extend(more);
        if let Some((classes, [of_train, of_test])) = &parts.labels {
            train = classes.label(train, of_train.clone())?;
            test = classes.label(test, of_test.clone())?;
        }
        if !parts.constant.is_empty() {
            warnings.push(Warning::Constant {
                file: parts.train.file.clone(),
                columns: parts.constant.clone(),
            });
        }
        Ok(Loaded {
            preparation: Preparation::as_is(train.shape(), Aspect::Stretch),
            train,
            held: Vec::new(),
            groups: Vec::new(),
            test,
            warnings,
        })
    }

    fn parts(&self) -> Result<&Parts, DataError> {
        if let Some(parts) = self.read.get() {
            return Ok(parts);
        }
        let parts = self.options.parts()?;
        // Another thread may have read the same meanwhile.
        Ok(self.read.get_or_init(|| parts))
    }
}

/// The rows of another table as a run with these fields sees them, with warnings. If the table has a column of this
/// name, its texts are the labels.
///
/// # Errors
///
/// As [`Source::load`](crate::Source::load).
pub fn read_rows(
    file: &Path,
    label: Option<&str>,
    fields: &Arc<Fields>,
) -> Result<(Images, Vec<Warning>), DataError> {
    let rows = read_labelled_rows(file, label, None, fields)?;
    Ok((rows.images, rows.warnings))
}

/// Rows of a table as a run sees them.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    /// The rows, with labels if the table has them.
    pub images: Images,
    /// Whether each row has the label that was asked for; `None` if the table has no labels.
    pub normal: Option<Vec<bool>>,
    /// Warnings about values with problems.
    pub warnings: Vec<Warning>,
}

/// As [`read_rows`], and whether each row has the label `normal`; none has it without one.
///
/// # Errors
///
/// As [`read_rows`].
pub fn read_labelled_rows(
    file: &Path,
    label: Option<&str>,
    normal: Option<&str>,
    fields: &Arc<Fields>,
) -> Result<Rows, DataError> {
    // What the model sees may be a label too.
    let is_field = |name: &&str| fields.0.iter().any(|field| field.name == **name);
    let seen = label.filter(is_field);
    let mut table = Table::read(file, &Told::for_run(fields, label.xor(seen)))?;
    let label = match seen {
        Some(name) => table.columns.iter().find(|it| it.name == name).cloned(),
        None => label.and_then(|name| table.take(name)),
    };
    has_all_labels(&table, label.as_ref())?;
    let is_normal = label.as_ref().map(|column| {
        let row = |row: usize| column.cells.text(row).as_deref() == normal && normal.is_some();
        (0..table.rows).map(row).collect()
    });
    let all: Vec<u32> = (0..table.rows as u32).collect();
    let (mut images, warnings) = images(&table, fields)?;
    if let Some(classes) = classes_of([label.as_ref(), None]) {
        images = classes.label(images, codes(label.as_ref(), &all, &classes))?;
    }
    Ok(Rows {
        images,
        normal: is_normal,
        warnings,
    })
}

/// Rows as a model sees them, with warnings.
fn images(table: &Table, fields: &Arc<Fields>) -> Result<(Images, Vec<Warning>), DataError> {
    let (values, warnings) = fields.encode(table)?;
    let images = Images::real(values, [fields.channels(), 1, 1], Arc::clone(fields))?;
    Ok((images, warnings))
}

impl TableOptions {
    fn parts(&self) -> Result<Parts, DataError> {
        let told = Told {
            drop: &self.drop,
            categories: &self.categories,
            ..match &self.fields {
                Some(fields) => Told::for_run(fields, self.label.as_deref()),
                None => Told {
                    label: self.label.as_deref(),
                    ..Told::default()
                },
            }
        };
        let mut table = Table::read(&self.file, &told)?;
        let label = self.label.as_ref().and_then(|name| table.take(name));
        has_all_labels(&table, label.as_ref())?;
        if table.columns.is_empty() {
            return Err(DataError::Table {
                file: table.file,
                reason: "has no columns beside those of data.label and data.drop".into(),
            });
        }
        let (mut train, test, mut labels) = match &self.test {
            TableTest::File(file) => {
                let mut other = Table::read(file, &told)?;
                let others = self.label.as_ref().and_then(|name| other.take(name));
                has_all_labels(&other, others.as_ref())?;
                let classes = classes_of([label.as_ref(), others.as_ref()]);
                let all = |table: &Table| (0..table.rows as u32).collect::<Vec<u32>>();
                let train = self.normal_rows(label.as_ref(), all(&table))?;
                let tested = all(&other);
                let labels = classes.map(|classes| {
                    let codes = [(&label, &train), (&others, &tested)]
                        .map(|(column, rows)| codes(column.as_ref(), rows, &classes));
                    (classes, codes)
                });
                (table.select(&train), other, labels)
            }
            TableTest::Share(share) => {
                let rows = table.rows;
                let normal = self.normal_rows(label.as_ref(), (0..rows as u32).collect())?;
                let wanted = (normal.len() as f64 * share).ceil() as usize;
                if normal.len() < 2 || wanted >= normal.len() {
                    return Err(DataError::Table {
                        file: table.file,
                        reason: format!(
                            "found {} rows to train on; needs 2 or more, and a smaller data.test",
                            normal.len()
                        ),
                    });
                }
                let drawn: BTreeSet<usize> = sample(normal.len(), wanted.max(1), self.seed)
                    .into_iter()
                    .collect();
                let trained = normal.iter().enumerate();
                let trained = trained.filter(|(place, _)| !drawn.contains(place));
                let train: Vec<u32> = trained.map(|(_, &row)| row).collect();
                let is_trained: BTreeSet<u32> = train.iter().copied().collect();
                let test: Vec<u32> = (0..rows as u32)
                    .filter(|row| !is_trained.contains(row))
                    .collect();
                let classes = classes_of([label.as_ref(), None]);
                let labels = classes.map(|classes| {
                    let codes = [&train, &test].map(|rows| codes(label.as_ref(), rows, &classes));
                    (classes, codes)
                });
                (table.select(&train), table.select(&test), labels)
            }
        };
        if let Some(limit) = self.limit {
            let kept = sample(train.rows, limit.count, limit.seed);
            let kept: Vec<u32> = kept.into_iter().map(|row| row as u32).collect();
            if let Some((_, [labels, _])) = &mut labels {
                *labels = kept
                    .iter()
                    .filter_map(|&row| labels.get(row as usize))
                    .copied()
                    .collect();
            }
            train = train.select(&kept);
        }
        let (fields, constant) = match &self.fields {
            Some(fields) => (Arc::clone(fields), Vec::new()),
            None => {
                let (fields, constant) = Fields::fit(&train);
                (Arc::new(fields), constant)
            }
        };
        Ok(Parts {
            train,
            test,
            labels,
            fields,
            constant,
        })
    }

    /// The rows among these that are trained on: those with the normal label, if there is one.
    fn normal_rows(&self, label: Option<&Column>, rows: Vec<u32>) -> Result<Vec<u32>, DataError> {
        let Some(normal) = &self.normal else {
            return Ok(rows);
        };
        let file = self.file.display().to_string();
        let Some(label) = label else {
            return Err(DataError::Table {
                file,
                reason: "data.normal needs data.label, the column that it is a value of".into(),
            });
        };
        let is_normal = |row: &u32| {
            let text = label.cells.text(*row as usize);
            text.is_some_and(|text| text == *normal)
        };
        let found: Vec<u32> = rows.iter().copied().filter(is_normal).collect();
        if found.is_empty() {
            return Err(DataError::Table {
                file,
                reason: format!("no row has the label \"{normal}\" of data.normal"),
            });
        }
        Ok(found)
    }
}

/// The classes that these columns of labels name; `None` if there are none or too many.
fn classes_of(columns: [Option<&Column>; 2]) -> Option<Classes> {
    let columns = columns.into_iter().flatten();
    let texts = columns.flat_map(|it| (0..it.cells.len()).filter_map(|row| it.cells.text(row)));
    Classes::of(texts)
}

/// Fails if a row has no label.
fn has_all_labels(table: &Table, label: Option<&Column>) -> Result<(), DataError> {
    let Some(label) = label else {
        return Ok(());
    };
    match (0..table.rows).find(|&row| label.cells.text(row).is_none()) {
        None => Ok(()),
        Some(row) => Err(DataError::Table {
            file: table.file.clone(),
            reason: format!(
                "row {row}: has no label in column \"{}\"; remove the row, or fill it in",
                label.name
            ),
        }),
    }
}

/// The number of each row's class.
fn codes(column: Option<&Column>, rows: &[u32], classes: &Classes) -> Vec<u8> {
    let text = |row: &u32| column.and_then(|column| column.cells.text(*row as usize));
    classes.codes(rows.iter().map(|row| text(row).unwrap_or_default()))
}
