//! The JSON that tasks and Metaflow's metadata are written in. Unknown fields are passed over, so
//! that newer versions can be read.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value as Json;

/// How the pickles of artifacts are called for the widest circle of readers: the prefix is only a
/// name, as the blob itself knows how it is packed.
pub const ENCODING: &str = "gzip+pickle-v4";

/// `<attempt>.data.json`: the artifacts of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataRecord {
    /// What Metaflow calls the datastore: `local`, `s3`, ….
    #[serde(default)]
    pub datastore: String,
    /// The version of this record: `1.0`.
    #[serde(default)]
    pub version: String,
    /// The number of the attempt.
    #[serde(default)]
    pub attempt: u32,
    /// The interpreter that wrote the pickles.
    #[serde(default)]
    pub python_version: String,
    /// The key of each artifact.
    #[serde(default)]
    pub objects: BTreeMap<String, String>,
    /// What is known of each artifact.
    #[serde(default)]
    pub info: BTreeMap<String, ArtifactInfo>,
}

/// What `data.json` says about an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ArtifactInfo {
    /// Bytes of the pickle.
    #[serde(default)]
    pub size: u64,
    /// `<class 'int'>`.
    #[serde(default, rename = "type")]
    pub python_type: String,
    /// How it became bytes; none in old versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// What a serializer of its own needs, in new versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serializer_info: Option<Json>,
}

/// `<attempt>.attempt.json`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AttemptRecord {
    /// Seconds since 1970 at which it was started.
    pub time: f64,
}

/// `<attempt>.task_begin`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TaskBeginRecord {
    /// Metadata of the code package.
    #[serde(default)]
    pub code_package_metadata: Option<String>,
    /// Key of the code package.
    #[serde(default)]
    pub code_package_sha: Option<String>,
    /// Kind of datastore in which it lies.
    #[serde(default)]
    pub code_package_ds: Option<String>,
    /// Its address.
    #[serde(default)]
    pub code_package_url: Option<String>,
    /// The number of the attempt.
    #[serde(default)]
    pub retry_count: u32,
}

/// `<attempt>.runtime`: how the process of a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuntimeRecord {
    /// The exit status; negative for a signal.
    pub return_code: i32,
    /// Whether the scheduler ended it.
    pub killed: bool,
    /// Whether it ended well.
    pub success: bool,
}

/// `_self.json` of a flow, run, step or task; fields of levels further down are absent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SelfRecord {
    /// The id that an orchestrator gave the run, in answers of the service.
    #[serde(default, skip_serializing, deserialize_with = "text_if_any")]
    pub run_id: Option<String>,
    /// The run.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "text_if_any"
    )]
    pub run_number: Option<String>,
    /// The step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_name: Option<String>,
    /// The name that an orchestrator gave the task, in answers of the service.
    #[serde(default, skip_serializing, deserialize_with = "text_if_any")]
    pub task_name: Option<String>,
    /// The task.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "text_if_any"
    )]
    pub task_id: Option<String>,
    /// The flow.
    #[serde(default)]
    pub flow_id: String,
    /// Who began it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    /// Tags of users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// Tags of the system: `user:…`, `runtime:…`, ….
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_tags: Option<Vec<String>>,
    /// Milliseconds since 1970 at which it was begun.
    #[serde(default)]
    pub ts_epoch: i64,
}

/// `<attempt>_artifact_<name>.json`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ArtifactRecord {
    /// The run.
    #[serde(default, deserialize_with = "text")]
    pub run_number: String,
    /// The step.
    #[serde(default)]
    pub step_name: String,
    /// The task.
    #[serde(default, deserialize_with = "text")]
    pub task_id: String,
    /// The number of the attempt.
    #[serde(default)]
    pub attempt_id: u32,
    /// The artifact.
    pub name: String,
    /// How it became bytes.
    #[serde(default)]
    pub content_type: String,
    /// `metaflow.artifact`.
    #[serde(default, rename = "type")]
    pub kind: String,
    /// The key of the pickle.
    pub sha: String,
    /// Kind of datastore in which it lies.
    #[serde(default)]
    pub ds_type: String,
    /// `:root:` and the datastore's root, or an address.
    #[serde(default)]
    pub location: String,
    /// The flow.
    #[serde(default)]
    pub flow_id: String,
    /// Who began it.
    #[serde(default)]
    pub user_name: String,
    /// Tags of users.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Tags of the system.
    #[serde(default)]
    pub system_tags: Vec<String>,
    /// Milliseconds since 1970 at which it was written.
    #[serde(default)]
    pub ts_epoch: i64,
}

