//! Texts from outside, made fit for messages.

use crate::StoreConfig;
use crate::config::Secret;

/// The secrets of a configuration, to be kept out of messages.
#[derive(Debug)]
pub(crate) struct Secrets(Vec<Secret>);

impl Secrets {
    pub(crate) fn of(config: &StoreConfig) -> Self {
        let keys = [&config.secret_access_key, &config.session_token]
            .into_iter()
            .flatten();
        let options = config.options.iter().map(|(_, secret)| secret);
        // A text of a few letters ("true") hides nothing and would make holes into messages.
        let secrets = keys
            .chain(options)
            .filter(|secret| secret.expose().len() >= 8)
            .cloned();
        Self(secrets.collect())
    }

    /// One line of at most `chars_max` characters without a secret in it.
    pub(crate) fn clean(&self, text: &str, chars_max: usize) -> String {
        let mut text = text.to_owned();
        for secret in &self.0 {
            text = text.replace(secret.expose(), "…");
        }
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut cut: String = line.chars().take(chars_max).collect();
        if cut.len() < line.len() {
            cut.push('…');
        }
        cut
    }
}
