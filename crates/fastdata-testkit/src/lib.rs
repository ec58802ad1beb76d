//! fastdata-testkit.
