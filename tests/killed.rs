use std::fs;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use serde_json::json;

use crate::common::{Random, Work, tiny};

/// Kills that one run has to survive.
const KILLS: usize = 10;

/// A config whose training is mostly the writing of files: an epoch is a single step.
fn mostly_files(work: &Work) {
    let mut config = tiny();
    config["train"]["batch_size"] = 128.into();
    config["train"]["epochs"] = 25.into();
    // A third of all moments find the best checkpoint being written too.
    config["train"]["learning_rate"] = 0.05.into();
    config["model"] = json!({
        "kind": "denoising", "corruption": "masking", "of": tiny()["model"],
    });
    work.json("files.json", &config);
}

/// Starts the program and kills it after some time; whether it had not ended by then.
fn kill_after(work: &Work, line: &str, delay: Duration) -> bool {
    let mut child = work
        .command()
        .args(line.split_whitespace())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    sleep(delay);
    let running = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    let status = child.wait().unwrap();
    // Killed, or done; what it must never do is fail.
    assert!(status.code().is_none_or(|code| code == 0), "{status}");
    running
}

#[test]
fn a_run_killed_at_any_moment_goes_on_bit_for_bit() {
    let work = Work::new();
    mostly_files(&work);
    work.ok("files.json --name whole");
    let mut random = Random(11);
    let mut delay = || Duration::from_millis(20 + random.below(230) as u64);
    // The first kill may come before there is a run.
    let mut kills = 0;
    while !work.path("runs/killed").is_dir() {
        kills += usize::from(kill_after(&work, "files.json --name killed", delay()));
    }
    let mut steps = Vec::new();
    while kills < KILLS && kill_after(&work, "resume killed", delay()) {
        kills += 1;
        let state = work.read_json("runs/killed/state.json");
        steps.push(state["step"].as_u64().unwrap());
        // The run may end between the look at the process and the kill.
        if state["status"] == "finished" {
            break;
        }
        assert_eq!(state["status"], "running");
    }
    assert!(
        steps.is_sorted(),
        "nothing that was saved is lost: {steps:?}"
    );
    work.ok("resume killed");
    work.assert_same("runs/whole", "runs/killed");
    // Nothing of the interrupted writing is left.
    assert_eq!(work.names("runs/whole"), work.names("runs/killed"));
}

#[test]
fn a_run_killed_before_its_first_checkpoint_starts_again() {
    let work = Work::new();
    work.ok("tiny.json --name whole");
    work.ok("tiny.json --name killed");
    // As it is right after its folder was made.
    let mut state = work.read_json("runs/killed/state.json");
    state["status"] = "running".into();
    state["epoch"] = 0.into();
    state["step"] = 0.into();
    work.json("runs/killed/state.json", &state);
    for name in ["metrics.jsonl", "summary.json", "plots/loss.svg"] {
        fs::remove_file(work.path(&format!("runs/killed/{name}"))).unwrap();
    }
    for name in ["best", "last"] {
        fs::remove_dir_all(work.path(&format!("runs/killed/checkpoints/{name}"))).unwrap();
    }
    // What was being written of the first checkpoint.
    work.write("runs/killed/checkpoints/.last.new/model.safetensors", "cut");
    let line = work.refused(1, "evaluate killed");
    assert_eq!(
        line,
        "runs/killed: it has no checkpoint yet, because it has not been trained"
    );
    work.ok("resume killed");
    work.assert_same("runs/whole", "runs/killed");
}

#[test]
fn a_run_killed_while_a_checkpoint_takes_its_place_goes_on() {
    let work = Work::new();
    work.ok("tiny.json --name whole --set train.epochs=4");
    work.ok("tiny.json --name two");
    work.ok("tiny.json --name one --set train.epochs=1");
    let running = |run: &str| {
        let mut state = work.read_json(&format!("{run}/state.json"));
        state["status"] = "running".into();
        work.json(&format!("{run}/state.json"), &state);
    };
    let last = "checkpoints/last";
    // Each line: the name of the present checkpoint, and what lies beside it.
    type Beside<'a> = &'a [(&'a str, &'a str)];
    let moments: [(&str, Beside); 5] = [
        // Killed while the new one was written,
        ("last", &[(".last.new/model.safetensors", "cut")]),
        // between the two renames,
        (".last.new", &[]),
        // while the old one was removed,
        ("last", &[(".last.old/model.safetensors", "cut")]),
        // after the first rename of a power cut that lost the second file,
        (".last.old", &[(".last.new/model.safetensors", "cut")]),
        // and while a single file was written.
        (
            "last",
            &[("../.tmp-x", "cut"), ("../samples/.tmp-x", "cut")],
        ),
    ];
    for (number, (name, beside)) in moments.into_iter().enumerate() {
        let run = format!("runs/killed{number}");
        work.copy("runs/two", &run);
        running(&run);
        let present = work.path(&format!("{run}/checkpoints/{name}"));
        if name != "last" {
            fs::rename(work.path(&format!("{run}/{last}")), &present).unwrap();
        }
        if name == ".last.new" {
            // The older one is whole too, and must not be taken.
            work.copy(
                &format!("runs/one/{last}"),
                &format!("{run}/checkpoints/.last.old"),
            );
        }
        for (file, content) in beside {
            work.write(&format!("{run}/checkpoints/{file}"), content);
        }
        work.ok(&format!("resume killed{number} --set train.epochs=4"));
        work.assert_same("runs/whole", &run);
        assert_eq!(work.names("runs/whole"), work.names(&run));
    }
}

