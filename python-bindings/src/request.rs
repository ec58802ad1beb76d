//! Keyword arguments as requests.

use std::path::PathBuf;

use fastdata::{ScanRequest, Settings, SnapshotSelector, StoreConfig, TableRows};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyInt, PyMapping, PyString};

use crate::arguments::{Names, partition};
use crate::exceptions::{exception, invalid};

/// One place or several.
pub(crate) fn sources(source: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    if let Ok(text) = source.cast::<PyString>() {
        return Ok(vec![text.to_string()]);
    }
    if source.hasattr("__fspath__")? {
        let path: PathBuf = source.extract()?;
        return match path.into_os_string().into_string() {
            Ok(path) => Ok(vec![path]),
            Err(_) => Err(invalid("a path that is not text")),
        };
    }
    let mut all = Vec::new();
    for one in source
        .try_iter()
        .map_err(|_| invalid("a source is a text, a path or several"))?
    {
        all.extend(sources(&one?)?);
    }
    Ok(all)
}

/// The snapshot that at most one of the arguments names.
pub(crate) fn snapshot(
    snapshot_id: Option<i64>,
    as_of: Option<&Bound<'_, PyAny>>,
    r#ref: Option<String>,
) -> PyResult<SnapshotSelector> {
    match (snapshot_id, as_of, r#ref) {
        (None, None, None) => Ok(SnapshotSelector::Current),
        (Some(id), None, None) => Ok(SnapshotSelector::Id(id)),
        (None, Some(time), None) => Ok(SnapshotSelector::AsOfMs(milliseconds(time)?)),
        (None, None, Some(name)) => Ok(SnapshotSelector::Ref(name)),
        _ => Err(invalid("give one of snapshot_id, as_of and ref")),
    }
}

/// A datetime, its ISO text or milliseconds since the epoch; UTC where no zone is named.
fn milliseconds(time: &Bound<'_, PyAny>) -> PyResult<i64> {
    if time.is_instance_of::<PyInt>() && !time.is_instance_of::<PyBool>() {
        return time.extract();
    }
    let py = time.py();
    let datetime = py.import("datetime")?;
    let class = datetime.getattr("datetime")?;
    let time = match time.cast::<PyString>() {
        Ok(text) => class
            .call_method1("fromisoformat", (text,))
            .map_err(|error| invalid(format!("as_of: {}", error.value(py))))?,
        Err(_) if time.is_instance(&class)? => time.clone(),
        Err(_) => return Err(invalid("as_of is a datetime, its ISO text or milliseconds")),
    };
    let time = match time.getattr("tzinfo")?.is_none() {
        true => {
            let zone = PyDict::new(py);
            zone.set_item("tzinfo", datetime.getattr("timezone")?.getattr("utc")?)?;
            time.call_method("replace", (), Some(&zone))?
        }
        false => time,
    };
    let epoch = class.call_method1(
        "fromtimestamp",
        (0, datetime.getattr("timezone")?.getattr("utc")?),
    )?;
    let since = time.call_method1("__sub__", (epoch,))?;
    let step = PyDict::new(py);
    step.set_item("milliseconds", 1)?;
    let step = datetime.getattr("timedelta")?.call((), Some(&step))?;
    since.call_method1("__floordiv__", (step,))?.extract()
}

/// Bytes as a number, or as text such as `2GiB`.
pub(crate) fn bytes(name: &str, value: &Bound<'_, PyAny>) -> PyResult<u64> {
    if let Ok(bytes) = value.extract::<u64>() {
        return Ok(bytes);
    }
    let wrong = || {
        invalid(format!(
            "{name} is a number of bytes or a text such as 2GiB"
        ))
    };
    let text: String = value.extract().map_err(|_| wrong())?;
    let digits = text
        .trim()
        .trim_end_matches(|char: char| !char.is_ascii_digit());
    let unit = text.trim()[digits.len()..].trim().to_ascii_lowercase();
    let power = match unit.as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1000,
        "kib" => 1 << 10,
        "m" | "mb" => 1_000_000,
        "mib" => 1 << 20,
        "g" | "gb" => 1_000_000_000,
        "gib" => 1 << 30,
        _ => return Err(wrong()),
    };
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    number.checked_mul(power).ok_or_else(wrong)
}

