//! fastdata-scan.
