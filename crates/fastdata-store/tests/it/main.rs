//! Stores against the conformance suite and against what only they can get wrong.

mod local;
mod s3;
