//! What each format looks like.

use arrow_ipc::reader::StreamReader;

use crate::command::{command, run, sample, succeed, text};

#[track_caller]
fn check(args: &[&str], expected: &str) {
    let (_folder, path) = sample();
    let mut all = vec!["scan", path.to_str().unwrap()];
    all.extend(args);
    assert_eq!(succeed(&all), expected);
}

#[test]
fn csv() {
    let expected = "id,name,score,day,list,map\n\
        1,\"a,\"\"b\"\"\",0.5,1970-01-01,\"[1,null]\",\"{\"\"7\"\":\"\"x\"\"}\"\n\
        2,\"\",NaN,2026-01-01,[],{}\n\
        3,,,1969-12-31,,{}\n";
    check(&["-f", "csv"], expected);
}

#[test]
fn tsv() {
    check(
        &["-f", "tsv", "-c", "id,day", "-n", "1"],
        "id\tday\n1\t1970-01-01\n",
    );
}

#[test]
fn ndjson_is_what_a_pipe_gets() {
    let expected = "{\"id\":1,\"name\":\"a,\\\"b\\\"\",\"score\":0.5,\"day\":\"1970-01-01\",\"list\":[1,null],\"map\":{\"7\":\"x\"}}\n\
        {\"id\":2,\"name\":\"\",\"score\":null,\"day\":\"2026-01-01\",\"list\":[],\"map\":{}}\n\
        {\"id\":3,\"name\":null,\"score\":null,\"day\":\"1969-12-31\",\"list\":null,\"map\":{}}\n";
    check(&[], expected);
}

#[test]
fn json() {
    check(
        &["-f", "json", "-c", "id", "-w", "id >= 2"],
        "[\n{\"id\":2},\n{\"id\":3}\n]\n",
    );
    check(&["-f", "json", "-c", "id", "-w", "id > 3"], "[]\n");
}

#[test]
fn table() {
    let expected =
        " id │ name\n────┼───────\n  1 │ a,\"b\"\n  2 │\n  3 │ NULL\n3 rows · 2 columns\n";
    check(&["-f", "table", "-c", "id,name"], expected);
}

#[test]
fn count_and_none() {
    check(&["-f", "count"], "3\n");
    check(&["-f", "count", "-w", "name is null"], "1\n");
    check(&["-f", "none"], "");
}

#[test]
fn arrow_stream() {
    let (_folder, path) = sample();
    let output = run(&["scan", path.to_str().unwrap(), "-f", "arrow"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let reader = StreamReader::try_new(output.stdout.as_slice(), None).unwrap();
    let batches: Vec<_> = reader.map(Result::unwrap).collect();
    assert_eq!(
        batches.iter().map(|batch| batch.num_rows()).sum::<usize>(),
        3
    );
    assert_eq!(batches[0].num_columns(), 6);
}

#[test]
fn parquet_comes_back_the_same() {
    let (folder, path) = sample();
    let copy = folder.path().join("copy.parquet");
    succeed(&["scan", path.to_str().unwrap(), "-o", copy.to_str().unwrap()]);
    let original = succeed(&["scan", path.to_str().unwrap()]);
    assert_eq!(succeed(&["scan", copy.to_str().unwrap()]), original);
}

#[test]
fn variables_stand_in_for_flags_and_flags_win() {
    let (_folder, path) = sample();
    let path = path.to_str().unwrap();
    let count = command(&["scan", path])
        .env("FASTDATA_FORMAT", "count")
        .output()
        .unwrap();
    assert_eq!(text(&count.stdout), "3\n");
    let mut typed = command(&["scan", path, "-f", "none"]);
    assert_eq!(
        text(
            &typed
                .env("FASTDATA_FORMAT", "count")
                .output()
                .unwrap()
                .stdout
        ),
        ""
    );
}

#[test]
fn schema_and_its_json() {
    let (_folder, path) = sample();
    let path = path.to_str().unwrap();
    let shown = succeed(&["schema", path]);
    assert!(shown.contains("day    │ Date32"), "{shown}");
    let json: serde_json::Value =
        serde_json::from_str(&succeed(&["schema", path, "--json"])).unwrap();
    assert_eq!(json["schema"], "fastdata.schema/1");
    assert_eq!(json["columns"][0]["name"], "id");
}

#[test]
fn pages_and_scripts_are_printed() {
    assert!(succeed(&["man"]).contains(".TH fastdata"));
    // The page escapes what its macros would take for their own.
    assert!(
        succeed(&["man", "scan"])
            .replace('\\', "")
            .contains("FASTDATA_MAX_MEMORY")
    );
    assert!(succeed(&["completions", "bash"]).contains("_fastdata"));
    assert!(succeed(&["scan", "--help"]).contains("FASTDATA_COLUMNS"));
}
