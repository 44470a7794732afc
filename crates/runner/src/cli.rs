//! The command line: which verbs there are, and what each takes.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::Override;
use crate::run::RUNS;

const EXAMPLES: &str = "\
Examples:
  hourglass tour                                       see what an autoencoder is
  hourglass configs/conv.json                          train
  hourglass configs/conv.json --set train.epochs=5     train for fewer epochs
  hourglass resume conv                                go on where it stopped
  hourglass sweep grid.json --dry-run                  list the runs of a grid of configs
  hourglass compare conv dense                         put two runs side by side
  hourglass reconstruct conv digit.png -o out.png      see what a model makes of a picture";

/// Autoencoders from a JSON config: train, measure and compare them.
#[derive(Debug, Parser)]
#[command(
    name = "hourglass",
    version,
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    arg_required_else_help = true
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub train: TrainArgs,
    /// Threads that the CPU backends use [default: RAYON_NUM_THREADS, else one for each core].
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Go on training a run exactly where it stopped.
    Resume(ResumeArgs),
    /// Learn in five minutes what an autoencoder is, from trainings made on the way.
    Tour(TourArgs),
    /// Train every combination of the values that a config's "sweep" lists, and compare them.
    Sweep(SweepArgs),
    /// Measure a run's model on its test images, or on other data, beside the baselines.
    Evaluate(EvaluateArgs),
    /// Put runs side by side, the smallest reconstruction error first.
    Compare(CompareArgs),
    /// Score pictures by the error of their reconstruction, beside PCA.
    Anomaly(AnomalyArgs),
    /// Cluster pictures by their codes with k-means, beside raw pixels and PCA.
    Cluster(ClusterArgs),
    /// Turn images into codes, written as NumPy arrays.
    Encode(EncodeArgs),
    /// Turn codes back into pictures.
    Decode(DecodeArgs),
    /// Write pictures as a small file, or measure it beside JPEG, WebP and PCA.
    Compress(CompressArgs),
    /// Turn a compressed file back into pictures.
    Decompress(DecompressArgs),
    /// Send pictures through a model and write what comes back.
    Reconstruct(ReconstructArgs),
    /// Give noisy, small, grey or damaged pictures of any size to a denoising model.
    Restore(RestoreArgs),
    /// Draw the code: its scatter, its units, what the decoder makes of it, and filters.
    Plot(PlotArgs),
    /// Classify pictures by each layer's representation, beside raw pixels and PCA.
    Probe(ProbeArgs),
    /// Classify pictures with few labels by a run's encoder, beside one from scratch.
    Transfer(TransferArgs),
    /// Show a model's layers, shapes, parameters and hyperparameters.
    Inspect(InspectArgs),
    /// Open a page on this machine that follows trainings and explores what was learned.
    Serve(ServeArgs),
    /// List the backends that were compiled in and the hardware that they find.
    Backends(BackendsArgs),
    /// Print the JSON Schema of a config.
    Schema,
    /// Print a script that completes this program's arguments in a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// Train the model that a config describes.
#[derive(Debug, Args)]
pub struct TrainArgs {
    /// The config to train.
    pub config: Option<PathBuf>,
    /// Change a key of the config, for example train.epochs=5.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    #[command(flatten)]
    pub backend: BackendArg,
    /// Name of the run's folder [default: that of the config].
    #[arg(long)]
    pub name: Option<String>,
    #[command(flatten)]
    pub runs: RunsArg,
    /// Prove the config in seconds: few images, one epoch.
    #[arg(long)]
    pub quick: bool,
    #[command(flatten)]
    pub output: OutputArgs,
}

impl TrainArgs {
    /// The changes to the config.
    pub fn overrides(&self) -> Vec<Override> {
        overrides(self.quick, &self.set, &self.backend)
    }
}

/// The changes to a config that --quick, --set and --backend stand for.
fn overrides(quick: bool, set: &[String], backend: &BackendArg) -> Vec<Override> {
    // First, so that it gives way to a --set.
    let quick = quick.then(|| Override::flag("--quick", "train.epochs", "1"));
    let set = set.iter().map(|it| Override::set(it));
    (quick.into_iter().chain(set).chain(backend.as_override())).collect()
}

