use serde_json::{Value, json};

use crate::common::{BACKEND, Work, tiny};

fn names(comparison: &Value) -> Vec<&str> {
    let runs = comparison["runs"].as_array().unwrap();
    runs.iter()
        .map(|run| run["run"].as_str().unwrap())
        .collect()
}

fn figures(comparison: &Value, key: &str) -> Vec<f64> {
    let runs = comparison["runs"].as_array().unwrap();
    runs.iter().map(|run| run[key].as_f64().unwrap()).collect()
}

/// A folder with three runs that differ in their length and their code.
fn three_runs() -> Work {
    let work = Work::new();
    work.ok("tiny.json --name short --set train.epochs=1");
    work.ok("tiny.json --name long --set train.epochs=8");
    work.ok("tiny.json --name wide --set train.epochs=4 --set model.code_size=9");
    work
}

#[test]
fn the_smallest_error_comes_first() {
    let work = three_runs();
    let comparison = work.ok_json("compare short long wide --json");
    let errors = figures(&comparison, "mse");
    assert!(errors.is_sorted(), "{errors:?}");
    assert_eq!(names(&comparison).last(), Some(&"runs/short"));
    assert_eq!(figures(&comparison, "rank"), [1.0, 2.0, 3.0]);
    assert_eq!(comparison["same_data"], true);
    assert_eq!(comparison["sorted_by"], "mse");
    // The order of the names changes nothing, and a run named twice counts once.
    let again = work.ok_json("compare wide short runs/long wide short --json");
    assert_eq!(again["runs"], comparison["runs"]);

    let run = &comparison["runs"][2];
    let summary = work.read_json("runs/short/summary.json");
    for (key, path) in [
        ("kind", "/kind"),
        ("code_size", "/code_size"),
        ("compression_ratio", "/compression_ratio"),
        ("parameters", "/parameters"),
        ("epochs", "/epochs"),
        ("seconds", "/train_seconds"),
        ("images_per_s", "/train_images_per_s"),
        ("mse", "/test/mse"),
        ("bce", "/test/bce"),
        ("psnr", "/test/psnr"),
        ("ssim", "/test/ssim"),
    ] {
        assert_eq!(Some(&run[key]), summary.pointer(path), "{key}");
    }
    let of = |path: &str| summary.pointer(path).unwrap().as_f64().unwrap();
    let gain = of("/baselines/pca/mse") / of("/test/mse");
    assert_eq!(run["gain"].as_f64().unwrap(), gain);
    assert_eq!(
        run["differs"],
        json!({ "model.code_size": 4, "train.epochs": 1 })
    );
}

#[test]
fn a_code_as_large_as_the_image_is_not_set_beside_pca() {
    let work = Work::new();
    work.ok("tiny.json --name small");
    let ended = work.ok("tiny.json --name large --set model.code_size=64");
    assert!(
        ended.stdout.contains("mean picture") && !ended.stdout.contains("PCA"),
        "{}",
        ended.stdout
    );
    // Such a gain would be 0 for any model.
    let comparison = work.ok_json("compare small large --json --sort gain");
    assert_eq!(names(&comparison), ["runs/small", "runs/large"]);
    assert!(comparison["runs"][0]["gain"].is_number());
    assert!(comparison["runs"][1]["gain"].is_null());
}

#[test]
fn any_figure_can_be_sorted_by_the_best_first() {
    let work = three_runs();
    for (key, ascending) in [
        ("mse", true),
        ("bce", true),
        ("psnr", false),
        ("gain", false),
        ("code_size", true),
        ("parameters", true),
        ("seconds", true),
        ("images_per_s", false),
    ] {
        let comparison = work.ok_json(&format!("compare short long wide --json --sort {key}"));
        let mut found = figures(&comparison, key);
        if !ascending {
            found.reverse();
        }
        assert!(found.is_sorted(), "{key}: {found:?}");
        assert_eq!(comparison["sorted_by"], key);
    }
    // Images this small have no SSIM, which leaves the order as it was given.
    work.ok("compare short long wide --sort ssim");
}

