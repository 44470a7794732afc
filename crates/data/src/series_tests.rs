use std::path::{Path, PathBuf};

use super::*;
use crate::{FieldKind, SeriesOptions, SeriesSet, Source, TableTest, View};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn file(dir: &Path, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn options(file: PathBuf) -> SeriesOptions {
    SeriesOptions {
        file,
        each_row: EachRow::Step,
        window: Some(4),
        stride: Some(2),
        time: None,
        label: None,
        normal: None,
        drop: Vec::new(),
        test: TableTest::Share(0.25),
        validation: 0.25,
        limit: None,
        seed: 3,
        fields: None,
    }
}

fn load(options: SeriesOptions) -> crate::Dataset {
    Source::Series(SeriesSet::new(options)).load().unwrap()
}

fn error(options: SeriesOptions) -> String {
    let error = Source::Series(SeriesSet::new(options)).load().unwrap_err();
    let text = error.to_string();
    assert!(!text.contains('\n'), "{text}");
    text
}

fn real(view: View<'_>) -> Vec<f32> {
    let mut all = Vec::new();
    view.append_seen(&mut all);
    all
}

/// Two channels and a stamp every hour: `a` counts up, `b` is its negative.
fn hours(count: usize) -> String {
    let line = |step: usize| {
        let (day, hour) = (1 + step / 24, step % 24);
        format!("2026-03-{day:02} {hour:02}:00:00,{step},-{step}\n")
    };
    "when,a,b\n".to_owned() + &(0..count).map(line).collect::<String>()
}

#[test]
fn one_series_is_split_by_time_and_windows_do_not_cross_the_parts() {
    let dir = folder();
    let set = load(options(file(dir.path(), "s.csv", hours(32))));
    assert_eq!(set.train.shape(), [2, 1, 4]);
    assert!(set.warnings.is_empty(), "{:?}", set.warnings);
    // 8 steps for testing, 6 for validation, 18 for training.
    let starts = |from: usize, windows: usize, held: bool| -> Vec<(String, bool)> {
        let each = |index| (format!("s.csv@{}", from + 2 * index), held);
        (0..windows).map(each).collect()
    };
    let names = set.train.names().unwrap().iter().cloned();
    let found: Vec<(String, bool)> = names.zip(set.held.iter().copied()).collect();
    assert_eq!(found, [starts(0, 8, false), starts(18, 2, true)].concat());
    assert_eq!(
        set.test.names().unwrap(),
        ["s.csv@24", "s.csv@26", "s.csv@28"]
    );
    // Standardised by all steps that are not for testing: 0 to 23.
    let deviation = (575.0_f64 / 12.0).sqrt();
    let fields = set.train.fields().unwrap();
    for (field, sign) in fields.0.iter().zip([1.0, -1.0]) {
        let FieldKind::Number {
            mean,
            deviation: found,
        } = field.kind
        else {
            panic!("{field:?}");
        };
        assert!((mean - sign * 11.5).abs() < 1e-9 && (found - deviation).abs() < 1e-9);
    }
    let window = real(set.train.sample(1).unwrap());
    let value = |step: f64| ((step - 11.5) / deviation) as f32;
    let up = [2.0, 3.0, 4.0, 5.0].map(value);
    assert_eq!(window, [up, up.map(|it| -it)].concat());
}

#[test]
fn a_window_ends_at_the_end_where_strides_do_not() {
    let dir = folder();
    let path = file(dir.path(), "s.csv", "a\n1\n2\n3\n4\n5\n6\n7\n");
    let set = SeriesSet::new(SeriesOptions {
        stride: Some(4),
        ..options(path.clone())
    });
    let windows = set.as_trained(None, 4);
    let fields = Fields(vec![crate::Field {
        name: "a".into(),
        kind: FieldKind::Number {
            mean: 0.0,
            deviation: 1.0,
        },
    }]);
    let windows = windows
        .as_trained(Some(fields.into()), 4)
        .windows_of(&path)
        .unwrap();
    let starts: Vec<usize> = windows.places.iter().map(|place| place.start).collect();
    assert_eq!(starts, [0, 3]);
    assert_eq!(
        real(windows.images.sample(1).unwrap()),
        [4.0, 5.0, 6.0, 7.0]
    );
    assert_eq!(
        windows.series[0].channel(0),
        [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    );
}

#[test]
fn no_window_crosses_a_gap_and_the_gap_is_told() {
    let dir = folder();
    let text = hours(60);
    // 40 and 41 are missing.
    let text: Vec<&str> = text.lines().collect();
    let text = [&text[..41], &text[43..]].concat().join("\n");
    let set = load(options(file(dir.path(), "s.csv", text)));
    let told = "s.csv: 1 gap, 2 steps in all are missing, the first before row 40 (2026-03-02 18:00:00); no window crosses \
                one";
    assert!(
        set.warnings[0].to_string().ends_with(told),
        "{:?}",
        set.warnings
    );
    let names = [set.train.names().unwrap(), set.test.names().unwrap()].concat();
    let start = |name: &String| {
        name.split('@')
            .next_back()
            .unwrap()
            .parse::<usize>()
            .unwrap()
    };
    assert!(
        names.iter().all(|name| !(37..40).contains(&start(name))),
        "{names:?}"
    );
}

#[test]
fn irregular_and_repeated_stamps_are_told() {
    let dir = folder();
    let text =
        "t,a\n0,1\n1,1\n5,2\n6,3\n6,4\n9,5\n20,6\n21,7\n22,8\n30,9\n31,1\n39,1\n40,1\n48,1\n";
    let set = load(SeriesOptions {
        time: Some("t".into()),
        test: TableTest::Share(0.3),
        ..options(file(dir.path(), "s.csv", text))
    });
    let told: Vec<String> = set.warnings.iter().map(ToString::to_string).collect();
    assert!(
        told[0].ends_with("1 stamp is not later than the one before, the first in row 4 (6)"),
        "{told:?}"
    );
    assert!(
        told[1].ends_with(
            "stamps are irregular, 1 s to 11 s apart, 3 s usually; windows count rows, not time"
        ),
        "{told:?}"
    );
    let odd = file(
        dir.path(),
        "odd.csv",
        "t,a\nmorning,1\nnoon,2\nnight,3\nmorning,4\nnoon,5\nn,6\nm,7\nl,8\n",
    );
    let set = load(SeriesOptions {
        time: Some("t".into()),
        validation: 0.0,
        test: TableTest::Share(0.5),
        ..options(odd)
    });
    let told = set.warnings[0].to_string();
    assert!(
        told.contains("row 0, column \"t\": found \"morning\", which is no number and no date"),
        "{told}"
    );
    assert!(set.held.is_empty());
}

#[test]
fn normal_steps_alone_are_trained_on() {
    let dir = folder();
    let line = |step: usize| {
        format!(
            "{step};{}\n",
            if (10..12).contains(&step) {
                "odd"
            } else {
                "fine"
            }
        )
    };
    let text = "a;state\n".to_owned() + &(0..40).map(line).collect::<String>();
    let set = load(SeriesOptions {
        label: Some("state".into()),
        normal: Some("fine".into()),
        ..options(file(dir.path(), "s.csv", text))
    });
    let names = set.train.names().unwrap();
    assert!(names.contains(&"s.csv@6".to_owned()) && names.contains(&"s.csv@12".to_owned()));
    assert!(!names.contains(&"s.csv@8".to_owned()) && !names.contains(&"s.csv@10".to_owned()));
    assert_eq!(set.train.shape(), [1, 1, 4]);
}

#[test]
fn series_in_rows_are_drawn_whole_with_their_labels() {
    let dir = folder();
    let row = |row: usize| {
        format!(
            "{}\t{row}\t{}\t{}\n",
            if row.is_multiple_of(4) { 2 } else { 1 },
            row + 1,
            row + 2
        )
    };
    let text: String = (0..40).map(row).collect();
    let path = file(dir.path(), "ecg.tsv", text);
    let rows = SeriesOptions {
        each_row: EachRow::Series,
        window: None,
        stride: None,
        label: Some("x0".into()),
        normal: Some("1".into()),
        test: TableTest::Share(0.2),
        validation: 0.1,
        ..options(path)
    };
    let set = load(rows.clone());
    assert_eq!(set.train.shape(), [1, 1, 3]);
    // A fifth of the 30 normal ones and all 10 others are for testing; 3 of the other 24 for validation.
    assert_eq!([set.train.len(), set.test.len()], [24, 16]);
    assert_eq!(set.held.iter().filter(|held| **held).count(), 3);
    assert!(set.train.labels().unwrap().iter().all(|label| *label == 0));
    assert_eq!(
        set.test
            .labels()
            .unwrap()
            .iter()
            .filter(|label| **label == 1)
            .count(),
        10
    );
    assert_eq!(load(rows.clone()).train.names(), set.train.names());
    let other = load(SeriesOptions { seed: 4, ..rows });
    assert_ne!(other.test.names(), set.test.names());
}

/// A file in NumPy's format, version 1.
fn npy(shape: &str, values: &[f32]) -> Vec<u8> {
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}");
    let padded = (header.len() + 11).next_multiple_of(64) - 11;
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((padded as u16 + 1).to_le_bytes());
    bytes.extend(format!("{header:padded$}\n").bytes());
    bytes.extend(values.iter().flat_map(|it| it.to_le_bytes()));
    bytes
}

#[test]
fn arrays_hold_one_series_or_many() {
    let dir = folder();
    let values: Vec<f32> = (0..24).map(|it| it as f32).collect();
    let shapes = [
        ("(24,)", EachRow::Step, [1, 24, 1]),
        ("(12, 2)", EachRow::Step, [1, 12, 2]),
        ("(6, 4)", EachRow::Series, [6, 4, 1]),
        ("(3, 2, 4)", EachRow::Series, [3, 4, 2]),
    ];
    for (shape, each_row, [series, steps, channels]) in shapes {
        let path = file(dir.path(), "s.npy", npy(shape, &values));
        let how = Reading {
            each_row,
            time: None,
            label: None,
            drop: &[],
            fields: None,
        };
        let found = read(&path, &how).unwrap();
        assert_eq!(found.series.len(), series, "{shape}");
        assert_eq!(found.channels.len(), channels, "{shape}");
        let first = &found.series[0];
        assert_eq!(first.steps(), steps, "{shape}");
        // Steps of a long series lie side by side in the file, channels of a short one one after the other.
        let second = match each_row {
            EachRow::Step => 1.0,
            EachRow::Series => steps as f64,
        };
        let expected = if channels == 2 {
            vec![second]
        } else {
            Vec::new()
        };
        assert_eq!(
            first.channel(1).get(..1).unwrap_or_default(),
            expected,
            "{shape}"
        );
    }
    let cube = file(dir.path(), "cube.npy", npy("(2, 3, 4)", &values));
    assert!(error(options(cube)).ends_with(
        "found an array of shape [2, 3, 4]; allowed: [steps] or [steps, channels]; set data.row to \"series\" for an array \
         of series"
    ));
    let lying = file(dir.path(), "lying.npy", npy("(1000000,)", &values));
    assert!(error(options(lying)).contains("its header announces"));
    let empty = file(dir.path(), "empty.npy", npy("(0,)", &[]));
    assert!(error(options(empty)).contains("found an empty array"));
}

fn wav(channels: u16, samples: &[i16]) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let about = hound::WavSpec {
        channels,
        sample_rate: 8000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::new(&mut bytes, about).unwrap();
    for sample in samples {
        writer.write_sample(*sample).unwrap();
    }
    writer.finalize().unwrap();
    bytes.into_inner()
}

#[test]
fn recordings_have_channels_and_seconds() {
    let dir = folder();
    let samples: Vec<i16> = (0..64)
        .map(|it| if it % 2 == 0 { it * 512 } else { -it * 256 })
        .collect();
    let path = file(dir.path(), "tone.wav", wav(2, &samples));
    let set = load(options(path.clone()));
    assert_eq!(set.train.shape(), [2, 1, 4]);
    let windows = SeriesSet::new(options(path)).test_windows().unwrap();
    let one = &windows.series[0];
    assert_eq!(
        one.channel(0).get(..2),
        Some([0.0, 2.0 * 512.0 / 32768.0].as_slice())
    );
    assert_eq!(one.channel(1).first(), Some(&(-256.0 / 32768.0)));
    assert_eq!(one.time(4), Some("0.000500".into()));
    let tested: Vec<usize> = windows.places.iter().map(|place| place.start).collect();
    assert_eq!(tested, [24, 26, 28]);
}

#[test]
fn hostile_recordings_are_refused_in_one_line() {
    let dir = folder();
    let whole = wav(1, &[1; 100]);
    for end in 0..whole.len() {
        let path = file(dir.path(), "cut.wav", &whole[..end]);
        let found = Source::Series(SeriesSet::new(options(path))).load();
        assert!(found.is_err(), "{end}");
    }
    for place in 0..44 {
        for flipped in [0x00, 0x01, 0x7f, 0xff] {
            let mut bytes = whole.clone();
            bytes[place] = flipped;
            let path = file(dir.path(), "flipped.wav", &bytes);
            // It may be whole all the same, but it never panics, and an error is one line.
            if let Err(error) = Source::Series(SeriesSet::new(options(path))).load() {
                assert!(!error.to_string().contains('\n'), "{error}");
            }
        }
    }
}

#[test]
fn a_folder_holds_series_of_one_kind() {
    let dir = folder();
    for index in 0..5 {
        file(dir.path(), &format!("{index}.csv"), hours(8));
    }
    file(dir.path(), "notes.md", "nothing");
    let set = load(options(dir.path().to_owned()));
    assert!(
        set.warnings[0]
            .to_string()
            .ends_with("1 entry is not read: folders, or files of other kinds")
    );
    // Of five series two are for testing and one for validation.
    assert_eq!([set.train.len(), set.test.len()], [9, 6]);
    file(dir.path(), "5.csv", "x,y\n1,2\n");
    assert!(
        error(options(dir.path().to_owned()))
            .contains("found the channels x, y, but 0.csv has a, b")
    );
    let empty = folder();
    assert!(error(options(empty.path().to_owned())).contains("has no series; allowed: .csv"));
}

#[test]
fn bad_series_are_refused_with_their_place() {
    let dir = folder();
    let cases = [
        (
            "text.csv",
            "a,b\n1,x\n2,y\n3,x\n",
            "column \"b\": found text; a series holds numbers",
        ),
        (
            "short.csv",
            "a\n1\n2\n",
            "1 series is shorter than a window of 4 steps, the first is short.csv with 2",
        ),
        (
            "few.csv",
            "a\n1\n2\n3\n4\n5\n6\n7\n8\n",
            "8 steps are too few for windows of 4",
        ),
        (
            "inf.csv",
            "a\n1\ninf\n3\n4\n5\n",
            "found inf; allowed: finite numbers",
        ),
        (
            "ragged.csv",
            "a,b\n1,2\n3\n",
            "line 3: found 1 cell, but line 1 has 2",
        ),
        (
            "none.csv",
            "when\n2026-01-01\n2026-01-02\n",
            "has no column of numbers",
        ),
    ];
    for (name, text, expected) in cases {
        let found = error(options(file(dir.path(), name, text)));
        assert!(found.contains(expected), "{found}");
    }
    let path = file(dir.path(), "fine.csv", hours(32));
    let found = error(SeriesOptions {
        normal: Some("0".into()),
        ..options(path.clone())
    });
    assert!(found.contains("data.normal needs data.label"), "{found}");
    let found = error(SeriesOptions {
        time: Some("nope".into()),
        ..options(path)
    });
    assert!(
        found.contains("has no column \"nope\"; the first ones: when, a, b"),
        "{found}"
    );
}

/// The last steps before the test have gaps, so validation reaches back to where a window fits.
#[test]
fn validation_reaches_back_over_gaps() {
    let dir = folder();
    let text = hours(160);
    let lines: Vec<&str> = text.lines().collect();
    // 157 steps are left; of the 118 before the test, the last ones are 109 to 111, 112 to 114 and 115 to 117.
    let kept = lines.iter().enumerate();
    let kept = kept.filter(|(line, _)| ![110, 114, 118].contains(line));
    let text: Vec<&str> = kept.map(|(_, line)| *line).collect();
    let set = load(SeriesOptions {
        validation: 0.01,
        ..options(file(dir.path(), "s.csv", text.join("\n")))
    });
    let names = set.train.names().unwrap();
    let held = names.iter().zip(&set.held).filter(|(_, held)| **held);
    let held: Vec<&String> = held.map(|(name, _)| name).collect();
    assert_eq!(held, ["s.csv@105"]);
}

/// A gap in every thirtieth step leaves no two windows of 16, so these cross them; those of 4 do not.
#[test]
fn windows_cross_gaps_that_are_too_many() {
    let dir = folder();
    let text = hours(700);
    let lines: Vec<&str> = text.lines().collect();
    let kept = lines.iter().enumerate().filter(|(line, _)| line % 30 != 29);
    let text: Vec<&str> = kept.map(|(_, line)| *line).collect();
    let path = file(dir.path(), "s.csv", text.join("\n"));
    let told = |window| {
        let set = load(SeriesOptions {
            window: Some(window),
            stride: Some(1),
            ..options(path.clone())
        });
        (set.train.len(), set.warnings[0].to_string())
    };
    let (few, apart) = told(4);
    let (many, crossed) = told(16);
    assert!(apart.ends_with("; no window crosses one"), "{apart}");
    assert!(
        crossed.ends_with("; they are so many that windows cross them"),
        "{crossed}"
    );
    assert!(many > few, "{many} {few}");
}
