//! The directories of a container that are copied.

/// Directories to copy from a container, as a base directory and paths relative to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceDirectories {
    /// Directory that `paths` are relative to; empty for the container's default directory.
    pub base: String,
    /// Paths to copy, relative to `base`.
    pub paths: Vec<String>,
}

impl SourceDirectories {
    /// Combines directories, as [`normalize_absolute`] returns them. A single directory becomes the base; several are copied
    /// relative to `/`; without any, the container's default directory is copied.
    pub fn new(mut directories: Vec<String>) -> Self {
        // A directory inside another one is copied with it; listed twice, its files would be stored twice.
        directories.sort_by(|one, other| one.split('/').cmp(other.split('/')));
        directories.dedup_by(|path, before| {
            let rest = path.strip_prefix(before.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        let whole = vec![".".to_owned()];
        match directories.as_slice() {
            [] => Self {
                base: String::new(),
                paths: whole,
            },
            [only] => Self {
                base: only.clone(),
                paths: whole,
            },
            several => Self {
                base: "/".to_owned(),
                paths: several.iter().map(|path| format!(".{path}")).collect(),
            },
        }
    }
}

/// Normalizes an absolute path; `None` for a relative path, one with `..`, or one with control characters.
pub fn normalize_absolute(path: &str) -> Option<String> {
    let parts: Vec<&str> = path
        .split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .collect();
    let leads_out = parts.contains(&"..");
    let is_plain = path.starts_with('/') && !path.contains(char::is_control);
    (is_plain && !leads_out).then(|| format!("/{}", parts.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(paths: &[&str]) -> SourceDirectories {
        let paths = paths.iter().map(|path| normalize_absolute(path).unwrap());
        SourceDirectories::new(paths.collect())
    }

    #[test]
    fn one_directory_is_taken_by_itself_and_several_below_the_root() {
        let one = folders(&["/home//dev/./"]);
        assert_eq!(
            (one.base.as_str(), one.paths.join(" ")),
            ("/home/dev", ".".into())
        );
        let two = folders(&["/home/dev", "/-x"]);
        assert_eq!(
            (two.base.as_str(), two.paths.join(" ")),
            ("/", "./-x ./home/dev".into())
        );
        let nested = folders(&["/a/b", "/a-c", "/a", "/a/b/c", "/a/"]);
        assert_eq!(nested.paths.join(" "), "./a ./a-c");
        assert_eq!(folders(&["/a/b", "/a"]).base, "/a");
        assert_eq!(folders(&[]).base, "");
    }
}
