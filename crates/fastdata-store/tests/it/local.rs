//! The local store behind `open`.

use fastdata_store::{Location, StoreConfig};
use fastdata_testkit::conformance;

#[test]
fn conforms_inside_and_outside_of_a_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    for inside in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::parse(folder.path().to_str().unwrap()).unwrap();
        let store = fastdata_store::open(StoreConfig::default());
        let check = conformance::check(&*store, &location, &|object, content| {
            let path = object.local_path().unwrap();
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        });
        if inside {
            runtime.block_on(check);
        } else {
            futures::executor::block_on(check);
        }
    }
}
