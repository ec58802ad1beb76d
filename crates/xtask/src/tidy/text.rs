//! Rules on every text file: no paths of a machine, no unnumbered reminders, one title a page.

use super::{File, Findings};

/// Top-level folders that exist on somebody's machine only.
const MACHINE_FOLDERS: [&str; 6] = ["work", "root", "farm", "home", "Users", "tmp"];

/// Words that mark unfinished work; spelled apart so that this file does not find itself.
const REMINDER: &str = concat!("TO", "DO");
const FORBIDDEN: [&str; 2] = [concat!("FIX", "ME"), concat!("XX", "X")];

pub(super) fn check(files: &[File], findings: &mut Findings) {
    for file in files {
        let name = file.name();
        if name.ends_with(".lock") || is_data(&name, file.extension()) {
            continue;
        }
        for (idx, line) in file.text.lines().enumerate() {
            if let Some(what) = machine_path(line).or_else(|| reminder(line)) {
                findings.push(format!("{name}:{}: {what}", idx + 1));
            }
        }
        if file.extension() == "md" {
            titles(&name, &file.text, findings);
        }
    }
}

/// Tables in `testdata` name the paths at which they were written; their generators must not.
fn is_data(name: &str, extension: &str) -> bool {
    let written_by_us = ["py", "sh", "md", "toml", "rs", "java", "sql"];
    name.starts_with("testdata/") && !written_by_us.contains(&extension)
}

fn machine_path(line: &str) -> Option<String> {
    for folder in MACHINE_FOLDERS {
        let path = format!("/{folder}/");
        for (at, _) in line.match_indices(&path) {
            let inside =
                line[..at].ends_with(|char: char| char.is_alphanumeric() || "-_.}$".contains(char));
            let follows = line[at + path.len()..].starts_with(|char: char| char.is_alphanumeric());
            if !inside && follows {
                return Some(format!("a path of one machine ({path}…)"));
            }
        }
    }
    None
}

fn reminder(line: &str) -> Option<String> {
    let is_word = |at: usize, word: &str| {
        let letter = |char: char| char.is_alphanumeric() || char == '_';
        !line[..at].ends_with(letter) && !line[at + word.len()..].starts_with(letter)
    };
    for word in FORBIDDEN {
        if line.match_indices(word).any(|(at, _)| is_word(at, word)) {
            return Some(format!("{word} must not stay"));
        }
    }
    let unnumbered = |at: usize| {
        let rest = &line[at + REMINDER.len()..];
        let number = rest
            .strip_prefix("(#")
            .is_some_and(|rest| rest.starts_with(|char: char| char.is_ascii_digit()));
        is_word(at, REMINDER) && !number
    };
    let found = line.match_indices(REMINDER).any(|(at, _)| unnumbered(at));
    found.then(|| format!("{REMINDER} without an issue number"))
}

fn titles(name: &str, text: &str, findings: &mut Findings) {
    let mut fenced = false;
    let mut count = 0;
    for line in text.lines() {
        fenced ^= line.trim_start().starts_with("```");
        count += usize::from(!fenced && line.starts_with("# "));
    }
    if count != 1 {
        findings.push(format!("{name}: {count} titles (`# …`); a page has one"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_machine_paths() {
        for folder in MACHINE_FOLDERS {
            assert!(machine_path(&format!("see /{folder}/me/file")).is_some());
        }
        assert_eq!(
            machine_path(&["$HOME", "work", "me and target/tmp/x and s3://b/tmp"].join("/")),
            None
        );
    }

    #[test]
    fn finds_reminders() {
        assert!(reminder(&format!("// {REMINDER}: later")).is_some());
        assert!(reminder(&format!("// {}", FORBIDDEN[0])).is_some());
        assert_eq!(reminder(&format!("// {REMINDER}(#12): later")), None);
        assert_eq!(reminder(&format!("{REMINDER}S")), None);
    }

    #[test]
    fn counts_titles() {
        let mut findings = Findings::new();
        titles("a.md", "# One\n```sh\n# not a title\n```\n", &mut findings);
        assert!(findings.is_empty());
        titles("a.md", "# One\n# Two\n", &mut findings);
        assert_eq!(findings.len(), 1);
    }
}
