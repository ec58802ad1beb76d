//! Every form is written and read, whole and by range, and told from damage.

use std::fs;
use std::path::{Path, PathBuf};

use fastdata_cas::{Blobs, Check, Durability, ErrorKind, Form, HashAlgorithm, Key, Mode, WriteAs};

use crate::contents::{WAYS, noise, options, several, store, text};

fn path_of(root: &Path, key: &Key) -> PathBuf {
    root.join(key.fan()).join(key.to_string())
}

fn metadata_of(root: &Path, key: &Key) -> PathBuf {
    root.join(key.fan()).join(format!("{key}_meta"))
}

#[test]
fn every_way_and_durability() {
    for write_as in WAYS {
        for durability in [Durability::None, Durability::Batch, Durability::Full] {
            let folder = tempfile::tempdir().unwrap();
            let mut options = options(write_as);
            options.durability = durability;
            let blobs = Blobs::open(folder.path().to_str().unwrap(), options).unwrap();
            let contents = several();
            let saved = blobs.save_many(&contents).unwrap();
            let keys: Vec<_> = saved.iter().map(|saved| saved.key).collect();
            assert!(saved.iter().all(|saved| saved.is_new));
            let loaded = blobs.load_many(&keys).unwrap();
            for ((content, key), loaded) in contents.iter().zip(&keys).zip(loaded) {
                assert!(loaded == *content, "{write_as:?}");
                assert_eq!(*key, Key::of(content, write_as.algorithm()));
                assert!(blobs.exists(key).unwrap());
                assert!(!blobs.save(content).unwrap().is_new);
                let len = content.len() as u64;
                for range in [0..len, 0..0, len..len, len / 3..len / 2, len / 2..len] {
                    let got = blobs.open_range(key, range.clone()).unwrap();
                    assert!(got == content[range.start as usize..range.end as usize]);
                }
                let past = blobs.open_range(key, 0..len + 1).unwrap_err();
                assert_eq!(past.kind(), ErrorKind::InvalidArgument);
                if let Some(claimed) = blobs.stat(key).unwrap().content_bytes {
                    assert_eq!(claimed, len);
                }
            }
            let listed = blobs.list().unwrap();
            assert_eq!(listed.len(), contents.len());
            let partial = folder.path().join(".fastdata/partial");
            assert_eq!(fs::read_dir(partial).unwrap().count(), 0);
        }
    }
}

#[test]
fn vanilla_is_raw_where_gzip_does_not_pay() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = store(folder.path(), WriteAs::MetaflowVanilla);
    for (content, form) in [(noise(1, 100_000), Form::Raw), (text(100_000), Form::Gzip)] {
        let key = blobs.save(&content).unwrap().key;
        assert_eq!(blobs.stat(&key).unwrap().form, form);
    }
}

#[test]
fn a_missing_blob_and_a_missing_store() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("nowhere");
    for write_as in WAYS {
        let blobs = store(&nowhere, write_as);
        let key = Key::of(b"never saved", write_as.algorithm());
        assert_eq!(blobs.load(&key).unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(
            blobs.open_range(&key, 0..1).unwrap_err().kind(),
            ErrorKind::NotFound
        );
        assert!(!blobs.exists(&key).unwrap());
        assert!(blobs.list().unwrap().is_empty());
    }
    let error = Blobs::open_existing(nowhere.to_str().unwrap(), options(WriteAs::MetaflowLz4));
    assert_eq!(error.unwrap_err().kind(), ErrorKind::NotFound);
    assert!(!nowhere.exists());
}

