//! The command line: the verbs and their arguments.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

use hourglass::analysis::scoring::Method;
use hourglass::comparison::SortBy;
use hourglass::config::Override;
use hourglass::export;
use hourglass::measure::restoration::Channels;
use hourglass::proposal::Aim;
use hourglass::run::RUNS;

/// The most CPU threads: more than any machine has, and few enough to start at once.
pub const MOST_THREADS: u16 = 1024;

const EXAMPLES: &str = "\
Examples:
  hourglass tour                                       see what an autoencoder is
  hourglass configs/conv.json                          train
  hourglass configs/conv.json --set train.epochs=5     train for fewer epochs
  hourglass resume conv                                continue an interrupted run
  hourglass sweep grid.json --dry-run                  list the runs of a grid of configs
  hourglass compare conv dense                         compare two runs
  hourglass reconstruct conv digit.png -o out.png      reconstruct a picture";

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
    /// Number of CPU threads, up to 1024 [default: RAYON_NUM_THREADS, or one per core].
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=i64::from(MOST_THREADS)))]
    pub threads: Option<u16>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Look at a folder of pictures and write a config for it.
    Init(InitArgs),
    /// Continue a run exactly where it stopped.
    Resume(ResumeArgs),
    /// Take a five-minute lesson: trains seven small models and explains them.
    Tour(TourArgs),
    /// Train every combination of the values in a config's "sweep", and compare the runs.
    Sweep(SweepArgs),
    /// Evaluate a run on its test images or on other data, with baselines.
    Evaluate(EvaluateArgs),
    /// Compare runs, smallest reconstruction error first.
    Compare(CompareArgs),
    /// Detect unusual pictures by their reconstruction error, compared with PCA.
    Anomaly(AnomalyArgs),
    /// Score pictures or rows by how odd they are, and say where; needs no odd ones.
    Score(ScoreArgs),
    /// Cluster pictures by their codes with k-means, compared with raw pixels and PCA.
    Cluster(ClusterArgs),
    /// Encode images and save the codes as NumPy arrays.
    Encode(EncodeArgs),
    /// Decode codes into pictures.
    Decode(DecodeArgs),
    /// Export a model as ONNX, as a PyTorch module, or as a folder for Hugging Face.
    Export(ExportArgs),
    /// Import weights from PyTorch or safetensors as a run.
    Import(ImportArgs),
    /// Compress pictures into a small file, or compare the size with JPEG, WebP and PCA.
    Compress(CompressArgs),
    /// Restore the pictures from a compressed file.
    Decompress(DecompressArgs),
    /// Encode and decode pictures, and save the reconstructions.
    Reconstruct(ReconstructArgs),
    /// Restore noisy, blurred, small, grey or damaged pictures with a denoising model.
    Restore(RestoreArgs),
    /// Plot the code: scatter charts, unit statistics, decoded walks and grids, and filters.
    Plot(PlotArgs),
    /// Measure how well each layer separates the classes, compared with raw pixels and PCA.
    Probe(ProbeArgs),
    /// Train a classifier with few labels on a run's encoder, compared with one from scratch.
    Transfer(TransferArgs),
    /// Show a model's layers, shapes, parameters and hyperparameters.
    Inspect(InspectArgs),
    /// Start a local web page to watch trainings and explore models.
    Serve(ServeArgs),
    /// List the compiled backends and the hardware they find.
    Backends(BackendsArgs),
    /// Print the JSON Schema of the configs.
    Schema,
    /// Print a shell completion script.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write one for the program and each command into a folder.
    Man {
        /// The folder [default: only print the program's page].
        dir: Option<PathBuf>,
    },
}

/// Train the model that a config describes.
#[derive(Debug, Args)]
pub struct TrainArgs {
    /// The config to train.
    pub config: Option<PathBuf>,
    /// Override a config key, for example train.epochs=5.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    #[command(flatten)]
    pub backend: BackendArg,
    /// Name of the run's folder [default: the config's name].
    #[arg(long)]
    pub name: Option<String>,
    #[command(flatten)]
    pub runs: RunsArg,
    /// Smoke-test the config in seconds: a few images, one epoch.
    #[arg(long)]
    pub quick: bool,
    #[command(flatten)]
    pub strict: StrictArg,
    /// Keep decoded pictures in memory, also if they are too large for it.
    #[arg(long)]
    pub no_cache: bool,
    #[command(flatten)]
    pub output: OutputArgs,
}