#[test]
fn every_format_has_every_run() {
    let work = three_runs();
    let comparison = work.ok_json("compare short long wide --format json");
    assert_eq!(comparison, work.ok_json("compare short long wide --json"));
    let order = names(&comparison);

    let csv = work.ok("compare short long wide --format csv").stdout;
    let mut lines = csv.lines();
    let columns: Vec<&str> = lines.next().unwrap().split(',').collect();
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    assert!(rows.iter().all(|row| row.len() == columns.len()), "{csv}");
    let column = |name: &str| columns.iter().position(|it| *it == name).unwrap();
    let runs: Vec<&str> = rows.iter().map(|row| row[column("run")]).collect();
    assert_eq!(runs, order);
    let errors: Vec<f64> = rows
        .iter()
        .map(|row| row[column("mse")].parse().unwrap())
        .collect();
    assert_eq!(errors, figures(&comparison, "mse"));

    work.ok("compare short long wide -o figures.csv");
    assert_eq!(work.read_text("figures.csv"), csv);
    work.ok("compare short long wide -o figures.parquet");
    assert!(work.read("figures.parquet").starts_with(b"PAR1"));
    let refused = work.refused(2, "compare short -o figures.xls");
    assert_eq!(
        refused,
        "--output figures.xls: the path must end in .csv or .parquet"
    );

    let markdown = work.ok("compare short long wide --format markdown").stdout;
    let lines: Vec<&str> = markdown.lines().collect();
    assert_eq!(lines.len(), 5, "{markdown}");
    let bars = lines[0].matches('|').count();
    assert!(
        lines
            .iter()
            .all(|line| line.starts_with("| ") && line.ends_with(" |"))
    );
    assert!(lines.iter().all(|line| line.matches('|').count() == bars));
    assert!(lines[1].chars().all(|it| "|-: ".contains(it)));

    let table = work.ok("compare short long wide").stdout;
    for text in [&markdown, &table] {
        let places: Vec<usize> = order.iter().map(|run| text.find(run).unwrap()).collect();
        assert!(places.is_sorted(), "{text}");
        for error in figures(&comparison, "mse") {
            assert!(text.contains(&format!("{error:.6}")), "{text}");
        }
    }
}

#[test]
fn a_comma_in_a_name_does_not_break_a_line_of_csv() {
    let work = Work::new();
    work.ok("tiny.json --name a,b");
    let csv = work.ok("compare a,b --format csv").stdout;
    assert!(
        csv.lines()
            .nth(1)
            .unwrap()
            .starts_with("1,\"runs/a,b\",dense,"),
        "{csv}"
    );
}

#[test]
fn runs_that_differ_in_the_seed_have_a_mean_and_a_spread() {
    let work = Work::new();
    for seed in 1..=3 {
        // Event files beside it do not make it another training.
        let events = seed == 2;
        work.ok(&format!(
            "tiny.json --name seed{seed} --set seed={seed} --set tensorboard={events}"
        ));
    }
    work.ok("tiny.json --name other --set train.epochs=1");
    let comparison = work.ok_json("compare seed1 seed2 seed3 other --json");
    let groups = comparison["seeds"].as_array().unwrap();
    let [group] = groups.as_slice() else {
        panic!("{groups:?}");
    };
    assert_eq!(group["runs"].as_array().unwrap().len(), 3);
    let error = |seed: u64| {
        let summary = work.read_json(&format!("runs/seed{seed}/summary.json"));
        summary["test"]["mse"].as_f64().unwrap()
    };
    let errors = [error(1), error(2), error(3)];
    let mean = errors.iter().sum::<f64>() / 3.0;
    let squares: f64 = errors.iter().map(|it| (it - mean).powi(2)).sum();
    let near = |key: &str, expected: f64| {
        let found = group["mse"][key].as_f64().unwrap();
        assert!(
            (found - expected).abs() < 1e-12,
            "{key}: {found} {expected}"
        );
    };
    near("mean", mean);
    near("sd", (squares / 2.0).sqrt());
    for format in ["table", "markdown"] {
        let text = work
            .ok(&format!("compare seed1 seed2 seed3 --format {format}"))
            .stdout;
        let expected = format!("{mean:.6} ± {:.6}", (squares / 2.0).sqrt());
        assert!(text.contains(&expected), "{text}");
    }
    // Other data is another experiment, whatever the seed.
    work.set("set", 96, 32, 8);
    work.ok("tiny.json --name seed4 --set seed=4");
    let comparison = work.ok_json("compare seed1 seed4 --json");
    assert_eq!(comparison["seeds"], json!([]));
}

