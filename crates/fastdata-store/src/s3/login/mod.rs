//! Keys that have to be fetched: single sign-on, roles, commands. Fetched once for all requests,
//! and again ahead of their end.
//!
//! The login flows are ours and not those of `reqsign-aws-core` 3.2, which reads the token of a
//! single sign-on only by its start page and never renews it, has no sources of roles in profiles,
//! splits commands at every space, bounds nothing in time, and puts what a command printed and
//! whole answers of services into its errors. Nothing of either is in ours.

mod http;
mod process;
mod sso;
mod sts;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use object_store::CredentialProvider;
use object_store::aws::{AwsCredential, AwsCredentialProvider};

use super::engine::locked;
use super::sign::Keys;
use crate::profile::{Login, Profile, Role, Source, StaticKeys};
use crate::{Error, ErrorKind, Location, Result, StoreConfig};

/// Keys are fetched again so long before their end, or after three quarters of a shorter life.
const AHEAD: Duration = Duration::from_secs(5 * 60);

/// After a renewal ahead of time has failed, the old keys do for so long.
const PAUSE: Duration = Duration::from_secs(30);

/// Requests that were under way together are refused together: keys that are younger than this are
/// not taken for expired.
const YOUNG: Duration = Duration::from_secs(1);

/// Keys and their end.
struct Found {
    keys: Arc<Keys>,
    until: Option<SystemTime>,
}

/// Found keys and when they have to be looked at again.
struct Held {
    keys: Arc<Keys>,
    since: Instant,
    /// From then on new ones are fetched while these still do.
    renew: Option<SystemTime>,
    until: Option<SystemTime>,
}

/// What a login needs to know beside the profile.
struct Surroundings {
    region: String,
    sts_url: Option<String>,
    sso_url: Option<String>,
    oidc_url: Option<String>,
    token_folder: Option<PathBuf>,
    /// Certificates to trust, as PEM, besides those of the system.
    ca_bundle: Vec<u8>,
    connect_timeout: Duration,
    request_timeout: Duration,
    retries: usize,
    /// For all attempts together, and for a command.
    patience: Duration,
}

/// A profile's way to its keys.
pub(crate) struct LoggedIn {
    login: Login,
    around: Surroundings,
    /// Where containers and instances have their keys from.
    machine: Option<AwsCredentialProvider>,
    /// The keys of the environment, for a role that is assumed with them.
    environment: Option<Arc<Keys>>,
    held: Mutex<Option<Held>>,
    /// Held by whoever fetches.
    flight: tokio::sync::Mutex<()>,
}

impl fmt::Debug for LoggedIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LoggedIn(…)")
    }
}

