//! x
#![allow(dead_code)]
mod backend;
mod config;
mod metrics;
mod optimizer;
mod pca;
mod schedule;
mod streams;
fn main() {}
