//! The signals are sent by the shell's own `kill`, so these tests need no other program.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;

use serde_json::json;

use crate::common::{BACKEND, PROGRAM, Work, tiny};

fn signal(name: &str, child: &Child) {
    let status = Command::new("sh")
        .args(["-c", &format!("kill -s {name} {}", child.id())])
        .status()
        .unwrap();
    assert!(status.success());
}

/// Starts the program, and returns the lines of its stderr.
fn start(work: &Work, line: &str) -> (Child, Lines<BufReader<ChildStderr>>) {
    read_errors(work.command().args(line.split_whitespace()))
}

/// The same of a command that is not the program itself.
fn read_errors(command: &mut Command) -> (Child, Lines<BufReader<ChildStderr>>) {
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    (child, lines)
}

/// Reads on to a line that begins with `start`.
fn wait_for(lines: &mut Lines<BufReader<ChildStderr>>, start: &str) {
    let mut seen = Vec::new();
    for line in lines {
        let line = line.unwrap();
        if line.starts_with(start) {
            return;
        }
        seen.push(line);
    }
    panic!("no line {start:?} among {seen:?}");
}

/// A config whose epochs take some tenths of a second: 2,000 steps of one image.
fn slow_epochs(work: &Work) {
    work.set("many", 2016, 32, 5);
    let mut config = tiny();
    config["data"]["dir"] = "many".into();
    config["train"]["batch_size"] = 1.into();
    config["train"]["epochs"] = 3.into();
    config["train"]["learning_rate"] = 0.001.into();
    // Depends on the step, on all of the steps, and on what is random in each.
    config["train"]["schedule"] = "cosine".into();
    config["model"] = json!({
        "kind": "denoising", "corruption": "gaussian", "of": tiny()["model"],
    });
    work.json("slow.json", &config);
}

/// Interrupts a training in the middle of its second epoch, and returns the run's name.
fn interrupted(work: &Work, name: &str) -> String {
    for attempt in 1..=10 {
        let run = format!("{name}-{attempt}x");
        let (mut child, mut lines) = start(work, &format!("slow.json --name {run}"));
        wait_for(&mut lines, "epoch   1/3");
        // Longer each time: what is written between two epochs may take longer than that.
        std::thread::sleep(Duration::from_millis(5 << attempt.min(7)));
        signal(name, &child);
        wait_for(&mut lines, "stopping after this step and saving");
        wait_for(
            &mut lines,
            &format!("saved; continue with: hourglass resume runs/{run}"),
        );
        assert_eq!(child.wait().unwrap().code(), Some(130));

        let state = work.read_json(&format!("runs/{run}/state.json"));
        assert_eq!(state["status"], "interrupted");
        let meta = work.read_json(&format!("runs/{run}/checkpoints/last/meta.json"));
        assert_eq!(meta["progress"]["step"], state["step"]);
        // On a busy machine the signal may fall between two epochs, which proves less.
        if meta["progress"]["images"].as_u64().unwrap() > 0 {
            return run;
        }
    }
    panic!("no signal came in the middle of an epoch");
}

#[test]
fn a_run_interrupted_within_an_epoch_goes_on_bit_for_bit() {
    let work = Work::new();
    slow_epochs(&work);
    work.ok("slow.json --name whole");
    for name in ["INT", "TERM"] {
        let run = interrupted(&work, name);
        // It has no figures yet, and says so.
        let ended = work.ok(&format!("compare whole {run}"));
        let note = format!("note: runs/{run} skipped because it has no figures yet: interrupted");
        assert!(ended.stderr.contains(&note), "{}", ended.stderr);
        work.ok(&format!("resume {run}"));
        work.assert_same("runs/whole", &format!("runs/{run}"));
    }
}