impl LoggedIn {
    /// The profile's login, if it says how; nothing is fetched yet.
    pub(crate) fn of(
        config: &StoreConfig,
        profile: Profile,
        object: &Location,
    ) -> Result<Option<Self>> {
        let option = |wanted: &str| {
            let found = config.options.iter().find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.expose().to_owned())
        };
        let region = config.region.clone().or_else(|| profile.region.clone());
        let sts_url = option("aws_endpoint_url_sts").or_else(|| profile.sts_endpoint_url.clone());
        let Some(login) = profile.into_login()? else {
            return Ok(None);
        };
        let machine = match source_of(&login) {
            Some(Source::Container) => Some(crate::remote::machine(config, object, true)?),
            Some(Source::Instance) => Some(crate::remote::machine(config, object, false)?),
            _ => None,
        };
        Ok(Some(Self {
            around: Surroundings {
                region: region.unwrap_or_else(|| "us-east-1".to_owned()),
                sts_url,
                sso_url: option("aws_endpoint_url_sso"),
                oidc_url: option("aws_endpoint_url_sso_oidc"),
                token_folder: config.sso_cache_folder.clone(),
                ca_bundle: config.ca_bundle_text()?.unwrap_or_default(),
                connect_timeout: config.connect_timeout,
                request_timeout: config.request_timeout,
                retries: config.retries,
                patience: config.retry_timeout,
            },
            login,
            machine,
            environment: Keys::of_config(config).map(Arc::new),
            held: Mutex::default(),
            flight: tokio::sync::Mutex::default(),
        }))
    }

    /// Keys that are good for now.
    pub(super) async fn keys(&self) -> Result<Arc<Keys>> {
        let old = match self.held() {
            (Some(keys), true) => return Ok(keys),
            (old, _) => old,
        };
        // One fetches; whoever has keys that still do goes on with them meanwhile.
        let flight = match (self.flight.try_lock(), &old) {
            (Ok(flight), _) => flight,
            (Err(_), Some(old)) => return Ok(Arc::clone(old)),
            (Err(_), None) => self.flight.lock().await,
        };
        if let (Some(keys), true) = self.held() {
            return Ok(keys);
        }
        let fetched = self.fetch(&self.login).await;
        drop(flight);
        match (fetched, old) {
            (Ok(found), _) => {
                let keys = Arc::clone(&found.keys);
                *locked(&self.held) = Some(Held::new(found));
                Ok(keys)
            }
            (Err(_), Some(old)) => {
                if let Some(held) = locked(&self.held).as_mut() {
                    held.renew = Some(SystemTime::now() + PAUSE);
                }
                Ok(old)
            }
            (Err(error), None) => Err(error),
        }
    }

    /// Keys that have not ended, and whether they need no renewal yet.
    fn held(&self) -> (Option<Arc<Keys>>, bool) {
        let held = locked(&self.held);
        let Some(held) = held.as_ref() else {
            return (None, false);
        };
        let now = SystemTime::now();
        if held.until.is_some_and(|until| until <= now) {
            return (None, false);
        }
        let is_fresh = held.renew.is_none_or(|renew| renew > now);
        (Some(Arc::clone(&held.keys)), is_fresh)
    }

    /// Forgets the keys: the service says that they have expired.
    pub(super) fn refresh(&self) {
        let mut held = locked(&self.held);
        if held
            .as_ref()
            .is_some_and(|held| held.since.elapsed() >= YOUNG)
        {
            *held = None;
        }
    }

    async fn fetch(&self, login: &Login) -> Result<Found> {
        match login {
            Login::Keys(keys) => Ok(Found::lasting(Keys::of(keys))),
            Login::Process(command) => process::run(command, self.around.patience).await,
            Login::Sso(sso) => sso::fetch(sso, &self.around).await,
            Login::Role(role) => self.assume(role).await,
        }
    }

    async fn assume(&self, role: &Role) -> Result<Found> {
        let keys = match &role.from {
            Source::TokenFile(path) => {
                return sts::assume_with_token(role, path, &self.around).await;
            }
            // A chain of roles is as long as somebody has written it down.
            Source::Login(login) => Box::pin(self.fetch(login)).await?.keys,
            Source::Environment => match &self.environment {
                Some(keys) => Arc::clone(keys),
                None => {
                    return Err(denied(
                        "the AWS profile assumes a role with the keys of the environment, which \
                         has none",
                    ));
                }
            },
            Source::Container | Source::Instance => {
                let Some(machine) = &self.machine else {
                    return Err(denied("this machine has no keys"));
                };
                let found = machine.get_credential().await.map_err(|error| {
                    denied(format!(
                        "the AWS profile assumes a role with the keys of this machine, which \
                         cannot be had: {}",
                        super::credentials::innermost(&error)
                    ))
                })?;
                Arc::new(Keys {
                    access_key_id: found.key_id.clone(),
                    secret_access_key: found.secret_key.clone(),
                    session_token: found.token.clone(),
                })
            }
        };
        sts::assume(role, &keys, &self.around).await
    }
}

/// Who assumes the first role of a chain.
fn source_of(login: &Login) -> Option<&Source> {
    let Login::Role(role) = login else {
        return None;
    };
    match &role.from {
        Source::Login(login) => source_of(login),
        source => Some(source),
    }
}

