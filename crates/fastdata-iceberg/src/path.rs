//! Paths: where a recorded path lies now, and when two spellings mean the same file.

use std::borrow::Cow;

/// Turns the paths that metadata records into paths to read, and into a form to compare.
///
/// A table that was moved or copied still records where it used to be. Paths below the recorded
/// location are taken to lie below the folder that the user named; others stay as they are. Paths
/// are raw: nothing is ever percent-decoded or encoded.
#[derive(Debug, Clone)]
pub struct PathResolver {
    /// The recorded location, comparable, without a trailing slash.
    recorded_root: String,
    /// The folder that the user named, without a trailing slash.
    actual_root: String,
    /// The same, comparable.
    comparable_root: String,
    /// The folder's own name between slashes.
    folder: String,
    /// What the recorded location and the actual folder lie in, as far as their paths end alike.
    recorded_ancestor: String,
    actual_ancestor: String,
}

impl PathResolver {
    /// For a table whose metadata records `recorded_location` and which lies at `actual_root`.
    pub fn new(recorded_location: &str, actual_root: &str) -> Self {
        let recorded_root = comparable(recorded_location)
            .trim_end_matches('/')
            .to_owned();
        let actual_root = actual_root.trim_end_matches('/');
        let (mut recorded_ancestor, mut actual_ancestor) = (recorded_root.as_str(), actual_root);
        while let (Some((recorded, one)), Some((actual, other))) = (
            recorded_ancestor.rsplit_once('/'),
            actual_ancestor.rsplit_once('/'),
        ) && one == other
        {
            (recorded_ancestor, actual_ancestor) = (recorded, actual);
        }
        Self {
            recorded_ancestor: recorded_ancestor.to_owned(),
            actual_ancestor: actual_ancestor.to_owned(),
            recorded_root,
            actual_root: actual_root.to_owned(),
            comparable_root: comparable(actual_root).into_owned(),
            folder: format!("/{}/", actual_root.rsplit('/').next().unwrap_or_default()),
        }
    }

    /// Where a recorded path lies now.
    pub fn resolve(&self, recorded: &str) -> String {
        let path = comparable(recorded);
        if let Some(rest) = self.below_root(&path) {
            return format!("{}{rest}", self.actual_root);
        }
        match self.below_ancestor(&path) {
            Some(rest) => format!("{}{rest}", self.actual_ancestor),
            None => recorded.to_owned(),
        }
    }

    /// A form in which two paths are equal when they mean the same file: the old root and the
    /// actual one are one, as are `s3`, `s3a` and `s3n`, `file:/x`, `file:///x` and `/x`, and
    /// `hdfs://host/x` and `/x`.
    pub fn normalise(&self, path: &str) -> String {
        let mut normalised = String::new();
        self.normalise_into(path, &mut normalised);
        normalised
    }

    /// [`PathResolver::normalise`] into a buffer that is reused.
    pub(crate) fn normalise_into(&self, path: &str, normalised: &mut String) {
        normalised.clear();
        let path = comparable(path);
        if let Some(rest) = self.below_root(&path) {
            normalised.push_str(&self.comparable_root);
            normalised.push_str(rest);
        } else if let Some(rest) = self.below_ancestor(&path) {
            normalised.push_str(&comparable(&self.actual_ancestor));
            normalised.push_str(rest);
        } else {
            normalised.push_str(&path);
        }
    }

    /// What follows the recorded root, slash included.
    fn below_root<'a>(&self, comparable: &'a str) -> Option<&'a str> {
        comparable
            .strip_prefix(&self.recorded_root)
            .filter(|rest| rest.starts_with('/'))
            .or_else(|| self.below_namesake(comparable))
    }

    /// What follows the common ancestor in a relative path, slash included: files beside the
    /// table, which were written from the same place.
    fn below_ancestor<'a>(&self, comparable: &'a str) -> Option<&'a str> {
        let moved_along = self.recorded_ancestor.len() < self.recorded_root.len();
        if !moved_along || !is_relative(comparable) {
            return None;
        }
        comparable
            .strip_prefix(&self.recorded_ancestor)
            .filter(|rest| rest.starts_with('/'))
    }

    /// What follows the folder's name in a relative path, slash included.
    ///
    /// A relative path outside of the location is relative to wherever the writer stood, which
    /// nobody knows. If it goes through a folder of the table's name, it means this one.
    fn below_namesake<'a>(&self, comparable: &'a str) -> Option<&'a str> {
        if !is_relative(comparable) || self.folder.len() <= 2 {
            return None;
        }
        let at = comparable.find(&self.folder)?;
        comparable.get(at + self.folder.len() - 1..)
    }
}