#[derive(Debug, Args)]
pub struct SweepArgs {
    #[command(flatten)]
    pub train: TrainArgs,
    /// List the runs and train none.
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Args)]
pub struct TourArgs {
    #[command(flatten)]
    pub runs: RunsArg,
    /// The tour's own folder [default: tour in the folder of the runs].
    #[arg(short, long, value_name = "DIR", conflicts_with = "runs")]
    pub output: Option<PathBuf>,
    /// Seed of its trainings.
    #[arg(long, default_value_t = 42, value_name = "N")]
    pub seed: u64,
    /// Prove the tour in seconds: few images, one epoch.
    #[arg(long)]
    pub quick: bool,
    #[command(flatten)]
    pub backend: BackendArg,
    #[command(flatten)]
    pub show: OutputArgs,
}

impl TourArgs {
    /// The changes to each of its configs.
    pub fn overrides(&self) -> Vec<Override> {
        let mut all = overrides(self.quick, &[], &self.backend);
        all.push(Override::flag("--seed", "seed", &self.seed.to_string()));
        all
    }
}

#[derive(Debug, Args)]
pub struct ResumeArgs {
    #[command(flatten)]
    pub run: RunArg,
    /// Change a key below train, for example train.epochs=30.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    #[command(flatten)]
    pub backend: BackendArg,
    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Debug, Args)]
pub struct EvaluateArgs {
    #[command(flatten)]
    pub run: RunArg,
    /// Other data: mnist, photos, a folder of IDX files or pictures, a picture, or a config's "data".
    #[arg(long, value_name = "SPEC")]
    pub data: Option<String>,
    #[command(flatten)]
    pub backend: BackendArg,
    /// Print JSON in place of a table.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct CompareArgs {
    /// Run folders, or their names.
    #[arg(required = true, value_name = "RUN")]
    pub names: Vec<PathBuf>,
    #[command(flatten)]
    pub runs: RunsArg,
    /// The figure to sort by, the best first.
    #[arg(long, value_enum, default_value_t)]
    pub sort: SortKey,
    /// How the table is printed.
    #[arg(long, value_enum, default_value_t)]
    pub format: TableFormat,
    /// Print JSON, as --format json does.
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
    /// Also write a page with curves and the same pictures as each run reconstructs them.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Overwrite that file.
    #[arg(long, requires = "html")]
    pub force: bool,
    #[command(flatten)]
    pub backend: BackendArg,
}

/// A figure that runs can be sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum SortKey {
    /// Mean squared error on the test images.
    #[default]
    Mse,
    /// Binary cross-entropy on the test images.
    Bce,
    /// Peak signal-to-noise ratio.
    Psnr,
    /// Structural similarity.
    Ssim,
    /// How many times less error than PCA of the same code size.
    Gain,
    /// Units of the code.
    CodeSize,
    /// Trainable parameters.
    Parameters,
    /// Seconds of training.
    Seconds,
    /// Images trained on per second.
    ImagesPerS,
}

/// A way to print a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TableFormat {
    /// For people.
    #[default]
    Table,
    /// For a document.
    Markdown,
    /// For a spreadsheet.
    Csv,
    /// For a program.
    Json,
}

#[derive(Debug, Args)]
pub struct ProbeArgs {
    #[command(flatten)]
    pub run: RunArg,
    /// The layer to probe, by its name or number, or all of the encoder's.
    #[arg(long, default_value = "all", value_name = "NAME")]
    pub layer: String,
    /// Other data with labels, to learn from and to be measured on: mnist, a folder of IDX files, or
    /// a config's "data" [default: the run's own].
    #[arg(long, value_name = "SPEC")]
    pub data: Option<String>,
    #[command(flatten)]
    pub backend: BackendArg,
    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Debug, Args)]
pub struct TransferArgs {
    #[command(flatten)]
    pub run: RunArg,
    /// How many labelled pictures to learn from, evenly of all classes; all for all that there are. A
    /// classifier makes 1000 steps of up to 128 of them, some two passes over MNIST's 60,000.
    #[arg(
        long,
        default_value = "100,1000,10000,all",
        value_delimiter = ',',
        value_name = "N,...",
        value_parser = labels
    )]
    pub labels: Vec<Labels>,
    /// Seeds that every figure is the mean of: other labelled pictures, another order, another start.
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub seeds: u16,
    /// Other data with labels, to learn from and to be measured on: mnist, a folder of IDX files, or
    /// a config's "data" [default: the run's own].
    #[arg(long, value_name = "SPEC")]
    pub data: Option<String>,
    #[command(flatten)]
    pub backend: BackendArg,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// A number of labelled pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Labels {
    /// All that there are.
    All,
    /// So many.
    Count(usize),
}

/// Reads a number of labelled pictures.
fn labels(text: &str) -> Result<Labels, String> {
    let text = text.trim();
    if text == "all" {
        return Ok(Labels::All);
    }
    let count = text.parse().ok().filter(|&count: &usize| count > 0);
    let count = count.ok_or("allowed: a whole number above 0, or all")?;
    Ok(Labels::Count(count))
}