/// For requests that `object_store` makes.
#[async_trait]
impl CredentialProvider for LoggedIn {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        match self.keys().await {
            Ok(keys) => Ok(Arc::new(AwsCredential {
                key_id: keys.access_key_id.clone(),
                secret_key: keys.secret_access_key.clone(),
                token: keys.session_token.clone(),
            })),
            Err(error) => Err(object_store::Error::Unauthenticated {
                path: String::new(),
                source: Box::new(error),
            }),
        }
    }
}

impl Found {
    fn lasting(keys: Keys) -> Self {
        Self {
            keys: Arc::new(keys),
            until: None,
        }
    }
}

impl Held {
    fn new(found: Found) -> Self {
        let life = found.until.map(|until| {
            let left = until.duration_since(SystemTime::now()).unwrap_or_default();
            (until, AHEAD.min(left / 4))
        });
        Self {
            keys: found.keys,
            since: Instant::now(),
            renew: life.and_then(|(until, ahead)| until.checked_sub(ahead)),
            until: found.until,
        }
    }
}

impl Keys {
    /// What a profile has.
    fn of(keys: &StaticKeys) -> Self {
        let token = keys.session_token.as_ref();
        Self {
            access_key_id: keys.access_key_id.clone(),
            secret_access_key: keys.secret_access_key.expose().to_owned(),
            session_token: token.map(|token| token.expose().to_owned()),
        }
    }

    /// What the configuration has, both halves of it.
    pub(super) fn of_config(config: &StoreConfig) -> Option<Self> {
        Some(Self::of(&StaticKeys {
            access_key_id: config.access_key_id.clone()?,
            secret_access_key: config.secret_access_key.clone()?,
            session_token: config.session_token.clone(),
        }))
    }
}

/// No keys, which trying again does not change.
fn denied(context: impl Into<String>) -> Error {
    Error::new(ErrorKind::Denied, context)
}

/// `2026-01-15T10:15:30Z`, or with an offset, as commands write it.
fn end_of(text: &str) -> Option<SystemTime> {
    let text = text.trim();
    let text = text.strip_suffix("UTC").unwrap_or(text);
    let behind_date = text.find('T')?;
    let sign = text[behind_date..].rfind(['+', '-']);
    let Some(at) = sign.map(|at| at + behind_date) else {
        return super::date::parse_iso(text);
    };
    let (time, offset) = text.split_at(at);
    let (hours, minutes) = match offset[1..].split_once(':') {
        Some(parts) => parts,
        None => offset[1..].split_at_checked(2)?,
    };
    let seconds = hours.parse::<u64>().ok()? * 3600 + minutes.parse::<u64>().ok()? * 60;
    let local = super::date::parse_iso(time)?;
    match offset.starts_with('+') {
        true => local.checked_sub(Duration::from_secs(seconds)),
        false => local.checked_add(Duration::from_secs(seconds)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_with_and_without_an_offset() {
        let expected = super::super::date::parse_iso("2026-01-15T10:15:30Z");
        assert!(expected.is_some());
        for text in [
            "2026-01-15T10:15:30Z",
            "2026-01-15T10:15:30UTC",
            "2026-01-15T12:15:30+02:00",
            "2026-01-15T12:15:30+0200",
            "2026-01-15T04:45:30-05:30",
        ] {
            assert_eq!(end_of(text), expected, "{text}");
        }
        for text in ["", "2026-01-15", "tomorrow", "2026-01-15T10:15:30+é"] {
            assert_eq!(end_of(text), None, "{text}");
        }
    }

    #[test]
    fn short_lives_are_renewed_in_time() {
        let now = SystemTime::now();
        let held = |seconds| {
            let keys = Keys {
                access_key_id: String::new(),
                secret_access_key: String::new(),
                session_token: None,
            };
            let until = now + Duration::from_secs(seconds);
            let found = Found {
                keys: Arc::new(keys),
                until: Some(until),
            };
            let ahead = until.duration_since(Held::new(found).renew.unwrap());
            ahead.unwrap().as_secs_f64().round() as u64
        };
        assert_eq!(held(3600), 300);
        assert_eq!(held(60), 15);
    }
}