#[test]
fn a_run_killed_before_it_was_called_finished_is_measured_again() {
    let work = Work::new();
    work.ok("tiny.json --name whole");
    work.ok("tiny.json --name killed");
    let mut state = work.read_json("runs/killed/state.json");
    state["status"] = "running".into();
    work.json("runs/killed/state.json", &state);
    fs::remove_file(work.path("runs/killed/summary.json")).unwrap();
    // No later checkpoint takes these away.
    for beside in [".last.old", ".best.old", ".best.new"] {
        work.write(
            &format!("runs/killed/checkpoints/{beside}/model.safetensors"),
            "cut",
        );
    }
    work.ok("resume killed");
    work.assert_same("runs/whole", "runs/killed");
    assert_eq!(work.names("runs/whole"), work.names("runs/killed"));
    assert_eq!(
        work.read_json("runs/killed/state.json")["status"],
        "finished"
    );
}

#[cfg(unix)]
#[test]
fn a_checkpoint_under_its_new_name_is_not_written_over() {
    let work = Work::new();
    // From the second epoch on the steps are too small for any weight, so the first epoch stays the best and only
    // the last checkpoint is written.
    let mut config = tiny();
    config["train"]["schedule"] = json!({ "kind": "step", "every": 1, "factor": 1e-30 });
    work.json("still.json", &config);
    let line = "still.json --set train.epochs";
    work.ok(&format!("{line}=3 --name whole"));
    work.ok(&format!("{line}=1 --name one"));
    work.ok(&format!("{line}=2 --name two"));
    // Killed between the two renames of the second epoch's checkpoint,
    let path = |name: &str| work.path(&format!("runs/two/checkpoints/{name}"));
    fs::rename(path("last"), path(".last.new")).unwrap();
    let old = "runs/two/checkpoints/.last.old";
    work.copy("runs/one/checkpoints/last", old);
    // and stopped again in the third's: the optimizer's file takes 19 KiB.
    let ended = work.limited(32, "resume two --quiet --set train.epochs=3");
    assert_eq!(
        ended.stderr,
        "error: runs/two/checkpoints/.last.new/optimizer.safetensors: cannot be written: File too \
         large\n"
    );
    let meta = work.read_json("runs/two/checkpoints/last/meta.json");
    assert_eq!(meta["progress"]["epoch"], 2);
    work.ok("resume two");
    work.assert_same("runs/whole", "runs/two");
}

/// What [`killed_while_writing`] starts: a process that writes in a folder until it is killed.
#[cfg(unix)]
#[test]
#[ignore = "another test starts and kills it"]
fn writes_until_it_is_killed() {
    let Ok(folder) = std::env::var("LEFT_BEHIND") else {
        return;
    };
    let path = |name: &str| std::path::Path::new(&folder).join(name);
    let file = fs::File::create(path("out/.tmp-aaaaaa")).unwrap();
    fs::create_dir(path("runs/.new-aaaaaa")).unwrap();
    let new = fs::File::open(path("runs/.new-aaaaaa")).unwrap();
    file.lock().unwrap();
    new.lock().unwrap();
    fs::write(path("ready"), "").unwrap();
    sleep(Duration::from_secs(600));
}

#[cfg(unix)]
#[test]
fn killed_while_writing() {
    let work = Work::new();
    work.ok("tiny.json");
    fs::create_dir(work.path("out")).unwrap();
    let mut other = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed::writes_until_it_is_killed", "--ignored"])
        .env("LEFT_BEHIND", work.path(""))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    for _ in 0..1000 {
        if !work.path("ready").exists() {
            sleep(Duration::from_millis(20));
        }
    }
    // Left by others that are gone.
    for left in [
        "out/.tmp-bbbbbb",
        "runs/tiny/analysis/.tmp-bbbbbb",
        "runs/.new-bbbbbb/config.json",
    ] {
        work.write(left, "{");
    }
    let hidden = |folder: &str| {
        let entries = fs::read_dir(work.path(folder)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| name.starts_with(['.'])).collect();
        names.sort();
        names
    };
    work.ok("encode tiny set -o out/codes.npy");
    work.ok("compress tiny");
    work.ok("tiny.json");
    // The living process keeps what it writes.
    assert_eq!(hidden("out"), [".tmp-aaaaaa"]);
    assert_eq!(hidden("runs"), [".new-aaaaaa"]);
    assert_eq!(hidden("runs/tiny/analysis"), [""; 0]);
    other.kill().unwrap();
    other.wait().unwrap();
    work.ok("reconstruct tiny set -o out");
    work.ok("tiny.json");
    assert_eq!(hidden("out"), [""; 0]);
    assert_eq!(hidden("runs"), [""; 0]);
}