impl TrainArgs {
    /// The changes to the config.
    pub fn overrides(&self) -> Vec<Override> {
        overrides(self.quick, &self.set, &self.backend)
    }
}

/// The overrides that --quick, --set and --backend stand for.
fn overrides(quick: bool, set: &[String], backend: &BackendArg) -> Vec<Override> {
    // First, so that a --set wins over it.
    let quick = quick.then(|| Override::flag("--quick", "train.epochs", "1"));
    let set = set.iter().map(|it| Override::set(it));
    (quick.into_iter().chain(set).chain(backend.as_override())).collect()
}

#[derive(Debug, Args)]
pub struct SweepArgs {
    #[command(flatten)]
    pub train: TrainArgs,
    /// List the runs without training them.
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Args)]
pub struct TourArgs {
    #[command(flatten)]
    pub runs: RunsArg,
    /// The tour's folder [default: tour in the folder of runs].
    #[arg(short, long, value_name = "DIR", conflicts_with = "runs")]
    pub output: Option<PathBuf>,
    /// Seed of the tour's trainings.
    #[arg(long, default_value_t = 42, value_name = "N")]
    pub seed: u64,
    /// Try the tour in seconds: a few images, one epoch, meaningless figures.
    #[arg(long)]
    pub quick: bool,
    #[command(flatten)]
    pub backend: BackendArg,
    #[command(flatten)]
    pub show: OutputArgs,
}

impl TourArgs {
    /// The overrides of each of its configs.
    pub fn overrides(&self) -> Vec<Override> {
        let mut all = overrides(self.quick, &[], &self.backend);
        all.push(Override::flag("--seed", "seed", &self.seed.to_string()));
        all
    }
}

#[derive(Debug, Args)]
pub struct InitArgs {
    /// The folder of pictures, or of IDX files.
    pub folder: PathBuf,
    /// What the pictures are for.
    #[arg(long = "for", value_name = "USE", default_value = "explore", value_parser = aim())]
    pub aim: Aim,
    /// Minutes that the training may take on this machine.
    #[arg(long, default_value_t = 10.0, value_name = "N", value_parser = minutes)]
    pub minutes: f64,
    /// The config to write [default: the folder's name and .json].
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub backend: BackendArg,
    /// Print JSON instead of text.
    #[arg(long)]
    pub json: bool,
}

/// Reads a number of minutes, up to a week.
fn minutes(text: &str) -> Result<f64, String> {
    let number = text
        .parse()
        .ok()
        .filter(|it| (0.01..=10_080.0).contains(it));
    number.ok_or_else(|| "expected a number from 0.01 to 10080".into())
}

#[derive(Debug, Args)]
pub struct ResumeArgs {
    #[command(flatten)]
    pub run: RunArg,
    /// Override a key under train, for example train.epochs=30.
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
    /// Other data: mnist, photos, a folder of IDX files or pictures, a picture, or the "data" object
    /// of a config [default: the run's test images].
    #[arg(long, value_name = "SPEC")]
    pub data: Option<String>,
    /// Also write the error of each frame of videos as a CSV file.
    #[arg(long, value_name = "FILE")]
    pub frames: Option<PathBuf>,
    #[command(flatten)]
    pub strict: StrictArg,
    #[command(flatten)]
    pub backend: BackendArg,
    /// Print JSON instead of a table.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct CompareArgs {
    /// Folders or names of runs.
    #[arg(required = true, value_name = "RUN")]
    pub names: Vec<PathBuf>,
    #[command(flatten)]
    pub runs: RunsArg,
    /// Figure to sort by, best first.
    #[arg(long, value_name = "FIGURE", default_value = "mse", value_parser = sort_by())]
    pub sort: SortBy,
    /// Output format.
    #[arg(long, value_enum, default_value_t)]
    pub format: TableFormat,
    /// Print JSON, like --format json.
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
    /// Also write the figures to this file, .csv or .parquet.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Also write an HTML page with curves and each run's reconstructions of the same pictures.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    #[command(flatten)]
    pub backend: BackendArg,
}

