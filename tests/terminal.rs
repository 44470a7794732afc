use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::common::{PROGRAM, Work, finish};

#[test]
fn inspect_shows_layers_shapes_parameters_and_hyperparameters() {
    let work = Work::new();
    work.ok("tiny.json --set train.learning_rate=0.02");
    let shown = work.ok_json("inspect tiny --json");
    let layers = shown["layers"].as_array().unwrap();
    let column = |key: &str| layers.iter().map(|layer| &layer[key]).collect::<Vec<_>>();
    assert_eq!(
        column("name"),
        ["encoder.0", "code", "decoder.0", "decoder.1"]
    );
    assert_eq!(column("parameters"), [1040, 68, 80, 1088]);
    assert_eq!(column("body"), ["fused"; 4]);
    assert_eq!(layers[1]["output"], serde_json::json!([4]));
    assert_eq!(layers[3]["output"], serde_json::json!([1, 8, 8]));
    let summary = work.read_json("runs/tiny/summary.json");
    for key in [
        "kind",
        "parameters",
        "input_shape",
        "code_size",
        "compression_ratio",
    ] {
        assert_eq!(shown[key], summary[key], "{key}");
    }
    assert_eq!(shown["config"], work.read_json("runs/tiny/config.json"));
    assert_eq!(shown["state"], work.unsealed("runs/tiny/state.json"));

    let table = work.ok("inspect tiny").stdout;
    for text in [
        "encoder.0",
        "1040",
        "train.learning_rate = 0.02",
        "status = \"finished\"",
    ] {
        assert!(table.contains(text), "{text}: {table}");
    }
}

#[test]
fn inspect_shows_a_config_before_any_training() {
    let work = Work::new();
    let shown = work.ok_json("inspect tiny.json --json");
    assert_eq!(shown["parameters"], 1040 + 68 + 80 + 1088);
    assert_eq!(shown["state"], Value::Null);
    assert!(!work.path("runs").exists());
    work.write("bad.json", "{}");
    let ended = work.run("inspect bad.json");
    assert_eq!(ended.code, Some(2), "{ended:?}");
}

#[test]
fn backends_lists_what_there_is_and_how_to_get_the_rest() {
    let work = Work::new();
    let list: Vec<Value> = serde_json::from_str(&work.ok("backends --json").stdout).unwrap();
    let names: Vec<&str> = list
        .iter()
        .map(|it| it["backend"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        ["cuda", "rocm", "metal", "vulkan", "wgpu", "flex", "ndarray"]
    );
    let flex = list.iter().find(|it| it["backend"] == "flex").unwrap();
    assert_eq!(flex["compiled"], cfg!(feature = "flex"));
    let chosen = (list.iter())
        .flat_map(|it| it["adapters"].as_array().unwrap())
        .filter(|adapter| adapter["auto"] == true)
        .count();
    assert_eq!(chosen, 1, "auto takes one");
    let table = work.ok("backends").stdout;
    for (backend, name) in list.iter().zip(names) {
        let row = table
            .lines()
            .find(|line| line.trim().starts_with(&format!("{name} ")));
        let row = row.unwrap_or_else(|| panic!("{name}: {table}"));
        let missing = format!("not compiled in: cargo run -p runner --features {name} -- ...");
        assert_eq!(
            row.contains(&missing),
            backend["compiled"] == false,
            "{row}"
        );
    }
}

#[test]
fn help_and_version_go_to_stdout() {
    let work = Work::new();
    let version = work.ok("--version");
    assert_eq!(
        version.stdout,
        format!("hourglass {}\n", env!("CARGO_PKG_VERSION"))
    );
    let help = work.ok("--help");
    assert_eq!(help.stderr, "");
    for verb in [
        "resume",
        "evaluate",
        "compare",
        "encode",
        "decode",
        "reconstruct",
        "inspect",
        "backends",
        "schema",
        "completions",
        "man",
    ] {
        assert!(
            help.stdout.contains(&format!("  {verb} ")),
            "{verb}: {}",
            help.stdout
        );
        let own = work.ok(&format!("{verb} --help"));
        assert!(
            own.stdout.contains("Usage: hourglass "),
            "{verb}: {}",
            own.stdout
        );
        assert_eq!(work.ok(&format!("help {verb}")).stdout, own.stdout);
    }
    // Nothing at all is a question too, and no success.
    let nothing = work.run("");
    assert_eq!(nothing.code, Some(2));
    assert!(
        nothing.stderr.contains("Usage: hourglass"),
        "{}",
        nothing.stderr
    );
}

#[test]
fn completions_name_every_command() {
    let work = Work::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = work.ok(&format!("completions {shell}")).stdout;
        for verb in ["resume", "compare", "reconstruct", "completions"] {
            assert!(script.contains(verb), "{shell}: {verb}");
        }
    }
    // A script that a shell refuses is of no use.
    let script = work.ok("completions bash").stdout;
    work.write("hourglass.bash", script);
    let checked = Command::new("bash")
        .arg("-n")
        .arg(work.path("hourglass.bash"))
        .status();
    match checked {
        Ok(status) => assert!(status.success()),
        Err(_) => println!("skipped: this system has no bash"),
    }
}

