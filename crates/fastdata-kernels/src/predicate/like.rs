//! Patterns of `like`.
