//! AWS profile files: `~/.aws/config` and `~/.aws/credentials`.
//!
//! Read are `region` and `endpoint_url` (also in a `services` section, for S3 and STS), and how the
//! profile logs in.

use std::collections::BTreeMap;
use std::path::Path;

use crate::{Error, ErrorKind, Result, StoreConfig};

mod login;

pub(crate) use login::{Login, Role, Source, Sso, StaticKeys};

/// What a profile says about S3.
#[derive(Debug, Default)]
pub(crate) struct Profile {
    pub(crate) region: Option<String>,
    pub(crate) endpoint_url: Option<String>,
    /// Where the service is that hands out the keys of roles.
    pub(crate) sts_endpoint_url: Option<String>,
    login: Option<Result<Login>>,
}

/// Larger files are not what a person or `aws configure` writes.
const FILE_BYTES_MAX: u64 = 1 << 20;

type Section = BTreeMap<String, String>;

/// Both files.
struct Files {
    config: BTreeMap<String, Section>,
    credentials: BTreeMap<String, Section>,
}

/// What both files say about one profile.
#[derive(Clone, Copy)]
struct View<'a> {
    name: &'a str,
    config: Option<&'a Section>,
    credentials: Option<&'a Section>,
}

impl Files {
    fn find<'a>(&'a self, name: &'a str) -> Option<View<'a>> {
        let long = self.config.get(&format!("profile {name}"));
        let config = match name {
            "default" => long.or(self.config.get(name)),
            _ => long,
        };
        let credentials = self.credentials.get(name);
        (config.is_some() || credentials.is_some()).then_some(View {
            name,
            config,
            credentials,
        })
    }
}

impl<'a> View<'a> {
    fn get(&self, key: &str) -> Option<&'a str> {
        let from = |section: Option<&'a Section>| section?.get(key).map(String::as_str);
        from(self.credentials).or_else(|| from(self.config))
    }
}

impl Profile {
    /// The profile that `config` names, from the files that it names.
    ///
    /// # Errors
    /// A file that cannot be read (a missing one is empty), and a profile that was asked for by
    /// name and is in neither file.
    pub(crate) fn load(config: &StoreConfig) -> Result<Self> {
        let config_text = read_file(config.config_file.as_deref())?;
        let credentials_text = read_file(config.credentials_file.as_deref())?;
        Self::from_texts(&config_text, &credentials_text, config.profile.as_deref())
    }

    fn from_texts(config: &str, credentials: &str, name: Option<&str>) -> Result<Self> {
        let files = Files {
            config: sections(config),
            credentials: sections(credentials),
        };
        let Some(view) = files.find(name.unwrap_or("default")) else {
            return match name {
                None => Ok(Self::default()),
                Some(name) => Err(unknown(name)),
            };
        };
        let url_of = |service: &str| {
            let services = files
                .config
                .get(&format!("services {}", view.get("services")?))?;
            services.get(&format!("{service}.endpoint_url")).cloned()
        };
        Ok(Self {
            region: view.get("region").map(str::to_owned),
            endpoint_url: url_of("s3").or_else(|| view.get("endpoint_url").map(str::to_owned)),
            sts_endpoint_url: url_of("sts"),
            login: login::of(&files, view).transpose(),
        })
    }

    /// How the profile logs in, if it says so.
    ///
    /// # Errors
    /// It logs in in a way that makes no sense, or that we do not have.
    pub(crate) fn into_login(self) -> Result<Option<Login>> {
        self.login.transpose()
    }

    /// Whether a role is assumed with the keys of the environment: then these are not the keys
    /// that requests are signed with.
    pub(crate) fn wants_environment(&self) -> bool {
        matches!(&self.login, Some(Ok(Login::Role(role))) if matches!(role.from, Source::Environment))
    }
}

fn unknown(name: &str) -> Error {
    Error::invalid(format!(
        "the AWS profile {name:?} is in neither the config nor the credentials file"
    ))
}

fn read_file(path: Option<&Path>) -> Result<String> {
    let Some(path) = path else {
        return Ok(String::new());
    };
    let failed = |error: std::io::Error| {
        Error::new(
            ErrorKind::Io,
            format!("cannot read the AWS file {}", path.display()),
        )
        .with_source(error)
    };
    match std::fs::metadata(path) {
        Ok(meta) if meta.len() > FILE_BYTES_MAX => Err(Error::new(
            ErrorKind::LimitExceeded,
            format!(
                "the AWS file {} is longer than {FILE_BYTES_MAX} bytes",
                path.display()
            ),
        )),
        Ok(_) => std::fs::read_to_string(path).map_err(failed),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(failed(error)),
    }
}

