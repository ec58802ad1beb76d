//! How a profile logs in: which of its settings count, and what they mean together.
//!
//! The order is that of the AWS tools: a role, single sign-on, keys of the credentials file, a
//! command, keys of the config file. A console login (`login_session`) is refused by its name, and
//! so is a role that wants a code from a person: going on without it would end in "access denied"
//! from another account, or worse, in somebody else's data.

use std::path::PathBuf;

use super::{Files, View, unknown};
use crate::config::Secret;
use crate::{Error, Result};

/// A way to come by keys.
#[derive(Debug, Clone)]
pub(crate) enum Login {
    Keys(StaticKeys),
    /// A command that prints keys. Hidden: some write secrets into it.
    Process(Secret),
    Sso(Sso),
    Role(Box<Role>),
}

/// Static credentials.
#[derive(Debug, Clone)]
pub(crate) struct StaticKeys {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: Secret,
    pub(crate) session_token: Option<Secret>,
}

/// A role of an account, for whoever has logged in with `aws sso login`.
#[derive(Debug, Clone)]
pub(crate) struct Sso {
    /// What the token's file is named for: the session, or the address of the start page.
    pub(crate) token_name: String,
    /// How to log in again, for messages.
    pub(crate) profile: String,
    pub(crate) region: String,
    pub(crate) account_id: String,
    pub(crate) role_name: String,
}

/// A role that is assumed.
#[derive(Debug, Clone)]
pub(crate) struct Role {
    pub(crate) arn: String,
    pub(crate) session_name: Option<String>,
    pub(crate) external_id: Option<Secret>,
    pub(crate) duration_s: Option<u32>,
    pub(crate) from: Source,
}

/// Who assumes a role.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    Login(Login),
    /// Whoever has this token.
    TokenFile(PathBuf),
    Environment,
    Container,
    Instance,
}

/// How the profile logs in. `None`: it does not say.
pub(super) fn of(files: &Files, view: View<'_>) -> Result<Option<Login>> {
    resolve(files, view, &mut vec![view.name.to_owned()])
}

fn resolve(files: &Files, view: View<'_>, trail: &mut Vec<String>) -> Result<Option<Login>> {
    // Who is a source and has keys is asked no further: so a role may name its own profile.
    if trail.len() > 1
        && let Some(keys) = keys(view)?
    {
        return Ok(Some(Login::Keys(keys)));
    }
    if let Some(arn) = view.get("role_arn") {
        let role = role(files, view, arn, trail)?;
        return Ok(Some(Login::Role(Box::new(role))));
    }
    if let Some(sso) = sso(files, view)? {
        return Ok(Some(Login::Sso(sso)));
    }
    if view.get("login_session").is_some() {
        return Err(Error::unsupported(format!(
            "the AWS profile {:?} logs in by a console login (login_session), which is not \
             supported: put keys into the environment, for example with \
             `aws configure export-credentials --format env`",
            view.name
        )));
    }
    let keys_first = view
        .credentials
        .is_some_and(|section| section.contains_key("aws_access_key_id"));
    if let Some(command) = view.get("credential_process").filter(|_| !keys_first) {
        return Ok(Some(Login::Process(command.into())));
    }
    Ok(keys(view)?.map(Login::Keys))
}

fn keys(view: View<'_>) -> Result<Option<StaticKeys>> {
    let id = view.get("aws_access_key_id");
    match (id, view.get("aws_secret_access_key")) {
        (Some(id), Some(secret)) => Ok(Some(StaticKeys {
            access_key_id: id.to_owned(),
            secret_access_key: secret.into(),
            session_token: view.get("aws_session_token").map(Secret::new),
        })),
        (None, None) => Ok(None),
        _ => Err(wrong(
            view,
            "has only one of aws_access_key_id and aws_secret_access_key",
        )),
    }
}

