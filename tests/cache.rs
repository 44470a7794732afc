//! Pictures that come from the cache: the same training, once decoded, whatever happens to the cache.

use std::collections::BTreeSet;
use std::fs;
use std::process::Child;

use image::RgbImage;
use serde_json::json;

use crate::common::{Ended, Random, Work, finish, tiny};

/// Values of a picture: 40 x 40 in colour.
const SIDE: u32 = 40;

/// A folder of pictures, and a config that keeps them in the cache.
fn work() -> Work {
    let work = Work::new();
    let mut random = Random(5);
    for number in 0..60 {
        let path = work.path(&format!("pictures/{number:02}.png"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut picture = RgbImage::new(SIDE, SIDE);
        picture
            .iter_mut()
            .for_each(|it| *it = random.below(256) as u8);
        picture.save(path).unwrap();
    }
    let mut config = tiny();
    config["data"] = json!({ "dataset": "images", "dir": "pictures", "cache": true });
    work.json("cached.json", &config);
    work
}

fn with_cache(work: &Work, line: &str) -> Ended {
    let mut command = work.command();
    command
        .env("HOURGLASS_CACHE", work.path("cache"))
        .args(line.split_whitespace());
    finish(command)
}

fn ok(work: &Work, line: &str) -> String {
    let ended = with_cache(work, line);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.stderr
}

/// The folder of the only cache.
fn cache(work: &Work) -> String {
    let names = work.names("cache/pictures");
    let folders = names
        .iter()
        .filter_map(|name| Some(name.split_once('/')?.0));
    let folders: BTreeSet<&str> = folders.collect();
    assert_eq!(folders.len(), 1, "{names:?}");
    let folder = folders.first().unwrap();
    format!("cache/pictures/{folder}")
}

#[test]
fn a_training_from_the_cache_is_the_same() {
    let work = work();
    let told = ok(&work, "cached.json --name cached");
    assert!(told.contains("decoding 60 pictures into "), "{told}");
    let told = ok(&work, "cached.json --name again");
    assert!(!told.contains("decoding"), "{told}");
    let told = ok(&work, "cached.json --name plain --no-cache");
    assert!(!told.contains("decoding"), "{told}");
    work.assert_same("runs/cached", "runs/plain");
    work.assert_same("runs/again", "runs/plain");
    assert_eq!(
        work.read_json("runs/plain/config.json")["data"]["cache"],
        json!(false)
    );
    // Those that read the run's pictures later take them from there too.
    for line in [
        "evaluate cached",
        "inspect cached",
        "resume cached --set train.epochs=3",
    ] {
        let told = ok(&work, line);
        assert!(!told.contains("decoding"), "{line}: {told}");
    }
    ok(&work, "resume plain --set train.epochs=3");
    work.assert_same("runs/cached", "runs/plain");
    // Turned off on the way.
    ok(
        &work,
        "resume again --set train.epochs=3 --set data.cache=false",
    );
    work.assert_same("runs/again", "runs/plain");
    cache(&work);
}

#[test]
fn a_cache_that_is_damaged_is_made_anew() {
    let work = work();
    ok(&work, "cached.json --name whole");
    let pixels = format!("{}/pixels", cache(&work));
    let index = format!("{}/index.jsonl", cache(&work));
    let whole = work.read(&pixels);
    let text = work.read_text(&index);
    let mut flipped = whole.clone();
    flipped[777] ^= 4;
    let newer = text.replace("\"version\":1", "\"version\":2");
    for (name, bytes, reason) in [
        (&pixels, &whole[..9999], "its pixels end after 9999 bytes"),
        (
            &pixels,
            &flipped[..],
            "its pixels are damaged: another SHA-256 than in its index",
        ),
        (
            &index,
            newer.as_bytes(),
            "its index is of version 2; allowed: 1",
        ),
        (
            &index,
            b"\0\0\0\n",
            "its index is damaged: expected value at line 1 column 1",
        ),
    ] {
        work.write(name, bytes);
        let told = ok(&work, "cached.json --name other --quiet");
        let line = format!(": the cache of decoded pictures is made anew: {reason}\n");
        assert!(
            told.starts_with("warning: ") && told.ends_with(&line),
            "{told}"
        );
        assert_eq!(told.lines().count(), 1, "{told}");
        assert_eq!(work.read(&pixels), whole);
        work.assert_same("runs/whole", "runs/other");
        fs::remove_dir_all(work.path("runs/other")).unwrap();
    }
}

#[test]
fn two_trainings_at_once_share_a_cache() {
    let work = work();
    let start = |name: &str| -> Child {
        let mut command = work.command();
        command.env("HOURGLASS_CACHE", work.path("cache"));
        command.args(["cached.json", "--quiet", "--name", name]);
        command.spawn().unwrap()
    };
    let both = [start("one"), start("two")];
    for mut child in both {
        assert!(child.wait().unwrap().success());
    }
    work.assert_same("runs/one", "runs/two");
    cache(&work);
}

#[test]
fn a_cache_that_cannot_be_written_is_one_line() {
    let work = work();
    work.write("cache", "a file, not a folder");
    let ended = with_cache(&work, "cached.json");
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    let folder = work.path("cache").display().to_string();
    let lines: Vec<&str> = ended.stderr.lines().collect();
    let [line] = lines.as_slice() else {
        panic!("expected one line, found {}", ended.stderr);
    };
    assert!(
        line.starts_with(&format!("error: {folder}/pictures/")),
        "{line}"
    );
    assert!(
        line.ends_with(
            ": cannot be written: Not a directory; set HOURGLASS_CACHE to a folder with some space free, or data.cache to \
             false"
        ),
        "{line}"
    );
    assert!(!work.path("runs").exists());
}

/// No file may grow beyond so much, as on a full disk.
#[cfg(unix)]
#[test]
fn a_full_disk_is_one_line_and_what_is_done_is_kept() {
    let work = work();
    let folder = work.path("cache").display().to_string();
    let line = "cached.json --set data.size=[640,640] --set data.channels=1 --set train.epochs=1 --quiet --name full";
    let limited = |blocks: usize| {
        let program = work.command().get_program().to_owned();
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" {line}");
        let mut command = std::process::Command::new("sh");
        command.current_dir(work.path(""));
        command
            .env("HOURGLASS_CACHE", &folder)
            .arg("-c")
            .arg(script)
            .arg(program);
        finish(command)
    };
    // 60 pictures of 0.4 MB are 25 MB, and a block of them 17 MB.
    let ended = limited(40_000);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let told = "/pixels: cannot be written: File too large; set HOURGLASS_CACHE to a folder with some space free, or \
                data.cache to false\n";
    assert!(ended.stderr.ends_with(told), "{ended:?}");
    let index = work.read_text(&format!("{}/index.jsonl", cache(&work)));
    let kept = index.lines().count() - 1;
    assert_eq!(kept, 1, "blocks");
    ok(&work, line);
    let whole = work.read_text(&format!("{}/index.jsonl", cache(&work)));
    assert!(whole.starts_with(&index) && whole.len() > index.len());
}