/// Reads the name of a figure that runs can be sorted by.
fn sort_by() -> impl TypedValueParser<Value = SortBy> {
    named(SortBy::all().collect(), SortBy::name, SortBy::about)
}

/// Reads what pictures are for.
fn aim() -> impl TypedValueParser<Value = Aim> {
    named(Aim::ALL.to_vec(), Aim::name, Aim::about)
}

/// Reads one of several values by its name; help says what each is about.
fn named<T: Copy + Send + Sync + 'static>(
    all: Vec<T>,
    name: fn(T) -> &'static str,
    about: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T> {
    let one = |it: &T| PossibleValue::new(name(*it)).help(about(*it));
    let values: Vec<PossibleValue> = all.iter().map(one).collect();
    PossibleValuesParser::new(values).try_map(move |word| {
        let found = all.iter().copied().find(|it| name(*it) == word);
        found.ok_or("no such value")
    })
}

/// A way to print a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TableFormat {
    /// A table for the terminal.
    #[default]
    Table,
    /// A Markdown table.
    Markdown,
    /// Comma-separated values.
    Csv,
    /// JSON.
    Json,
}

#[derive(Debug, Args)]
pub struct ProbeArgs {
    #[command(flatten)]
    pub run: RunArg,
    /// Name or number of an encoder layer, or all.
    #[arg(long, default_value = "all", value_name = "NAME")]
    pub layer: String,
    /// Other labelled data to train and test on: mnist, a folder of IDX files, or the "data" object of
    /// a config [default: the run's data].
    #[arg(long, value_name = "SPEC")]
    pub data: Option<String>,
    #[command(flatten)]
    pub strict: StrictArg,
    #[command(flatten)]
    pub backend: BackendArg,
    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Debug, Args)]
pub struct TransferArgs {
    #[command(flatten)]
    pub run: RunArg,
    /// Numbers of labelled pictures to train on, balanced over the classes, or all. Each classifier
    /// takes 1000 steps of up to 128 pictures, about two passes over MNIST's 60,000.
    #[arg(
        long,
        default_value = "100,1000,10000,all",
        value_delimiter = ',',
        value_name = "N,...",
        value_parser = labels
    )]
    pub labels: Vec<Labels>,
    /// Number of seeds to average over. Each seed draws its own labelled pictures, order and initial
    /// weights.
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub seeds: u16,
    /// Other labelled data to train and test on: mnist, a folder of IDX files, or the "data" object of
    /// a config [default: the run's data].
    #[arg(long, value_name = "SPEC")]
    pub data: Option<String>,
    #[command(flatten)]
    pub strict: StrictArg,
    #[command(flatten)]
    pub backend: BackendArg,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// A number of labelled pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Labels {
    /// All of them.
    All,
    /// This many.
    Count(usize),
}

/// Reads a number of labelled pictures.
fn labels(text: &str) -> Result<Labels, String> {
    let text = text.trim();
    if text == "all" {
        return Ok(Labels::All);
    }
    let count = text.parse().ok().filter(|&count: &usize| count > 0);
    let count = count.ok_or("expected a whole number above 0, or all")?;
    Ok(Labels::Count(count))
}

#[derive(Debug, Args)]
pub struct AnomalyArgs {
    /// A run's folder or name, or a config with --one-class.
    #[arg(value_name = "RUN|CONFIG")]
    pub target: PathBuf,
    #[command(flatten)]
    pub runs: RunsArg,
    /// Normal pictures: mnist, photos, a folder, a picture, or the "data" object of a config
    /// [default: the run's test pictures].
    #[arg(long, value_name = "SPEC")]
    pub normal: Option<String>,
    /// Unusual pictures, given in the same ways [default for a run that was trained on one class of a folder: the test
    /// pictures of all other classes].
    #[arg(long, value_name = "SPEC")]
    pub other: Option<String>,
    /// Share of normal pictures that score below the threshold.
    #[arg(long, default_value_t = 0.99, value_parser = share)]
    pub quantile: f64,
    /// How a picture is scored. All but mse and relative are for --one-class, and need validation pictures.
    #[arg(long, value_name = "SCORE", default_value = "mse", value_parser = method())]
    pub score: Method,
    /// A run trained on the unusual kind of pictures, to compare with.
    #[arg(long, value_name = "RUN", conflicts_with = "one_class")]
    pub other_run: Option<PathBuf>,
    /// Train one model per label, and test how well each tells its label from all others.
    #[arg(long)]
    pub one_class: bool,
    /// Override a config key, with --one-class.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Name of the folder of --one-class [default: the config's name and -one-class].
    #[arg(long)]
    pub name: Option<String>,
    /// Smoke-test --one-class in seconds: a few images, one epoch.
    #[arg(long)]
    pub quick: bool,
    #[command(flatten)]
    pub strict: StrictArg,
    #[command(flatten)]
    pub backend: BackendArg,
    #[command(flatten)]
    pub output: OutputArgs,
}