/// The package for Python installs them where shells and `man` look.
#[cfg(all(feature = "serve", feature = "report"))]
#[test]
fn the_package_for_python_has_these_manual_pages_and_completions() {
    let work = Work::new();
    let share = Path::new(env!("CARGO_MANIFEST_DIR")).join("../python/data/data/share");
    let kept = |path: &str| std::fs::read_to_string(share.join(path)).unwrap();
    for (shell, path) in [
        ("bash", "bash-completion/completions/hourglass"),
        ("zsh", "zsh/site-functions/_hourglass"),
        ("fish", "fish/vendor_completions.d/hourglass.fish"),
    ] {
        let script = work.ok(&format!("completions {shell}")).stdout;
        assert!(
            kept(path) == script,
            "{path}: see CONTRIBUTING.md for how it is made anew"
        );
    }
    work.ok("man pages");
    let pages = work.names("pages");
    assert!(pages.contains(&"hourglass-score.1".to_owned()), "{pages:?}");
    let all: Vec<String> = (std::fs::read_dir(share.join("man/man1")).unwrap())
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(all.len(), pages.len());
    for page in &pages {
        let found = work.read_text(&format!("pages/{page}"));
        assert!(
            kept(&format!("man/man1/{page}")) == found,
            "{page}: see CONTRIBUTING.md for how it is made anew"
        );
    }
    assert_eq!(
        work.ok("man").stdout.trim_end(),
        kept("man/man1/hourglass.1").trim_end()
    );
}

#[test]
fn a_reader_that_goes_away_ends_the_program_quietly() {
    let work = Work::new();
    work.ok("tiny.json");
    for line in [
        "compare tiny",
        "compare tiny --json",
        "inspect tiny",
        "inspect tiny --json",
        "evaluate tiny",
        "reconstruct tiny set -o out --force",
        "backends",
        "schema",
        "completions bash",
        "man",
        "--help",
        "help compare",
        "--version",
        "tiny.json --quiet",
        "tiny.json --quiet --json",
    ] {
        // Closed before the first byte: however fast the program is, it finds nobody there.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = work.command();
        command
            .args(line.split_whitespace())
            .stdout(writer)
            .stderr(Stdio::piped());
        let output = command.spawn().unwrap().wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(
            !stderr.contains("error") && !stderr.contains("panicked"),
            "{line}: {stderr}"
        );
        assert_eq!(output.status.code(), Some(0), "{line}");
    }
    // The run itself was trained to its end: nobody reading is no reason to lose it.
    assert_eq!(
        work.read_json("runs/tiny-2/state.json")["status"],
        "finished"
    );
}

#[test]
fn nobody_to_tell_is_no_reason_to_stop_training() {
    let work = Work::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = work.command();
    command
        .arg("tiny.json")
        .stdout(Stdio::piped())
        .stderr(writer);
    let output = command.spawn().unwrap().wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(work.read_json("runs/tiny/state.json")["status"], "finished");
}

/// What the program shows on a terminal, or nothing if `script` is not there to pretend one.
#[cfg(target_os = "linux")]
fn on_a_terminal(work: &Work, line: &str, colours: bool) -> Option<String> {
    let mut command = Command::new("script");
    command
        .args(["-qec", &format!("{PROGRAM} {line}"), "/dev/null"])
        .current_dir(work.path("."))
        .env("RUST_BACKTRACE", "0")
        .env("TERM", "xterm-256color")
        .env_remove("NO_COLOR")
        .stdin(Stdio::null());
    if !colours {
        command.env("NO_COLOR", "1");
    }
    match command.output() {
        Ok(output) => Some(String::from_utf8_lossy(&output.stdout).into_owned()),
        Err(_) => {
            println!("skipped: this system has no script");
            None
        }
    }
}

