//! Scans of files and tables made here, compared with what went in.

mod files;
