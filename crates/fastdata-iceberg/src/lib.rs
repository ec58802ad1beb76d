//! fastdata-iceberg.