/// How the store is reached: what was given goes before what the environment says.
pub(crate) fn store(options: Option<&Bound<'_, PyDict>>) -> PyResult<StoreConfig> {
    let mut store = StoreConfig::from_env();
    let Some(options) = options else {
        return Ok(store);
    };
    for (name, value) in options {
        let name: String = name.extract()?;
        if value.is_none() {
            continue;
        }
        match name.as_str() {
            "endpoint_url" => store.endpoint_url = Some(value.extract()?),
            "region" => store.region = Some(value.extract()?),
            "profile" => store.profile = Some(value.extract()?),
            "access_key_id" => store.access_key_id = Some(value.extract()?),
            "secret_access_key" => {
                store.secret_access_key = Some(value.extract::<String>()?.into())
            }
            "session_token" => store.session_token = Some(value.extract::<String>()?.into()),
            "anonymous" => store.anonymous = value.extract()?,
            "path_style" => store.path_style = Some(value.extract()?),
            "connections" => {
                store.connections = value.extract()?;
                if store.connections == 0 {
                    return Err(invalid("connections is at least 1"));
                }
            }
            other => {
                return Err(invalid(format!(
                    "no store option `{other}`; there are endpoint_url, region, profile, \
                     access_key_id, secret_access_key, session_token, anonymous, path_style and \
                     connections"
                )));
            }
        }
    }
    Ok(store)
}

/// Where names of tables lead.
pub(crate) fn settings(warehouse: Option<PathBuf>, config: Option<PathBuf>) -> PyResult<Settings> {
    let mut settings = Settings::load(config.or_else(Settings::default_path))
        .map_err(|error| exception(&error))?;
    if let Some(warehouse) = warehouse {
        settings.warehouse = Some(warehouse.to_string_lossy().into_owned());
    }
    Ok(settings)
}

/// Which rows and columns.
pub(crate) fn rows(
    columns: Option<Names>,
    r#where: Option<String>,
    partition_of: Option<&Bound<'_, PyAny>>,
    limit: Option<u64>,
) -> PyResult<TableRows> {
    let (partition, any_partition) = match partition_of {
        None => (Vec::new(), Vec::new()),
        Some(one) if one.cast::<PyMapping>().is_ok() => (mapping(one)?, Vec::new()),
        Some(several) => (Vec::new(), partitions(several)?),
    };
    Ok(TableRows {
        columns: columns.map(Names::into_vec),
        partition,
        any_partition,
        filter: r#where,
        limit_rows: limit,
    })
}

/// Several partitions, each a mapping.
pub(crate) fn partitions(several: &Bound<'_, PyAny>) -> PyResult<Vec<Vec<(String, String)>>> {
    let several: Vec<Bound<'_, PyAny>> = several
        .try_iter()
        .map_err(|_| invalid("a partition is a mapping from columns to values"))?
        .collect::<PyResult<_>>()?;
    if several.is_empty() {
        return Err(invalid("no partition was named; get_all reads all"));
    }
    several.iter().map(mapping).collect()
}

/// One partition as a mapping.
pub(crate) fn mapping(one: &Bound<'_, PyAny>) -> PyResult<Vec<(String, String)>> {
    let dict = PyDict::new(one.py());
    let mapping = one
        .cast::<PyMapping>()
        .map_err(|_| invalid("a partition is a mapping from columns to values"))?;
    dict.update(mapping)?;
    match dict.is_empty() {
        true => Err(invalid("a partition without a column; get_all reads all")),
        false => partition(&dict),
    }
}

/// A request of `sources` with everything else at its default.
pub(crate) fn of_sources(sources: Vec<String>) -> ScanRequest {
    ScanRequest {
        sources,
        ..ScanRequest::default()
    }
}