#[derive(Debug, Args)]
pub struct AnomalyArgs {
    /// A run's folder or name; a config with --one-class.
    #[arg(value_name = "RUN|CONFIG")]
    pub target: PathBuf,
    #[command(flatten)]
    pub runs: RunsArg,
    /// Normal pictures: mnist, photos, a folder, a picture, or a config's "data" [default: the run's
    /// own test pictures].
    #[arg(long, value_name = "SPEC")]
    pub normal: Option<String>,
    /// Pictures of another kind, named alike.
    #[arg(long, value_name = "SPEC")]
    pub other: Option<String>,
    /// The share of normal pictures whose errors lie below the threshold.
    #[arg(long, default_value_t = 0.99, value_parser = share)]
    pub quantile: f64,
    /// What a picture is scored by.
    #[arg(long, value_enum, default_value_t)]
    pub score: Score,
    /// A run that was trained on pictures of the other kind, whose errors stand beside.
    #[arg(long, value_name = "RUN", conflicts_with = "one_class")]
    pub other_run: Option<PathBuf>,
    /// Train on each label in turn, and tell its test pictures from all others.
    #[arg(long)]
    pub one_class: bool,
    /// Change a key of the config, with --one-class.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Name of the folder that --one-class makes [default: that of the config, with -one-class].
    #[arg(long)]
    pub name: Option<String>,
    /// Prove --one-class in seconds: few images, one epoch.
    #[arg(long)]
    pub quick: bool,
    #[command(flatten)]
    pub backend: BackendArg,
    #[command(flatten)]
    pub output: OutputArgs,
}

impl AnomalyArgs {
    /// The changes to the config.
    pub fn overrides(&self) -> Vec<Override> {
        overrides(self.quick, &self.set, &self.backend)
    }
}

/// What a picture is scored by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Score {
    /// The squared error of its reconstruction, mean over its values.
    #[default]
    Mse,
    /// The squared error divided by the picture's norm: without it, pictures with little on them
    /// pass for ordinary, as there is little to get wrong.
    Relative,
}

/// Reads a share of a whole.
fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|it| (0.0..=1.0).contains(it));
    share.ok_or_else(|| "allowed: a number from 0 to 1".into())
}

#[derive(Debug, Args)]
pub struct ClusterArgs {
    #[command(flatten)]
    pub run: RunArg,
    /// How many clusters.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(2..))]
    pub k: u16,
    /// Move the codes, the pixels and the components together with their 20 nearest neighbours so
    /// many times before they are clustered; 50 is enough.
    #[arg(long, default_value_t = 0, value_name = "ROUNDS")]
    pub smooth: u16,
    /// Cluster the test pictures of other data: mnist, photos, a folder, or a config's "data"
    /// [default: the run's own test pictures].
    #[arg(long, value_name = "SPEC")]
    pub data: Option<String>,
    #[command(flatten)]
    pub backend: BackendArg,
    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Debug, Args)]
pub struct PlotArgs {
    #[command(flatten)]
    pub run: RunArg,
    /// Draw the test pictures of other data: mnist, photos, a folder, a picture, or a config's "data"
    /// [default: the run's own test pictures].
    #[arg(long, value_name = "SPEC")]
    pub data: Option<String>,
    #[command(flatten)]
    pub backend: BackendArg,
    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Debug, Args)]
pub struct EncodeArgs {
    #[command(flatten)]
    pub run: RunArg,
    #[command(flatten)]
    pub input: InputArg,
    /// The file to write: .npy for the codes, .npz for the codes with labels and names.
    #[arg(short, long)]
    pub output: PathBuf,
    /// The representation after this layer, by its name or number, in place of the code.
    #[arg(long)]
    pub layer: Option<String>,
    #[command(flatten)]
    pub write: WriteArgs,
}

#[derive(Debug, Args)]
pub struct DecodeArgs {
    #[command(flatten)]
    pub run: RunArg,
    /// Codes: an .npy file of the shape (images, code size), or an .npz file that has it as "codes".
    pub input: PathBuf,
    /// A folder for the pictures, or an .npy file for their values.
    #[arg(short, long)]
    pub output: PathBuf,
    #[command(flatten)]
    pub write: WriteArgs,
}

