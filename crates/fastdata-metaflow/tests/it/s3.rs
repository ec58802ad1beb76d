//! Runs in a real object store.

use std::sync::Arc;

use fastdata_metaflow::client::Client;
use fastdata_metaflow::{Datastore, Metadata};
use fastdata_testkit::S3Server;

use crate::sample::{look, write};

#[test]
fn written_and_read() {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir(root.path().join("flows")).unwrap();
    let Some(server) = S3Server::start(root.path()) else {
        return;
    };
    let datastore = Arc::new(Datastore::open("s3://flows/some/prefix", server.config()).unwrap());
    assert_eq!(
        (datastore.kind(), datastore.root()),
        ("s3", "s3://flows/some/prefix")
    );
    let metadata = Arc::new(Metadata::files(Arc::clone(&datastore)));
    let client = Client::new(Arc::clone(&datastore), Arc::clone(&metadata));
    assert!(client.flows().unwrap().is_empty());
    let id = write(&datastore, &metadata, 0.5);
    look(&client, &id, 0.5);
    let flows: Vec<_> = client
        .flows()
        .unwrap()
        .iter()
        .map(|flow| flow.name().to_owned())
        .collect();
    assert_eq!(flows, ["Sample"]);
    assert!(
        !datastore.create("Sample/once", "a").unwrap()
            || !datastore.create("Sample/once", "b").unwrap()
    );
    assert_eq!(datastore.read("Sample/once").unwrap(), "a");
}
