//! Binding, evaluating and settling: by cases, and at random against a naive evaluation.

mod cases;
mod random;
mod written;
