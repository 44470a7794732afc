//! Integration tests: what a user gets from the built program, a file for each subject.

// Some GPU backends' types nest deeper than the default.
#![recursion_limit = "256"]

// Losses and gradients of all kinds on every backend that was compiled in.
mod backends;
