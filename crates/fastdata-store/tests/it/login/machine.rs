//! Keys that nobody has written down: of a web identity, a container or an instance, as the environment
//! says.

use fastdata_testkit::Door;

use super::*;

/// What a machine hands out, with keys that the server takes.
fn keys_of(world: &World) -> String {
    let (id, secret) = world.keys();
    MACHINE_KEYS
        .replace("MACHINEKEY", &id)
        .replace("canary-machine", &secret)
}

fn path_of(seen: &Seen) -> &str {
    seen.line.split(' ').nth(1).unwrap()
}

/// The metadata of an instance; the first answers of each path are `trouble`.
fn instance(world: &World, trouble: &'static [u16]) -> Service {
    let keys = keys_of(world);
    let asked = Mutex::new(std::collections::HashMap::new());
    Service::start(move |seen, _| {
        let path = path_of(seen).to_owned();
        let mut asked = asked.lock().unwrap();
        let count: &mut usize = asked.entry(path.clone()).or_default();
        *count += 1;
        if let Some(status) = trouble.get(*count - 1) {
            return (*status, "come again".to_owned());
        }
        if path == "/latest/api/token" {
            return (200, "canary-session".to_owned());
        }
        match path.strip_prefix("/latest/meta-data/iam/security-credentials/") {
            _ if !seen
                .headers
                .contains("x-aws-ec2-metadata-token: canary-session") =>
            {
                (401, String::new())
            }
            Some("") => (200, "worker".to_owned()),
            Some("worker") => (200, keys.clone()),
            _ => (404, String::new()),
        }
    })
}

#[test]
fn keys_of_an_instance() {
    let mut world = World::new("");
    let instance = instance(&world, &[]);
    world.set("AWS_METADATA_ENDPOINT", &instance.url);
    let store = fastdata_store::open(world.config());
    for _ in 0..3 {
        assert_eq!(world.read(&store, BUCKET).unwrap(), "content");
    }
    let seen = instance.seen();
    assert!(
        seen[0].line.starts_with("PUT /latest/api/token "),
        "{seen:?}"
    );
    assert_eq!(seen.len(), 3, "asked once for all requests");
}

/// Many machines ask at one time, and are told to come again.
#[test]
fn keys_of_an_instance_that_is_busy() {
    for trouble in [&[503][..], &[429, 500], &[503, 503, 503]] {
        let mut world = World::new("");
        let instance = instance(&world, trouble);
        world.set("AWS_METADATA_ENDPOINT", &instance.url);
        assert_eq!(world.read_with(world.config()).unwrap(), "content");
        assert_eq!(instance.seen().len(), 3 * (1 + trouble.len()));
    }
    let mut world = World::new("");
    let instance = instance(&world, &[503; 100]);
    world.set("AWS_METADATA_ENDPOINT", &instance.url);
    let error = world.error();
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
    assert!(
        error.to_string().contains("no credentials found"),
        "{error}"
    );
    assert_eq!(instance.seen().len(), 4, "three retries");
}

/// A machine that is no instance of Amazon's.
#[test]
fn an_instance_without_keys_says_what_to_set() {
    let mut world = World::new("");
    let instance = Service::start(|_, _| (404, String::new()));
    world.set("AWS_METADATA_ENDPOINT", &instance.url);
    let error = world.error();
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
    assert!(
        error.to_string().contains("set AWS_ACCESS_KEY_ID"),
        "{error}"
    );
    assert_eq!(instance.seen().len(), 1, "it is not asked again");
}

#[test]
fn keys_of_a_container() {
    let mut world = World::new("");
    let keys = keys_of(&world);
    let container = Service::start(move |seen, count| match count {
        1 => (503, String::new()),
        _ if seen.headers.contains("authorization: canary-container") => (200, keys.clone()),
        _ => (401, String::new()),
    });
    std::fs::write(world.path("token"), "canary-container").unwrap();
    let token = world.path("token").to_str().unwrap().to_owned();
    let uri = format!("{}/v1/credentials", container.url);
    world.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", &uri);
    world.set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &token);
    assert_eq!(world.read_with(world.config()).unwrap(), "content");
    let seen = container.seen();
    assert_eq!(seen.len(), 2, "once more after a failure of the service");
    assert_eq!(path_of(&seen[1]), "/v1/credentials");
    std::fs::remove_file(world.path("token")).unwrap();
    assert_eq!(world.error().kind(), ErrorKind::Denied);
}

/// The token goes to the service through TLS, or not at all.
#[test]
fn keys_of_a_web_identity() {
    let mut world = World::new("");
    let answer = world.sts_answer("AssumeRoleWithWebIdentity");
    let service = Service::start(move |_, count| match count {
        1 => (500, String::new()),
        _ => (200, answer.clone()),
    });
    std::fs::write(world.path("token"), "canary-identity").unwrap();
    let token = world.path("token").to_str().unwrap().to_owned();
    world.set("AWS_WEB_IDENTITY_TOKEN_FILE", &token);
    world.set("AWS_ROLE_ARN", "arn:aws:iam::1:role/reader");
    world.set("AWS_ROLE_SESSION_NAME", "me");
    let mut plain = world.vars.clone();
    plain.push(("AWS_ENDPOINT_URL_STS".to_owned(), service.url.clone()));
    let config = StoreConfig {
        retries: 0,
        ..StoreConfig::from_vars(plain)
    };
    let error = world.read_with(config).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
    assert_eq!(service.seen().len(), 0, "the token was sent in the clear");

    let door = Door::tls(&service.url, "127.0.0.1", false);
    let bundle = world.path("trusted.pem").to_str().unwrap().to_owned();
    std::fs::write(&bundle, door.certificate()).unwrap();
    world.set("AWS_CA_BUNDLE", &bundle);
    let url = format!("https://{}", door.address());
    world.set("AWS_ENDPOINT_URL_STS", &url);
    assert_eq!(world.read_with(world.config()).unwrap(), "content");
    let seen = service.seen();
    assert_eq!(seen.len(), 2, "once more after a failure of the service");
    for part in [
        "Action=AssumeRoleWithWebIdentity",
        "RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Freader",
        "RoleSessionName=me",
        "WebIdentityToken=canary-identity",
    ] {
        assert!(seen[1].line.contains(part), "{:?}", seen[1]);
    }
    assert!(
        !seen[1].headers.contains("authorization"),
        "nothing is signed"
    );
    std::fs::remove_file(world.path("token")).unwrap();
    assert_eq!(world.error().kind(), ErrorKind::Denied);
}
