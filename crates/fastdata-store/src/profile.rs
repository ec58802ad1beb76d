//! AWS profile files: `~/.aws/config` and `~/.aws/credentials`.
//!
//! Read are static keys with their session token, `region` and `endpoint_url` (also in a
//! `services` section, for S3). Every other way to log in (single sign-on, roles, external
//! commands) is refused by its name: going on without it would end in "access denied" from another
//! account, or worse, in somebody else's data.

use std::collections::BTreeMap;
use std::path::Path;

use crate::config::Secret;
use crate::{Error, ErrorKind, Result, StoreConfig};

/// What a profile says about S3.
#[derive(Debug, Default)]
pub(crate) struct Profile {
    pub(crate) region: Option<String>,
    pub(crate) endpoint_url: Option<String>,
    pub(crate) keys: Option<StaticKeys>,
    /// The setting that logs in in a way that we cannot, if there is one.
    refused: Option<String>,
}

/// Static credentials.
#[derive(Debug)]
pub(crate) struct StaticKeys {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: Secret,
    pub(crate) session_token: Option<Secret>,
}

/// Larger files are not what a person or `aws configure` writes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Settings that log in in ways that we cannot, and that the AWS tools prefer to static keys.
const REFUSED: [(&str, &str); 8] = [
    ("sso_session", "single sign-on"),
    ("sso_start_url", "single sign-on"),
    ("sso_account_id", "single sign-on"),
    ("login_session", "a console login"),
    ("role_arn", "assuming a role"),
    ("source_profile", "assuming a role"),
    ("credential_source", "assuming a role"),
    ("web_identity_token_file", "assuming a role"),
];

type Section = BTreeMap<String, String>;

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
        let config = sections(config);
        let credentials = sections(credentials);
        let asked = name;
        let name = name.unwrap_or("default");
        let long = config.get(&format!("profile {name}"));
        let from_config = if name == "default" {
            long.or(config.get(name))
        } else {
            long
        };
        let from_credentials = credentials.get(name);
        if from_config.is_none() && from_credentials.is_none() {
            return match asked {
                None => Ok(Self::default()),
                Some(name) => Err(Error::invalid(format!(
                    "the AWS profile {name:?} is in neither the config nor the credentials file"
                ))),
            };
        }
        let get = |key: &str| {
            let from = |section: Option<&Section>| section?.get(key).cloned();
            from(from_credentials).or_else(|| from(from_config))
        };
        let has_keys_first =
            from_credentials.is_some_and(|section| section.contains_key("aws_access_key_id"));
        let refused = REFUSED
            .into_iter()
            .find(|(key, _)| get(key).is_some())
            .or_else(|| {
                let process = get("credential_process").is_some() && !has_keys_first;
                process.then_some(("credential_process", "an external command"))
            })
            .map(|(key, way)| format!("the AWS profile {name:?} logs in by {way} ({key})"));
        let keys = match (get("aws_access_key_id"), get("aws_secret_access_key")) {
            (Some(access_key_id), Some(secret)) => Some(StaticKeys {
                access_key_id,
                secret_access_key: secret.into(),
                session_token: get("aws_session_token").map(Secret::new),
            }),
            (None, None) => None,
            _ => {
                return Err(Error::invalid(format!(
                    "the AWS profile {name:?} has only one of aws_access_key_id and \
                     aws_secret_access_key"
                )));
            }
        };
        let service_url = get("services").and_then(|services| {
            config
                .get(&format!("services {services}"))?
                .get("s3.endpoint_url")
                .cloned()
        });
        let endpoint_url = service_url.or_else(|| get("endpoint_url"));
        Ok(Self {
            region: get("region"),
            endpoint_url,
            keys,
            refused,
        })
    }

    /// The static keys, if the profile has any.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] when the profile logs in in another way.
    pub(crate) fn into_keys(self) -> Result<Option<StaticKeys>> {
        match self.refused {
            None => Ok(self.keys),
            Some(what) => Err(Error::unsupported(format!(
                "{what}, which is not supported: put keys into the environment, for example with \
                 `aws configure export-credentials --format env`"
            ))),
        }
    }
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
        [profile sso]\nsso_session = corp\nregion = r\n[profile role]\nrole_arn = a\n\
        source_profile = default\naws_access_key_id = x\naws_secret_access_key = y\n\
        [profile proc]\ncredential_process = /bin/x\n[profile half]\naws_access_key_id = x\n\
        [services home]\ns3 =\n  endpoint_url = http://s3.home\ndynamodb =\n  endpoint_url = http://no\n";
    const CREDENTIALS: &str = "\
        [default]\naws_access_key_id = D\naws_secret_access_key = abc/+=;#x\n\
        [work]\nAWS_ACCESS_KEY_ID=W\naws_secret_access_key=s\naws_session_token = t==\n";

    fn profile(name: Option<&str>) -> Result<Profile> {
        Profile::from_texts(CONFIG, CREDENTIALS, name)
    }

    #[test]
    fn keys_region_and_endpoint() {
        let default = profile(None).unwrap();
        assert_eq!(default.region.as_deref(), Some("us-east-2"));
        assert_eq!(default.endpoint_url, None);
        let keys = default.into_keys().unwrap().unwrap();
        assert_eq!(keys.access_key_id, "D");
        assert_eq!(keys.secret_access_key.expose(), "abc/+=;#x");
        assert_eq!(keys.session_token, None);

        let work = profile(Some("work")).unwrap();
        assert_eq!(work.region.as_deref(), Some("eu-west-1"));
        assert_eq!(work.endpoint_url.as_deref(), Some("http://s3.home"));
        let keys = work.into_keys().unwrap().unwrap();
        assert_eq!(keys.access_key_id, "W");
        assert_eq!(keys.session_token.unwrap().expose(), "t==");
    }

    #[test]
    fn other_ways_to_log_in_are_refused_by_name() {
        for (name, word) in [
            ("sso", "sso_session"),
            ("role", "role_arn"),
            ("proc", "credential_process"),
        ] {
            let error = profile(Some(name)).unwrap().into_keys().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            assert!(error.to_string().contains(word), "{error}");
        }
        assert_eq!(profile(Some("sso")).unwrap().region.as_deref(), Some("r"));
    }

    #[test]
    fn missing_profiles_and_half_keys() {
        assert_eq!(
            profile(Some("nobody")).unwrap_err().kind(),
            ErrorKind::InvalidArgument
        );
        assert_eq!(
            profile(Some("half")).unwrap_err().kind(),
            ErrorKind::InvalidArgument
        );
        let nothing = Profile::from_texts("", "", None).unwrap();
        assert!(nothing.into_keys().unwrap().is_none());
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