fn role(files: &Files, view: View<'_>, arn: &str, trail: &mut Vec<String>) -> Result<Role> {
    if view.get("mfa_serial").is_some() {
        return Err(Error::unsupported(format!(
            "the AWS profile {:?} assumes a role with a code that a person has to type \
             (mfa_serial), which is not supported: put keys into the environment, for example \
             with `aws configure export-credentials --format env`",
            view.name
        )));
    }
    let from = match (
        view.get("source_profile"),
        view.get("credential_source"),
        view.get("web_identity_token_file"),
    ) {
        (Some(name), None, None) => source(files, view, name, trail)?,
        (None, Some("Environment"), None) => Source::Environment,
        (None, Some("EcsContainer"), None) => Source::Container,
        (None, Some("Ec2InstanceMetadata"), None) => Source::Instance,
        (None, Some(other), None) => {
            return Err(wrong(
                view,
                &format!("has the unknown credential_source {other:?}"),
            ));
        }
        (None, None, Some(path)) => Source::TokenFile(path.into()),
        (None, None, None) => {
            return Err(wrong(
                view,
                "has a role_arn and none of source_profile, credential_source and \
                 web_identity_token_file",
            ));
        }
        _ => {
            return Err(wrong(
                view,
                "has more than one of source_profile, credential_source and \
                 web_identity_token_file",
            ));
        }
    };
    let duration_s = match view.get("duration_seconds").map(str::parse) {
        None => None,
        Some(Ok(seconds)) => Some(seconds),
        Some(Err(_)) => return Err(wrong(view, "has a duration_seconds that is no number")),
    };
    Ok(Role {
        arn: arn.to_owned(),
        session_name: view.get("role_session_name").map(str::to_owned),
        external_id: view.get("external_id").map(Secret::new),
        duration_s,
        from,
    })
}

fn source(files: &Files, view: View<'_>, name: &str, trail: &mut Vec<String>) -> Result<Source> {
    let Some(named) = files.find(name) else {
        return Err(unknown(name));
    };
    // A profile may be its own source, for its keys.
    if trail.iter().any(|known| known == name) {
        return match keys(named)? {
            Some(keys) => Ok(Source::Login(Login::Keys(keys))),
            None => Err(wrong(view, "is among the sources of its own keys")),
        };
    }
    trail.push(name.to_owned());
    match resolve(files, named, trail)? {
        Some(login) => Ok(Source::Login(login)),
        None => Err(wrong(
            view,
            &format!("assumes a role with the profile {name:?}, which has no keys"),
        )),
    }
}

fn sso(files: &Files, view: View<'_>) -> Result<Option<Sso>> {
    let (account, role) = (view.get("sso_account_id"), view.get("sso_role_name"));
    let session = view.get("sso_session");
    if account.is_none() && role.is_none() && view.get("sso_start_url").is_none() {
        return Ok(None);
    }
    let section = match session {
        None => None,
        Some(name) => match files.config.get(&format!("sso-session {name}")) {
            Some(section) => Some(section),
            None => {
                let what = format!("names the sso-session {name:?}, which is not in the file");
                return Err(wrong(view, &what));
            }
        },
    };
    let shared = |key: &str| {
        let found = section.and_then(|section| section.get(key));
        found.map(String::as_str).or_else(|| view.get(key))
    };
    let need = |key: &str, found: Option<&str>| match found {
        Some(found) => Ok(found.to_owned()),
        None => Err(wrong(
            view,
            &format!("logs in by single sign-on without {key}"),
        )),
    };
    let start_url = need("sso_start_url", shared("sso_start_url"))?;
    Ok(Some(Sso {
        token_name: session.map_or(start_url, str::to_owned),
        profile: view.name.to_owned(),
        region: need("sso_region", shared("sso_region"))?,
        account_id: need("sso_account_id", account)?,
        role_name: need("sso_role_name", role)?,
    }))
}

fn wrong(view: View<'_>, what: &str) -> Error {
    Error::invalid(format!("the AWS profile {:?} {what}", view.name))
}
