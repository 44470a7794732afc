//! Integration tests: what a user gets from the built program, a file for each subject. Most start
//! `hourglass` in a folder of their own and look at what it prints, the code that it exits with and
//! the files that it leaves.

// Some GPU backends' types nest deeper than the default.
#![recursion_limit = "256"]

// What the tests share: a folder of one's own, the program, and small data to train on.
mod common;

// `cluster`, `probe` and `anomaly`: what they find, write and refuse.
mod analysis;
// Losses and gradients of all kinds on every backend that was compiled in.
mod backends;
// Config faults and usage faults: one line each, before anything is written.
mod bad_config;
// Data faults: one line each, before anything is written.
mod bad_data;
// Run folders that are missing, damaged, half-written or from the future.
mod bad_run;
// Pictures from the cache: the same training, once decoded, whatever happens to the cache.
mod cache;
// `encode`, `decode` and `reconstruct`, and hostile codes.
mod codes;
// `compare`: order, formats, seeds, and what may not be ranked together.
mod compare;
// `compress` and `decompress`: what comes back, what is measured, and hostile files.
mod compress;
// What corruptions lose: chains, grey inputs, residual models.
mod corruption;
// Changed digits in a run's files, and configs that were changed on purpose.
mod damaged;
// A loss that stops being a number.
mod divergence;
// README, guide and configs: what they say is what the program does.
mod documents;
// `evaluate`: a run's own figures, and those on other data.
mod evaluate;
// `export`: every format, whole; an exported folder in place of a run, and what is damaged in it.
mod export;
// Folders of pictures as they are on disks: classes, parts, masks, groups, copies.
mod folders;
// A disk that is full, or that may not be written.
mod full_disk;
// Run folders and configs that were made to do harm.
mod hostile;
// `import`: weights of other programs as runs, what does not fit, and hostile files.
mod import;
// `init`: layers of an earlier run, taken over and kept.
mod init;
// Processes killed at any moment.
mod killed;
// A run that version 0.1.0 left.
mod old_run;
// `plot`: pictures of every kind's code, whole, and nothing else touched.
mod plot;
// How pictures are prepared: as in the training, whatever the command; damage, limits, folders.
mod prepared;
// `train.pretrain`: layers by themselves, before all are trained together.
mod pretrain;
mod proposal;
// `report.html` and `compare --html`: whole pages that need no network.
mod report;
// `restore`: pictures of any size, names, figures beside baselines, and what is refused.
mod restore;
// `resume`: exactly what a run that never stopped would have done.
mod resume;
// Tables and series: training, other files, missing values, resuming.
mod rows;
// `score`: what is odd and where, on pictures, tiles and tables; labels, masks, and what is refused.
mod score;
// `serve`: the page on this machine, by hand over its port.
mod serve;
// The shipped configs and their schema.
mod shipped;
// Signals: once finishes the step and saves, twice stops at once.
mod signals;
// `sweep`: a grid of runs, kept, resumed and compared.
mod sweep;
// What the program prints, and where: help, version, lists, closed pipes, colours.
mod terminal;
// `tour`: every chapter, on stdout, as JSON and on a page; runs that are kept.
mod tour;
// Tracking: what a server gets, and one that is away.
#[cfg(feature = "track")]
mod track;
// Training: the run folder and everything in it.
mod train;
// `transfer`: what it finds, writes and refuses.
mod transfer;
// Video: clips in training, resuming and other commands, errors by frame, and what is refused.
mod video;
