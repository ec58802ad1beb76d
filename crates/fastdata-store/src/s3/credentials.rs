//! The keys that requests are signed with: fixed ones, those that a profile's login brings, or what
//! `object_store` finds (web identity, containers, instance metadata), fetched once for all requests
//! and ahead of their end.

use std::sync::{Arc, Mutex, PoisonError};

use object_store::aws::{AmazonS3Builder, AwsCredentialProvider};

use super::failure::Failure;
use super::login::LoggedIn;
use super::sign::Keys;
use crate::{Error, ErrorKind, Result};

/// Where keys come from.
pub(super) enum Credentials {
    Anonymous,
    Fixed(Arc<Keys>),
    Login(Box<LoggedIn>),
    /// The provider keeps what it found until shortly before it expires.
    Found {
        builder: Box<AmazonS3Builder>,
        provider: Mutex<AwsCredentialProvider>,
    },
}

impl Credentials {
    pub(super) fn found(builder: AmazonS3Builder) -> Result<Self> {
        let provider = provider_of(&builder)?;
        Ok(Self::Found {
            builder: Box::new(builder),
            provider: Mutex::new(provider),
        })
    }

    /// The keys; `None` for requests that are not signed.
    pub(super) async fn keys(&self) -> std::result::Result<Option<Arc<Keys>>, Failure> {
        let provider = match self {
            Self::Anonymous => return Ok(None),
            Self::Fixed(keys) => return Ok(Some(Arc::clone(keys))),
            Self::Login(login) => {
                let keys = login.keys().await;
                return keys
                    .map(Some)
                    .map_err(|error| Failure::final_of(error.kind(), error.to_string()));
            }
            Self::Found { provider, .. } => {
                Arc::clone(&provider.lock().unwrap_or_else(PoisonError::into_inner))
            }
        };
        match provider.get_credential().await {
            Ok(found) => Ok(Some(Arc::new(Keys {
                access_key_id: found.key_id.clone(),
                secret_access_key: found.secret_key.clone(),
                session_token: found.token.clone(),
            }))),
            Err(error) => {
                let text = format!(
                    "no credentials found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or \
                     AWS_PROFILE, or ask for anonymous access ({})",
                    innermost(&error)
                );
                Err(Failure::final_of(ErrorKind::Denied, text))
            }
        }
    }

    /// Forgets what was found: the service says that it has expired.
    pub(super) fn refresh(&self) {
        match self {
            Self::Anonymous | Self::Fixed(_) => {}
            Self::Login(login) => login.refresh(),
            Self::Found { builder, provider } => {
                if let Ok(fresh) = provider_of(builder) {
                    *provider.lock().unwrap_or_else(PoisonError::into_inner) = fresh;
                }
            }
        }
    }
}

fn provider_of(builder: &AmazonS3Builder) -> Result<AwsCredentialProvider> {
    let store = builder.clone().build().map_err(|error| {
        Error::invalid(format!(
            "the settings for S3 cannot work: {}",
            innermost(&error)
        ))
    })?;
    Ok(Arc::clone(store.credentials()))
}

pub(super) fn innermost(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
