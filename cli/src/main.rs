//! The `fastdata` command.

fn main() {}