/// Whether a text sets a colour or another style: `ESC [ numbers m`.
#[cfg(target_os = "linux")]
fn is_styled(text: &str) -> bool {
    text.split("\u{1b}[").skip(1).any(|rest| {
        let end = rest.find(|it: char| !it.is_ascii_digit() && it != ';');
        end.is_some_and(|end| rest[end..].starts_with('m'))
    })
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_gets_colours_unless_it_asks_for_none() {
    let work = Work::new();
    work.ok("tiny.json");
    let Some(help) = on_a_terminal(&work, "--help", true) else {
        return;
    };
    assert!(
        is_styled(&help),
        "otherwise the rest proves nothing: {help:?}"
    );
    for line in [
        "--help",
        "tiny.json --bad",
        "tiny.json",
        "compare tiny",
        "inspect tiny",
        "backends",
    ] {
        let text = on_a_terminal(&work, line, false).unwrap();
        assert!(!text.is_empty(), "{line}");
        assert!(!is_styled(&text), "{line}: {text:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_training_ends_in_a_picture_where_the_terminal_has_colours() {
    let work = Work::new();
    let Some(shown) = on_a_terminal(&work, "tiny.json --name shown", true) else {
        return;
    };
    let words = "test pictures, from top to bottom: input, reconstruction";
    let (_, after) = shown.split_once(words).expect("no picture");
    let (picture, table) = after
        .split_once("on the test images")
        .expect("no table below it");
    // Ten pictures of 8 x 8 pixels are five beside each other in 80 columns: twice four lines of inputs
    // and four of reconstructions.
    let lines: Vec<&str> = picture.lines().filter(|line| line.contains('▀')).collect();
    assert_eq!(lines.len(), 16, "{picture:?}");
    for line in lines {
        assert_eq!(line.matches('▀').count(), 40, "{line:?}");
        assert!(
            line.contains("\u{1b}[38;5;") && line.ends_with("\u{1b}[0m"),
            "{line:?}"
        );
    }
    for next in [
        "report.html",
        "next     hourglass serve\r\n         hourglass compare runs/shown RUN\r\n",
    ] {
        assert!(table.contains(next), "{next}: {table}");
    }
    for (line, colours) in [
        ("tiny.json --name plain", false),
        ("tiny.json --name quiet --quiet", true),
        ("tiny.json --name json --json", true),
    ] {
        let text = on_a_terminal(&work, line, colours).unwrap();
        assert!(
            text.contains("mse") && !text.contains('▀'),
            "{line}: {text:?}"
        );
    }
    let piped = work.ok("tiny.json --name piped");
    assert!(!piped.stdout.contains('\u{1b}') && !piped.stdout.contains('▀'));
    assert!(
        piped.stderr.contains("next     hourglass serve\n"),
        "{}",
        piped.stderr
    );
}

/// What a line leaves on the terminal, without control sequences.
#[cfg(target_os = "linux")]
fn plain(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line.trim_end_matches('\r');
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        text += before;
        let end = after.find(|it: char| it.is_ascii_alphabetic());
        rest = end.map_or("", |end| &after[end + 1..]);
    }
    text += rest;
    text.rsplit('\r').next().unwrap_or_default().to_owned()
}

#[cfg(target_os = "linux")]
#[test]
fn nothing_is_wider_than_the_terminal() {
    let work = Work::new();
    work.ok("tiny.json --name a-run-with-a-long-name");
    work.ok("tiny.json --name another --set train.loss=bce --set model.code_size=2");
    let runs = "runs/a-run-with-a-long-name another";
    for columns in [50, 80, 120] {
        for line in [
            "tiny.json",
            &format!("compare {runs}"),
            "inspect another",
            "evaluate another",
            "backends",
        ] {
            let command = format!("stty rows 24 cols {columns}; {PROGRAM} {line}");
            let mut script = Command::new("script");
            script
                .args(["-qec", &command, "/dev/null"])
                .current_dir(work.path("."))
                .env("TERM", "xterm-256color")
                .env("NO_COLOR", "1")
                .stdin(Stdio::null());
            let Ok(output) = script.output() else {
                println!("skipped: this system has no script");
                return;
            };
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let lines: Vec<String> = text.split('\n').map(plain).collect();
            assert!(lines.len() > 3, "{line}: {text}");
            for shown in &lines {
                // A word is never broken, however wide it is.
                let word = shown.trim().contains(' ');
                assert!(
                    shown.chars().count() <= columns || !word,
                    "{columns} columns, {line}: {shown:?}"
                );
            }
            if line == "tiny.json" {
                let headings = lines.iter().filter(|it| it.contains("epoch    train"));
                assert_eq!(headings.count(), 1, "{text}");
            }
            if line.starts_with("compare") {
                // Whole names, relative to the folder of runs.
                assert!(
                    text.contains("another") && text.contains(" a-run-with-a-long-name"),
                    "{text}"
                );
                assert!(!text.contains("runs/"), "{text}");
            }
        }
    }
}

#[test]
fn what_was_meant_is_told() {
    let work = Work::new();
    work.ok("tiny.json --name conv --quiet");
    for (line, told) in [
        (
            "evalute conv",
            "evalute: no such command or config; did you mean evaluate?",
        ),
        (
            "train tiny.json",
            "train: no such command or config; to train, give the config alone: hourglass CONFIG",
        ),
        (
            "tiny",
            "tiny: no such command or config; did you mean tiny.json?",
        ),
        (
            "conv",
            "conv: no such command or config; it is the name of a run: see hourglass inspect conv",
        ),
        (
            "resum conv",
            "resum: no such command or config; did you mean resume?",
        ),
        (
            "tiny.json --lr 3",
            "--lr: no such option of hourglass; use --set train.learning_rate=3",
        ),
        (
            "evaluate conv --gpu",
            "--gpu: no such option of hourglass evaluate; use --backend auto",
        ),
    ] {
        assert_eq!(work.refused(2, line), told, "{line}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_gets_a_bar_with_the_time_left() {
    let work = Work::new();
    work.set("many", 2016, 32, 5);
    // Large enough that an epoch takes longer than the bar waits between two readings of the loss.
    let line = "tiny.json --set data.dir=many --set train.batch_size=1 --set model.layers=[2048]";
    let Some(shown) = on_a_terminal(&work, line, false) else {
        return;
    };
    assert!(
        shown.contains("/4000  epoch ") && shown.contains(" left"),
        "{shown:?}"
    );
    assert!(shown.contains("    2/2  "), "{shown:?}");
    let quiet = on_a_terminal(&work, &format!("{line} --quiet"), false).unwrap();
    assert!(!quiet.contains("epoch"), "{quiet:?}");
}

#[test]
fn absurd_numbers_of_threads_are_refused_at_once() {
    let work = Work::new();
    for (name, found) in [
        ("RAYON_NUM_THREADS", "999999999"),
        ("RAYON_RS_NUM_CPUS", "1025"),
        ("RAYON_NUM_THREADS", "many"),
        ("RAYON_NUM_THREADS", "-1"),
    ] {
        let mut command = work.command();
        command.env(name, found).args(["backends"]);
        let ended = finish(command);
        assert_eq!(ended.code, Some(2));
        let allowed = "allowed: an integer from 0, which is one per core, to 1024";
        assert_eq!(
            ended.stderr,
            format!("error: {name}: found {found:?}; {allowed}\n")
        );
    }
    let ended = work.run("backends --threads 20000");
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("1024"), "{}", ended.stderr);
    // The flag counts, whatever the variables say.
    let mut command = work.command();
    command
        .env("RAYON_NUM_THREADS", "999999999")
        .args(["backends", "--threads", "2"]);
    assert_eq!(finish(command).code, Some(0));
    work.ok("backends --threads 1024");
}

/// Names act on no terminal, whichever way they get there.
#[cfg(unix)]
#[test]
fn hostile_names_are_shown_and_not_sent() {
    let work = Work::new();
    let name = "a\x1b]0;t\x07\u{202e}\n=<b>|";
    work.write(&format!("{name}.json"), crate::common::tiny().to_string());
    let quiet = |ended: &crate::common::Ended, what: &str| {
        for text in [&ended.stdout, &ended.stderr] {
            assert!(
                !text.contains(['\x1b', '\x07', '\u{202e}']),
                "{what}: {text:?}"
            );
        }
    };
    let ended = work.run_words(&[&format!("{name}.json")]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    quiet(&ended, "train");
    // A run that somebody else named.
    std::fs::rename(
        work.path(
            &work
                .names("runs")
                .first()
                .map(|it| format!("runs/{}", it.split('/').next().unwrap()))
                .unwrap(),
        ),
        work.path(&format!("runs/{name}")),
    )
    .unwrap();
    work.ok("tiny.json");
    work.write(&format!("photos/{name}.png"), "no picture");
    let both = [name, "tiny"];
    for (code, words) in [
        (0, vec!["compare", both[0], both[1]]),
        (0, vec!["compare", both[0], both[1], "--json"]),
        (0, vec!["compare", both[0], both[1], "--format", "csv"]),
        (0, vec!["compare", both[0], both[1], "--format", "markdown"]),
        (0, vec!["evaluate", name]),
        (0, vec!["evaluate", name, "--json"]),
        (0, vec!["inspect", name]),
        (0, vec!["compress", name]),
        (0, vec!["encode", name, "set", "-o", "a\x1b.npy"]),
        (1, vec!["evaluate", "b\x1b[31m\u{2066}"]),
        (1, vec!["reconstruct", "tiny", &"photos", "-o", "out"]),
        (1, vec!["decode", "tiny", "c\x1b.npy", "-o", "out"]),
        (2, vec!["evaluate", "tiny", "--no\x1b[31m\u{2066}"]),
    ] {
        let ended = work.run_words(&words);
        assert_eq!(ended.code, Some(code), "{words:?}: {ended:?}");
        quiet(&ended, words[0]);
        if code == 1 {
            assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
        }
        if words.contains(&"--json") {
            let _: Value = serde_json::from_str(&ended.stdout).unwrap();
        }
        if words.contains(&"markdown") {
            assert!(ended.stdout.contains("=&lt;b&gt;\\|"), "{}", ended.stdout);
        }
    }
}
