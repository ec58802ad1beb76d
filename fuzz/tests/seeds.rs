//! Every target takes its seeds without harm, and so do small changes of them.

use std::path::Path;

type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 9] = [
    ("footer", fastdata_fuzz::footer),
    ("page", fastdata_fuzz::page),
    ("manifest", fastdata_fuzz::manifest),
    ("manifest_list", fastdata_fuzz::manifest_list),
    ("metadata", fastdata_fuzz::metadata),
    ("predicate", fastdata_fuzz::predicate),
    ("blob_head", fastdata_fuzz::blob_head),
    ("blob_body", fastdata_fuzz::blob_body),
    ("pickle", fastdata_fuzz::pickle),
];

#[test]
fn targets_take_their_seeds() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("seeds");
    assert!(fastdata_fuzz::write(&folder).unwrap() > TARGETS.len());
    for (name, target) in TARGETS {
        let mut count = 0;
        for entry in std::fs::read_dir(folder.join(name)).unwrap() {
            let mut bytes = std::fs::read(entry.unwrap().path()).unwrap();
            target(&bytes);
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0x10;
            target(&bytes);
            target(&bytes[..middle]);
            count += 1;
        }
        assert!(count > 0, "{name} has no seed");
    }
}
