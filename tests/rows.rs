use serde_json::{Value, json};

use crate::common::{BACKEND, Work};

/// A table of 120 people whose weight follows their height, with some cells missing.
fn people() -> String {
    let row = |index: usize| {
        let height = 150 + index * 7 % 50;
        let weight = match index % 10 {
            3 => String::new(),
            _ => format!("{}.5", height - 100),
        };
        let trade = ["baker", "cook", "nurse"][height % 3];
        let odd = if index.is_multiple_of(12) {
            "odd"
        } else {
            "fine"
        };
        format!("{height},{weight},{trade},{odd}\n")
    };
    "height,weight,trade,state\n".to_owned() + &(0..120).map(row).collect::<String>()
}

/// Two channels of 400 steps, ten minutes apart, of which ten are missing.
fn log() -> String {
    let row = |step: usize| {
        let (day, minute) = (1 + step / 144, step % 144 * 10);
        let at = step as f64 / 5.0;
        format!(
            "2026-05-{day:02}T{:02}:{:02}:00,{:.4},{:.4}\n",
            minute / 60,
            minute % 60,
            20.0 + 3.0 * at.sin(),
            1000.0 + at.cos()
        )
    };
    let rows = (0..410).filter(|step| !(100..110).contains(step)).map(row);
    "time,temperature,pressure\n".to_owned() + &rows.collect::<String>()
}

fn config(data: Value, model: Value) -> Value {
    json!({
        "seed": 7, "backend": BACKEND, "data": data, "model": model,
        "train": { "epochs": 4, "batch_size": 16, "learning_rate": 0.005 },
    })
}

fn table(work: &Work) {
    work.write("people.csv", people());
    let data = json!({ "dataset": "table", "file": "people.csv", "label": "state" });
    let model = json!({
        "kind": "denoising", "corruption": { "kind": "masking", "probability": 0.2 },
        "of": { "kind": "dense", "layers": [16], "code_size": 3 },
    });
    work.json("people.json", &config(data, model));
}

fn series(work: &Work) {
    work.write("log.csv", log());
    let data = json!({ "dataset": "series", "file": "log.csv", "window": 16, "stride": 4 });
    let model = json!({ "kind": "conv", "channels": [4, 8], "code_size": 4 });
    work.json("log.json", &config(data, model));
}