/// A byte changed anywhere in a stored body is noticed, unless what comes out is right all the
/// same, as with the time in a gzip header.
#[test]
fn damage_is_noticed() {
    for write_as in WAYS {
        let folder = tempfile::tempdir().unwrap();
        let blobs = store(folder.path(), write_as);
        for content in [text(2000), noise(5, 2000)] {
            let key = blobs.save(&content).unwrap().key;
            let path = path_of(folder.path(), &key);
            let body = fs::read(&path).unwrap();
            for at in 0..body.len() {
                let mut damaged = body.clone();
                damaged[at] ^= 0x10;
                fs::write(&path, &damaged).unwrap();
                if let Ok(loaded) = blobs.load(&key) {
                    assert!(loaded == content, "{write_as:?} at {at}");
                    assert_eq!(blobs.stat(&key).unwrap().form, Form::Gzip);
                }
            }
            fs::write(&path, &body[..body.len() / 2]).unwrap();
            assert_eq!(blobs.load(&key).unwrap_err().kind(), ErrorKind::Corrupt);
        }
    }
}

/// Another blob's body under a key: sound in itself, and not what was asked for.
#[test]
fn a_body_under_another_key_is_noticed() {
    for write_as in WAYS {
        let folder = tempfile::tempdir().unwrap();
        let blobs = store(folder.path(), write_as);
        let (one, other) = (text(2000), text(2001));
        let (one, other) = (
            blobs.save(&one).unwrap().key,
            blobs.save(&other).unwrap().key,
        );
        fs::copy(path_of(folder.path(), &one), path_of(folder.path(), &other)).unwrap();
        assert_eq!(
            blobs.load(&other).unwrap_err().kind(),
            ErrorKind::Corrupt,
            "{write_as:?}"
        );
    }
}

#[test]
fn unchecked_reads_return_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let key = store(folder.path(), WriteAs::MetaflowRaw)
        .save(b"right")
        .unwrap()
        .key;
    fs::write(path_of(folder.path(), &key), b"wrong").unwrap();
    let mut options = options(WriteAs::MetaflowRaw);
    options.check = Check::Skip;
    let blobs = Blobs::open(folder.path().to_str().unwrap(), options).unwrap();
    assert_eq!(&blobs.load(&key).unwrap()[..], b"wrong");
    assert_eq!(&blobs.open_range(&key, 1..3).unwrap()[..], b"ro");
}

/// What happens to metadata in the field does not lose blobs.
#[test]
fn metadata_may_be_missing_or_wrong() {
    let content = text(2000);
    for write_as in WAYS {
        if write_as.algorithm() == HashAlgorithm::Blake3 {
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        let blobs = store(folder.path(), write_as);
        let key = blobs.save(&content).unwrap().key;
        let metadata = metadata_of(folder.path(), &key);
        fs::remove_file(&metadata).unwrap();
        assert!(blobs.load(&key).unwrap() == content, "{write_as:?}");
        for form in [
            "true, \"cas_version\": 1",
            "false, \"cas_version\": 1",
            "false, \"cas_version\": 2",
            "false, \"cas_version\": 3",
        ] {
            fs::write(&metadata, format!("{{\"cas_raw\": {form}}}")).unwrap();
            assert!(
                blobs.load(&key).unwrap() == content,
                "{write_as:?} as {form}"
            );
        }
        fs::write(&metadata, "{\"cas_raw\": false, \"cas_version\": 9}").unwrap();
        assert_eq!(blobs.load(&key).unwrap_err().kind(), ErrorKind::Unsupported);
    }
}

/// Keys of one content in all forms are one blob: who comes second finds it there.
#[test]
fn forms_share_keys() {
    let folder = tempfile::tempdir().unwrap();
    let content = text(10_000);
    let ways = WAYS
        .into_iter()
        .filter(|way| way.algorithm() == HashAlgorithm::Sha1);
    let saved: Vec<_> = ways
        .map(|way| store(folder.path(), way).save(&content).unwrap())
        .collect();
    assert_eq!(saved.iter().filter(|saved| saved.is_new).count(), 1);
    assert!(saved.windows(2).all(|pair| pair[0].key == pair[1].key));
    let own = store(folder.path(), WriteAs::Blobs(Mode::Fast))
        .save(&content)
        .unwrap();
    assert!(own.is_new);
}
