use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

/// The built program.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_hourglass");

/// A backend that computes the same bits each time. Named in every config, so that the tests mean
/// the same on a machine with a GPU.
pub const BACKEND: &str = if cfg!(feature = "flex") {
    "flex"
} else {
    "ndarray"
};

/// Longer than any step of a test takes: a program that hangs fails its test instead of hanging it.
const PATIENCE: Duration = Duration::from_secs(300);

/// A folder to run the program in, removed with the value.
///
/// It starts with two files: `set`, an IDX folder of 96 training and 32 test images of 8 x 8 pixels,
/// and `tiny.json`, a config that trains on them for two epochs of five steps.
pub struct Work {
    folder: TempDir,
}

/// How a program ended, and what it printed.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Work {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let work = Self { folder };
        work.set("set", 96, 32, 1);
        work.json("tiny.json", &tiny());
        work
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file and the folders above it.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Writes JSON as it is meant to be read: what was changed by hand no longer matches its seal, so it has none.
    pub fn json(&self, name: &str, value: &Value) {
        let mut value = value.clone();
        if let Some(members) = value.as_object_mut() {
            members.shift_remove("seal");
        }
        self.write(name, value.to_string());
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        let path = self.path(name);
        fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    pub fn read_text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    pub fn read_json(&self, name: &str) -> Value {
        serde_json::from_slice(&self.read(name)).unwrap()
    }

    /// What a sealed file holds beside its seal.
    pub fn unsealed(&self, name: &str) -> Value {
        let mut value = self.read_json(name);
        strip(&mut value, &["seal"]);
        value
    }

    /// Writes an IDX folder with labels; `seed` makes one set another.
    pub fn set(&self, name: &str, train: usize, test: usize, seed: u64) {
        let mut random = Random(seed);
        for (part, count) in [("train", train), ("t10k", test)] {
            let images: Vec<u8> = (0..count).flat_map(|_| picture(&mut random)).collect();
            let labels: Vec<u8> = (0..count).map(|index| (index % 10) as u8).collect();
            self.write(
                &format!("{name}/{part}-images-idx3-ubyte"),
                idx(0x803, &[count, SIDE, SIDE], &images),
            );
            self.write(
                &format!("{name}/{part}-labels-idx1-ubyte"),
                idx(0x801, &[count], &labels),
            );
        }
    }

    /// The program, to be started in the folder.
    pub fn command(&self) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .current_dir(self.folder.path())
            .env("RUST_BACKTRACE", "0")
            .env_remove("NO_COLOR")
            .env_remove("CLICOLOR_FORCE")
            .stdin(Stdio::null());
        command
    }

    /// Runs the program with the words of `line` as its arguments.
    pub fn run(&self, line: &str) -> Ended {
        let words: Vec<&str> = line.split_whitespace().collect();
        self.run_words(&words)
    }

    pub fn run_words(&self, words: &[&str]) -> Ended {
        let mut command = self.command();
        command.args(words);
        finish(command)
    }

    /// Runs the program with no file allowed to grow beyond `blocks` of 512 bytes: writing fails part
    /// of the way, as it does on a full disk, wherever the tests run.
    #[cfg(unix)]
    pub fn limited(&self, blocks: usize, line: &str) -> Ended {
        let mut command = Command::new("sh");
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec {PROGRAM} {line}");
        command
            .args(["-c", &script])
            .current_dir(self.folder.path())
            .env("RUST_BACKTRACE", "0");
        finish(command)
    }

    /// Runs the program, which must do what is asked.
    pub fn ok(&self, line: &str) -> Ended {
        let ended = self.run(line);
        assert_eq!(ended.code, Some(0), "{line}: {}", ended.stderr);
        ended
    }

    /// What a command prints with `--json`, which must be one JSON object and nothing else.
    pub fn ok_json(&self, line: &str) -> Value {
        let ended = self.ok(line);
        serde_json::from_str(&ended.stdout)
            .unwrap_or_else(|error| panic!("{line}: {error}: {}", ended.stdout))
    }

    /// Runs the program, which must refuse: the right code, nothing on stdout, one line on stderr,
    /// and every file of the folder as it was. The line, without the `error: ` before it.
    pub fn refused(&self, code: i32, line: &str) -> String {
        let words: Vec<&str> = line.split_whitespace().collect();
        self.refused_words(code, &words)
    }

    pub fn refused_words(&self, code: i32, words: &[&str]) -> String {
        let before = self.files();
        let ended = self.run_words(words);
        assert_eq!(ended.code, Some(code), "{words:?}: {ended:?}");
        assert_eq!(ended.stdout, "", "{words:?}");
        assert!(before == self.files(), "{words:?} changed files");
        let lines: Vec<&str> = ended.stderr.lines().collect();
        let [line] = lines.as_slice() else {
            panic!("{words:?}: expected one line, found {}", ended.stderr);
        };
        let text = line.strip_prefix("error: ");
        text.unwrap_or_else(|| panic!("{words:?}: {line}"))
            .to_owned()
    }

    /// Every file below the folder with its content, and every folder. Locks are left out: who takes
    /// one touches its file.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        self.walk(self.folder.path(), &mut files);
        files.retain(|name, _| !name.ends_with("/.lock"));
        files
    }

    /// The names of the files below one folder.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let mut files = BTreeMap::new();
        self.walk(&self.path(folder), &mut files);
        let prefix = format!("{folder}/");
        let names = files.into_keys().filter(|name| !name.ends_with('/'));
        names
            .map(|name| name.strip_prefix(&prefix).unwrap().to_owned())
            .collect()
    }

    fn walk(&self, folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(self.folder.path()).unwrap();
            let name = name.to_str().unwrap().to_owned();
            if path.is_dir() {
                files.insert(format!("{name}/"), Vec::new());
                self.walk(&path, files);
            } else {
                files.insert(name, fs::read(&path).unwrap());
            }
        }
    }

    /// Copies a run to another name.
    pub fn copy(&self, from: &str, to: &str) {
        for name in self.names(from) {
            self.write(
                &format!("{to}/{name}"),
                self.read(&format!("{from}/{name}")),
            );
        }
    }

    /// What a training came to, as far as it must be the same wherever it is repeated: weights,
    /// optimizer and figures to the last bit, without times and places.
    pub fn outcome(&self, run: &str) -> Outcome {
        let file = |name: &str| self.read(&format!("{run}/checkpoints/{name}"));
        let metrics = self.read_text(&format!("{run}/metrics.jsonl"));
        assert!(metrics.ends_with('\n'), "{run}: {metrics}");
        let mut summary = self.read_json(&format!("{run}/summary.json"));
        strip(
            &mut summary,
            &[
                "train_seconds",
                "train_images_per_s",
                "start_seconds",
                "peak_rss_mib",
                "seal",
            ],
        );
        Outcome {
            last: file("last/model.safetensors"),
            best: file("best/model.safetensors"),
            optimizer: file("last/optimizer.safetensors"),
            metrics: metrics.lines().map(figures).collect(),
            summary,
            samples: (self.names(&format!("{run}/samples")).into_iter())
                .map(|name| self.read(&format!("{run}/samples/{name}")))
                .collect(),
        }
    }

    /// Asserts that two runs came to the same, bit for bit.
    pub fn assert_same(&self, one: &str, other: &str) {
        let (one, other) = (self.outcome(one), self.outcome(other));
        assert_eq!(one.metrics, other.metrics);
        assert_eq!(one.summary, other.summary);
        // Too long to print when they differ.
        assert!(one.last == other.last, "the last weights differ");
        assert!(one.best == other.best, "the best weights differ");
        assert!(one.optimizer == other.optimizer, "the optimizers differ");
        assert!(one.samples == other.samples, "the sample pictures differ");
    }
}