/// The sections of a file by name. A setting below an indented-under one is named `outer.inner`.
fn sections(text: &str) -> BTreeMap<String, Section> {
    let mut sections: BTreeMap<String, Section> = BTreeMap::new();
    let mut name: Option<String> = None;
    let mut outer = String::new();
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if let Some(rest) = trimmed.strip_prefix('[') {
            let words: Vec<&str> = rest
                .split(']')
                .next()
                .unwrap_or(rest)
                .split_whitespace()
                .collect();
            let words = words.join(" ").replace('"', "");
            sections.entry(words.clone()).or_default();
            name = Some(words);
            outer.clear();
            continue;
        }
        let (Some(name), Some((key, value))) = (&name, trimmed.split_once('=')) else {
            continue;
        };
        let (key, value) = (key.trim().to_ascii_lowercase(), without_comment(value));
        let section = sections.entry(name.clone()).or_default();
        if line.starts_with([' ', '\t']) && !outer.is_empty() {
            section.insert(format!("{outer}.{key}"), value.to_owned());
        } else {
            // Only a setting without a value of its own opens a nested block.
            outer = if value.is_empty() {
                key.clone()
            } else {
                String::new()
            };
            if !value.is_empty() {
                section.insert(key, value.to_owned());
            }
        }
    }
    sections
}

