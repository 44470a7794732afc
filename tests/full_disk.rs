#![cfg(unix)]

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::common::{Ended, Work};

/// The one line on stderr of a program that failed quietly otherwise.
fn only_line(ended: &Ended) -> &str {
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(ended.stdout, "");
    let lines: Vec<&str> = ended.stderr.lines().collect();
    let [line] = lines.as_slice() else {
        panic!("expected one line, found {}", ended.stderr);
    };
    line
}

#[test]
fn a_file_that_cannot_grow_ends_a_run_that_resumes() {
    let work = Work::new();
    // Without validation images no page is written before the end, which would be larger than this.
    let line = "tiny.json --quiet --set data.validation=0 --set train.epochs=240";
    work.ok(&format!("{line} --name whole"));
    // The figures of an epoch take some 140 bytes, so their file reaches 24 KiB well before the end,
    // with a line that is cut; everything else is smaller.
    let line = &format!("{line} --name full");
    let ended = work.limited(48, line);
    assert_eq!(
        only_line(&ended),
        "error: runs/full/metrics.jsonl: cannot be written: File too large"
    );
    let state = work.read_json("runs/full/state.json");
    assert_eq!(state["status"], "failed");
    let message = state["message"].as_str().unwrap();
    assert!(
        message.ends_with("cannot be written: File too large"),
        "{message}"
    );
    // Written up to the limit, wherever in a line that is.
    assert_eq!(work.read_text("runs/full/metrics.jsonl").len(), 48 * 512);

    work.ok("inspect full");
    work.ok("evaluate full");
    work.ok("resume full");
    work.assert_same("runs/whole", "runs/full");
}

#[test]
fn a_result_that_cannot_be_written_leaves_what_was_there() {
    let work = Work::new();
    work.ok("tiny.json");
    work.ok("encode tiny set -o codes.npy");
    let before = work.files();
    let ended = work.limited(0, "encode tiny set -o codes.npy --force");
    assert_eq!(
        only_line(&ended),
        "error: codes.npy: cannot be written: File too large"
    );
    assert!(before == work.files());
}

#[test]
fn a_full_standard_output_is_one_line() {
    let Ok(full) = File::options().write(true).open("/dev/full") else {
        return println!("skipped: this system has no /dev/full");
    };
    let work = Work::new();
    let mut command = work.command();
    command.arg("schema").stdout(full).stderr(Stdio::piped());
    let output = command.spawn().unwrap().wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.starts_with("error: stdout: cannot be written: No space left"));
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
}

/// A file system of its own in memory, unmounted with the value.
struct Disk(PathBuf);

impl Disk {
    /// `None` if the tests may not mount.
    fn new(path: PathBuf, options: &str) -> Option<Self> {
        fs::create_dir(&path).unwrap();
        let disk = Self(path);
        if disk.mount(options) {
            return Some(disk);
        }
        println!("skipped: mounting is not permitted here");
        None
    }

    fn mount(&self, options: &str) -> bool {
        let mut command = Command::new("mount");
        command
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(&self.0);
        let output = command.output();
        output.is_ok_and(|output| output.status.success())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a test that fails may still have a file of it open.
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

#[test]
fn a_disk_that_is_full_at_any_moment_leaves_a_run_that_resumes() {
    let work = Work::new();
    work.ok("tiny.json --name whole --set train.epochs=3");
    let line = "tiny.json --quiet --runs disk --set train.epochs=3";
    let mut failed = Vec::new();
    // From a disk too small for the run's first files to one that takes everything.
    for kib in (4..).step_by(8) {
        // Its pages are of 4 KiB, of which the folders take none.
        let Some(disk) = Disk::new(work.path("disk"), &format!("size={kib}k")) else {
            return;
        };
        let ended = work.run(line);
        if ended.code == Some(0) {
            break;
        }
        let line = only_line(&ended);
        assert!(
            line.ends_with("No space left on device"),
            "{kib} KiB: {line}"
        );
        failed.push(line.to_owned());
        if fs::read_dir(work.path("disk")).unwrap().count() > 0 {
            assert_eq!(work.names("disk/tiny")[0], ".lock");
            // The state cannot say `failed` if there is no room to write it; that it can be read
            // is what counts.
            let shown = work.run("resume tiny --runs disk --quiet");
            // It is as full as before, but a page that was too large beside the one before it need
            // not be written again.
            if shown.code != Some(0) {
                assert_eq!(shown.code, Some(1), "{shown:?}");
                assert!(disk.mount("remount,size=16m"));
                work.ok("resume tiny --runs disk");
            }
            work.assert_same("runs/whole", "disk/tiny");
        }
        drop(disk);
        fs::remove_dir(work.path("disk")).unwrap();
    }
    failed.dedup();
    assert!(
        failed.len() >= 4,
        "it failed in several places: {failed:#?}"
    );
}

#[test]
fn a_folder_that_may_not_be_written_is_one_line() {
    let work = Work::new();
    work.ok("tiny.json");
    // A folder below a file cannot be made by anyone, root or not.
    assert_eq!(
        work.refused(1, "tiny.json --runs tiny.json"),
        "tiny.json: the run's folder cannot be made: File exists"
    );
    assert_eq!(
        work.refused(1, "tiny.json --runs tiny.json/below"),
        "tiny.json/below: the run's folder cannot be made: Not a directory"
    );
    assert_eq!(
        work.refused(1, "encode tiny set -o tiny.json/codes.npy"),
        "tiny.json/codes.npy: cannot be written: Not a directory"
    );
    for verb in ["decode tiny codes.npy", "reconstruct tiny set"] {
        if !work.path("codes.npy").exists() {
            work.ok("encode tiny set -o codes.npy");
        }
        let line = work.refused(1, &format!("{verb} -o tiny.json/pictures"));
        assert!(
            line.starts_with("tiny.json/pictures: the folder cannot be made: Not a directory"),
            "{line}"
        );
    }
    if let Some(_disk) = Disk::new(work.path("locked"), "ro") {
        assert_eq!(
            work.refused(1, "tiny.json --runs locked"),
            "locked: the run's folder cannot be made: Read-only file system"
        );
        assert_eq!(
            work.refused(1, "encode tiny set -o locked/codes.npy"),
            "locked/codes.npy: cannot be written: Read-only file system"
        );
    }
}
