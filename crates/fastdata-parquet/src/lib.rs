//! fastdata-parquet.