impl AnomalyArgs {
    /// The overrides of the config.
    pub fn overrides(&self) -> Vec<Override> {
        overrides(self.quick, &self.set, &self.backend)
    }
}

/// Reads how a sample is scored by what is usual for a run.
fn method() -> impl TypedValueParser<Value = Method> {
    named(Method::ALL.to_vec(), Method::name, Method::about)
}

/// Reads a share of a whole.
fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|it| (0.0..=1.0).contains(it));
    share.ok_or_else(|| "expected a number from 0 to 1".into())
}

#[derive(Debug, Args)]
pub struct ScoreArgs {
    #[command(flatten)]
    pub run: RunArg,
    /// What to score: pictures, folders of pictures or IDX files, tables or series (.csv, .npy, .parquet, .wav, ...)
    /// [default: the run's test part].
    #[arg(value_name = "INPUT")]
    pub inputs: Vec<String>,
    /// Output file, .csv or .parquet: a line for each picture, row or window.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// How a sample is scored. All but mse and relative compare with the run's training and validation
    /// samples.
    #[arg(long, value_name = "SCORE", default_value = "combined", value_parser = method())]
    pub score: Method,
    /// Share of the run's validation samples that score at most the threshold.
    #[arg(long, default_value_t = 0.99, value_parser = share)]
    pub quantile: f64,
    /// Also write a picture of each picture's errors into this folder.
    #[arg(long, value_name = "DIR")]
    pub heatmaps: Option<PathBuf>,
    /// Masks of what is odd, as NAME or NAME_mask.png, black for normal: measures the error maps.
    #[arg(long, value_name = "DIR")]
    pub masks: Option<PathBuf>,
    /// Also write scores and odd intervals of the steps of series into this folder, with drawings.
    #[arg(long, value_name = "DIR")]
    pub steps: Option<PathBuf>,
    /// Column of a table that says what is normal; with --normal [default: data.label of the config].
    #[arg(long, value_name = "COLUMN")]
    pub label: Option<String>,
    /// What normal samples are labelled with: a value of that column, the label of an IDX set, or the
    /// name of a folder of pictures. Measures how well scores tell them from others.
    #[arg(long, value_name = "VALUE")]
    pub normal: Option<String>,
    #[command(flatten)]
    pub strict: StrictArg,
    #[command(flatten)]
    pub backend: BackendArg,
    #[command(flatten)]
    pub show: OutputArgs,
}

#[derive(Debug, Args)]
pub struct ClusterArgs {
    #[command(flatten)]
    pub run: RunArg,
    /// Number of clusters [default: 10].
    #[arg(long, value_parser = clap::value_parser!(u16).range(2..))]
    pub k: Option<u16>,
    /// Rounds of smoothing over the 20 nearest neighbours before clustering (try 50).
    #[arg(long, default_value_t = 0, value_name = "ROUNDS")]
    pub smooth: u16,
    /// Cluster the test pictures of other data: mnist, photos, a folder, or the "data" object of a
    /// config [default: the run's test pictures].
    #[arg(long, value_name = "SPEC")]
    pub data: Option<String>,
    #[command(flatten)]
    pub strict: StrictArg,
    #[command(flatten)]
    pub backend: BackendArg,
    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Debug, Args)]