#[test]
fn a_table_is_trained_on_measured_and_filled_in() {
    let work = Work::new();
    table(&work);
    let trained = work.ok("people.json");
    assert!(
        trained
            .stderr
            .contains("denoising(dense): rows of 3 columns (5 values)"),
        "{trained:?}"
    );
    assert!(trained.stdout.contains("on the test rows"), "{trained:?}");
    let shown = work.ok("inspect people").stdout;
    assert!(
        shown.contains("rows of 5 values, code of 3 values") && !shown.contains("sigmoid"),
        "{shown}"
    );
    let given = work.ok("evaluate people --data people.csv --json").stdout;
    let given: Value = serde_json::from_str(&given).unwrap();
    assert_eq!(given["images"], 120);
    let names: Vec<&str> = given["columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["height", "weight", "trade"]);

    let told = work.ok("restore people people.csv -o out").stdout;
    assert_eq!(
        told.trim_end(),
        "out/people.csv: 120 rows, 12 missing cells filled in"
    );
    let (before, after) = (people(), work.read_text("out/people.csv"));
    for (before, after) in before.lines().zip(after.lines()) {
        let cells = |line: &str| line.split(',').map(String::from).collect::<Vec<_>>();
        let (before, after) = (cells(before), cells(after));
        assert_eq!(
            [&before[0], &before[2], &before[3]],
            [&after[0], &after[2], &after[3]]
        );
        match before[1].is_empty() {
            false => assert_eq!(before[1], after[1]),
            true => assert!(after[1].parse::<f64>().unwrap().is_finite(), "{after:?}"),
        }
    }
    work.ok("people.json --name normal --set data.normal=\"fine\"");
    let refused = work.refused(1, "probe normal");
    assert!(
        refused.contains("all that the run may train on has the same label"),
        "{refused}"
    );
    let again = work.refused(1, "restore people people.csv -o out");
    assert!(again.contains("already exists"), "{again}");
    let refused = work.refused(2, "restore people people.csv -o other --compare");
    assert!(
        refused.contains("--compare: is for pictures, and this run was trained on a table"),
        "{refused}"
    );
}

#[test]
fn windows_of_a_series_are_trained_on_and_measured() {
    let work = Work::new();
    series(&work);
    let trained = work.ok("log.json");
    let told = &trained.stderr;
    assert!(
        told.contains("log.csv: 1 gap, 10 steps in all are missing, the first before row 100"),
        "{told}"
    );
    assert!(
        told.contains("conv: windows of 16 steps, 2 channels"),
        "{told}"
    );
    assert!(
        trained.stdout.contains("on the test windows"),
        "{trained:?}"
    );
    let given = work.ok("evaluate log --data log.csv").stdout;
    assert!(
        given.contains("temperature") && given.contains("pressure"),
        "{given}"
    );
    work.write("one.csv", "temperature\n1\n2\n");
    let refused = work.refused(1, "evaluate log --data one.csv");
    assert!(refused.contains("one.csv: found the channels temperature; the model was trained with temperature, pressure"), "{refused}");
    let refused = work.refused(1, "evaluate log --data nowhere");
    assert!(
        refused.contains("nowhere: no such file or folder; this model takes series"),
        "{refused}"
    );
    let refused = work.refused(2, "plot log");
    assert!(
        refused.contains("was trained on series, and plot is for pictures"),
        "{refused}"
    );
    work.ok("encode log log.csv -o codes.npz");
}

/// Classes have the names that the column of labels has, and rows are no pictures.
#[test]
fn classes_of_rows_have_names() {
    let work = Work::new();
    table(&work);
    let trained = work.ok("people.json");
    let told = &trained.stderr;
    assert!(
        told.contains("labels   2 classes: fine 110, odd 10"),
        "{told}"
    );
    let probed = work.ok("probe people");
    assert!(
        probed.stderr.contains("of the training rows") && probed.stderr.contains("fine, odd"),
        "{probed:?}"
    );
    assert!(probed.stdout.contains("raw values"), "{probed:?}");
    let clustered = work.ok("cluster people --k 2");
    let told = [clustered.stdout, clustered.stderr].concat();
    assert!(told.contains("24 rows of people"), "{told}");
    assert!(
        told.contains("fine ") && !told.contains("picture"),
        "{told}"
    );
}

/// An interrupted run of either goes on to the same figures, to the bit.
#[test]
fn trainings_go_on_as_if_they_had_never_stopped() {
    let work = Work::new();
    table(&work);
    series(&work);
    for name in ["people", "log"] {
        work.ok(&format!("{name}.json --name whole-{name}"));
        work.ok(&format!(
            "{name}.json --name part-{name} --set train.epochs=2"
        ));
        work.ok(&format!("resume part-{name} --set train.epochs=4"));
        let figures =
            |run: &str| work.read_json(&format!("runs/{run}/summary.json"))["test"].clone();
        assert_eq!(
            figures(&format!("whole-{name}")),
            figures(&format!("part-{name}"))
        );
    }
}

/// A file for testing is looked for beside the config too.
#[test]
fn a_test_file_is_found_beside_the_config() {
    let work = Work::new();
    for (name, text) in [("people", people()), ("log", log())] {
        work.write(&format!("sub/{name}.csv"), &text);
        work.write(&format!("sub/{name}-test.csv"), text);
    }
    let dense = json!({ "kind": "dense", "layers": [], "code_size": 2 });
    let of = |dataset: &str, name: &str, test: &str| json!({ "dataset": dataset, "file": name, "test": test });
    work.json(
        "sub/t.json",
        &config(of("table", "people.csv", "people-test.csv"), dense.clone()),
    );
    work.json(
        "sub/s.json",
        &config(of("series", "log.csv", "log-test.csv"), dense.clone()),
    );
    work.ok("sub/t.json");
    work.ok("sub/s.json");
    work.json(
        "sub/u.json",
        &config(of("series", "log.csv", "absent.csv"), dense),
    );
    let refused = work.refused(1, "sub/u.json");
    assert!(
        refused.contains("absent.csv: cannot be read: No such file or directory; looked for it in"),
        "{refused}"
    );
}
