//! fastdata-store.
