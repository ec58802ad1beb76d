//! fastdata.