pub struct PlotArgs {
    #[command(flatten)]
    pub run: RunArg,
    /// Plot the test pictures of other data: mnist, photos, a folder, a picture, or the "data" object
    /// of a config [default: the run's test pictures].
    #[arg(long, value_name = "SPEC")]
    pub data: Option<String>,
    #[command(flatten)]
    pub strict: StrictArg,
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
    /// Output file: .npy for the codes; .npz, .csv or .parquet for the codes with labels and names.
    #[arg(short, long)]
    pub output: PathBuf,
    /// Save the output of this layer, by name or number, instead of the code.
    #[arg(long)]
    pub layer: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub write: WriteArgs,
}

#[derive(Debug, Args)]
pub struct DecodeArgs {
    #[command(flatten)]
    pub run: RunArg,
    /// Codes: an .npy array of shape (images, code size), or an .npz file with that array as "codes".
    pub input: PathBuf,
    /// Output folder for the pictures, or an .npy file for their values.
    #[arg(short, long)]
    pub output: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub write: WriteArgs,
}

#[derive(Debug, Args)]
pub struct CompressArgs {
    #[command(flatten)]
    pub run: RunArg,
    /// Pictures of any size: a file, a folder, an IDX folder, mnist or photos. Without --output they
    /// are only measured, and the default is the run's test pictures.
    pub input: Option<String>,
    /// Output file; without it, nothing but the measurement is written.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Bits per code value before entropy coding [default: 5].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=8))]
    pub bits: Option<u32>,
    /// Embed the model, so that the file can be decompressed without the run.
    #[arg(long)]
    pub model: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub strict: StrictArg,
    #[command(flatten)]
    pub write: WriteArgs,
}

#[derive(Debug, Args)]
pub struct ExportArgs {
    #[command(flatten)]
    pub run: RunArg,
    /// What to write.
    #[arg(long, value_enum, default_value_t)]
    pub format: ExportFormat,
    /// Which part of the model an ONNX file has.
    #[arg(long, value_enum, default_value_t)]
    pub part: ExportPart,
    /// Output .onnx file, or the folder of the other formats.
    #[arg(short, long)]
    pub output: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub write: WriteArgs,
}

/// What a model is exported as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// One file with the weights inside, for onnxruntime and others.
    #[default]
    Onnx,
    /// A folder: model.py, its weights, and an example that it checks itself with.
    Pytorch,
    /// A folder: weights, config.json and a model card.
    Huggingface,
}

/// A part of a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ExportPart {
    /// From the input to the reconstruction, and the code beside it.
    #[default]
    Whole,
    /// From the input to the code.
    Encoder,
    /// From the code to the reconstruction.
    Decoder,
}

impl From<ExportPart> for export::Part {
    fn from(part: ExportPart) -> Self {
        match part {
            ExportPart::Whole => Self::Whole,
            ExportPart::Encoder => Self::Encoder,
            ExportPart::Decoder => Self::Decoder,
        }
    }
}

#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The file of weights: a PyTorch state dict (.pt, .pth) or safetensors.
    pub weights: PathBuf,
    /// The config of the model that the weights are of, and of its data.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// The run's folder.
    #[arg(short, long, value_name = "RUN")]
    pub output: PathBuf,
    /// JSON file of an object from the names of tensors to those of parameters.
    #[arg(long, value_name = "FILE")]
    pub map: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub backend: BackendArg,
}

#[derive(Debug, Args)]
pub struct DecompressArgs {
    /// A file written by compress.
    pub file: PathBuf,
    /// Output folder; pictures keep their names and are saved as PNG.
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
    /// The run that compressed the file; needed unless the model is embedded.
    #[arg(long, value_name = "RUN")]
    pub run: Option<PathBuf>,
    /// Also open a file that announces far more pictures or pixels than its size suggests.
    #[arg(long)]
    pub large: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
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
    /// Output .png file for one picture, or a folder for several.
    #[arg(short, long)]
    pub output: PathBuf,
    /// Invert the input first: for dark-on-light drawings and a light-on-dark model.
    #[arg(long)]
    pub invert: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub write: WriteArgs,
}

