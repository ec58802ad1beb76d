//! The forms of a stored body, and Metaflow's note that says which one it is.

use fastdata_codec::{HashAlgorithm, Key, Mode};

use crate::{Error, ErrorKind, Result};

/// How the body of a blob is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Form {
    /// Version 1: the content as it is.
    Raw,
    /// Version 1: gzip.
    Gzip,
    /// Version 2: an LZ4 frame.
    Lz4,
    /// Version 3: self-describing.
    Blob,
}

impl Form {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Raw, Self::Gzip, Self::Lz4, Self::Blob];

    /// The version that Metaflow's metadata names.
    pub fn version(self) -> u8 {
        match self {
            Self::Raw | Self::Gzip => 1,
            Self::Lz4 => 2,
            Self::Blob => 3,
        }
    }

    /// Its name, as the command prints it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw => "v1 raw",
            Self::Gzip => "v1 gzip",
            Self::Lz4 => "v2 lz4",
            Self::Blob => "v3",
        }
    }

    /// The metadata that Metaflow attaches to such a body.
    pub(crate) fn to_metadata(self) -> String {
        format!(
            "{{\"cas_raw\": {}, \"cas_version\": {}}}",
            self == Self::Raw,
            self.version()
        )
    }

    /// The form that metadata tells; without any it is gzip, as Metaflow reads it.
    pub(crate) fn of_metadata(metadata: Option<&str>) -> Result<Self> {
        let Some(text) = metadata else {
            return Ok(Self::Gzip);
        };
        let corrupt = || {
            let text: String = text.chars().take(80).collect();
            Error::corrupt(format!("{text:?} does not say how the blob is stored"))
        };
        let value: serde_json::Value = serde_json::from_str(text).map_err(|_| corrupt())?;
        let fields = value.as_object().ok_or_else(corrupt)?;
        let is_true = |value: &serde_json::Value| value.as_bool().unwrap_or(false);
        // As Metaflow does: the version of a raw body is not looked at.
        if fields.get("cas_raw").is_some_and(is_true) {
            return Ok(Self::Raw);
        }
        match fields
            .get("cas_version")
            .and_then(|version| version.as_u64())
        {
            Some(1) => Ok(Self::Gzip),
            Some(2) => Ok(Self::Lz4),
            Some(3) => Ok(Self::Blob),
            Some(version) => Err(Error::new(
                ErrorKind::Unsupported,
                format!("blob of encoding version {version}: this release reads 1, 2 and 3"),
            )),
            None => Err(corrupt()),
        }
    }

    /// The form that the first bytes of a body show, if they show any.
    pub(crate) fn of_bytes(first: &[u8]) -> Option<Self> {
        const LZ4_FRAME: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];
        const GZIP: [u8; 3] = [0x1f, 0x8b, 8];
        match first {
            _ if first.starts_with(&fastdata_codec::MAGIC) => Some(Self::Blob),
            _ if first.starts_with(&LZ4_FRAME) => Some(Self::Lz4),
            _ if first.starts_with(&GZIP) => Some(Self::Gzip),
            _ => None,
        }
    }
}

/// How new blobs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WriteAs {
    /// Our own: version 3 under BLAKE3 keys.
    Blobs(Mode),
    /// Into Metaflow's layout for every installation since 2.4: raw where packing does not pay,
    /// else gzip, under SHA-1 keys.
    MetaflowVanilla,
    /// Into Metaflow's layout as version 2, an LZ4 frame: released versions of Metaflow refuse it
    /// by name.
    MetaflowLz4,
    /// Into Metaflow's layout as version 3: released versions of Metaflow refuse it by name.
    MetaflowBlobs(Mode),
    /// Into Metaflow's layout as it is, which every installation since 2.4 reads.
    MetaflowRaw,
}

impl Default for WriteAs {
    fn default() -> Self {
        Self::Blobs(Mode::Fast)
    }
}

impl WriteAs {
    /// What new keys are.
    pub fn algorithm(self) -> HashAlgorithm {
        match self {
            Self::Blobs(_) => HashAlgorithm::Blake3,
            _ => HashAlgorithm::Sha1,
        }
    }

    /// Whether a body of `form` is one that this writes.
    pub(crate) fn writes(self, form: Form) -> bool {
        match self {
            Self::Blobs(_) | Self::MetaflowBlobs(_) => form == Form::Blob,
            Self::MetaflowVanilla => form.version() == 1,
            Self::MetaflowLz4 => form == Form::Lz4,
            Self::MetaflowRaw => form == Form::Raw,
        }
    }
}

/// Whether the form of a blob stands in metadata beside it: a BLAKE3 key says it by itself.
pub(crate) fn has_metadata(key: &Key) -> bool {
    key.algorithm() == HashAlgorithm::Sha1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(metadata: &str, expected: Result<Form, ErrorKind>) {
        let form = Form::of_metadata(Some(metadata));
        assert_eq!(form.map_err(|error| error.kind()), expected, "{metadata}");
    }

    #[test]
    fn metadata_as_metaflow_reads_it() {
        for form in Form::ALL {
            check(&form.to_metadata(), Ok(form));
        }
        assert_eq!(
            Form::Gzip.to_metadata(),
            r#"{"cas_raw": false, "cas_version": 1}"#
        );
        assert_eq!(Form::of_metadata(None).unwrap(), Form::Gzip);
        check(r#"{"cas_raw": true, "cas_version": 99}"#, Ok(Form::Raw));
        check(r#"{"cas_raw": true}"#, Ok(Form::Raw));
        check(
            r#"{"cas_version": 1, "cas_raw": false, "more": []}"#,
            Ok(Form::Gzip),
        );
        check(
            r#"{"cas_raw": false, "cas_version": 4}"#,
            Err(ErrorKind::Unsupported),
        );
        for metadata in [
            "{}",
            "",
            "[]",
            "null",
            r#"{"cas_version": "1"}"#,
            r#"{"cas_raw": false}"#,
        ] {
            check(metadata, Err(ErrorKind::Corrupt));
        }
    }
}