pub struct Outcome {
    pub last: Vec<u8>,
    pub best: Vec<u8>,
    pub optimizer: Vec<u8>,
    pub metrics: Vec<Value>,
    pub summary: Value,
    pub samples: Vec<Vec<u8>>,
}

/// A line of `metrics.jsonl` without what depends on the clock.
fn figures(line: &str) -> Value {
    let mut row: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
    strip(&mut row, &["seconds", "images_per_s", "seal"]);
    row
}

fn strip(object: &mut Value, keys: &[&str]) {
    for key in keys {
        let found = object.as_object_mut().unwrap().shift_remove(*key);
        assert!(found.is_some(), "no {key} in {object}");
    }
}

/// Runs a command to its end. Whatever it did, it did not panic.
pub fn finish(command: Command) -> Ended {
    let name = format!("{command:?}");
    let output = assert_cmd::Command::from_std(command)
        .timeout(PATIENCE)
        .output()
        .unwrap();
    let ended = Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    };
    assert!(
        !ended.stderr.contains("panicked"),
        "{name}: {}",
        ended.stderr
    );
    ended
}

/// Asserts that a page opens without a network and runs nothing.
pub fn assert_self_contained(html: &str) {
    assert!(html.starts_with("<!DOCTYPE html>") && html.ends_with("</html>\n"));
    assert!(html.len() < 2_000_000, "{} bytes", html.len());
    let mut parts = html.split("src=\"");
    let mut text = parts.next().unwrap().to_owned();
    for part in parts {
        let (address, after) = part.split_once('"').unwrap();
        assert!(address.starts_with("data:image/png;base64,"), "{address}");
        text += after;
    }
    assert!(text.len() < html.len(), "no picture");
    // Pictures may have any of these among their letters by chance.
    for part in [
        "http:", "https:", "file:", "<script", "url(", "@import", "NaN", "href=\"/",
    ] {
        assert!(!text.contains(part), "{part} in the page");
    }
}

/// The config that is in every folder as `tiny.json`.
pub fn tiny() -> Value {
    json!({
        "backend": BACKEND,
        "data": { "dataset": "idx", "dir": "set", "validation": 16 },
        "model": { "kind": "dense", "layers": [16], "code_size": 4 },
        "train": { "epochs": 2, "batch_size": 16, "learning_rate": 0.01 },
    })
}

/// Height and width of the images of a set.
pub const SIDE: usize = 8;

/// A bright cross at a random place on a dark, noisy ground: something to learn, and nothing that a
/// wrong order or a wrong pixel would leave as it is.
pub fn picture(random: &mut Random) -> Vec<u8> {
    let (row, column) = (random.below(SIDE), random.below(SIDE));
    let mut pixels = Vec::with_capacity(SIDE * SIDE);
    for place in 0..SIDE * SIDE {
        let noise = random.below(40) as u8;
        let bright = place / SIDE == row || place % SIDE == column;
        pixels.push(if bright { 215 + noise } else { noise });
    }
    pixels
}

/// A compressed file with the checksum that belongs to it.
pub fn sealed(body: &[u8]) -> Vec<u8> {
    [body, &crc32fast::hash(body).to_le_bytes()].concat()
}

/// An IDX file.
pub fn idx(magic: u32, sizes: &[usize], content: &[u8]) -> Vec<u8> {
    let mut bytes = magic.to_be_bytes().to_vec();
    for &size in sizes {
        bytes.extend(u32::try_from(size).unwrap().to_be_bytes());
    }
    bytes.extend(content);
    bytes
}

/// Numbers that look random and are the same each time (splitmix64).
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % limit as u64) as usize
    }
}
