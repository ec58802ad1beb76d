//! Which of the files in `metadata/` is the table's newest metadata file.

use crate::{Error, Result};

/// The newest metadata file among `names` (file names in the folder `metadata/`, in any order).
///
/// Names come as `v3.metadata.json` and `00003-<uuid>.metadata.json`, with `.gz` before or behind
/// `.metadata.json`, and with words instead of a number (`rev-2`, `vfinal`). `version_hint` is the
/// content of `version-hint.text`, where there is one: a version or a name. A hint may be stale,
/// so it never makes us take a file older than the newest numbered one; it decides among files
/// whose age their names do not tell. Where nothing decides, the files are named in the error.
pub fn choose_metadata_file(names: &[String], version_hint: Option<&[u8]>) -> Result<String> {
    let files: Vec<Candidate<'_>> = names
        .iter()
        .filter_map(|name| Candidate::of(name))
        .collect();
    let hint = version_hint
        .and_then(|hint| std::str::from_utf8(hint).ok())
        .map(str::trim);
    let hinted = hint.and_then(|hint| files.iter().find(|file| file.is_named_by(hint)));
    let newest = files.iter().filter_map(|file| file.version).max();
    // A hinted file is taken when it has no number (it was put there on purpose) or the newest.
    if let Some(hinted) = hinted
        && (hinted.version.is_none() || hinted.version == newest)
    {
        return Ok(hinted.name.to_owned());
    }
    let mut newest: Vec<&str> = files
        .iter()
        .filter(|file| file.version == newest)
        .map(|file| file.name)
        .collect();
    newest.sort_unstable();
    match newest.as_slice() {
        [] => Err(Error::not_found("metadata/ holds no *.metadata.json")),
        [only] => Ok((*only).to_owned()),
        // Commits that lost a race leave such files: only a catalog knows which one won.
        several => Err(Error::invalid(format!(
            "metadata/ holds {} files of the newest version, name the one to read: {}",
            several.len(),
            several.join(", ")
        ))),
    }
}

struct Candidate<'a> {
    version: Option<u64>,
    name: &'a str,
    /// The name without the suffixes.
    stem: &'a str,
}

impl<'a> Candidate<'a> {
    fn of(name: &'a str) -> Option<Self> {
        const SUFFIXES: [&str; 5] = [
            ".gz.metadata.json",
            ".zstd.metadata.json",
            ".metadata.json.gz",
            ".metadata.json.zst",
            ".metadata.json",
        ];
        let stem = SUFFIXES
            .iter()
            .find_map(|suffix| name.strip_suffix(suffix))?;
        if stem.is_empty() || stem.starts_with('.') {
            return None;
        }
        Some(Self {
            version: version_of(stem),
            name,
            stem,
        })
    }

    /// Whether a hint means this file: by version, by stem or by name.
    fn is_named_by(&self, hint: &str) -> bool {
        let file = hint.rsplit('/').next().unwrap_or(hint);
        let version = file.parse().ok();
        self.name == file
            || self.stem == file
            || (version.is_some() && self.version == version)
            || self.stem.strip_prefix('v') == Some(file)
    }
}

/// `v12` is 12, `00003-…` is 3, `rev-2` is 2.
fn version_of(stem: &str) -> Option<u64> {
    if let Some(version) = stem.strip_prefix('v').and_then(|rest| rest.parse().ok()) {
        return Some(version);
    }
    let (head, tail) = stem.split_once('-').unwrap_or((stem, ""));
    head.parse().ok().or_else(|| match head {
        "rev" => tail.parse().ok(),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(names: &[&str], hint: Option<&str>, expected: &str) {
        let mut names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        for _ in 0..2 {
            let chosen = choose_metadata_file(&names, hint.map(str::as_bytes)).unwrap();
            assert_eq!(chosen, expected);
            names.reverse();
        }
    }

    #[test]
    fn versions_are_numbers() {
        check(
            &["v9.metadata.json", "v10.metadata.json"],
            None,
            "v10.metadata.json",
        );
        check(
            &[
                "00009-b.metadata.json",
                "00010-a.metadata.json",
                "snap-1.avro",
            ],
            None,
            "00010-a.metadata.json",
        );
        check(
            &["v1.gz.metadata.json", "v2.gz.metadata.json"],
            Some("2\n"),
            "v2.gz.metadata.json",
        );
        check(&["v1.metadata.json.gz"], Some("1"), "v1.metadata.json.gz");
        check(
            &["v1749025517.metadata.json", "v3.metadata.json"],
            None,
            "v1749025517.metadata.json",
        );
        check(
            &["rev-2.metadata.json", "rev-10.metadata.json"],
            None,
            "rev-10.metadata.json",
        );
    }

    #[test]
    fn hints_help_and_do_not_mislead() {
        let numbered = ["v1.metadata.json", "v2.metadata.json", "v3.metadata.json"];
        check(&numbered, Some("2"), "v3.metadata.json");
        check(&numbered, Some("7"), "v3.metadata.json");
        check(&numbered, Some("garbage"), "v3.metadata.json");
        check(
            &["vfinal.metadata.json", "v1.metadata.json"],
            Some("final"),
            "vfinal.metadata.json",
        );
        check(&["vfinal.metadata.json"], None, "vfinal.metadata.json");
        check(
            &["00001-a.metadata.json", "00001-b.metadata.json"],
            Some("00001-a.metadata.json"),
            "00001-a.metadata.json",
        );
        check(
            &["00001-a.metadata.json", "00001-b.metadata.json"],
            Some("00001-a"),
            "00001-a.metadata.json",
        );
    }

    #[test]
    fn an_empty_folder_is_not_a_table() {
        let names = ["snap-1.avro".to_owned(), "version-hint.text".to_owned()];
        let error = choose_metadata_file(&names, Some(b"1")).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::NotFound);
        assert!(choose_metadata_file(&[], None).is_err());
    }

    #[test]
    fn two_files_of_one_version_need_a_word_from_the_user() {
        let names = ["00001-a.metadata.json", "00001-b.metadata.json"].map(str::to_owned);
        let error = choose_metadata_file(&names, None).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::InvalidArgument);
    }
}
