//! Command lines with a word that the program does not know: what was probably meant.

use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, CommandFactory};
use hourglass::config::nearest;
use hourglass::run::RUNS;

use crate::cli::Cli;
use crate::output;

/// What other programs call a verb, and what it is called here.
const VERBS: [(&[&str], &str); 15] = [
    (&["train", "fit", "run", "start"], "train"),
    (&["eval", "test", "validate", "metrics"], "evaluate"),
    (
        &["predict", "infer", "inference", "autoencode"],
        "reconstruct",
    ),
    (&["embed", "extract", "features", "transform"], "encode"),
    (&["generate", "sample"], "decode"),
    (&["list", "ls", "leaderboard", "diff"], "compare"),
    (&["show", "info", "summary", "describe", "print"], "inspect"),
    (
        &["ui", "web", "dashboard", "gui", "view", "server"],
        "serve",
    ),
    (&["continue", "restart"], "resume"),
    (&["grid", "tune", "search", "hyperopt"], "sweep"),
    (&["visualize", "visualise", "viz", "draw"], "plot"),
    (&["denoise", "inpaint", "enhance", "deblur"], "restore"),
    (&["detect", "outliers", "anomalies"], "score"),
    (&["onnx", "convert", "save", "publish"], "export"),
    (&["load", "from-pytorch"], "import"),
];

