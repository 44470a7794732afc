use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::*;
use crate::{FieldKind, Source, TableSet, View};

/// A file in a folder that lives as long as the test.
fn file(name: &str, content: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    (folder, path)
}

fn options(file: PathBuf) -> TableOptions {
    TableOptions {
        file,
        test: TableTest::Share(0.5),
        label: None,
        normal: None,
        drop: Vec::new(),
        categories: Vec::new(),
        limit: None,
        seed: 1,
        fields: None,
    }
}

fn refused(content: &str) -> String {
    let (_folder, path) = file("t.csv", content.as_bytes());
    let error = Table::read(&path, &Told::default())
        .unwrap_err()
        .to_string();
    let (_, reason) = error.split_once("t.csv: ").unwrap();
    reason.to_owned()
}

/// What LibreOffice writes in half of Europe: a byte order mark, semicolons, decimal commas, quotes.
#[test]
fn semicolons_decimal_commas_and_missing_cells_are_read() {
    let text = "\u{feff}h\u{f6}he;art;n\r\n1,5;\"a; b\";1.234,5\r\n;c;-2\r\n2;NA;3e2\r\n";
    let (_folder, path) = file("t.csv", text.as_bytes());
    let table = Table::read(&path, &Told::default()).unwrap();
    assert_eq!((table.rows, table.columns.len()), (3, 3));
    assert_eq!(table.columns[0].name, "h\u{f6}he");
    let Cells::Numbers(first) = &table.columns[0].cells else {
        panic!("{table:?}")
    };
    assert_eq!((first[0], first[2]), (1.5, 2.0));
    assert!(first[1].is_nan());
    let art = [Some("a; b".to_string()), Some("c".into()), None];
    assert_eq!(table.columns[1].cells, Cells::Texts(art.to_vec()));
    assert_eq!(
        table.columns[2].cells,
        Cells::Numbers(vec![1234.5, -2.0, 300.0])
    );
}

#[test]
fn a_file_without_names_gets_some() {
    let (_folder, path) = file("t.csv", b"1,2\n3,4\n");
    let table = Table::read(&path, &Told::default()).unwrap();
    assert_eq!((table.rows, table.columns[1].name.as_str()), (2, "x1"));
}

#[test]
fn faults_are_told_with_their_line_and_column() {
    let cases = [
        ("", "is empty"),
        ("a,b\n", "has no rows"),
        ("a,b\n1,2\n3\n", "line 3: found 1 cell, but line 1 has 2"),
        ("a,a\n1,2\n", "has two columns \"a\""),
        (
            "a,b\n1,\"2\n3,4\n",
            "found a quote that does not end; the last one is in line 2",
        ),
        (
            "a\n1\n2\nx\n3\n",
            "line 4, column \"a\": found \"x\" among numbers",
        ),
        (
            "a\n1\ninf\n",
            "line 3, column \"a\": found inf; allowed: finite numbers",
        ),
        (
            "a,b\n2024-01-05,1\n2024-02-05,2\n",
            "column \"a\": found dates (\"2024-01-05\")",
        ),
    ];
    for (content, expected) in cases {
        let reason = refused(content);
        assert!(reason.starts_with(expected), "{content:?}: {reason}");
    }
    let names: String = (0..100).map(|it| format!("name {it}\n")).collect();
    let reason = refused(&format!("a\n{names}"));
    assert!(
        reason.contains("found 100 different texts in 100 rows"),
        "{reason}"
    );
    let wide = "x,".repeat(MOST_COLUMNS + 1);
    assert!(refused(&format!("{wide}\n")).contains("columns; allowed: at most 65536"));
    let (_folder, path) = file("t.csv", b"a,b\n1,\xff\n");
    let error = Table::read(&path, &Told::default())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("line 2: found bytes that are not UTF-8"),
        "{error}"
    );
}

/// No sequence of bytes is worth a panic.
#[test]
fn hostile_arrays_are_refused() {
    let mut good = Vec::new();
    let mut writer = {
        use npyz::WriterBuilder;
        npyz::WriteOptions::new()
            .default_dtype()
            .shape(&[3, 2])
            .writer(&mut good)
            .begin_nd()
            .unwrap()
    };
    writer.extend((0..6).map(f64::from)).unwrap();
    writer.finish().unwrap();
    let (_folder, path) = file("t.npy", &good);
    let table = Table::read(&path, &Told::default()).unwrap();
    assert_eq!((table.rows, table.columns.len()), (3, 2));
    assert_eq!(table.columns[1].cells, Cells::Numbers(vec![1.0, 3.0, 5.0]));
    for end in 0..good.len() {
        let (_folder, path) = file("t.npy", &good[..end]);
        assert!(
            Table::read(&path, &Told::default()).is_err(),
            "cut at {end}"
        );
    }
    for place in 0..good.len() {
        let mut bad = good.clone();
        bad[place] ^= 0x15;
        let (_folder, path) = file("t.npy", &bad);
        // A changed value is a value; anything else is an error, and nothing panics.
        let _ = Table::read(&path, &Told::default());
    }
    // A header of version 2 that announces 4 GiB of itself.
    let (_folder, path) = file("t.npy", b"\x93NUMPY\x02\x00\xff\xff\xff\xff{'descr': ");
    assert!(Table::read(&path, &Told::default()).is_err());
    let (_folder, path) = file("t.npz", b"PK\x03\x04 no archive");
    assert!(Table::read(&path, &Told::default()).is_err());
}

