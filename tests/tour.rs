use serde_json::Value;

use crate::common::{BACKEND, Ended, Work, assert_self_contained};

const RUNS: [&str; 7] = [
    "code-2", "code-32", "code-8", "copy", "noise", "penalty", "straight",
];

/// The tour in seconds.
fn quick(work: &Work) -> Value {
    work.ok_json(&format!("tour --quick --json --quiet --backend {BACKEND}"))
}

/// Everything in the tour's folder but the page and the figures.
fn runs(work: &Work) -> std::collections::BTreeMap<String, Vec<u8>> {
    let mut files = work.files();
    files.retain(|name, _| !name.ends_with("/tour.html") && !name.ends_with("/tour.json"));
    files
}

/// What it says of the trainings that it makes.
fn trained(ended: &Ended) -> Vec<&str> {
    let lines = ended.stderr.lines();
    lines.filter(|line| line.starts_with("training ")).collect()
}

/// A command as the words of its line; no word has a space in it.
fn words(command: &str) -> Vec<&str> {
    let words = command.split_whitespace();
    words.map(|word| word.trim_matches('"')).collect()
}

#[test]
fn every_chapter_has_text_pictures_figures_and_commands_on_a_page_by_itself() {
    let work = Work::new();
    let report = quick(&work);
    assert_eq!(report, work.read_json("runs/tour/tour.json"));
    assert_eq!(report["status"], "finished");
    assert_eq!(
        (&report["quick"], &report["seed"]),
        (&true.into(), &42.into())
    );
    assert_eq!(report["page"], "runs/tour/tour.html");
    let chapters = report["chapters"].as_array().unwrap();
    assert_eq!(chapters.len(), 7);

    let html = work.read_text("runs/tour/tour.html");
    assert_self_contained(&html);
    let escaped = |text: &str| text.replace('\'', "&#39;").replace('"', "&quot;");
    for (chapter, section) in chapters.iter().zip(html.split("<h2>").skip(1)) {
        let title = chapter["title"].as_str().unwrap();
        assert!(section.contains(&escaped(title)), "{title}");
        let text = chapter["text"].as_array().unwrap();
        for paragraph in text {
            assert!(
                section.contains(&escaped(paragraph.as_str().unwrap())),
                "{title}"
            );
        }
        for part in ["<img ", "<table ", "<code>hourglass ", "The config of "] {
            assert!(section.contains(part), "{title}: {part}");
        }
        let next = chapter["next"].as_array().unwrap();
        assert!(!next.is_empty() && !chapter["figures"].is_null(), "{title}");
    }

    // The figures are those of the runs.
    let mse =
        |run: &str| work.read_json(&format!("runs/tour/{run}/summary.json"))["test"]["mse"].clone();
    assert_eq!(chapters[0]["figures"]["mse"], mse("code-32"));
    assert_eq!(chapters[1]["figures"][1]["mse"], mse("code-8"));
    assert_eq!(
        chapters[3]["figures"]["trained_on_noisy"]["of_noisy_mse"],
        mse("noise")
    );
    assert_eq!(chapters[4]["figures"]["with"]["mse"], mse("penalty"));
    assert_eq!(chapters[5]["figures"]["digits_mse"], mse("code-32"));
    for run in RUNS {
        let report = format!("runs/tour/{run}/report.html");
        assert!(work.path(&report).is_file(), "{report}");
    }
}

#[test]
fn every_command_that_it_suggests_can_be_typed() {
    let work = Work::new();
    let report = quick(&work);
    let chapters = report["chapters"].as_array().unwrap();
    let mut tried = 0;
    for next in chapters
        .iter()
        .flat_map(|it| it["next"].as_array().unwrap())
    {
        let command = next["command"].as_str().unwrap();
        let mut words = words(command);
        assert_eq!(words.remove(0), "hourglass", "{command}");
        match words[0] {
            // Listens until it is stopped.
            "serve" => continue,
            config if config.ends_with(".json") => words.extend(["--quick", "--quiet"]),
            _ => {}
        }
        let ended = work.run_words(&words);
        assert_eq!(ended.code, Some(0), "{command}: {}", ended.stderr);
        tried += 1;
    }
    assert!(tried >= 10, "{tried}");
}

#[test]
fn given_again_it_keeps_what_is_finished_and_trains_the_rest() {
    let work = Work::new();
    let first = quick(&work);
    let (before, page) = (runs(&work), work.read("runs/tour/tour.html"));
    let ended = work.ok(&format!("tour --quick --backend {BACKEND}"));
    assert_eq!(trained(&ended), Vec::<&str>::new());
    assert!(before == runs(&work), "a finished run changed");
    assert!(page == work.read("runs/tour/tour.html"), "the page changed");
    for chapter in first["chapters"].as_array().unwrap() {
        let title = chapter["title"].as_str().unwrap();
        assert!(ended.stdout.contains(title), "{title}: {}", ended.stdout);
    }
    assert!(
        !ended.stdout.contains('\u{1b}'),
        "colours without a terminal"
    );

    // As if it had been stopped before the last run.
    std::fs::remove_dir_all(work.path("runs/tour/penalty")).unwrap();
    let ended = work.ok(&format!("tour --quick --backend {BACKEND}"));
    let lines = trained(&ended);
    assert!(
        matches!(lines[..], [line] if line.starts_with("training 7 of 7: penalty: ")),
        "{lines:?}"
    );
    assert_eq!(first, work.read_json("runs/tour/tour.json"));
}

#[test]
fn it_goes_where_it_is_asked_to() {
    let work = Work::new();
    let report = work.ok_json(&format!(
        "tour -o here --seed 7 --quick --quiet --json --backend {BACKEND}"
    ));
    assert_eq!(
        (&report["folder"], &report["seed"]),
        (&"here".into(), &7.into())
    );
    assert!(work.path("here/tour.html").is_file() && !work.path("runs").exists());
    assert_eq!(work.read_json("here/code-8/config.json")["seed"], 7);

    let allowed = "use the tour's original settings, or another --output";
    assert_eq!(
        work.refused(2, &format!("tour -o here --quick --backend {BACKEND}")),
        format!("here/code-32: was started with seed 7, but this tour has 42; {allowed}")
    );
    assert_eq!(
        work.refused(2, "tour -o here/code-8 --quick"),
        "here/code-8: is a run, not a tour; choose another --output or --runs"
    );
}

#[test]
fn faults_are_one_line() {
    let work = Work::new();
    let text = work.refused(2, "tour --backend abacus");
    assert!(text.contains("--backend abacus"), "{text}");
    let text = work.refused(2, "tour --seed 18446744073709551615");
    assert!(text.contains("--seed 18446744073709551615"), "{text}");
    work.write("runs/tour", "a file");
    let text = work.refused(1, &format!("tour --quick --backend {BACKEND}"));
    assert!(text.starts_with("runs/tour: cannot be made"), "{text}");
    for words in [
        ["tour", "--runs", "a", "-o", "b"].as_slice(),
        &["tour", "--set", "seed=1"],
    ] {
        assert_eq!(work.run_words(words).code, Some(2), "{words:?}");
    }
}