/// What stands here for an option of other programs.
#[derive(Clone, Copy)]
enum Instead {
    /// `--set KEY=VALUE`.
    Set(&'static str),
    /// `--FLAG VALUE`.
    Flag(&'static str),
    /// `--FLAG` alone.
    Switch(&'static str),
    /// `--backend`, with the names that other programs give to devices.
    Device,
    /// Something else, in words.
    Words(&'static str),
}

/// Options of other programs, and what stands here for them.
const FLAGS: [(&[&str], Instead); 30] = [
    (
        &["lr", "learning-rate", "learningrate", "rate"],
        Instead::Set("train.learning_rate"),
    ),
    (
        &[
            "epochs",
            "epoch",
            "e",
            "max-epochs",
            "num-epochs",
            "n-epochs",
        ],
        Instead::Set("train.epochs"),
    ),
    (
        &["batch-size", "batch", "bs", "b", "batchsize"],
        Instead::Set("train.batch_size"),
    ),
    (
        &["optimizer", "optim", "opt", "optimiser"],
        Instead::Set("train.optimizer"),
    ),
    (
        &["schedule", "scheduler", "lr-scheduler", "lr-schedule"],
        Instead::Set("train.schedule"),
    ),
    (
        &["loss", "criterion", "objective"],
        Instead::Set("train.loss"),
    ),
    (
        &["patience", "early-stopping"],
        Instead::Set("train.patience"),
    ),
    (&["min-delta"], Instead::Set("train.min_delta")),
    (
        &[
            "clip-norm",
            "clip",
            "grad-clip",
            "gradient-clip-val",
            "max-grad-norm",
        ],
        Instead::Set("train.clip_norm"),
    ),
    (
        &[
            "code-size",
            "latent-dim",
            "latent",
            "latent-size",
            "z-dim",
            "bottleneck",
            "embedding-dim",
            "code",
            "hidden-dim",
        ],
        Instead::Set("model.code_size"),
    ),
    (
        &["layers", "hidden", "hidden-sizes", "hidden-layers"],
        Instead::Set("model.layers"),
    ),
    (&["channels", "filters"], Instead::Set("model.channels")),
    (&["activation"], Instead::Set("model.activation")),
    (&["model", "arch", "kind"], Instead::Set("model.kind")),
    (
        &[
            "data-dir",
            "dir",
            "root",
            "input",
            "images",
            "train-dir",
            "data-root",
            "data-path",
            "data",
        ],
        Instead::Set("data.dir"),
    ),
    (&["dataset"], Instead::Set("data.dataset")),
    (
        &[
            "size",
            "image-size",
            "img-size",
            "imgsz",
            "resize",
            "resolution",
        ],
        Instead::Set("data.size"),
    ),
    (
        &["patch", "patch-size", "crop", "crop-size"],
        Instead::Set("data.patch"),
    ),
    (
        &[
            "validation",
            "val",
            "val-split",
            "validation-split",
            "val-size",
        ],
        Instead::Set("data.validation"),
    ),
    (
        &["limit", "max-images", "num-samples", "subset"],
        Instead::Set("data.limit"),
    ),
    (
        &["augment", "augmentation", "aug"],
        Instead::Set("data.augment"),
    ),
    (
        &["seed", "random-seed", "random-state"],
        Instead::Set("seed"),
    ),
    (
        &["tensorboard", "tb"],
        Instead::Switch("set tensorboard=true"),
    ),
    (
        &[
            "device",
            "gpu",
            "gpus",
            "cuda",
            "accelerator",
            "devices",
            "cpu",
            "mps",
            "use-cuda",
        ],
        Instead::Device,
    ),
    (
        &[
            "workers",
            "num-workers",
            "jobs",
            "j",
            "n-jobs",
            "num-threads",
            "cpus",
        ],
        Instead::Flag("threads"),
    ),
    (
        &[
            "output",
            "o",
            "out",
            "output-dir",
            "out-dir",
            "save-dir",
            "log-dir",
            "logdir",
            "outdir",
            "project",
            "run-dir",
            "workdir",
        ],
        Instead::Flag("runs"),
    ),
    (
        &[
            "run-name",
            "experiment",
            "exp-name",
            "experiment-name",
            "exp",
            "n",
            "tag",
        ],
        Instead::Flag("name"),
    ),
    (
        &["config", "c", "cfg", "config-file", "conf"],
        Instead::Words("give the config without an option: hourglass CONFIG"),
    ),
    (
        &[
            "resume",
            "checkpoint",
            "ckpt",
            "ckpt-path",
            "resume-from",
            "weights",
        ],
        Instead::Words("to continue a run: hourglass resume RUN"),
    ),
    (
        &["debug", "fast-dev-run", "smoke-test", "dry-run", "test-run"],
        Instead::Switch("quick"),
    ),
];

/// What to say of a command line that was refused, in one line; `None` where clap says it better.
pub fn refused(error: &clap::Error, words: &[String]) -> Option<String> {
    let command = built();
    let first = first_word(&command, words);
    let verb = first.and_then(|word| command.find_subcommand(word));
    if let (Some(word), None) = (first, verb)
        && let Some(text) = no_config(word)
    {
        return Some(text);
    }
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    if !flag.starts_with('-') {
        return None;
    }
    let name = verb.map_or("hourglass".into(), |verb| {
        format!("hourglass {}", verb.get_name())
    });
    let cure = instead(flag, verb.unwrap_or(&command), words);
    let cure = cure.unwrap_or_else(|| format!("see {name} --help"));
    Some(format!("{flag}: no such option of {name}; {cure}"))
}

/// What to say of a word that was taken for a config and is none: a verb with a typo, what other programs call a verb,
/// or a run. `None` for a file, and for what looks like the path of one.
pub fn no_config(word: &str) -> Option<String> {
    let path = Path::new(word);
    if path.exists() || word.contains(['/', '\\', '.']) {
        return None;
    }
    let known = VERBS.iter().find(|(names, _)| names.contains(&word));
    let verb = match known {
        Some((_, verb)) => Some((*verb).to_owned()),
        None => {
            let command = built();
            let own = command.get_subcommands().map(Command::get_name);
            nearest(word, own.chain(["train"])).map(str::to_owned)
        }
    };
    let cure = match verb.as_deref() {
        _ if Path::new(&format!("{word}.json")).is_file() => format!("did you mean {word}.json?"),
        Some("train") => "to train, give the config alone: hourglass CONFIG".to_owned(),
        _ if Path::new(RUNS).join(word).join("config.json").is_file() => {
            format!("it is the name of a run: see hourglass inspect {word}")
        }
        Some(verb) => format!("did you mean {verb}?"),
        None => "see hourglass --help".into(),
    };
    Some(format!("{word}: no such command or config; {cure}"))
}

/// The commands, with the options that all of them have.
fn built() -> Command {
    let mut command = Cli::command();
    command.build();
    command
}

/// The first word that is neither an option nor the value of one.
fn first_word<'a>(command: &Command, words: &'a [String]) -> Option<&'a str> {
    let takes_value = |word: &str| {
        let name = word.trim_start_matches('-');
        command
            .get_arguments()
            .any(|it| it.get_long() == Some(name) && it.get_action().takes_values())
    };
    let mut words = words.iter().skip(1).map(String::as_str);
    while let Some(word) = words.next() {
        if !word.starts_with('-') {
            return Some(word);
        }
        if takes_value(word) {
            words.next();
        }
    }
    None
}

/// What to give in place of an option that `command` does not have.
fn instead(flag: &str, command: &Command, words: &[String]) -> Option<String> {
    let name = flag
        .trim_start_matches('-')
        .to_lowercase()
        .replace('_', "-");
    let longs: Vec<&str> = command
        .get_arguments()
        .filter_map(clap::Arg::get_long)
        .collect();
    let has = |flag: &str| longs.contains(&flag);
    let value = value_of(flag, words);
    let given = value.clone().unwrap_or_else(|| "VALUE".into());
    let set = |key: &str| {
        let allowed = command.get_name() != "resume" || key.starts_with("train.");
        (has("set") && allowed).then(|| format!("use --set {key}={given}"))
    };
    let known = FLAGS
        .iter()
        .find(|(names, _)| names.contains(&name.as_str()));
    let known = match known.map(|(_, instead)| *instead) {
        Some(Instead::Set(key)) => set(key),
        Some(Instead::Flag(flag)) => has(flag).then(|| format!("use --{flag} {given}")),
        Some(Instead::Switch(text)) => {
            let flag = text.split(' ').next().unwrap_or(text);
            has(flag).then(|| format!("use --{text}"))
        }
        Some(Instead::Device) => {
            has("backend").then(|| format!("use --backend {}", backend(&name, value.as_deref())))
        }
        Some(Instead::Words(text)) => Some(text.to_owned()),
        // A key of the config, such as --train.epochs.
        None if name.contains('.') => set(flag.trim_start_matches('-')),
        None => None,
    };
    known.or_else(|| {
        Some(format!(
            "did you mean --{}?",
            nearest(&name, longs.iter().copied())?
        ))
    })
}

/// The value that was given to an option, as a word of a shell.
fn value_of(flag: &str, words: &[String]) -> Option<String> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if let Some((name, value)) = word.split_once('=')
            && name == flag
        {
            return Some(output::word(Path::new(value)));
        }
        if word == flag {
            let next = words.next().filter(|it| !it.starts_with('-'))?;
            return Some(output::word(Path::new(next)));
        }
    }
    None
}