/// `sysmeta_<field>_<ms>.json`: a fact about a task.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MetadataRecord {
    /// The flow.
    #[serde(default)]
    pub flow_id: String,
    /// The run.
    #[serde(default, deserialize_with = "text")]
    pub run_number: String,
    /// The step.
    #[serde(default)]
    pub step_name: String,
    /// The task.
    #[serde(default, deserialize_with = "text")]
    pub task_id: String,
    /// What it is about.
    pub field_name: String,
    /// What kind of fact it is; mostly the field again.
    #[serde(default, rename = "type")]
    pub kind: String,
    /// The fact; mostly a text.
    #[serde(default)]
    pub value: Json,
    /// `attempt_id:<number>`.
    #[serde(default, deserialize_with = "list_if_any")]
    pub tags: Vec<String>,
    /// Who began it.
    #[serde(default)]
    pub user_name: String,
    /// Milliseconds since 1970 at which it was written.
    #[serde(default)]
    pub ts_epoch: i64,
}

impl SelfRecord {
    /// The run's id: what an orchestrator called it, or its number.
    pub fn run(&self) -> Option<&str> {
        self.run_id.as_deref().or(self.run_number.as_deref())
    }

    /// The task's id: what an orchestrator called it, or its number.
    pub fn task(&self) -> Option<&str> {
        self.task_name.as_deref().or(self.task_id.as_deref())
    }
}

impl MetadataRecord {
    /// The attempt that it is about, where its tags say so.
    pub fn attempt(&self) -> Option<u32> {
        let number = |tag: &String| tag.strip_prefix("attempt_id:")?.parse().ok();
        self.tags.iter().find_map(number)
    }

    /// The fact as text.
    pub fn text(&self) -> String {
        match &self.value {
            Json::String(text) => text.clone(),
            other => other.to_string(),
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum TextOrNumber {
    Text(String),
    Number(i64),
}

impl From<TextOrNumber> for String {
    fn from(value: TextOrNumber) -> Self {
        match value {
            TextOrNumber::Text(text) => text,
            TextOrNumber::Number(number) => number.to_string(),
        }
    }
}

/// Ids are texts in files and numbers in answers of the service.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    TextOrNumber::deserialize(deserializer).map(String::from)
}

fn text_if_any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Option::<TextOrNumber>::deserialize(deserializer).map(|value| value.map(String::from))
}

fn list_if_any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Option::<Vec<String>>::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_both_providers() {
        let file: SelfRecord =
            serde_json::from_str(r#"{"run_number": "17", "flow_id": "F", "more": 1}"#).unwrap();
        let service: SelfRecord = serde_json::from_str(
            r#"{"run_number": 17, "run_id": null, "flow_id": "F", "tags": null}"#,
        )
        .unwrap();
        assert_eq!((file.run(), service.run()), (Some("17"), Some("17")));
        let argo: SelfRecord =
            serde_json::from_str(r#"{"run_number": 17, "run_id": "argo-a"}"#).unwrap();
        assert_eq!(argo.run(), Some("argo-a"));
    }

    #[test]
    fn old_data_without_what_came_later() {
        let old = r#"{"objects": {"x": "k"}, "info": {"x": {"size": 4, "type": "<class 'int'>"}}}"#;
        let record: DataRecord = serde_json::from_str(old).unwrap();
        assert_eq!(record.info["x"].encoding, None);
    }
}