fn is_relative(path: &str) -> bool {
    !path.starts_with('/') && !path.contains("://")
}

/// The last two components of a path: what stays the same however its root is spelled.
pub(crate) fn tail(path: &str) -> &str {
    let mut slashes = path.rmatch_indices('/').map(|(at, _)| at);
    let cut = slashes.nth(1);
    cut.and_then(|at| path.get(at + 1..)).unwrap_or(path)
}

/// Schemes that mean the same store become one; those of file systems vanish.
fn comparable(path: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = path.split_once(':').filter(|(scheme, rest)| {
        rest.starts_with('/') && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())
    }) else {
        return Cow::Borrowed(path.strip_prefix("./").unwrap_or(path));
    };
    let renamed = |scheme: &str| Cow::Owned(format!("{scheme}:{rest}"));
    match scheme.to_ascii_lowercase().as_str() {
        "file" | "hdfs" | "viewfs" => Cow::Borrowed(match rest.strip_prefix("//") {
            // `file:///x` has an empty host, `hdfs://host/x` has one.
            Some(host) => host.find('/').and_then(|at| host.get(at..)).unwrap_or("/"),
            None => rest,
        }),
        "s3" | "s3a" | "s3n" if scheme != "s3" => renamed("s3"),
        "gcs" => renamed("gs"),
        "abfss" => renamed("abfs"),
        "wasbs" => renamed("wasb"),
        lower if lower == scheme => Cow::Borrowed(path),
        lower => renamed(lower),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(one: &str, other: &str, same: bool) {
        let paths = PathResolver::new("s3a://old/wh/t/", "/users/me/t");
        assert_eq!(
            paths.normalise(one) == paths.normalise(other),
            same,
            "{one} {other}"
        );
    }

    #[test]
    fn spellings_of_one_file_compare_equal() {
        check("s3a://b/k", "s3://b/k", true);
        check("s3n://b/k", "s3://b/k", true);
        check("s3://b/k", "s3://c/k", false);
        check("s3://b/k", "gs://b/k", false);
        check("file:/x/y", "/x/y", true);
        check("file:///x/y", "/x/y", true);
        check("file://localhost/x/y", "/x/y", true);
        check("hdfs://host:8020/x", "/x", true);
        check("hdfs://one/x", "hdfs:/x", true);
        check("s3://b/a%20b", "s3://b/a b", false);
        check("s3://b//k", "s3://b/k", false);
        check("s3://old/wh/t/data/f", "/users/me/t/data/f", true);
        check("s3://old/wh/t2/data/f", "/users/me/t2/data/f", false);
    }

    #[test]
    fn moved_tables_resolve_below_the_folder_named() {
        let paths = PathResolver::new("hdfs://nn/wh/t", "s3://b/copy/");
        assert_eq!(
            paths.resolve("/wh/t/data/a=%3D/f#1.parquet"),
            "s3://b/copy/data/a=%3D/f#1.parquet"
        );
        assert_eq!(paths.resolve("hdfs://nn/wh/t/m.avro"), "s3://b/copy/m.avro");
        assert_eq!(paths.resolve("s3://other/f"), "s3://other/f");
        assert_eq!(paths.resolve("/wh/t"), "/wh/t");
        let relative = PathResolver::new("data/warehouse/t", "/x/t");
        assert_eq!(relative.resolve("data/warehouse/t/data/f"), "/x/t/data/f");
        assert_eq!(
            (tail("/a/b/c"), tail("b/c"), tail("c")),
            ("b/c", "b/c", "c")
        );
    }
}