#[derive(Debug, Args)]
pub struct RestoreArgs {
    #[command(flatten)]
    pub run: RunArg,
    /// Pictures to restore, or folders of them: noisy, blurred, small or grey ones, or pictures with
    /// black holes, as the model was trained for. Or tables with missing cells.
    #[arg(required = true, value_name = "INPUT")]
    pub inputs: Vec<PathBuf>,
    /// Output folder; restored pictures keep their names and are saved as PNG, tables as they are.
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
    /// Also write NAME-compare.png: before, after and the best baseline side by side.
    #[arg(long)]
    pub compare: bool,
    /// The inputs are clean: corrupt them first, as in an evaluation, and measure the restoration.
    #[arg(long)]
    pub from_clean: bool,
    /// Seed of the corruption with --from-clean [default: the run's seed].
    #[arg(long, value_name = "N", requires = "from_clean")]
    pub seed: Option<u64>,
    /// What PSNR and SSIM are measured on.
    #[arg(long, value_enum, default_value_t, requires = "from_clean")]
    pub metric: Metric,
    /// Pixels that PSNR and SSIM leave out at each border.
    #[arg(long, value_name = "N", default_value_t = 0, requires = "from_clean")]
    pub crop: usize,
    #[command(flatten)]
    pub strict: StrictArg,
    #[command(flatten)]
    pub write: WriteArgs,
    #[command(flatten)]
    pub show: OutputArgs,
}

/// What PSNR and SSIM of a restored picture are measured on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Metric {
    /// All channels.
    #[default]
    All,
    /// Y of YCbCr (BT.601), as in tables of super-resolution.
    Y,
}

impl From<Metric> for Channels {
    fn from(metric: Metric) -> Self {
        match metric {
            Metric::All => Channels::All,
            Metric::Y => Channels::Y,
        }
    }
}

#[derive(Debug, Args)]
pub struct InspectArgs {
    #[command(flatten)]
    pub run: RunArg,
    /// Print JSON instead of a table.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ServeArgs {
    #[command(flatten)]
    pub runs: RunsArg,
    /// Port to listen on; 0 picks a free one.
    #[arg(long, default_value_t = 7860)]
    pub port: u16,
    /// Address to listen on, or this machine's host name as browsers use it.
    #[arg(long, default_value = "127.0.0.1", value_name = "NAME")]
    pub host: String,
    /// Compute backend: auto, flex, ndarray, wgpu, vulkan, metal, cuda or rocm.
    #[arg(long, value_name = "B")]
    pub backend: Option<String>,
}

#[derive(Debug, Args)]
pub struct BackendsArgs {
    /// Print JSON instead of a table.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct RunArg {
    /// A run's folder or name.
    #[arg(value_name = "RUN")]
    pub name: PathBuf,
    #[command(flatten)]
    pub runs: RunsArg,
}

#[derive(Debug, Args)]
pub struct RunsArg {
    /// Folder of the runs.
    #[arg(long, default_value = RUNS, value_name = "DIR")]
    pub runs: PathBuf,
}

#[derive(Clone, Debug, Default, Args)]
pub struct BackendArg {
    /// Compute backend: auto, flex, ndarray, wgpu, vulkan, metal, cuda or rocm.
    #[arg(long, value_name = "B")]
    pub backend: Option<String>,
    /// Do it anyway: over existing files, with more memory than is free, from a config that was changed,
    /// with a run that diverged.
    #[arg(long)]
    pub force: bool,
}

impl BackendArg {
    /// The override of the config, if --backend was given.
    pub fn as_override(&self) -> Option<Override> {
        let name = self.backend.as_ref()?;
        Some(Override::flag("--backend", "backend", name))
    }
}

/// What is done about a picture that cannot be read.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct StrictArg {
    /// Fail on a picture that cannot be read, instead of leaving it out.
    #[arg(long)]
    pub strict: bool,
}

#[derive(Debug, Args)]
pub struct OutputArgs {
    /// Hide progress.
    #[arg(long)]
    pub quiet: bool,
    /// Print the result as JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct InputArg {
    /// A picture, a folder of pictures or IDX files, mnist or photos.
    pub input: String,
    /// Which split of the data to use, if it has two.
    #[arg(long, value_enum, default_value_t)]
    pub split: Part,
    #[command(flatten)]
    pub strict: StrictArg,
}

/// A split of a data set.
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
}
