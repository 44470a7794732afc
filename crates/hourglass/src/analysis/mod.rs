//! The measures behind `cluster`, `probe`, `anomaly`, `score`, `transfer` and `plot`, one file each, with formula
//! and source, and the analyses that are made of them, each with the report that it computes from a
//! [`subject`]. They write no files, and return the same bits whatever the number of threads: work is
//! split into blocks of a fixed size, whose results are added in the order of the blocks.

pub mod anomaly;
pub mod classifier;
pub mod cloud;
pub mod clustering;
pub mod contingency;
pub mod cover;
pub mod detection;
pub mod distances;
pub mod error;
pub mod features;
pub mod kmeans;
pub mod labelled;
pub mod lbfgs;
pub mod matching;
pub mod neighbours;
pub mod nmi;
pub mod normality;
pub mod one_class;
pub mod places;
pub mod plane;
pub mod principal;
pub mod probe;
pub mod progress;
pub mod rand_index;
pub mod random;
pub mod roc;
pub mod scoring;
pub mod silhouette;
pub mod smooth;
pub mod softmax;
pub mod spread;
pub mod steps;
pub mod subject;
pub mod transfer;
pub mod tsne;
pub mod units;
pub mod wilson;

#[cfg(test)]
#[path = "../../../../tests/fixtures/scikit-learn/tests.rs"]
mod scikit_learn;
