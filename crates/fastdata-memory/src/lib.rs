//! fastdata-memory.
