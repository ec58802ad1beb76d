//! Profiles that log in: a command, single sign-on, roles; against services that run here.

mod machine;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use fastdata_store::{Error, ErrorKind, Location, Store, StoreConfig};
use fastdata_testkit::{Action, Fault, Operation, Simulator};

const BUCKET: &str = "login";

/// A request as a service saw it.
#[derive(Debug, Clone)]
struct Seen {
    line: String,
    headers: String,
    body: String,
}

/// A service that answers every request with what `answer` makes of it.
struct Service {
    url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Service {
    fn start(answer: impl Fn(&Seen, usize) -> (u16, String) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let request = read_request(&stream);
                let count = {
                    let mut noted = noted.lock().unwrap();
                    noted.push(request.clone());
                    noted.len()
                };
                let (status, body) = answer(&request, count);
                let head = format!(
                    "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all((head + &body).as_bytes());
            }
        });
        Self { url, seen }
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

fn read_request(stream: &std::net::TcpStream) -> Seen {
    let mut reader = BufReader::new(stream);
    let (mut line, mut headers) = (String::new(), String::new());
    reader.read_line(&mut line).unwrap();
    let mut len = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        if header.trim().is_empty() {
            break;
        }
        let header = header.trim().to_ascii_lowercase() + "\n";
        if let Some(text) = header.strip_prefix("content-length: ") {
            len = text.trim().parse().unwrap();
        }
        headers += &header;
    }
    let mut body = vec![0; len];
    reader.read_exact(&mut body).unwrap();
    let body = String::from_utf8(body).unwrap();
    Seen {
        line: line.trim().to_owned(),
        headers,
        body,
    }
}

/// An S3 server, a home folder, and the variables that lead to both.
struct World {
    simulator: Simulator,
    home: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
    vars: Vec<(String, String)>,
}

impl World {
    fn new(config: &str) -> Self {
        let simulator = Simulator::start();
        simulator.put(BUCKET, "x", b"content");
        simulator.put("another", "x", b"content");
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(home.path().join(".aws/sso/cache")).unwrap();
        let text = format!("[default]\nregion = eu-test-1\n{config}");
        std::fs::write(home.path().join(".aws/config"), text).unwrap();
        let mut world = Self {
            vars: Vec::new(),
            runtime: crate::runtime(),
            simulator,
            home,
        };
        let home = world.home.path().to_str().unwrap().to_owned();
        world.set("HOME", &home);
        world.set("AWS_ENDPOINT_URL_S3", &world.simulator.endpoint_url());
        world
    }

    fn set(&mut self, name: &str, value: &str) {
        self.vars.push((name.to_owned(), value.to_owned()));
    }

    /// Keys that the server takes, and their session token, which it does not look at.
    fn keys(&self) -> (String, String) {
        let env: std::collections::HashMap<_, _> = self.simulator.env().into_iter().collect();
        let get = |name: &str| env[name].clone();
        (get("AWS_ACCESS_KEY_ID"), get("AWS_SECRET_ACCESS_KEY"))
    }

    fn config(&self) -> StoreConfig {
        StoreConfig {
            retry_timeout: Duration::from_secs(10),
            retries: 3,
            ..StoreConfig::from_vars(self.vars.clone())
        }
    }

    fn read_with(&self, config: StoreConfig) -> Result<Bytes, Error> {
        let store = fastdata_store::open(config);
        self.read(&store, BUCKET)
    }

    fn read(&self, store: &Arc<dyn Store>, bucket: &str) -> Result<Bytes, Error> {
        let object = Location::parse(&format!("s3://{bucket}/x")).unwrap();
        let read = self.runtime.block_on(store.read(&object, 100));
        if let Err(error) = &read {
            let shown = format!("{error} {error:?} {store:?}");
            assert!(!shown.contains("canary"), "a secret is shown: {shown}");
        }
        read
    }