#[derive(Debug, Args)]
pub struct CompressArgs {
    #[command(flatten)]
    pub run: RunArg,
    /// Pictures: a file or a folder of any sizes, an IDX folder, mnist or photos. Without --output they
    /// are only measured [default then: the run's test pictures].
    pub input: Option<String>,
    /// The file to write.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Bits of each value of a code, before entropy coding [default: 5].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=8))]
    pub bits: Option<u32>,
    /// Put the model into the file, which then needs no run to be decompressed.
    #[arg(long)]
    pub model: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub write: WriteArgs,
}

#[derive(Debug, Args)]
pub struct DecompressArgs {
    /// A file that compress wrote.
    pub file: PathBuf,
    /// A folder for the pictures, which keep their names and become PNG files.
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
    /// The run that compressed it, where the model is not in the file.
    #[arg(long, value_name = "RUN")]
    pub run: Option<PathBuf>,
    #[command(flatten)]
    pub runs: RunsArg,
    #[command(flatten)]
    pub write: WriteArgs,
}

#[derive(Debug, Args)]
pub struct ReconstructArgs {
    #[command(flatten)]
    pub run: RunArg,
    #[command(flatten)]
    pub input: InputArg,
    /// A .png file for one picture, a folder for several.
    #[arg(short, long)]
    pub output: PathBuf,
    /// Turn black and white round first, for a drawing on paper given to a model of white on black.
    #[arg(long)]
    pub invert: bool,
    #[command(flatten)]
    pub write: WriteArgs,
}

#[derive(Debug, Args)]
pub struct RestoreArgs {
    #[command(flatten)]
    pub run: RunArg,
    /// Pictures, or folders of them, that have lost what the model gives back: noisy, blurred, small
    /// or grey ones, or such with black holes.
    #[arg(required = true, value_name = "INPUT")]
    pub inputs: Vec<PathBuf>,
    /// A folder for the restored pictures, which keep their names and become PNG files.
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
    /// Write NAME-compare.png too: before, after and the best baseline side by side.
    #[arg(long)]
    pub compare: bool,
    /// Take the inputs for clean: corrupt them first as at evaluation, and measure what comes back.
    #[arg(long)]
    pub from_clean: bool,
    /// Seed of what --from-clean corrupts them by [default: the run's].
    #[arg(long, value_name = "N", requires = "from_clean")]
    pub seed: Option<u64>,
    #[command(flatten)]
    pub write: WriteArgs,
    #[command(flatten)]
    pub show: OutputArgs,
}

#[derive(Debug, Args)]
pub struct InspectArgs {
    #[command(flatten)]
    pub run: RunArg,
    /// Print JSON in place of a table.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ServeArgs {
    #[command(flatten)]
    pub runs: RunsArg,
    /// The port to listen on; 0 takes any that is free.
    #[arg(long, default_value_t = 7860)]
    pub port: u16,
    /// The address to listen on, or the name by which browsers ask for this machine.
    #[arg(long, default_value = "127.0.0.1", value_name = "NAME")]
    pub host: String,
    #[command(flatten)]
    pub backend: BackendArg,
}

#[derive(Debug, Args)]
pub struct BackendsArgs {
    /// Print JSON in place of a table.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct RunArg {
    /// A run's folder, or its name.
    #[arg(value_name = "RUN")]
    pub name: PathBuf,
    #[command(flatten)]
    pub runs: RunsArg,
}

#[derive(Debug, Args)]
pub struct RunsArg {
    /// The folder that holds the runs.
    #[arg(long, default_value = RUNS, value_name = "DIR")]
    pub runs: PathBuf,
}

#[derive(Clone, Debug, Default, Args)]
pub struct BackendArg {
    /// What computes: auto, flex, ndarray, wgpu, vulkan, metal, cuda or rocm.
    #[arg(long, value_name = "B")]
    pub backend: Option<String>,
}

impl BackendArg {
    /// The change to the config, if there is one.
    pub fn as_override(&self) -> Option<Override> {
        let name = self.backend.as_ref()?;
        Some(Override::flag("--backend", "backend", name))
    }
}

#[derive(Debug, Args)]
pub struct OutputArgs {
    /// Show no progress.
    #[arg(long)]
    pub quiet: bool,
    /// Print the result as JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct InputArg {
    /// A picture, a folder of pictures or of IDX files, mnist or photos.
    pub input: String,
    /// Which part of a data set that has two.
    #[arg(long, value_enum, default_value_t)]
    pub split: Part,
}

/// A part of a data set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// The training images.
    Train,
    /// The test images.
    #[default]
    Test,
}

#[derive(Debug, Args)]
pub struct WriteArgs {
    #[command(flatten)]
    pub backend: BackendArg,
    /// Replace files that exist.
    #[arg(long)]
    pub force: bool,
}
