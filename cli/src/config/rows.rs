//! Where rows go and in which format.

use std::io::IsTerminal;
use std::path::PathBuf;

use fastdata::{ScanRequest, StringLayout};

use crate::args::FormatArg;
use crate::failure::Failure;

/// Where the rows go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Destination {
    /// stdout, and whether a person looks at it.
    Stdout {
        /// It is a terminal.
        terminal: bool,
    },
    /// This file, which appears when it is complete.
    File(PathBuf),
}

impl Destination {
    pub(super) fn resolve(output: Option<PathBuf>) -> Self {
        match output {
            Some(path) if path.as_os_str() != "-" => Self::File(path),
            _ => Self::Stdout {
                terminal: std::io::stdout().is_terminal(),
            },
        }
    }

    /// Whether a progress bar on stderr would not be torn apart by rows on the same terminal.
    pub(super) fn leaves_terminal_to_progress(&self, format: Format) -> bool {
        let streams = !matches!(format, Format::Table { .. } | Format::Count | Format::None);
        !(streams && *self == Self::Stdout { terminal: true })
    }
}

/// Format of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Aligned columns.
    Table {
        /// Rows shown; the rest is counted.
        rows_shown: u64,
    },
    /// Values separated by this byte, with a header.
    Separated {
        /// `,` or a tab.
        separator: u8,
    },
    /// One JSON array.
    Json,
    /// One JSON object a line.
    Ndjson,
    /// Arrow IPC stream.
    Arrow,
    /// Parquet.
    Parquet,
    /// The number of rows.
    Count,
    /// Nothing.
    None,
}

const TABLE_ROWS_SHOWN: u64 = 40;

impl Format {
    /// The format asked for, or what fits the destination.
    pub(super) fn resolve(
        asked: Option<FormatArg>,
        destination: &Destination,
    ) -> Result<Self, Failure> {
        let format = match (asked, destination) {
            (Some(asked), _) => asked,
            (None, Destination::Stdout { terminal: true }) => FormatArg::Table,
            (None, Destination::Stdout { terminal: false }) => FormatArg::Ndjson,
            (None, Destination::File(path)) => {
                let extension = path.extension().and_then(|extension| extension.to_str());
                by_extension(extension.unwrap_or("")).ok_or_else(|| {
                    Failure::usage(format!(
                        "--output {}: its name tells no format; add --format",
                        path.display()
                    ))
                })?
            }
        };
        let binary = matches!(format, FormatArg::Arrow | FormatArg::Parquet);
        if binary && *destination == (Destination::Stdout { terminal: true }) {
            return Err(Failure::usage(
                "binary formats do not go to a terminal: add --output FILE or a pipe",
            ));
        }
        Ok(match format {
            FormatArg::Table => Self::Table {
                rows_shown: TABLE_ROWS_SHOWN,
            },
            FormatArg::Csv => Self::Separated { separator: b',' },
            FormatArg::Tsv => Self::Separated { separator: b'\t' },
            FormatArg::Json => Self::Json,
            FormatArg::Ndjson => Self::Ndjson,
            FormatArg::Arrow => Self::Arrow,
            FormatArg::Parquet => Self::Parquet,
            FormatArg::Count => Self::Count,
            FormatArg::None => Self::None,
        })
    }

    /// Asks the scan for what this format writes best.
    pub(super) fn shape(self, request: &mut ScanRequest) {
        request.string_layout = match self {
            // Programs that read these files know plain strings better than views, and writing
            // copies the bytes anyway.
            Self::Arrow | Self::Parquet => StringLayout::Offsets,
            _ => StringLayout::View,
        };
        if self == Self::Count && request.columns.is_none() {
            // Footers know how many rows there are; columns are read only for filter and deletes.
            request.columns = Some(Vec::new());
        }
    }
}

fn by_extension(extension: &str) -> Option<FormatArg> {
    Some(match extension.to_ascii_lowercase().as_str() {
        "csv" => FormatArg::Csv,
        "tsv" => FormatArg::Tsv,
        "json" => FormatArg::Json,
        "ndjson" | "jsonl" => FormatArg::Ndjson,
        "arrow" | "arrows" | "ipc" => FormatArg::Arrow,
        "parquet" => FormatArg::Parquet,
        "txt" => FormatArg::Table,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(asked: Option<FormatArg>, destination: Destination, expected: Option<Format>) {
        assert_eq!(Format::resolve(asked, &destination).ok(), expected);
    }

    #[test]
    fn fits_the_destination() {
        let file = |name: &str| Destination::File(PathBuf::from(name));
        let table = Some(Format::Table {
            rows_shown: TABLE_ROWS_SHOWN,
        });
        check(None, Destination::Stdout { terminal: true }, table);
        check(
            None,
            Destination::Stdout { terminal: false },
            Some(Format::Ndjson),
        );
        check(None, file("a/b.PARQUET"), Some(Format::Parquet));
        check(
            None,
            file("a.csv"),
            Some(Format::Separated { separator: b',' }),
        );
        check(Some(FormatArg::Json), file("a.csv"), Some(Format::Json));
        check(None, file("a.dat"), None);
        check(
            Some(FormatArg::Arrow),
            Destination::Stdout { terminal: true },
            None,
        );
        check(
            Some(FormatArg::Arrow),
            Destination::Stdout { terminal: false },
            Some(Format::Arrow),
        );
    }

    #[test]
    fn rows_and_progress_do_not_share_a_terminal() {
        let terminal = Destination::Stdout { terminal: true };
        assert!(!terminal.leaves_terminal_to_progress(Format::Ndjson));
        assert!(terminal.leaves_terminal_to_progress(Format::Count));
        assert!(
            Destination::Stdout { terminal: false }.leaves_terminal_to_progress(Format::Ndjson)
        );
    }
}
