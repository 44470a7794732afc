# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_hourglass_global_optspecs
    string join \n set= backend= force name= runs= quick strict no-cache quiet json threads= h/help V/version
end

function __fish_hourglass_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_hourglass_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_hourglass_using_subcommand
    set -l cmd (__fish_hourglass_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c hourglass -n "__fish_hourglass_needs_command" -l set -d 'Override a config key, for example train.epochs=5' -r
complete -c hourglass -n "__fish_hourglass_needs_command" -l backend -d 'Compute backend: auto, flex, ndarray, wgpu, vulkan, metal, cuda or rocm' -r
complete -c hourglass -n "__fish_hourglass_needs_command" -l name -d 'Name of the run\'s folder [default: the config\'s name]' -r
complete -c hourglass -n "__fish_hourglass_needs_command" -l runs -d 'Folder of the runs' -r -F
complete -c hourglass -n "__fish_hourglass_needs_command" -l threads -d 'Number of CPU threads, up to 1024 [default: RAYON_NUM_THREADS, or one per core]' -r
complete -c hourglass -n "__fish_hourglass_needs_command" -l force -d 'Do it anyway: over existing files, with more memory than is free, from a config that was changed, with a run that diverged'
complete -c hourglass -n "__fish_hourglass_needs_command" -l quick -d 'Smoke-test the config in seconds: a few images, one epoch'
complete -c hourglass -n "__fish_hourglass_needs_command" -l strict -d 'Fail on a picture that cannot be read, instead of leaving it out'
complete -c hourglass -n "__fish_hourglass_needs_command" -l no-cache -d 'Keep decoded pictures in memory, also if they are too large for it'
complete -c hourglass -n "__fish_hourglass_needs_command" -l quiet -d 'Hide progress'
complete -c hourglass -n "__fish_hourglass_needs_command" -l json -d 'Print the result as JSON'
complete -c hourglass -n "__fish_hourglass_needs_command" -s h -l help -d 'Print help'
complete -c hourglass -n "__fish_hourglass_needs_command" -s V -l version -d 'Print version'
complete -c hourglass -n "__fish_hourglass_needs_command" -a "init" -d 'Look at a folder of pictures and write a config for it'
complete -c hourglass -n "__fish_hourglass_needs_command" -a "resume" -d 'Continue a run exactly where it stopped'
complete -c hourglass -n "__fish_hourglass_needs_command" -a "tour" -d 'Take a five-minute lesson: trains seven small models and explains them'
complete -c hourglass -n "__fish_hourglass_needs_command" -a "sweep" -d 'Train every combination of the values in a config\'s "sweep", and compare the runs'
complete -c hourglass -n "__fish_hourglass_needs_command" -a "evaluate" -d 'Evaluate a run on its test images or on other data, with baselines'
complete -c hourglass -n "__fish_hourglass_needs_command" -a "compare" -d 'Compare runs, smallest reconstruction error first'
complete -c hourglass -n "__fish_hourglass_needs_command" -a "anomaly" -d 'Detect unusual pictures by their reconstruction error, compared with PCA'
complete -c hourglass -n "__fish_hourglass_needs_command" -a "score" -d 'Score pictures or rows by how odd they are, and say where; needs no odd ones'
complete -c hourglass -n "__fish_hourglass_needs_command" -a "cluster" -d 'Cluster pictures by their codes with k-means, compared with raw pixels and PCA'
complete -c hourglass -n "__fish_hourglass_needs_command" -a "encode" -d 'Encode images and save the codes as NumPy arrays'
complete -c hourglass -n "__fish_hourglass_needs_command" -a "decode" -d 'Decode codes into pictures'
complete -c hourglass -n "__fish_hourglass_needs_command" -a "export" -d 'Export a model as ONNX, as a PyTorch module, or as a folder for Hugging Face'
complete -c hourglass -n "__fish_hourglass_needs_command" -a "import" -d 'Import weights from PyTorch or safetensors as a run'
complete -c hourglass -n "__fish_hourglass_needs_command" -a "compress" -d 'Compress pictures into a small file, or compare the size with JPEG, WebP and PCA'
complete -c hourglass -n "__fish_hourglass_needs_command" -a "decompress" -d 'Restore the pictures from a compressed file'
complete -c hourglass -n "__fish_hourglass_needs_command" -a "reconstruct" -d 'Encode and decode pictures, and save the reconstructions'
complete -c hourglass -n "__fish_hourglass_needs_command" -a "restore" -d 'Restore noisy, blurred, small, grey or damaged pictures with a denoising model'
complete -c hourglass -n "__fish_hourglass_needs_command" -a "plot" -d 'Plot the code: scatter charts, unit statistics, decoded walks and grids, and filters'
complete -c hourglass -n "__fish_hourglass_needs_command" -a "probe" -d 'Measure how well each layer separates the classes, compared with raw pixels and PCA'
complete -c hourglass -n "__fish_hourglass_needs_command" -a "transfer" -d 'Train a classifier with few labels on a run\'s encoder, compared with one from scratch'
complete -c hourglass -n "__fish_hourglass_needs_command" -a "inspect" -d 'Show a model\'s layers, shapes, parameters and hyperparameters'
complete -c hourglass -n "__fish_hourglass_needs_command" -a "serve" -d 'Start a local web page to watch trainings and explore models'
complete -c hourglass -n "__fish_hourglass_needs_command" -a "backends" -d 'List the compiled backends and the hardware they find'
complete -c hourglass -n "__fish_hourglass_needs_command" -a "schema" -d 'Print the JSON Schema of the configs'
complete -c hourglass -n "__fish_hourglass_needs_command" -a "completions" -d 'Print a shell completion script'
complete -c hourglass -n "__fish_hourglass_needs_command" -a "man" -d 'Print the manual page, or write one for the program and each command into a folder'
complete -c hourglass -n "__fish_hourglass_needs_command" -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hourglass -n "__fish_hourglass_using_subcommand init" -l for -d 'What the pictures are for' -r -f -a "explore\t'A small code to look at, to cluster and to walk in'
compress\t'A code that takes few bits, to store pictures in'
denoise\t'Removing noise'
anomaly\t'Finding the pictures that are unlike the others'"
complete -c hourglass -n "__fish_hourglass_using_subcommand init" -l minutes -d 'Minutes that the training may take on this machine' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand init" -s o -l output -d 'The config to write [default: the folder\'s name and .json]' -r -F
complete -c hourglass -n "__fish_hourglass_using_subcommand init" -l backend -d 'Compute backend: auto, flex, ndarray, wgpu, vulkan, metal, cuda or rocm' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand init" -l threads -d 'Number of CPU threads, up to 1024 [default: RAYON_NUM_THREADS, or one per core]' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand init" -l force -d 'Do it anyway: over existing files, with more memory than is free, from a config that was changed, with a run that diverged'
complete -c hourglass -n "__fish_hourglass_using_subcommand init" -l json -d 'Print JSON instead of text'
complete -c hourglass -n "__fish_hourglass_using_subcommand init" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hourglass -n "__fish_hourglass_using_subcommand resume" -l runs -d 'Folder of the runs' -r -F
complete -c hourglass -n "__fish_hourglass_using_subcommand resume" -l set -d 'Override a key under train, for example train.epochs=30' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand resume" -l backend -d 'Compute backend: auto, flex, ndarray, wgpu, vulkan, metal, cuda or rocm' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand resume" -l threads -d 'Number of CPU threads, up to 1024 [default: RAYON_NUM_THREADS, or one per core]' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand resume" -l force -d 'Do it anyway: over existing files, with more memory than is free, from a config that was changed, with a run that diverged'
complete -c hourglass -n "__fish_hourglass_using_subcommand resume" -l quiet -d 'Hide progress'
complete -c hourglass -n "__fish_hourglass_using_subcommand resume" -l json -d 'Print the result as JSON'
complete -c hourglass -n "__fish_hourglass_using_subcommand resume" -s h -l help -d 'Print help'
complete -c hourglass -n "__fish_hourglass_using_subcommand tour" -l runs -d 'Folder of the runs' -r -F
complete -c hourglass -n "__fish_hourglass_using_subcommand tour" -s o -l output -d 'The tour\'s folder [default: tour in the folder of runs]' -r -F
complete -c hourglass -n "__fish_hourglass_using_subcommand tour" -l seed -d 'Seed of the tour\'s trainings' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand tour" -l backend -d 'Compute backend: auto, flex, ndarray, wgpu, vulkan, metal, cuda or rocm' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand tour" -l threads -d 'Number of CPU threads, up to 1024 [default: RAYON_NUM_THREADS, or one per core]' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand tour" -l quick -d 'Try the tour in seconds: a few images, one epoch, meaningless figures'
complete -c hourglass -n "__fish_hourglass_using_subcommand tour" -l force -d 'Do it anyway: over existing files, with more memory than is free, from a config that was changed, with a run that diverged'
complete -c hourglass -n "__fish_hourglass_using_subcommand tour" -l quiet -d 'Hide progress'
complete -c hourglass -n "__fish_hourglass_using_subcommand tour" -l json -d 'Print the result as JSON'
complete -c hourglass -n "__fish_hourglass_using_subcommand tour" -s h -l help -d 'Print help'
complete -c hourglass -n "__fish_hourglass_using_subcommand sweep" -l set -d 'Override a config key, for example train.epochs=5' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand sweep" -l backend -d 'Compute backend: auto, flex, ndarray, wgpu, vulkan, metal, cuda or rocm' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand sweep" -l name -d 'Name of the run\'s folder [default: the config\'s name]' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand sweep" -l runs -d 'Folder of the runs' -r -F
complete -c hourglass -n "__fish_hourglass_using_subcommand sweep" -l threads -d 'Number of CPU threads, up to 1024 [default: RAYON_NUM_THREADS, or one per core]' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand sweep" -l force -d 'Do it anyway: over existing files, with more memory than is free, from a config that was changed, with a run that diverged'
complete -c hourglass -n "__fish_hourglass_using_subcommand sweep" -l quick -d 'Smoke-test the config in seconds: a few images, one epoch'
complete -c hourglass -n "__fish_hourglass_using_subcommand sweep" -l strict -d 'Fail on a picture that cannot be read, instead of leaving it out'
complete -c hourglass -n "__fish_hourglass_using_subcommand sweep" -l no-cache -d 'Keep decoded pictures in memory, also if they are too large for it'
complete -c hourglass -n "__fish_hourglass_using_subcommand sweep" -l quiet -d 'Hide progress'
complete -c hourglass -n "__fish_hourglass_using_subcommand sweep" -l json -d 'Print the result as JSON'
complete -c hourglass -n "__fish_hourglass_using_subcommand sweep" -l dry-run -d 'List the runs without training them'
complete -c hourglass -n "__fish_hourglass_using_subcommand sweep" -s h -l help -d 'Print help'
complete -c hourglass -n "__fish_hourglass_using_subcommand evaluate" -l runs -d 'Folder of the runs' -r -F
complete -c hourglass -n "__fish_hourglass_using_subcommand evaluate" -l data -d 'Other data: mnist, photos, a folder of IDX files or pictures, a picture, or the "data" object of a config [default: the run\'s test images]' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand evaluate" -l frames -d 'Also write the error of each frame of videos as a CSV file' -r -F
complete -c hourglass -n "__fish_hourglass_using_subcommand evaluate" -l backend -d 'Compute backend: auto, flex, ndarray, wgpu, vulkan, metal, cuda or rocm' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand evaluate" -l threads -d 'Number of CPU threads, up to 1024 [default: RAYON_NUM_THREADS, or one per core]' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand evaluate" -l strict -d 'Fail on a picture that cannot be read, instead of leaving it out'
complete -c hourglass -n "__fish_hourglass_using_subcommand evaluate" -l force -d 'Do it anyway: over existing files, with more memory than is free, from a config that was changed, with a run that diverged'
complete -c hourglass -n "__fish_hourglass_using_subcommand evaluate" -l json -d 'Print JSON instead of a table'
complete -c hourglass -n "__fish_hourglass_using_subcommand evaluate" -s h -l help -d 'Print help'
complete -c hourglass -n "__fish_hourglass_using_subcommand compare" -l runs -d 'Folder of the runs' -r -F
complete -c hourglass -n "__fish_hourglass_using_subcommand compare" -l sort -d 'Figure to sort by, best first' -r -f -a "mse\t'Mean squared error'
sum_sq\t'Squared error summed over an image'
bce\t'Binary cross-entropy'
psnr\t'Peak signal-to-noise ratio'
ssim\t'Structural similarity'
r2\t'Share of the variance that is explained'
gain\t'PCA\'s error at the same code size divided by the run\'s'
code_size\t'Code size'
parameters\t'Trainable parameters'
seconds\t'Training time'
images_per_s\t'Training speed in images per second'"
complete -c hourglass -n "__fish_hourglass_using_subcommand compare" -l format -d 'Output format' -r -f -a "table\t'A table for the terminal'
markdown\t'A Markdown table'
csv\t'Comma-separated values'
json\t'JSON'"
complete -c hourglass -n "__fish_hourglass_using_subcommand compare" -s o -l output -d 'Also write the figures to this file, .csv or .parquet' -r -F
complete -c hourglass -n "__fish_hourglass_using_subcommand compare" -l html -d 'Also write an HTML page with curves and each run\'s reconstructions of the same pictures' -r -F
complete -c hourglass -n "__fish_hourglass_using_subcommand compare" -l backend -d 'Compute backend: auto, flex, ndarray, wgpu, vulkan, metal, cuda or rocm' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand compare" -l threads -d 'Number of CPU threads, up to 1024 [default: RAYON_NUM_THREADS, or one per core]' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand compare" -l json -d 'Print JSON, like --format json'
complete -c hourglass -n "__fish_hourglass_using_subcommand compare" -l force -d 'Do it anyway: over existing files, with more memory than is free, from a config that was changed, with a run that diverged'
complete -c hourglass -n "__fish_hourglass_using_subcommand compare" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hourglass -n "__fish_hourglass_using_subcommand anomaly" -l runs -d 'Folder of the runs' -r -F
complete -c hourglass -n "__fish_hourglass_using_subcommand anomaly" -l normal -d 'Normal pictures: mnist, photos, a folder, a picture, or the "data" object of a config [default: the run\'s test pictures]' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand anomaly" -l other -d 'Unusual pictures, given in the same ways [default for a run that was trained on one class of a folder: the test pictures of all other classes]' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand anomaly" -l quantile -d 'Share of normal pictures that score below the threshold' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand anomaly" -l score -d 'How a picture is scored. All but mse and relative are for --one-class, and need validation pictures' -r -f -a "combined\t'by how many standard deviations window, inputs and reconstructions exceed what is usual, soft maximum'
mse\t'mean squared error of the reconstruction'
relative\t'squared error divided by the sample\'s norm'
place\t'squared error divided by what is usual at that place'
window\t'largest mean squared error in a window: a small fault counts'
inputs\t'distance of the sample from the 5 nearest training samples'
codes\t'distance of the code from the 5 nearest training codes'
reconstructions\t'distance of the reconstruction from the 5 nearest ones of training samples'
mahalanobis\t'Mahalanobis distance of the code from the training codes'"
complete -c hourglass -n "__fish_hourglass_using_subcommand anomaly" -l other-run -d 'A run trained on the unusual kind of pictures, to compare with' -r -F
complete -c hourglass -n "__fish_hourglass_using_subcommand anomaly" -l set -d 'Override a config key, with --one-class' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand anomaly" -l name -d 'Name of the folder of --one-class [default: the config\'s name and -one-class]' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand anomaly" -l backend -d 'Compute backend: auto, flex, ndarray, wgpu, vulkan, metal, cuda or rocm' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand anomaly" -l threads -d 'Number of CPU threads, up to 1024 [default: RAYON_NUM_THREADS, or one per core]' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand anomaly" -l one-class -d 'Train one model per label, and test how well each tells its label from all others'
complete -c hourglass -n "__fish_hourglass_using_subcommand anomaly" -l quick -d 'Smoke-test --one-class in seconds: a few images, one epoch'
complete -c hourglass -n "__fish_hourglass_using_subcommand anomaly" -l strict -d 'Fail on a picture that cannot be read, instead of leaving it out'
complete -c hourglass -n "__fish_hourglass_using_subcommand anomaly" -l force -d 'Do it anyway: over existing files, with more memory than is free, from a config that was changed, with a run that diverged'
complete -c hourglass -n "__fish_hourglass_using_subcommand anomaly" -l quiet -d 'Hide progress'
complete -c hourglass -n "__fish_hourglass_using_subcommand anomaly" -l json -d 'Print the result as JSON'
complete -c hourglass -n "__fish_hourglass_using_subcommand anomaly" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hourglass -n "__fish_hourglass_using_subcommand score" -l runs -d 'Folder of the runs' -r -F
complete -c hourglass -n "__fish_hourglass_using_subcommand score" -s o -l output -d 'Output file, .csv or .parquet: a line for each picture, row or window' -r -F
complete -c hourglass -n "__fish_hourglass_using_subcommand score" -l score -d 'How a sample is scored. All but mse and relative compare with the run\'s training and validation samples' -r -f -a "combined\t'by how many standard deviations window, inputs and reconstructions exceed what is usual, soft maximum'
mse\t'mean squared error of the reconstruction'
relative\t'squared error divided by the sample\'s norm'
place\t'squared error divided by what is usual at that place'
window\t'largest mean squared error in a window: a small fault counts'
inputs\t'distance of the sample from the 5 nearest training samples'
codes\t'distance of the code from the 5 nearest training codes'
reconstructions\t'distance of the reconstruction from the 5 nearest ones of training samples'
mahalanobis\t'Mahalanobis distance of the code from the training codes'"
complete -c hourglass -n "__fish_hourglass_using_subcommand score" -l quantile -d 'Share of the run\'s validation samples that score at most the threshold' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand score" -l heatmaps -d 'Also write a picture of each picture\'s errors into this folder' -r -F
complete -c hourglass -n "__fish_hourglass_using_subcommand score" -l masks -d 'Masks of what is odd, as NAME or NAME_mask.png, black for normal: measures the error maps' -r -F
complete -c hourglass -n "__fish_hourglass_using_subcommand score" -l steps -d 'Also write scores and odd intervals of the steps of series into this folder, with drawings' -r -F
complete -c hourglass -n "__fish_hourglass_using_subcommand score" -l label -d 'Column of a table that says what is normal; with --normal [default: data.label of the config]' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand score" -l normal -d 'What normal samples are labelled with: a value of that column, the label of an IDX set, or the name of a folder of pictures. Measures how well scores tell them from others' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand score" -l backend -d 'Compute backend: auto, flex, ndarray, wgpu, vulkan, metal, cuda or rocm' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand score" -l threads -d 'Number of CPU threads, up to 1024 [default: RAYON_NUM_THREADS, or one per core]' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand score" -l strict -d 'Fail on a picture that cannot be read, instead of leaving it out'
complete -c hourglass -n "__fish_hourglass_using_subcommand score" -l force -d 'Do it anyway: over existing files, with more memory than is free, from a config that was changed, with a run that diverged'
complete -c hourglass -n "__fish_hourglass_using_subcommand score" -l quiet -d 'Hide progress'
complete -c hourglass -n "__fish_hourglass_using_subcommand score" -l json -d 'Print the result as JSON'
complete -c hourglass -n "__fish_hourglass_using_subcommand score" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hourglass -n "__fish_hourglass_using_subcommand cluster" -l runs -d 'Folder of the runs' -r -F
complete -c hourglass -n "__fish_hourglass_using_subcommand cluster" -l k -d 'Number of clusters [default: 10]' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand cluster" -l smooth -d 'Rounds of smoothing over the 20 nearest neighbours before clustering (try 50)' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand cluster" -l data -d 'Cluster the test pictures of other data: mnist, photos, a folder, or the "data" object of a config [default: the run\'s test pictures]' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand cluster" -l backend -d 'Compute backend: auto, flex, ndarray, wgpu, vulkan, metal, cuda or rocm' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand cluster" -l threads -d 'Number of CPU threads, up to 1024 [default: RAYON_NUM_THREADS, or one per core]' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand cluster" -l strict -d 'Fail on a picture that cannot be read, instead of leaving it out'
complete -c hourglass -n "__fish_hourglass_using_subcommand cluster" -l force -d 'Do it anyway: over existing files, with more memory than is free, from a config that was changed, with a run that diverged'
complete -c hourglass -n "__fish_hourglass_using_subcommand cluster" -l quiet -d 'Hide progress'
complete -c hourglass -n "__fish_hourglass_using_subcommand cluster" -l json -d 'Print the result as JSON'
complete -c hourglass -n "__fish_hourglass_using_subcommand cluster" -s h -l help -d 'Print help'
complete -c hourglass -n "__fish_hourglass_using_subcommand encode" -l runs -d 'Folder of the runs' -r -F
complete -c hourglass -n "__fish_hourglass_using_subcommand encode" -l split -d 'Which split of the data to use, if it has two' -r -f -a "train\t'The training images'
test\t'The test images'"
complete -c hourglass -n "__fish_hourglass_using_subcommand encode" -s o -l output -d 'Output file: .npy for the codes; .npz, .csv or .parquet for the codes with labels and names' -r -F
complete -c hourglass -n "__fish_hourglass_using_subcommand encode" -l layer -d 'Save the output of this layer, by name or number, instead of the code' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand encode" -l backend -d 'Compute backend: auto, flex, ndarray, wgpu, vulkan, metal, cuda or rocm' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand encode" -l threads -d 'Number of CPU threads, up to 1024 [default: RAYON_NUM_THREADS, or one per core]' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand encode" -l strict -d 'Fail on a picture that cannot be read, instead of leaving it out'
complete -c hourglass -n "__fish_hourglass_using_subcommand encode" -l json -d 'Print JSON'
complete -c hourglass -n "__fish_hourglass_using_subcommand encode" -l force -d 'Do it anyway: over existing files, with more memory than is free, from a config that was changed, with a run that diverged'
complete -c hourglass -n "__fish_hourglass_using_subcommand encode" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hourglass -n "__fish_hourglass_using_subcommand decode" -l runs -d 'Folder of the runs' -r -F
complete -c hourglass -n "__fish_hourglass_using_subcommand decode" -s o -l output -d 'Output folder for the pictures, or an .npy file for their values' -r -F
complete -c hourglass -n "__fish_hourglass_using_subcommand decode" -l backend -d 'Compute backend: auto, flex, ndarray, wgpu, vulkan, metal, cuda or rocm' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand decode" -l threads -d 'Number of CPU threads, up to 1024 [default: RAYON_NUM_THREADS, or one per core]' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand decode" -l json -d 'Print JSON'
complete -c hourglass -n "__fish_hourglass_using_subcommand decode" -l force -d 'Do it anyway: over existing files, with more memory than is free, from a config that was changed, with a run that diverged'
complete -c hourglass -n "__fish_hourglass_using_subcommand decode" -s h -l help -d 'Print help'
complete -c hourglass -n "__fish_hourglass_using_subcommand export" -l runs -d 'Folder of the runs' -r -F
complete -c hourglass -n "__fish_hourglass_using_subcommand export" -l format -d 'What to write' -r -f -a "onnx\t'One file with the weights inside, for onnxruntime and others'
pytorch\t'A folder: model.py, its weights, and an example that it checks itself with'
huggingface\t'A folder: weights, config.json and a model card'"
complete -c hourglass -n "__fish_hourglass_using_subcommand export" -l part -d 'Which part of the model an ONNX file has' -r -f -a "whole\t'From the input to the reconstruction, and the code beside it'
encoder\t'From the input to the code'
decoder\t'From the code to the reconstruction'"
complete -c hourglass -n "__fish_hourglass_using_subcommand export" -s o -l output -d 'Output .onnx file, or the folder of the other formats' -r -F
complete -c hourglass -n "__fish_hourglass_using_subcommand export" -l backend -d 'Compute backend: auto, flex, ndarray, wgpu, vulkan, metal, cuda or rocm' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand export" -l threads -d 'Number of CPU threads, up to 1024 [default: RAYON_NUM_THREADS, or one per core]' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand export" -l json -d 'Print JSON'
complete -c hourglass -n "__fish_hourglass_using_subcommand export" -l force -d 'Do it anyway: over existing files, with more memory than is free, from a config that was changed, with a run that diverged'
complete -c hourglass -n "__fish_hourglass_using_subcommand export" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hourglass -n "__fish_hourglass_using_subcommand import" -l config -d 'The config of the model that the weights are of, and of its data' -r -F
complete -c hourglass -n "__fish_hourglass_using_subcommand import" -s o -l output -d 'The run\'s folder' -r -F
complete -c hourglass -n "__fish_hourglass_using_subcommand import" -l map -d 'JSON file of an object from the names of tensors to those of parameters' -r -F
complete -c hourglass -n "__fish_hourglass_using_subcommand import" -l backend -d 'Compute backend: auto, flex, ndarray, wgpu, vulkan, metal, cuda or rocm' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand import" -l threads -d 'Number of CPU threads, up to 1024 [default: RAYON_NUM_THREADS, or one per core]' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand import" -l json -d 'Print JSON'
complete -c hourglass -n "__fish_hourglass_using_subcommand import" -l force -d 'Do it anyway: over existing files, with more memory than is free, from a config that was changed, with a run that diverged'
complete -c hourglass -n "__fish_hourglass_using_subcommand import" -s h -l help -d 'Print help'
complete -c hourglass -n "__fish_hourglass_using_subcommand compress" -l runs -d 'Folder of the runs' -r -F
complete -c hourglass -n "__fish_hourglass_using_subcommand compress" -s o -l output -d 'Output file; without it, nothing but the measurement is written' -r -F
complete -c hourglass -n "__fish_hourglass_using_subcommand compress" -l bits -d 'Bits per code value before entropy coding [default: 5]' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand compress" -l backend -d 'Compute backend: auto, flex, ndarray, wgpu, vulkan, metal, cuda or rocm' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand compress" -l threads -d 'Number of CPU threads, up to 1024 [default: RAYON_NUM_THREADS, or one per core]' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand compress" -l model -d 'Embed the model, so that the file can be decompressed without the run'
complete -c hourglass -n "__fish_hourglass_using_subcommand compress" -l json -d 'Print JSON'
complete -c hourglass -n "__fish_hourglass_using_subcommand compress" -l strict -d 'Fail on a picture that cannot be read, instead of leaving it out'
complete -c hourglass -n "__fish_hourglass_using_subcommand compress" -l force -d 'Do it anyway: over existing files, with more memory than is free, from a config that was changed, with a run that diverged'
complete -c hourglass -n "__fish_hourglass_using_subcommand compress" -s h -l help -d 'Print help'
complete -c hourglass -n "__fish_hourglass_using_subcommand decompress" -s o -l output -d 'Output folder; pictures keep their names and are saved as PNG' -r -F
complete -c hourglass -n "__fish_hourglass_using_subcommand decompress" -l run -d 'The run that compressed the file; needed unless the model is embedded' -r -F
complete -c hourglass -n "__fish_hourglass_using_subcommand decompress" -l runs -d 'Folder of the runs' -r -F
complete -c hourglass -n "__fish_hourglass_using_subcommand decompress" -l backend -d 'Compute backend: auto, flex, ndarray, wgpu, vulkan, metal, cuda or rocm' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand decompress" -l threads -d 'Number of CPU threads, up to 1024 [default: RAYON_NUM_THREADS, or one per core]' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand decompress" -l large -d 'Also open a file that announces far more pictures or pixels than its size suggests'
complete -c hourglass -n "__fish_hourglass_using_subcommand decompress" -l json -d 'Print JSON'
complete -c hourglass -n "__fish_hourglass_using_subcommand decompress" -l force -d 'Do it anyway: over existing files, with more memory than is free, from a config that was changed, with a run that diverged'
complete -c hourglass -n "__fish_hourglass_using_subcommand decompress" -s h -l help -d 'Print help'
complete -c hourglass -n "__fish_hourglass_using_subcommand reconstruct" -l runs -d 'Folder of the runs' -r -F
complete -c hourglass -n "__fish_hourglass_using_subcommand reconstruct" -l split -d 'Which split of the data to use, if it has two' -r -f -a "train\t'The training images'
test\t'The test images'"
complete -c hourglass -n "__fish_hourglass_using_subcommand reconstruct" -s o -l output -d 'Output .png file for one picture, or a folder for several' -r -F
complete -c hourglass -n "__fish_hourglass_using_subcommand reconstruct" -l backend -d 'Compute backend: auto, flex, ndarray, wgpu, vulkan, metal, cuda or rocm' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand reconstruct" -l threads -d 'Number of CPU threads, up to 1024 [default: RAYON_NUM_THREADS, or one per core]' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand reconstruct" -l strict -d 'Fail on a picture that cannot be read, instead of leaving it out'
complete -c hourglass -n "__fish_hourglass_using_subcommand reconstruct" -l invert -d 'Invert the input first: for dark-on-light drawings and a light-on-dark model'
complete -c hourglass -n "__fish_hourglass_using_subcommand reconstruct" -l json -d 'Print JSON'
complete -c hourglass -n "__fish_hourglass_using_subcommand reconstruct" -l force -d 'Do it anyway: over existing files, with more memory than is free, from a config that was changed, with a run that diverged'
complete -c hourglass -n "__fish_hourglass_using_subcommand reconstruct" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hourglass -n "__fish_hourglass_using_subcommand restore" -l runs -d 'Folder of the runs' -r -F
complete -c hourglass -n "__fish_hourglass_using_subcommand restore" -s o -l output -d 'Output folder; restored pictures keep their names and are saved as PNG, tables as they are' -r -F
complete -c hourglass -n "__fish_hourglass_using_subcommand restore" -l seed -d 'Seed of the corruption with --from-clean [default: the run\'s seed]' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand restore" -l metric -d 'What PSNR and SSIM are measured on' -r -f -a "all\t'All channels'
y\t'Y of YCbCr (BT.601), as in tables of super-resolution'"
complete -c hourglass -n "__fish_hourglass_using_subcommand restore" -l crop -d 'Pixels that PSNR and SSIM leave out at each border' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand restore" -l backend -d 'Compute backend: auto, flex, ndarray, wgpu, vulkan, metal, cuda or rocm' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand restore" -l threads -d 'Number of CPU threads, up to 1024 [default: RAYON_NUM_THREADS, or one per core]' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand restore" -l compare -d 'Also write NAME-compare.png: before, after and the best baseline side by side'
complete -c hourglass -n "__fish_hourglass_using_subcommand restore" -l from-clean -d 'The inputs are clean: corrupt them first, as in an evaluation, and measure the restoration'
complete -c hourglass -n "__fish_hourglass_using_subcommand restore" -l strict -d 'Fail on a picture that cannot be read, instead of leaving it out'
complete -c hourglass -n "__fish_hourglass_using_subcommand restore" -l force -d 'Do it anyway: over existing files, with more memory than is free, from a config that was changed, with a run that diverged'
complete -c hourglass -n "__fish_hourglass_using_subcommand restore" -l quiet -d 'Hide progress'
complete -c hourglass -n "__fish_hourglass_using_subcommand restore" -l json -d 'Print the result as JSON'
complete -c hourglass -n "__fish_hourglass_using_subcommand restore" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hourglass -n "__fish_hourglass_using_subcommand plot" -l runs -d 'Folder of the runs' -r -F
complete -c hourglass -n "__fish_hourglass_using_subcommand plot" -l data -d 'Plot the test pictures of other data: mnist, photos, a folder, a picture, or the "data" object of a config [default: the run\'s test pictures]' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand plot" -l backend -d 'Compute backend: auto, flex, ndarray, wgpu, vulkan, metal, cuda or rocm' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand plot" -l threads -d 'Number of CPU threads, up to 1024 [default: RAYON_NUM_THREADS, or one per core]' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand plot" -l strict -d 'Fail on a picture that cannot be read, instead of leaving it out'
complete -c hourglass -n "__fish_hourglass_using_subcommand plot" -l force -d 'Do it anyway: over existing files, with more memory than is free, from a config that was changed, with a run that diverged'
complete -c hourglass -n "__fish_hourglass_using_subcommand plot" -l quiet -d 'Hide progress'
complete -c hourglass -n "__fish_hourglass_using_subcommand plot" -l json -d 'Print the result as JSON'
complete -c hourglass -n "__fish_hourglass_using_subcommand plot" -s h -l help -d 'Print help'
complete -c hourglass -n "__fish_hourglass_using_subcommand probe" -l runs -d 'Folder of the runs' -r -F
complete -c hourglass -n "__fish_hourglass_using_subcommand probe" -l layer -d 'Name or number of an encoder layer, or all' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand probe" -l data -d 'Other labelled data to train and test on: mnist, a folder of IDX files, or the "data" object of a config [default: the run\'s data]' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand probe" -l backend -d 'Compute backend: auto, flex, ndarray, wgpu, vulkan, metal, cuda or rocm' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand probe" -l threads -d 'Number of CPU threads, up to 1024 [default: RAYON_NUM_THREADS, or one per core]' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand probe" -l strict -d 'Fail on a picture that cannot be read, instead of leaving it out'
complete -c hourglass -n "__fish_hourglass_using_subcommand probe" -l force -d 'Do it anyway: over existing files, with more memory than is free, from a config that was changed, with a run that diverged'
complete -c hourglass -n "__fish_hourglass_using_subcommand probe" -l quiet -d 'Hide progress'
complete -c hourglass -n "__fish_hourglass_using_subcommand probe" -l json -d 'Print the result as JSON'
complete -c hourglass -n "__fish_hourglass_using_subcommand probe" -s h -l help -d 'Print help'
complete -c hourglass -n "__fish_hourglass_using_subcommand transfer" -l runs -d 'Folder of the runs' -r -F
complete -c hourglass -n "__fish_hourglass_using_subcommand transfer" -l labels -d 'Numbers of labelled pictures to train on, balanced over the classes, or all. Each classifier takes 1000 steps of up to 128 pictures, about two passes over MNIST\'s 60,000' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand transfer" -l seeds -d 'Number of seeds to average over. Each seed draws its own labelled pictures, order and initial weights' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand transfer" -l data -d 'Other labelled data to train and test on: mnist, a folder of IDX files, or the "data" object of a config [default: the run\'s data]' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand transfer" -l backend -d 'Compute backend: auto, flex, ndarray, wgpu, vulkan, metal, cuda or rocm' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand transfer" -l threads -d 'Number of CPU threads, up to 1024 [default: RAYON_NUM_THREADS, or one per core]' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand transfer" -l strict -d 'Fail on a picture that cannot be read, instead of leaving it out'
complete -c hourglass -n "__fish_hourglass_using_subcommand transfer" -l force -d 'Do it anyway: over existing files, with more memory than is free, from a config that was changed, with a run that diverged'
complete -c hourglass -n "__fish_hourglass_using_subcommand transfer" -l quiet -d 'Hide progress'
complete -c hourglass -n "__fish_hourglass_using_subcommand transfer" -l json -d 'Print the result as JSON'
complete -c hourglass -n "__fish_hourglass_using_subcommand transfer" -s h -l help -d 'Print help'
complete -c hourglass -n "__fish_hourglass_using_subcommand inspect" -l runs -d 'Folder of the runs' -r -F
complete -c hourglass -n "__fish_hourglass_using_subcommand inspect" -l threads -d 'Number of CPU threads, up to 1024 [default: RAYON_NUM_THREADS, or one per core]' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand inspect" -l json -d 'Print JSON instead of a table'
complete -c hourglass -n "__fish_hourglass_using_subcommand inspect" -s h -l help -d 'Print help'
complete -c hourglass -n "__fish_hourglass_using_subcommand serve" -l runs -d 'Folder of the runs' -r -F
complete -c hourglass -n "__fish_hourglass_using_subcommand serve" -l port -d 'Port to listen on; 0 picks a free one' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand serve" -l host -d 'Address to listen on, or this machine\'s host name as browsers use it' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand serve" -l backend -d 'Compute backend: auto, flex, ndarray, wgpu, vulkan, metal, cuda or rocm' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand serve" -l threads -d 'Number of CPU threads, up to 1024 [default: RAYON_NUM_THREADS, or one per core]' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand serve" -s h -l help -d 'Print help'
complete -c hourglass -n "__fish_hourglass_using_subcommand backends" -l threads -d 'Number of CPU threads, up to 1024 [default: RAYON_NUM_THREADS, or one per core]' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand backends" -l json -d 'Print JSON instead of a table'
complete -c hourglass -n "__fish_hourglass_using_subcommand backends" -s h -l help -d 'Print help'
complete -c hourglass -n "__fish_hourglass_using_subcommand schema" -l threads -d 'Number of CPU threads, up to 1024 [default: RAYON_NUM_THREADS, or one per core]' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand schema" -s h -l help -d 'Print help'
complete -c hourglass -n "__fish_hourglass_using_subcommand completions" -l threads -d 'Number of CPU threads, up to 1024 [default: RAYON_NUM_THREADS, or one per core]' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand completions" -s h -l help -d 'Print help'
complete -c hourglass -n "__fish_hourglass_using_subcommand man" -l threads -d 'Number of CPU threads, up to 1024 [default: RAYON_NUM_THREADS, or one per core]' -r
complete -c hourglass -n "__fish_hourglass_using_subcommand man" -s h -l help -d 'Print help'
complete -c hourglass -n "__fish_hourglass_using_subcommand help; and not __fish_seen_subcommand_from init resume tour sweep evaluate compare anomaly score cluster encode decode export import compress decompress reconstruct restore plot probe transfer inspect serve backends schema completions man help" -f -a "init" -d 'Look at a folder of pictures and write a config for it'
complete -c hourglass -n "__fish_hourglass_using_subcommand help; and not __fish_seen_subcommand_from init resume tour sweep evaluate compare anomaly score cluster encode decode export import compress decompress reconstruct restore plot probe transfer inspect serve backends schema completions man help" -f -a "resume" -d 'Continue a run exactly where it stopped'
complete -c hourglass -n "__fish_hourglass_using_subcommand help; and not __fish_seen_subcommand_from init resume tour sweep evaluate compare anomaly score cluster encode decode export import compress decompress reconstruct restore plot probe transfer inspect serve backends schema completions man help" -f -a "tour" -d 'Take a five-minute lesson: trains seven small models and explains them'
complete -c hourglass -n "__fish_hourglass_using_subcommand help; and not __fish_seen_subcommand_from init resume tour sweep evaluate compare anomaly score cluster encode decode export import compress decompress reconstruct restore plot probe transfer inspect serve backends schema completions man help" -f -a "sweep" -d 'Train every combination of the values in a config\'s "sweep", and compare the runs'
complete -c hourglass -n "__fish_hourglass_using_subcommand help; and not __fish_seen_subcommand_from init resume tour sweep evaluate compare anomaly score cluster encode decode export import compress decompress reconstruct restore plot probe transfer inspect serve backends schema completions man help" -f -a "evaluate" -d 'Evaluate a run on its test images or on other data, with baselines'
complete -c hourglass -n "__fish_hourglass_using_subcommand help; and not __fish_seen_subcommand_from init resume tour sweep evaluate compare anomaly score cluster encode decode export import compress decompress reconstruct restore plot probe transfer inspect serve backends schema completions man help" -f -a "compare" -d 'Compare runs, smallest reconstruction error first'
complete -c hourglass -n "__fish_hourglass_using_subcommand help; and not __fish_seen_subcommand_from init resume tour sweep evaluate compare anomaly score cluster encode decode export import compress decompress reconstruct restore plot probe transfer inspect serve backends schema completions man help" -f -a "anomaly" -d 'Detect unusual pictures by their reconstruction error, compared with PCA'
complete -c hourglass -n "__fish_hourglass_using_subcommand help; and not __fish_seen_subcommand_from init resume tour sweep evaluate compare anomaly score cluster encode decode export import compress decompress reconstruct restore plot probe transfer inspect serve backends schema completions man help" -f -a "score" -d 'Score pictures or rows by how odd they are, and say where; needs no odd ones'
complete -c hourglass -n "__fish_hourglass_using_subcommand help; and not __fish_seen_subcommand_from init resume tour sweep evaluate compare anomaly score cluster encode decode export import compress decompress reconstruct restore plot probe transfer inspect serve backends schema completions man help" -f -a "cluster" -d 'Cluster pictures by their codes with k-means, compared with raw pixels and PCA'
complete -c hourglass -n "__fish_hourglass_using_subcommand help; and not __fish_seen_subcommand_from init resume tour sweep evaluate compare anomaly score cluster encode decode export import compress decompress reconstruct restore plot probe transfer inspect serve backends schema completions man help" -f -a "encode" -d 'Encode images and save the codes as NumPy arrays'
complete -c hourglass -n "__fish_hourglass_using_subcommand help; and not __fish_seen_subcommand_from init resume tour sweep evaluate compare anomaly score cluster encode decode export import compress decompress reconstruct restore plot probe transfer inspect serve backends schema completions man help" -f -a "decode" -d 'Decode codes into pictures'
complete -c hourglass -n "__fish_hourglass_using_subcommand help; and not __fish_seen_subcommand_from init resume tour sweep evaluate compare anomaly score cluster encode decode export import compress decompress reconstruct restore plot probe transfer inspect serve backends schema completions man help" -f -a "export" -d 'Export a model as ONNX, as a PyTorch module, or as a folder for Hugging Face'
complete -c hourglass -n "__fish_hourglass_using_subcommand help; and not __fish_seen_subcommand_from init resume tour sweep evaluate compare anomaly score cluster encode decode export import compress decompress reconstruct restore plot probe transfer inspect serve backends schema completions man help" -f -a "import" -d 'Import weights from PyTorch or safetensors as a run'
complete -c hourglass -n "__fish_hourglass_using_subcommand help; and not __fish_seen_subcommand_from init resume tour sweep evaluate compare anomaly score cluster encode decode export import compress decompress reconstruct restore plot probe transfer inspect serve backends schema completions man help" -f -a "compress" -d 'Compress pictures into a small file, or compare the size with JPEG, WebP and PCA'
complete -c hourglass -n "__fish_hourglass_using_subcommand help; and not __fish_seen_subcommand_from init resume tour sweep evaluate compare anomaly score cluster encode decode export import compress decompress reconstruct restore plot probe transfer inspect serve backends schema completions man help" -f -a "decompress" -d 'Restore the pictures from a compressed file'
complete -c hourglass -n "__fish_hourglass_using_subcommand help; and not __fish_seen_subcommand_from init resume tour sweep evaluate compare anomaly score cluster encode decode export import compress decompress reconstruct restore plot probe transfer inspect serve backends schema completions man help" -f -a "reconstruct" -d 'Encode and decode pictures, and save the reconstructions'
complete -c hourglass -n "__fish_hourglass_using_subcommand help; and not __fish_seen_subcommand_from init resume tour sweep evaluate compare anomaly score cluster encode decode export import compress decompress reconstruct restore plot probe transfer inspect serve backends schema completions man help" -f -a "restore" -d 'Restore noisy, blurred, small, grey or damaged pictures with a denoising model'
complete -c hourglass -n "__fish_hourglass_using_subcommand help; and not __fish_seen_subcommand_from init resume tour sweep evaluate compare anomaly score cluster encode decode export import compress decompress reconstruct restore plot probe transfer inspect serve backends schema completions man help" -f -a "plot" -d 'Plot the code: scatter charts, unit statistics, decoded walks and grids, and filters'
complete -c hourglass -n "__fish_hourglass_using_subcommand help; and not __fish_seen_subcommand_from init resume tour sweep evaluate compare anomaly score cluster encode decode export import compress decompress reconstruct restore plot probe transfer inspect serve backends schema completions man help" -f -a "probe" -d 'Measure how well each layer separates the classes, compared with raw pixels and PCA'
complete -c hourglass -n "__fish_hourglass_using_subcommand help; and not __fish_seen_subcommand_from init resume tour sweep evaluate compare anomaly score cluster encode decode export import compress decompress reconstruct restore plot probe transfer inspect serve backends schema completions man help" -f -a "transfer" -d 'Train a classifier with few labels on a run\'s encoder, compared with one from scratch'
complete -c hourglass -n "__fish_hourglass_using_subcommand help; and not __fish_seen_subcommand_from init resume tour sweep evaluate compare anomaly score cluster encode decode export import compress decompress reconstruct restore plot probe transfer inspect serve backends schema completions man help" -f -a "inspect" -d 'Show a model\'s layers, shapes, parameters and hyperparameters'
complete -c hourglass -n "__fish_hourglass_using_subcommand help; and not __fish_seen_subcommand_from init resume tour sweep evaluate compare anomaly score cluster encode decode export import compress decompress reconstruct restore plot probe transfer inspect serve backends schema completions man help" -f -a "serve" -d 'Start a local web page to watch trainings and explore models'
complete -c hourglass -n "__fish_hourglass_using_subcommand help; and not __fish_seen_subcommand_from init resume tour sweep evaluate compare anomaly score cluster encode decode export import compress decompress reconstruct restore plot probe transfer inspect serve backends schema completions man help" -f -a "backends" -d 'List the compiled backends and the hardware they find'
complete -c hourglass -n "__fish_hourglass_using_subcommand help; and not __fish_seen_subcommand_from init resume tour sweep evaluate compare anomaly score cluster encode decode export import compress decompress reconstruct restore plot probe transfer inspect serve backends schema completions man help" -f -a "schema" -d 'Print the JSON Schema of the configs'
complete -c hourglass -n "__fish_hourglass_using_subcommand help; and not __fish_seen_subcommand_from init resume tour sweep evaluate compare anomaly score cluster encode decode export import compress decompress reconstruct restore plot probe transfer inspect serve backends schema completions man help" -f -a "completions" -d 'Print a shell completion script'
complete -c hourglass -n "__fish_hourglass_using_subcommand help; and not __fish_seen_subcommand_from init resume tour sweep evaluate compare anomaly score cluster encode decode export import compress decompress reconstruct restore plot probe transfer inspect serve backends schema completions man help" -f -a "man" -d 'Print the manual page, or write one for the program and each command into a folder'
complete -c hourglass -n "__fish_hourglass_using_subcommand help; and not __fish_seen_subcommand_from init resume tour sweep evaluate compare anomaly score cluster encode decode export import compress decompress reconstruct restore plot probe transfer inspect serve backends schema completions man help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