#[test]
fn rows_are_standardised_by_the_training_rows_and_labels_are_no_input() {
    let mut text = "size,kind,class\n".to_string();
    for row in 0..40 {
        let class = if row < 30 { "good" } else { "bad" };
        text += &format!("{},{},{class}\n", row * 2, ["x", "y"][row % 2]);
    }
    let (_folder, path) = file("t.csv", text.as_bytes());
    let set = TableSet::new(TableOptions {
        label: Some("class".into()),
        normal: Some("good".into()),
        ..options(path.clone())
    });
    let fields = Arc::clone(set.fields().unwrap());
    let names: Vec<&str> = fields.0.iter().map(|it| it.name.as_str()).collect();
    assert_eq!((names, fields.channels()), (vec!["size", "kind"], 3));
    let source = Source::Table(set);
    assert_eq!(source.shape().unwrap(), [3, 1, 1]);
    let data = source.load().unwrap();
    // Half of the good rows are for training; the others and all bad ones are for testing.
    assert_eq!((data.train.len(), data.test.len()), (15, 25));
    assert!(data.train.labels().unwrap().iter().all(|label| *label == 1));
    let bad = data
        .test
        .labels()
        .unwrap()
        .iter()
        .filter(|label| **label == 0);
    assert_eq!(bad.count(), 10);
    let View::Real(values) = data.train.values() else {
        panic!("bytes")
    };
    let sizes: Vec<f64> = values.chunks(3).map(|row| f64::from(row[0])).collect();
    let mean = sizes.iter().sum::<f64>() / 15.0;
    let square = sizes.iter().map(|it| it * it).sum::<f64>() / 15.0;
    assert!(mean.abs() < 1e-6 && (square - 1.0).abs() < 1e-5);
    assert!(values.chunks(3).all(|row| row[1] + row[2] == 1.0));
    // A row in the data's own units again.
    let FieldKind::Number { mean, .. } = fields.0[0].kind else {
        panic!("no number")
    };
    assert_eq!(
        fields.own(&[0.0, 0.2, 0.8]),
        [(mean as f32).to_string(), "y".into()]
    );
    // The same fields read other rows; a text that training did not have is none of its categories.
    let (_other, path) = file("o.csv", b"kind,size\nz,1\n,\n");
    let (rows, warnings) = crate::read_rows(&path, Some("class"), &fields).unwrap();
    assert_eq!((rows.len(), rows.labels(), warnings.len()), (2, None, 1));
    let set = TableSet::new(TableOptions {
        test: TableTest::File(path.clone()),
        ..options(path)
    })
    .as_trained(Some(fields));
    let data = Source::Table(set).load().unwrap();
    let View::Real(values) = data.test.values() else {
        panic!("bytes")
    };
    assert_eq!(values[1..3], [0.0, 0.0]);
    assert!(values[3..].iter().all(|value| value.is_nan()));
    let warning = data.warnings[0].to_string();
    assert!(
        warning.contains("column \"kind\": 1 row has a text that no training row has"),
        "{warning}"
    );
}

