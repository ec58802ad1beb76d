//! Tables that we write with odd properties, planned.