    fn error(&self) -> Error {
        self.read_with(self.config()).unwrap_err()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn script(&self, text: &str) {
        let path = self.path("keys");
        std::fs::write(
            &path,
            format!("#!/bin/sh\ncd \"$(dirname \"$0\")\"\n{text}"),
        )
        .unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    }

    /// What a command prints, without its end.
    fn printed(&self) -> String {
        let (id, secret) = self.keys();
        format!(
            "\"Version\":1,\"AccessKeyId\":\"{id}\",\"SecretAccessKey\":\"{secret}\",\
             \"SessionToken\":\"canary-token\""
        )
    }

    fn with_process() -> Self {
        let world = Self::new("");
        let command = world.path("keys");
        let text = format!(
            "[default]\nregion = eu-test-1\ncredential_process = \"{}\" --for 'a b'\n",
            command.display()
        );
        std::fs::write(world.path(".aws/config"), text).unwrap();
        world
    }

    fn runs(&self) -> usize {
        std::fs::read_to_string(self.path("runs")).map_or(0, |text| text.lines().count())
    }

    /// The answer of STS with the keys that the server takes.
    fn sts_answer(&self, action: &str) -> String {
        let (id, secret) = self.keys();
        format!(
            "<{action}Response><{action}Result><Credentials><AccessKeyId>{id}</AccessKeyId>\
             <SecretAccessKey>{secret}</SecretAccessKey><SessionToken>canary&amp;token\
             </SessionToken><Expiration>2100-01-01T00:00:00Z</Expiration></Credentials>\
             </{action}Result></{action}Response>"
        )
    }
}

const ROLE: &str = "role_arn = arn:aws:iam::1:role/reader\nrole_session_name = me\n";

const SOURCE: &str = "[profile source]\naws_access_key_id = SOURCEKEY\n\
                      aws_secret_access_key = canary-source\n";

#[test]
fn a_command_is_run_once_for_all() {
    let world = World::with_process();
    let printed = world.printed();
    world.script(&format!(
        "echo \"$2\" >> runs\nsleep 0.2\necho '{{{printed},\"Expiration\":\"2100-01-01T00:00:00Z\"}}'\n"
    ));
    let store = fastdata_store::open(world.config());
    let object = |bucket: &str| Location::parse(&format!("s3://{bucket}/x")).unwrap();
    let reads = (0..16).map(|index| {
        let object = object([BUCKET, "another"][index % 2]);
        let store = Arc::clone(&store);
        async move { store.read(&object, 100).await }
    });
    let read = world
        .runtime
        .block_on(futures::future::try_join_all(reads))
        .unwrap();
    assert!(read.iter().all(|read| read == "content"));
    assert_eq!(
        std::fs::read_to_string(world.path("runs")).unwrap(),
        "a b\n"
    );
    assert!(!format!("{store:?}").contains("canary"));

    // The service says that they have expired: fetched once more.
    std::thread::sleep(Duration::from_millis(1100));
    let expired = Action::Status {
        status: 400,
        code: "ExpiredToken".into(),
        headers: Vec::new(),
    };
    let fault = world.simulator.inject(Fault::once(Operation::Get, expired));
    assert_eq!(world.read(&store, BUCKET).unwrap(), "content");
    assert_eq!((world.simulator.hits(fault), world.runs()), (1, 2));
}

#[test]
fn keys_that_end_are_fetched_again() {
    let world = World::with_process();
    let printed = world.printed();
    world.script(&format!(
        "echo run >> runs\nend=$(date -u -d '+2 seconds' +%Y-%m-%dT%H:%M:%SZ)\n\
         echo '{{{printed},\"Expiration\":\"'$end'\"}}'\n"
    ));
    let store = fastdata_store::open(world.config());
    assert_eq!(world.read(&store, BUCKET).unwrap(), "content");
    assert_eq!(world.runs(), 1);
    std::thread::sleep(Duration::from_millis(2100));
    assert_eq!(world.read(&store, BUCKET).unwrap(), "content");
    assert_eq!(world.runs(), 2);
}

/// What is renewed ahead of its end, and cannot be, does until then.
#[test]
fn a_renewal_that_fails_ahead_of_time_is_no_failure() {
    let world = World::with_process();
    let printed = world.printed();
    world.script(&format!(
        "echo run >> runs\n[ $(wc -l < runs) -gt 1 ] && exit 1\n\
         end=$(date -u -d '+9 seconds' +%Y-%m-%dT%H:%M:%SZ)\n\
         echo '{{{printed},\"Expiration\":\"'$end'\"}}'\n"
    ));
    let store = fastdata_store::open(world.config());
    assert_eq!(world.read(&store, BUCKET).unwrap(), "content");
    std::thread::sleep(Duration::from_millis(7200));
    for _ in 0..3 {
        assert_eq!(world.read(&store, BUCKET).unwrap(), "content");
    }
    assert_eq!(world.runs(), 2, "it is not tried at every request");
}

#[test]
fn commands_that_fail_say_so_and_repeat_nothing() {
    let world = World::with_process();
    for (script, word) in [
        ("echo canary; exit 3", "exit status: 3"),
        ("echo canary-garbage", "no JSON"),
        (
            "echo '{\"Version\":1,\"SecretAccessKey\":\"canary\"}'",
            "no AccessKeyId",
        ),
        (
            "echo '{\"Version\":9,\"SecretAccessKey\":\"canary\"}'",
            "version 1",
        ),
        ("head -c 100000 /dev/zero; exit 0", "more than"),
        ("kill -9 $$", "signal"),
    ] {
        world.script(script);
        let error = world.error();
        assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
        assert!(error.to_string().contains(word), "{error}");
    }
    std::fs::remove_file(world.path("keys")).unwrap();
    assert!(world.error().to_string().contains("cannot be started"));
}

#[test]
fn a_command_that_hangs_is_ended_with_all_that_it_started() {
    let world = World::with_process();
    world.script("sleep 600 &\necho $! > child\nwait\n");
    let config = StoreConfig {
        retry_timeout: Duration::from_millis(700),
        ..world.config()
    };
    let error = world.read_with(config).unwrap_err();
    assert!(error.to_string().contains("did not end"), "{error}");
    let child = std::fs::read_to_string(world.path("child")).unwrap();
    let stat = format!("/proc/{}/stat", child.trim());
    let is_gone = || std::fs::read_to_string(&stat).is_ok_and(|text| text.contains(") Z "));
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while !is_gone() && std::path::Path::new(&stat).exists() {
        assert!(std::time::Instant::now() < deadline, "it still runs");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_role_is_assumed_with_the_keys_of_another_profile() {
    let mut world = World::new(&format!(
        "{ROLE}source_profile = source\nexternal_id = canary-id\nduration_seconds = 900\n{SOURCE}"
    ));
    let answer = world.sts_answer("AssumeRole");
    let service = Service::start(move |_, count| match count {
        1 => (500, String::new()),
        _ => (200, answer.clone()),
    });
    world.set("AWS_ENDPOINT_URL_STS", &service.url);
    assert_eq!(world.read_with(world.config()).unwrap(), "content");
    let seen = service.seen();
    assert_eq!(seen.len(), 2, "once more after a failure of the service");
    assert_eq!(seen[1].line, "POST / HTTP/1.1");
    for part in [
        "Action=AssumeRole&",
        "RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Freader",
        "RoleSessionName=me",
        "ExternalId=canary-id",
        "DurationSeconds=900",
    ] {
        assert!(seen[1].body.contains(part), "{:?}", seen[1]);
    }
    assert!(
        seen[1].headers.contains("credential=sourcekey/"),
        "{:?}",
        seen[1]
    );
    assert!(
        seen[1].headers.contains("/eu-test-1/sts/aws4_request"),
        "{:?}",
        seen[1]
    );
}

#[test]
fn roles_can_be_a_chain() {
    let mut world = World::new(&format!(
        "{ROLE}source_profile = middle\n[profile middle]\nrole_arn = arn:middle\n\
         source_profile = source\n{SOURCE}"
    ));
    let (last, first) = (
        world.sts_answer("AssumeRole"),
        world.sts_answer("AssumeRole"),
    );
    let first = first.replace(&world.keys().0, "MIDDLEKEY");
    let service = Service::start(move |_, count| match count {
        1 => (200, first.clone()),
        _ => (200, last.clone()),
    });
    world.set("AWS_ENDPOINT_URL_STS", &service.url);
    assert_eq!(world.read_with(world.config()).unwrap(), "content");
    let seen = service.seen();
    assert!(
        seen[0].body.contains("RoleArn=arn%3Amiddle"),
        "{:?}",
        seen[0]
    );
    assert!(
        seen[1].headers.contains("credential=middlekey/"),
        "{:?}",
        seen[1]
    );
    assert!(
        seen[1]
            .headers
            .contains("x-amz-security-token: canary&token"),
        "{:?}",
        seen[1]
    );
}

#[test]
fn a_role_that_is_refused_says_why() {
    let mut world = World::new(&format!(
        "{ROLE}source_profile = source\nexternal_id = canary-id\n{SOURCE}"
    ));
    let service = Service::start(|_, _| {
        let text = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>User is not allowed: \
                    canary-id&#10;The request was canary\
                    </Message></Error></ErrorResponse>";
        (403, text.to_owned())
    });
    world.set("AWS_ENDPOINT_URL_STS", &service.url);
    let error = world.error();
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
    assert!(error.to_string().contains("AccessDenied"), "{error}");
    assert!(error.to_string().contains("role/reader"), "{error}");

    let mut world = World::new(&format!("{ROLE}source_profile = source\n{SOURCE}"));
    let service = Service::start(|_, _| (200, "<AccessKeyId>canary".to_owned()));
    world.set("AWS_ENDPOINT_URL_STS", &service.url);
    assert_eq!(world.error().kind(), ErrorKind::Protocol);
    let mut world = World::new(&format!("{ROLE}source_profile = source\n{SOURCE}"));
    world.set("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1");
    assert_eq!(world.error().kind(), ErrorKind::Network);
}

#[test]
fn a_role_for_whoever_has_a_token() {
    let mut world = World::new("");
    std::fs::write(world.path("token"), "canary-identity\n").unwrap();
    let text = format!(
        "[default]\nregion = eu-test-1\n{ROLE}web_identity_token_file = {}\n",
        world.path("token").display()
    );
    std::fs::write(world.path(".aws/config"), text).unwrap();
    let answer = world.sts_answer("AssumeRoleWithWebIdentity");
    let service = Service::start(move |_, _| (200, answer.clone()));
    world.set("AWS_ENDPOINT_URL_STS", &service.url);
    assert_eq!(world.read_with(world.config()).unwrap(), "content");
    let seen = service.seen();
    assert!(
        seen[0].body.contains("WebIdentityToken=canary-identity"),
        "{:?}",
        seen[0]
    );
    assert!(
        !seen[0].headers.contains("authorization"),
        "nothing is signed"
    );
    std::fs::remove_file(world.path("token")).unwrap();
    assert_eq!(world.error().kind(), ErrorKind::Denied);
}

#[test]
fn a_role_is_assumed_with_the_keys_of_the_environment() {
    let mut world = World::new(&format!("{ROLE}credential_source = Environment\n"));
    assert_eq!(world.error().kind(), ErrorKind::Denied);
    let answer = world.sts_answer("AssumeRole");
    let service = Service::start(move |_, _| (200, answer.clone()));
    world.set("AWS_ENDPOINT_URL_STS", &service.url);
    world.set("AWS_ACCESS_KEY_ID", "ENVKEY");
    world.set("AWS_SECRET_ACCESS_KEY", "canary-env");
    assert_eq!(world.read_with(world.config()).unwrap(), "content");
    assert!(service.seen()[0].headers.contains("credential=envkey/"));
}

const MACHINE_KEYS: &str = r#"{"Code":"Success","AccessKeyId":"MACHINEKEY","SecretAccessKey":
    "canary-machine","Token":"canary-token","Expiration":"2100-01-01T00:00:00Z"}"#;

#[test]
fn a_role_is_assumed_with_the_keys_of_a_container_or_an_instance() {
    let container = Service::start(|_, _| (200, MACHINE_KEYS.to_owned()));
    let instance = Service::start(|seen, _| match seen.line.split(' ').nth(1).unwrap() {
        "/latest/api/token" => (200, "canary-session".to_owned()),
        "/latest/meta-data/iam/security-credentials/" => (200, "worker".to_owned()),
        _ => (200, MACHINE_KEYS.to_owned()),
    });
    for source in ["EcsContainer", "Ec2InstanceMetadata"] {
        let mut world = World::new(&format!("{ROLE}credential_source = {source}\n"));
        if source == "EcsContainer" {
            assert_eq!(
                world.error().kind(),
                ErrorKind::Denied,
                "there is no container"
            );
        }
        let answer = world.sts_answer("AssumeRole");
        let service = Service::start(move |_, _| (200, answer.clone()));
        world.set("AWS_ENDPOINT_URL_STS", &service.url);
        world.set("AWS_METADATA_ENDPOINT", &instance.url);
        if source == "EcsContainer" {
            std::fs::write(world.path("token"), "canary-container").unwrap();
            let token = world.path("token").to_str().unwrap().to_owned();
            world.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", &container.url);
            world.set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &token);
        }
        assert_eq!(world.read_with(world.config()).unwrap(), "content");
        let headers = &service.seen()[0].headers;
        assert!(
            headers.contains("credential=machinekey/"),
            "{source}: {headers}"
        );
    }
    assert!(!container.seen().is_empty() && !instance.seen().is_empty());
}

const SSO: &str = "sso_session = corp\nsso_account_id = 123456789012\nsso_role_name = My Role\n\
                   [sso-session corp]\nsso_start_url = https://start\nsso_region = eu-test-1\n";

/// SHA-1 of `corp`, as `aws sso login` names the file.
const TOKEN_FILE: &str = ".aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json";

fn portal(world: &World) -> Service {
    let (id, secret) = world.keys();
    Service::start(move |seen, _| {
        if !seen
            .headers
            .contains("x-amz-sso_bearer_token: canary-fresh")
        {
            return (401, "{\"message\":\"canary\"}".to_owned());
        }
        if !seen
            .line
            .contains("role_name=My%20Role&account_id=123456789012")
        {
            return (403, "{\"message\":\"canary\"}".to_owned());
        }
        let keys = format!(
            "{{\"roleCredentials\":{{\"accessKeyId\":\"{id}\",\"secretAccessKey\":\"{secret}\",\
             \"sessionToken\":\"canary\",\"expiration\":4102444800000}}}}"
        );
        (200, keys)
    })
}

#[test]
fn single_sign_on_with_the_token_on_the_disk() {
    let mut world = World::new(SSO);
    let portal = portal(&world);
    world.set("AWS_ENDPOINT_URL_SSO", &portal.url);
    let error = world.error();
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert!(
        error
            .to_string()
            .contains("aws sso login --profile default"),
        "{error}"
    );
    let note = |token: &str, end: &str| {
        let text = format!("{{\"accessToken\":\"canary-{token}\",\"expiresAt\":\"{end}\"}}");
        std::fs::write(world.path(TOKEN_FILE), text).unwrap();
    };
    note("fresh", "2020-01-01T00:00:00Z");
    assert!(world.error().to_string().contains("has ended"));
    note("revoked", "2100-01-01T00:00:00Z");
    assert!(world.error().to_string().contains("has ended"));
    std::fs::write(world.path(TOKEN_FILE), "canary").unwrap();
    assert_eq!(world.error().kind(), ErrorKind::Denied);
    note("fresh", "2100-01-01T00:00:00Z");
    assert_eq!(world.read_with(world.config()).unwrap(), "content");
}

#[test]
fn a_token_that_has_ended_is_renewed() {
    let mut world = World::new(SSO);
    let portal = portal(&world);
    let oidc = Service::start(|_, _| {
        let text = "{\"accessToken\":\"canary-fresh\",\"expiresIn\":28800,\
                    \"refreshToken\":\"canary-next\"}";
        (200, text.to_owned())
    });
    world.set("AWS_ENDPOINT_URL_SSO", &portal.url);
    world.set("AWS_ENDPOINT_URL_SSO_OIDC", &oidc.url);
    let text = "{\"accessToken\":\"canary-old\",\"expiresAt\":\"2020-01-01T00:00:00Z\",\
                \"clientId\":\"c\",\"clientSecret\":\"canary-s\",\"refreshToken\":\"canary-r\",\
                \"registrationExpiresAt\":\"2100-01-01T00:00:00Z\",\"region\":\"eu-test-1\"}";
    std::fs::write(world.path(TOKEN_FILE), text).unwrap();
    assert_eq!(world.read_with(world.config()).unwrap(), "content");
    let seen = oidc.seen();
    assert!(seen[0].line.starts_with("POST /token "), "{:?}", seen[0]);
    assert!(seen[0].body.contains("canary-r"), "{:?}", seen[0]);
    let noted = std::fs::read_to_string(world.path(TOKEN_FILE)).unwrap();
    assert!(
        noted.contains("canary-fresh") && noted.contains("canary-next"),
        "{noted}"
    );
    assert!(
        noted.contains("\"region\":\"eu-test-1\""),
        "the rest stays: {noted}"
    );
    let mode = std::fs::metadata(world.path(TOKEN_FILE))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(world.read_with(world.config()).unwrap(), "content");
    assert_eq!(oidc.seen().len(), 1, "the renewed token is used");
}

/// Where `object_store` makes the requests it has its keys from the same login.
#[test]
fn logins_work_through_object_store_too() {
    let mut world = World::new(&format!("{ROLE}source_profile = source\n{SOURCE}"));
    let answer = world.sts_answer("AssumeRole");
    let service = Service::start(move |_, _| (200, answer.clone()));
    world.set("AWS_ENDPOINT_URL_STS", &service.url);
    world.set("AWS_REQUEST_PAYER", "true");
    assert_eq!(world.read_with(world.config()).unwrap(), "content");
    assert_eq!(service.seen().len(), 1);
    let mut world = World::with_process();
    world.script("echo canary");
    world.set("AWS_REQUEST_PAYER", "true");
    assert_eq!(world.error().kind(), ErrorKind::Denied);
}