/// Missing cells alone are written anew, in the file's own way of writing numbers; all else stays to the byte.
#[test]
fn missing_cells_are_filled_in_as_the_file_writes_them() {
    let content = "\u{feff}Alter;Beruf;Notiz;Gewicht\r\n20;Arzt;\"a;b\";50,5\r\n;Koch;;60\r\n40;?;x;NA\r\n60;Koch;;70,5\r\n";
    let (_folder, path) = file("t.csv", content.as_bytes());
    let set = TableSet::new(TableOptions {
        drop: vec!["Notiz".into()],
        // All rows are trained on, or a trade might be unknown.
        test: TableTest::File(path.clone()),
        ..options(path.clone())
    });
    let fields = Arc::clone(set.fields().unwrap());
    // Age in two cells of the model's units, trade one-hot, weight.
    let own = |name: &str, value: f64| {
        let field = fields.0.iter().find(|it| it.name == name).unwrap();
        let FieldKind::Number { mean, deviation } = field.kind else {
            panic!("{field:?}");
        };
        ((value - mean) / deviation) as f32
    };
    let row = |age: f64, trade: [f32; 2], weight: f64| {
        [
            own("Alter", age),
            trade[0],
            trade[1],
            own("Gewicht", weight),
        ]
    };
    let rows = [
        row(20.0, [1.0, 0.0], 50.5),
        row(30.0, [0.1, 0.9], 60.0),
        row(40.0, [0.8, 0.2], 55.25),
        row(60.0, [0.0, 1.0], 70.5),
    ]
    .concat();
    let (bytes, count) = crate::filled_text(&path, &fields, &rows).unwrap();
    let expected = "\u{feff}Alter;Beruf;Notiz;Gewicht\r\n20;Arzt;\"a;b\";50,5\r\n30;Koch;;60\r\n40;Arzt;x;55,25\r\n60;Koch;;70,5\r\n";
    assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    assert_eq!(count, 3);
    let error = crate::filled_text(&path, &fields, &rows[4..]).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("t.csv: changed while it was being read")
    );
}

#[test]
fn rows_say_whether_they_have_a_label() {
    let (_one, path) = file("t.csv", b"class,size\nb,3\na,4\nb,5\na,6\n");
    let set = TableSet::new(TableOptions {
        label: Some("class".into()),
        ..options(path.clone())
    });
    let fields = Arc::clone(set.fields().unwrap());
    let read = |label, normal| crate::read_labelled_rows(&path, label, normal, &fields).unwrap();
    let known = read(Some("class"), Some("a"));
    assert_eq!(known.normal, Some(vec![false, true, false, true]));
    assert_eq!(known.images.labels(), Some(&[1, 0, 1, 0][..]));
    // A value that no row has, no value, and no such column.
    assert_eq!(read(Some("class"), Some("c")).normal, Some(vec![false; 4]));
    assert_eq!(read(Some("class"), None).normal, Some(vec![false; 4]));
    assert_eq!(read(Some("kind"), Some("a")).normal, None);
}

/// What pyarrow wrote.
#[cfg(feature = "parquet")]
fn parquet(name: &str) -> PathBuf {
    Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/fixtures/parquet"
    ))
    .join(name)
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_files_of_every_usual_compression_are_read() {
    let drop = ["born".to_owned()];
    let told = Told {
        drop: &drop,
        ..Told::default()
    };
    for compression in ["none", "snappy", "gzip", "zstd"] {
        let table = Table::read(&parquet(&format!("people-{compression}.parquet")), &told).unwrap();
        assert_eq!(table.rows, 6);
        let names: Vec<&str> = table.columns.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["age", "height", "weight", "trade", "smokes"]);
        let texts = |place: usize| -> Vec<Option<String>> {
            (0..6)
                .map(|row| table.columns[place].cells.text(row))
                .collect()
        };
        let some = |all: [&str; 6]| all.map(|it| (!it.is_empty()).then(|| it.to_owned()));
        assert_eq!(texts(0), some(["26", "", "61", "18", "33", "40"]));
        assert_eq!(
            texts(1),
            some(["157.5", "163.25", "", "180", "171", "169.5"])
        );
        assert_eq!(texts(2), some(["50.5", "61.25", "72", "", "70", "68"]));
        assert_eq!(
            texts(3),
            some(["baker", "cook", "baker", "", "cook", "nurse"])
        );
        assert_eq!(texts(4), some(["1", "0", "0", "1", "", "0"]));
    }
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_files_with_other_columns_and_damaged_ones_are_refused_in_one_line() {
    let refused = |path: &Path| {
        let error = Table::read(path, &Told::default()).unwrap_err().to_string();
        assert!(!error.contains('\n'), "{error}");
        error
    };
    let dates = refused(&parquet("people-snappy.parquet"));
    assert!(
        dates.contains("column \"born\": found dates (\"1999-01-01"),
        "{dates}"
    );
    let list = refused(&parquet("list.parquet"));
    assert!(
        list.contains("row 0, column \"list\": found bytes, times, lists or groups"),
        "{list}"
    );
    let whole = std::fs::read(parquet("people-none.parquet")).unwrap();
    for end in (0..whole.len()).step_by(7) {
        let (_folder, path) = file("cut.parquet", &whole[..end]);
        refused(&path);
    }
    for place in 0..whole.len() {
        for bits in [0x01, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[place] ^= bits;
            let (_folder, path) = file("flipped.parquet", &bytes);
            // It may still be a table; an error is one line, and nothing panics.
            if let Err(error) = Table::read(&path, &Told::default()) {
                assert!(!error.to_string().contains('\n'), "{error}");
            }
        }
    }
}
