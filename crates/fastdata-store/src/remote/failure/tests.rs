//! Texts as servers and `object_store` write them, and what becomes of them.

use super::*;

fn object() -> Location {
    Location::parse("s3://bucket/a key").unwrap()
}

fn failures() -> Failures {
    Failures::hiding_secrets_of(&StoreConfig {
        secret_access_key: Some("canary-secret".into()),
        options: vec![("aws_allow_http".into(), "true".into())],
        ..StoreConfig::default()
    })
}

fn generic(text: &str) -> object_store::Error {
    object_store::Error::Generic {
        store: "S3",
        source: text.into(),
    }
}

#[track_caller]
fn check(error: object_store::Error, kind: ErrorKind, words: &[&str]) {
    let error = failures().explain("read", &object(), error);
    assert_eq!(error.kind(), kind, "{error}");
    let text = error.to_string();
    assert_eq!(text.lines().count(), 1);
    assert!(
        text.starts_with("cannot read s3://bucket/a key: "),
        "{text}"
    );
    for word in words {
        assert!(text.contains(word), "{word:?} is not in {text}");
    }
}

#[test]
fn statuses_and_codes() {
    let answer = |status: &str, body: &str| {
        generic(&format!(
            "Server returned non-2xx status code: {status}: {body}"
        ))
    };
    let body = "<?xml version=\"1.0\"?>\n<Error><Code>SlowDown</Code><Message>Please reduce\n your \
                rate.</Message><RequestId>R1</RequestId></Error>";
    check(
        answer("503 Service Unavailable", body),
        ErrorKind::Throttled,
        &[
            "SlowDown",
            "status 503",
            "request R1",
            "Please reduce your rate.",
        ],
    );
    check(
        answer("429 Too Many Requests", ""),
        ErrorKind::Throttled,
        &["429"],
    );
    check(
        answer("416 Range Not Satisfiable", ""),
        ErrorKind::InvalidArgument,
        &["416"],
    );
    check(
        answer("500 Internal Server Error", ""),
        ErrorKind::Network,
        &["the server failed"],
    );
    check(
        answer("400 Bad Request", "<Code>ExpiredToken</Code>"),
        ErrorKind::Denied,
        &["ExpiredToken"],
    );
    check(
        answer(
            "400 Bad Request",
            "<Code>AuthorizationHeaderMalformed</Code>",
        ),
        ErrorKind::InvalidArgument,
        &["AWS_REGION"],
    );
    check(
        answer("418 I'm a teapot", "short and stout"),
        ErrorKind::Protocol,
        &["418"],
    );
    check(
        generic("Received redirect without LOCATION, this normally"),
        ErrorKind::InvalidArgument,
        &["AWS_REGION"],
    );
    check(
        generic("Requested 0..5, got 0..4"),
        ErrorKind::Protocol,
        &["got 0..4"],
    );
    check(
        generic("Error performing PUT http://169.254.169.254/latest/api/token in 1s"),
        ErrorKind::Denied,
        &["AWS_PROFILE"],
    );
}

#[test]
fn an_unknown_key_id_is_no_missing_object() {
    let text = "Server returned non-2xx status code: 404 Not Found: \
                <Error><Code>XAdminUserNotFound</Code></Error>";
    let (path, source) = ("a key".to_owned(), text.into());
    check(
        object_store::Error::NotFound { path, source },
        ErrorKind::Denied,
        &["XAdminUserNotFound", "404"],
    );
}

#[test]
fn variants_of_object_store() {
    let (path, text) = (
        "a key".to_owned(),
        "Server returned non-2xx status code: 404 Not Found: ",
    );
    let source = text.into();
    check(
        object_store::Error::NotFound { path, source },
        ErrorKind::NotFound,
        &["no such object"],
    );
    let source = "x".into();
    check(
        object_store::Error::NotSupported { source },
        ErrorKind::Unsupported,
        &["x"],
    );
}

#[test]
fn secrets_and_long_texts_are_cut() {
    let error = failures().explain("read", &object(), generic("it said canary-secret and true"));
    assert!(!error.to_string().contains("canary") && !format!("{error:?}").contains("canary"));
    assert!(error.to_string().contains("true"));
    let error = failures().explain("read", &object(), generic(&"é".repeat(5000)));
    assert!(error.to_string().chars().count() < 400);
    let error = failures().explain_settings(&object(), generic("bad canary-secret"));
    assert!(!error.to_string().contains("canary"));
}