#[test]
fn an_interrupted_run_prints_its_state_as_json() {
    let work = Work::new();
    slow_epochs(&work);
    let mut child = work
        .command()
        .args(["slow.json", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    wait_for(&mut lines, "epoch   1/3");
    signal("INT", &child);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let printed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(printed, work.unsealed("runs/slow/state.json"));
    assert_eq!(printed["status"], "interrupted");
}

#[test]
fn a_second_signal_does_not_wait_for_the_step() {
    let work = Work::new();
    work.set("many", 2016, 32, 5);
    let mut config = tiny();
    config["data"]["dir"] = "many".into();
    // One step of all images with the widest kernels: many seconds on any CPU.
    config["train"]["batch_size"] = 2000.into();
    config["model"] = json!({
        "kind": "conv", "channels": [192, 192], "kernel": 15, "code_size": 4,
    });
    work.json("heavy.json", &config);
    let (mut child, mut lines) = start(&work, "heavy.json");
    // Written beside the first step.
    while !work.path("runs/heavy/checkpoints/last/meta.json").is_file() {
        std::thread::sleep(Duration::from_millis(10));
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
    }
    std::thread::sleep(Duration::from_millis(100));
    signal("INT", &child);
    wait_for(&mut lines, "stopping after this step and saving");
    signal("INT", &child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    // The step was not finished, and nothing was saved after it.
    assert_eq!(lines.count(), 0);
    let state = work.unsealed("runs/heavy/state.json");
    assert_eq!(
        (&state["status"], &state["step"]),
        (&json!("running"), &json!(0))
    );
    let shown = work.ok_json("inspect heavy --json");
    assert_eq!(shown["state"]["status"], "interrupted");
    let message = shown["state"]["message"].as_str().unwrap();
    assert!(
        message.contains("`hourglass resume runs/heavy`"),
        "{message}"
    );
}

#[test]
fn an_interrupted_sweep_goes_on_with_the_same_command() {
    let work = Work::new();
    slow_epochs(&work);
    let mut config = work.read_json("slow.json");
    config["sweep"] = json!({ "seed": [42, 1] });
    work.json("slow-sweep.json", &config);
    let (mut child, mut lines) = start(&work, "sweep slow-sweep.json");
    wait_for(&mut lines, "epoch   1/3");
    signal("INT", &child);
    wait_for(&mut lines, "saved; continue with the same command");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let report = work.read_json("runs/slow-sweep/sweep.json");
    assert_eq!(report["status"], "interrupted");
    assert_eq!(report["points"], json!([]));
    assert!(!work.path("runs/slow-sweep/seed=1").exists());

    work.ok("sweep slow-sweep.json");
    work.ok("slow.json --name whole");
    work.assert_same("runs/whole", "runs/slow-sweep/seed=42");
    assert_eq!(
        work.read_json("runs/slow-sweep/sweep.json")["status"],
        "finished"
    );
}

#[test]
fn an_interrupted_tour_saves_and_says_how_to_go_on() {
    let work = Work::new();
    let (mut child, mut lines) = start(&work, &format!("tour --backend {BACKEND}"));
    wait_for(&mut lines, "training 1 of 7: code-32");
    while !work
        .path("runs/tour/code-32/checkpoints/last/meta.json")
        .is_file()
    {
        std::thread::sleep(Duration::from_millis(10));
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
    }
    signal("INT", &child);
    wait_for(&mut lines, "saved; continue with the same command");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    for file in ["tour.json", "code-32/state.json"] {
        let status = &work.read_json(&format!("runs/tour/{file}"))["status"];
        assert_eq!(status, "interrupted", "{file}");
    }
    assert!(!work.path("runs/tour/tour.html").exists());
}

#[test]
fn an_interrupted_model_for_each_label_goes_on_with_its_label() {
    let work = Work::new();
    slow_epochs(&work);
    // Ten labels of some 200 pictures each.
    let line = "anomaly slow.json --one-class";
    let whole = work.ok_json(&format!("{line} --json --name whole"));
    let (mut child, mut lines) = start(&work, &format!("{line} --name stopped"));
    wait_for(&mut lines, "label 3: auroc");
    signal("INT", &child);
    wait_for(
        &mut lines,
        "saved; continue with: hourglass resume runs/stopped",
    );
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let run = "runs/stopped";
    assert_eq!(
        work.read_json(&format!("{run}/state.json"))["status"],
        "interrupted"
    );
    let kept = work.read_json(&format!("{run}/one-class.json"));
    let done = kept["classes"].as_array().unwrap().len();
    assert!((4..10).contains(&done), "{done}");
    assert!(work.path(&format!("{run}/label-{done}")).is_dir());

    // Killed in a later label, and given again.
    let (mut child, mut lines) = start(&work, "resume stopped");
    wait_for(&mut lines, &format!("label {done}: auroc"));
    child.kill().unwrap();
    child.wait().unwrap();
    let report = work.ok_json(&format!("{line} --name stopped --json"));
    assert_eq!(report["classes"], whole["classes"]);
    assert_eq!(report["run"], run);
    assert!(
        !work.names(run).iter().any(|name| name.contains("label-")),
        "{:?}",
        work.names(run)
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_closed_terminal_ends_no_program_that_was_started_with_nohup() {
    let work = Work::new();
    slow_epochs(&work);
    let (mut child, mut lines) = read_errors(
        Command::new("sh")
            .args(["-c", &format!("trap '' HUP; exec {PROGRAM} slow.json")])
            .current_dir(work.path(".")),
    );
    wait_for(&mut lines, "epoch   1/3");
    signal("HUP", &child);
    wait_for(&mut lines, "epoch   3/3");
    // Other signals are what they are.
    assert_eq!(child.wait().unwrap().code(), Some(0));

    // These tests may have been started with nohup themselves.
    let (mut child, mut lines) = read_errors(
        Command::new("env")
            .args(["--default-signal=HUP", PROGRAM, "slow.json"])
            .args(["--name", "closed", "--set", "train.epochs=200"])
            .current_dir(work.path(".")),
    );
    wait_for(&mut lines, "epoch   1/200");
    signal("HUP", &child);
    wait_for(
        &mut lines,
        "saved; continue with: hourglass resume runs/closed",
    );
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn a_training_whose_lock_was_removed_holds_it_or_leaves_the_run_to_another() {
    let work = Work::new();
    slow_epochs(&work);
    let lock = work.path("runs/slow/.lock");
    let (mut child, mut lines) = start(&work, "slow.json --set train.epochs=200");
    wait_for(&mut lines, "epoch   1/200");
    std::fs::remove_file(&lock).unwrap();
    wait_for(
        &mut lines,
        "warning: runs/slow: its .lock was removed and is there again; without it two processes could train this run",
    );
    assert_eq!(
        work.run("resume slow").stderr,
        "error: runs/slow: another process is training this run; wait until it ends\n"
    );
    // Another process takes it before the training looks again: the removed file is replaced at once.
    let other = std::fs::File::create(work.path("runs/slow/.taken")).unwrap();
    other.lock().unwrap();
    std::fs::rename(work.path("runs/slow/.taken"), &lock).unwrap();
    wait_for(
        &mut lines,
        "error: runs/slow: its .lock was removed, and another process has trained this run since then; this one stops",
    );
    assert_eq!(child.wait().unwrap().code(), Some(1));
    // What the other process writes is the state of the run.
    assert_eq!(work.read_json("runs/slow/state.json")["status"], "running");
    other.unlock().unwrap();
}
