//! Planning whole tables: ones we write, ones that other programs wrote, and damaged ones.

mod corpus;
mod hostile;
mod plan;
mod table;
mod traps;