#[test]
fn runs_on_different_images_are_not_ranked_together() {
    let work = Work::new();
    work.ok("tiny.json --name a");
    work.ok("tiny.json --name b --set train.epochs=6");
    work.set("other", 96, 32, 77);
    let mut config = tiny();
    config["data"]["dir"] = "other".into();
    work.json("other.json", &config);
    work.ok("other.json");

    let note = "note: these runs were measured on different test images; only runs on the same \
                test images are ranked against each other\n";
    let ended = work.ok("compare a other b --json");
    assert_eq!(ended.stderr, note);
    let comparison: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(comparison["same_data"], false);
    assert_eq!(names(&comparison), ["runs/b", "runs/a", "runs/other"]);
    assert_eq!(figures(&comparison, "rank"), [1.0, 2.0, 1.0]);

    let ended = work.ok("compare a other b");
    assert_eq!(ended.stderr, note);
    let headings = ended.stdout.matches("on the test images of ").count();
    assert_eq!(headings, 2, "{}", ended.stdout);
    // Fewer training images are no other test images.
    work.ok("tiny.json --name fewer --set data.limit=50");
    assert_eq!(work.ok("compare a fewer").stderr, "");
}

#[test]
fn unfinished_runs_are_left_out_and_named() {
    let work = Work::new();
    work.ok("tiny.json --name done");
    work.ok("tiny.json --name killed");
    std::fs::remove_file(work.path("runs/killed/summary.json")).unwrap();
    let mut state = work.read_json("runs/killed/state.json");
    state["status"] = "running".into();
    work.json("runs/killed/state.json", &state);
    let note = "note: runs/killed skipped because it has no figures yet: interrupted in epoch 2; \
                its process was killed; `hourglass resume runs/killed` continues from its last checkpoint\n";
    let ended = work.ok("compare killed done --json");
    assert_eq!(ended.stderr, note);
    let comparison: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(names(&comparison), ["runs/done"]);

    let ended = work.run("compare killed");
    assert_eq!(ended.code, Some(1));
    assert_eq!(
        ended.stderr,
        format!(
            "{note}error: none of the named runs is finished; name at least one finished \
             run\n"
        )
    );
}

#[test]
fn what_is_no_run_is_left_out_of_a_pattern() {
    let work = Work::new();
    work.ok("tiny.json --name one --runs runs/grid");
    work.write("runs/grid/plots/curve.svg", "");
    work.write("runs/grid/sweep.json", "{}");
    let ended = work.ok("compare runs/grid/one runs/grid/plots runs/grid/sweep.json --json");
    assert_eq!(
        ended.stderr,
        "note: runs/grid/plots skipped because it is no run\n\
         note: runs/grid/sweep.json skipped because it is no run\n"
    );
    let comparison: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(names(&comparison), ["runs/grid/one"]);
    // Alone it is a mistake.
    assert!(
        work.refused(1, "compare runs/grid/plots")
            .contains("not a run")
    );
}

#[test]
fn a_finished_run_that_is_trained_on_is_unfinished_again() {
    let work = Work::new();
    work.ok("tiny.json --name done");
    work.ok("tiny.json --name wild");
    let ended = work.run("resume wild --set train.epochs=4 --set train.learning_rate=1e30");
    assert_eq!(ended.code, Some(3));
    // Its figures are those of the two epochs before, which its config no longer describes.
    let ended = work.ok("compare wild done --json");
    assert_eq!(
        ended.stderr,
        "note: runs/wild skipped because it has no figures yet: diverged in epoch 2\n"
    );
}

#[test]
fn a_quick_run_is_marked() {
    let work = Work::new();
    work.ok(&format!("tiny.json --quick --backend {BACKEND}"));
    let table = work.ok("compare tiny").stdout;
    assert!(table.contains("runs/tiny (quick)"), "{table}");
}
