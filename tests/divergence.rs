use crate::common::{Work, tiny};

#[test]
fn a_loss_that_is_no_number_ends_the_run_and_keeps_what_was_good() {
    let work = Work::new();
    let mut config = tiny();
    config["train"]["epochs"] = 6.into();
    config["train"]["optimizer"] = "sgd".into();
    // One step of this size is more than any network survives.
    config["train"]["learning_rate"] = 1e30.into();
    config["train"]["loss"] = "mse".into();
    work.json("wild.json", &config);
    work.ok("tiny.json --name tame");
    let ended = work.run("wild.json --quiet");
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert_eq!(ended.stdout, "");
    let start = "error: runs/wild: diverged: the loss is not finite in epoch 1, by step ";
    assert!(ended.stderr.starts_with(start), "{}", ended.stderr);
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    let state = work.read_json("runs/wild/state.json");
    assert_eq!(state["status"], "diverged");

    // The untrained weights are the last good ones: looked at only by those who ask for it.
    for line in [
        "evaluate wild",
        "encode wild set -o codes.npy",
        "reconstruct wild set -o back",
        "cluster wild",
        "plot wild",
        "probe wild",
        "compress wild",
        "anomaly wild --other set",
    ] {
        let refusal = work.refused(1, line);
        let start =
            "runs/wild: diverged before the first epoch ended, so its weights are hardly trained: ";
        assert!(refusal.starts_with(start), "{line}: {refusal}");
        assert!(
            refusal.contains("by step ") && refusal.ends_with("or use --force"),
            "{refusal}"
        );
    }
    let report = work.ok_json("evaluate wild --json --force");
    assert!(report["test"]["mse"].as_f64().unwrap() > 0.0);
    let ended = work.ok("encode wild set -o codes.npy --force");
    assert!(
        ended
            .stderr
            .starts_with("warning: runs/wild: diverged before "),
        "{}",
        ended.stderr
    );
    // It is left out of a comparison, with a word on why.
    let compared = work.ok("compare wild tame");
    let note = "note: runs/wild skipped because it has no figures yet: diverged";
    assert!(compared.stderr.contains(note), "{}", compared.stderr);
}

#[test]
fn a_run_that_diverges_later_can_be_tamed() {
    let work = Work::new();
    work.ok("tiny.json");
    let good = work.outcome("runs/tiny");
    let ended = work.run("resume tiny --set train.epochs=4 --set train.learning_rate=1e30 --json");
    assert_eq!(ended.code, Some(3), "{ended:?}");
    // What is printed in place of a summary is the state.
    let printed: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(printed, work.read_json("runs/tiny/state.json"));
    assert_eq!(printed["status"], "diverged");
    let after = work.read("runs/tiny/checkpoints/last/model.safetensors");
    assert!(after == good.last, "the last good checkpoint is kept");
    let refusal = work.refused(1, "evaluate tiny");
    assert!(
        refusal.starts_with("runs/tiny: diverged after epoch 2, so "),
        "{refusal}"
    );
    work.ok("evaluate tiny --force");

    work.ok("resume tiny --set train.learning_rate=0.01");
    work.ok("tiny.json --name whole --set train.epochs=4");
    work.assert_same("runs/whole", "runs/tiny");
}