/// Comments start at white space and a `#` or `;`; a secret may hold either sign itself.
fn without_comment(value: &str) -> &str {
    let end = [" #", " ;", "\t#", "\t;"]
        .iter()
        .filter_map(|mark| value.find(mark))
        .min();
    value[..end.unwrap_or(value.len())].trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "\
        # a comment\n[default]\nregion = us-east-2\n\n[profile work]\nregion=eu-west-1 # near\n\
        services = home\nendpoint_url = http://general\ns3 =\n  addressing_style = path\n\
        [sso-session corp]\nsso_start_url = https://start\nsso_region = eu-north-1\n\
        [profile sso]\nsso_session = corp\nsso_account_id = 1\nsso_role_name = r\n\
        [profile old-sso]\nsso_start_url = https://start\nsso_region = x\nsso_account_id = 1\n\
        sso_role_name = r\naws_access_key_id = x\naws_secret_access_key = y\n\
        [profile no-region]\nsso_start_url = https://start\nsso_account_id = 1\nsso_role_name = r\n\
        [profile tokenless]\nsso_session = corp\n\
        [profile role]\nrole_arn = a\nsource_profile = default\naws_access_key_id = x\n\
        aws_secret_access_key = y\n[profile chain]\nrole_arn = b\nsource_profile = link\n\
        [profile link]\nrole_arn = c\nsource_profile = default\n\
        [profile self]\nrole_arn = a\nsource_profile = self\naws_access_key_id = x\n\
        aws_secret_access_key = y\n[profile circle]\nrole_arn = a\nsource_profile = round\n\
        [profile round]\nrole_arn = a\nsource_profile = circle\n[profile lone]\nrole_arn = a\n\
        [profile both]\nrole_arn = a\nsource_profile = default\ncredential_source = Environment\n\
        [profile lost]\nrole_arn = a\nsource_profile = nobody\n\
        [profile code]\nrole_arn = a\nsource_profile = default\nmfa_serial = m\n\
        [profile env]\nrole_arn = a\ncredential_source = Environment\n\
        [profile console]\nlogin_session = x\nregion = r\n\
        [profile proc]\ncredential_process = /bin/x --y\n[profile half]\naws_access_key_id = x\n\
        [services home]\ns3 =\n  endpoint_url = http://s3.home\nsts =\n\
        \x20 endpoint_url = http://sts.home\ndynamodb =\n  endpoint_url = http://no\n";
    const CREDENTIALS: &str = "\
        [default]\naws_access_key_id = D\naws_secret_access_key = abc/+=;#x\n\
        [work]\nAWS_ACCESS_KEY_ID=W\naws_secret_access_key=s\naws_session_token = t==\n";

    fn profile(name: Option<&str>) -> Result<Profile> {
        Profile::from_texts(CONFIG, CREDENTIALS, name)
    }

    fn login(name: &str) -> Result<Option<Login>> {
        profile(Some(name)).and_then(Profile::into_login)
    }

    #[track_caller]
    fn keys(profile: Profile) -> StaticKeys {
        match profile.into_login() {
            Ok(Some(Login::Keys(keys))) => keys,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn keys_region_and_endpoint() {
        let default = profile(None).unwrap();
        assert_eq!(default.region.as_deref(), Some("us-east-2"));
        assert_eq!(default.endpoint_url, None);
        let found = keys(default);
        assert_eq!(found.access_key_id, "D");
        assert_eq!(found.secret_access_key.expose(), "abc/+=;#x");
        assert_eq!(found.session_token, None);

        let work = profile(Some("work")).unwrap();
        assert_eq!(work.region.as_deref(), Some("eu-west-1"));
        assert_eq!(work.endpoint_url.as_deref(), Some("http://s3.home"));
        assert_eq!(work.sts_endpoint_url.as_deref(), Some("http://sts.home"));
        let found = keys(work);
        assert_eq!(found.access_key_id, "W");
        assert_eq!(found.session_token.unwrap().expose(), "t==");
    }

    #[test]
    fn other_ways_to_log_in() {
        let Ok(Some(Login::Sso(sso))) = login("sso") else {
            panic!("not by single sign-on");
        };
        assert_eq!(
            (sso.token_name.as_str(), sso.region.as_str()),
            ("corp", "eu-north-1")
        );
        let Ok(Some(Login::Sso(sso))) = login("old-sso") else {
            panic!("not by single sign-on");
        };
        assert_eq!(sso.token_name, "https://start");
        let Ok(Some(Login::Role(role))) = login("role") else {
            panic!("not by a role");
        };
        assert!(
            matches!(role.from, Source::Login(Login::Keys(_))),
            "{role:?}"
        );
        let Ok(Some(Login::Role(role))) = login("chain") else {
            panic!("not by a role");
        };
        assert!(
            matches!(role.from, Source::Login(Login::Role(_))),
            "{role:?}"
        );
        let Ok(Some(Login::Role(role))) = login("self") else {
            panic!("not by a role");
        };
        assert!(
            matches!(role.from, Source::Login(Login::Keys(_))),
            "{role:?}"
        );
        let Ok(Some(Login::Process(command))) = login("proc") else {
            panic!("not by a command");
        };
        assert_eq!(command.expose(), "/bin/x --y");
        assert!(profile(Some("env")).unwrap().wants_environment());
        assert!(matches!(login("tokenless"), Ok(None)), "of no use for S3");
    }

    #[test]
    fn what_cannot_log_in_says_why() {
        for (name, kind, word) in [
            ("console", ErrorKind::Unsupported, "login_session"),
            ("code", ErrorKind::Unsupported, "mfa_serial"),
            ("circle", ErrorKind::InvalidArgument, "sources"),
            ("lone", ErrorKind::InvalidArgument, "none of"),
            ("both", ErrorKind::InvalidArgument, "more than one"),
            ("lost", ErrorKind::InvalidArgument, "nobody"),
            ("no-region", ErrorKind::InvalidArgument, "sso_region"),
            ("half", ErrorKind::InvalidArgument, "only one"),
        ] {
            let error = login(name).unwrap_err();
            assert_eq!(error.kind(), kind, "{name}: {error}");
            assert!(error.to_string().contains(word), "{name}: {error}");
        }
        let sso = profile(Some("console")).unwrap();
        assert_eq!(sso.region.as_deref(), Some("r"), "the rest of it counts");
    }

    #[test]
    fn missing_profiles() {
        assert_eq!(
            profile(Some("nobody")).unwrap_err().kind(),
            ErrorKind::InvalidArgument
        );
        let nothing = Profile::from_texts("", "", None).unwrap();
        assert!(nothing.into_login().unwrap().is_none());
    }

    #[test]
    fn rubbish_is_no_panic() {
        for text in [
            "[",
            "[]",
            "]",
            "=",
            "[a]\n=\n = x\n",
            "[profile \"q r\"]\nregion=z",
            "\u{0}",
        ] {
            let _ = Profile::from_texts(text, text, Some("q r"));
        }
        let quoted = sections("[profile \"q r\"]\nregion=z\n[empty]");
        assert_eq!(quoted["profile q r"]["region"], "z");
        assert!(quoted["empty"].is_empty());
    }
}