/// The backend that another program's name of a device stands for.
fn backend(flag: &str, value: Option<&str>) -> &'static str {
    let device = value.filter(|it| it.chars().any(char::is_alphabetic));
    let device = device.unwrap_or(flag).to_lowercase();
    match device.split(':').next().unwrap_or_default() {
        "cpu" => "flex",
        "cuda" | "nvidia" => "cuda",
        "mps" | "metal" => "metal",
        "rocm" | "hip" => "rocm",
        "vulkan" => "vulkan",
        _ => "auto",
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn said(line: &str) -> String {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let error = Cli::try_parse_from(&words).expect_err(line);
        refused(&error, &words).unwrap_or_default()
    }

    #[test]
    fn a_mistyped_verb_is_answered_with_the_nearest() {
        for (line, cure) in [
            ("hourglass evalute conv", "did you mean evaluate?"),
            ("hourglass --threads 2 comprae a b", "did you mean compare?"),
            ("hourglass eval conv", "did you mean evaluate?"),
            (
                "hourglass trian a.json",
                "give the config alone: hourglass CONFIG",
            ),
            (
                "hourglass train a.json",
                "give the config alone: hourglass CONFIG",
            ),
            ("hourglass xyzzy a", "see hourglass --help"),
        ] {
            let found = said(line);
            assert!(
                found.contains(": no such command or config; "),
                "{line}: {found}"
            );
            assert!(found.ends_with(cure), "{line}: {found}");
        }
    }

    #[test]
    fn options_of_other_programs_are_answered_with_those_of_this_one() {
        for (line, cure) in [
            ("hourglass c.json --lr 3", "use --set train.learning_rate=3"),
            (
                "hourglass c.json --learning_rate=1e-3",
                "use --set train.learning_rate=1e-3",
            ),
            ("hourglass c.json --epochs 5", "use --set train.epochs=5"),
            (
                "hourglass c.json --batch-size",
                "use --set train.batch_size=VALUE",
            ),
            ("hourglass c.json --seed 7", "use --set seed=7"),
            ("hourglass c.json --device cuda:0", "use --backend cuda"),
            ("hourglass c.json --gpu 0", "use --backend auto"),
            ("hourglass c.json --cpu", "use --backend flex"),
            ("hourglass c.json --num-workers 4", "use --threads 4"),
            ("hourglass c.json --output here", "use --runs here"),
            ("hourglass c.json -o here", "use --runs here"),
            (
                "hourglass c.json --train.epochs 3",
                "use --set train.epochs=3",
            ),
            ("hourglass c.json --quite", "did you mean --quiet?"),
            (
                "hourglass --config c.json",
                "give the config without an option: hourglass CONFIG",
            ),
            (
                "hourglass resume conv --epochs 9",
                "use --set train.epochs=9",
            ),
            // What the verb does not take is not proposed.
            (
                "hourglass resume conv --seed 9",
                "see hourglass resume --help",
            ),
            (
                "hourglass evaluate conv --lr 9",
                "see hourglass evaluate --help",
            ),
            ("hourglass evaluate conv --device cpu", "use --backend flex"),
        ] {
            let found = said(line);
            assert!(
                found.contains(": no such option of hourglass"),
                "{line}: {found}"
            );
            assert!(found.ends_with(cure), "{line}: {found}");
        }
    }

    #[test]
    fn what_clap_says_well_is_left_to_it() {
        for line in [
            "hourglass cluster",
            "hourglass cluster a --k 1",
            "hourglass --help",
        ] {
            assert_eq!(said(line), "", "{line}");
        }
    }

    #[test]
    fn every_proposed_key_and_option_exists() {
        let command = built();
        let longs: Vec<&str> = command
            .get_arguments()
            .filter_map(clap::Arg::get_long)
            .collect();
        let schema = hourglass::config::schema().to_string();
        for (_, instead) in FLAGS {
            match instead {
                Instead::Set(key) => {
                    let leaf = key.rsplit('.').next().unwrap();
                    assert!(schema.contains(&format!("\"{leaf}\"")), "{key}");
                }
                Instead::Flag(flag) => assert!(longs.contains(&flag), "{flag}"),
                Instead::Switch(text) => {
                    assert!(longs.contains(&text.split(' ').next().unwrap()), "{text}");
                }
                Instead::Device | Instead::Words(_) => {}
            }
        }
        for (_, verb) in VERBS {
            assert!(
                verb == "train" || command.find_subcommand(verb).is_some(),
                "{verb}"
            );
        }
    }
}
