//! Flows as their users meet them: programs that are started, killed and resumed.

#![allow(clippy::unwrap_used)]

mod contract;
mod examples;
mod graphs;
mod killed;
mod program;
mod remote;
mod trouble;
