//! Structs of flags are taken apart once, every field by name, so that a flag that nobody reads does not compile.

/// A file of a crate: its name for messages, and its code without tests.
pub(super) type File = (String, String);

/// Returns the names of the structs of flags that a verb or a subcommand takes: clap's structs that end in `Args`.
pub(super) fn args_structs(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for (_, code) in files {
        let mut is_derived = false;
        for line in code.lines().map(str::trim_start) {
            if line.starts_with("#[derive(") {
                is_derived = ["Parser", "Args", "Group"]
                    .iter()
                    .any(|derive| line.contains(derive));
            }
            if let Some(name) = super::words_after(line, "struct ").next() {
                if is_derived && name.ends_with("Args") {
                    found.push(name.to_owned());
                }
                is_derived = false;
            }
        }
    }
    found
}

/// Returns what keeps the compiler from noticing a forgotten flag in the files of one crate.
pub(super) fn find_faults(files: &[File]) -> Vec<String> {
    let mut faults = Vec::new();
    for name in args_structs(files) {
        let patterns: Vec<String> = files
            .iter()
            .flat_map(|(_, code)| patterns_of(code, &name))
            .collect();
        let [pattern] = patterns.as_slice() else {
            faults.push(format!("{name} is taken apart {} times", patterns.len()));
            continue;
        };
        let ignores = |field: &str| field.starts_with("..") || field.ends_with(": _");
        let mut fields = pattern.split(',').map(str::trim);
        if let Some(field) = fields.find(|field| ignores(field)) {
            faults.push(format!("{name} is taken apart with {field:?}"));
        }
        for (file, code) in files {
            // The next check knows the value by this name.
            let typed = [format!(": {name}"), format!(": &{name}")];
            let ends = typed.iter().flat_map(|typed| code.match_indices(typed));
            for (at, typed) in ends {
                let is_whole = !code[at + typed.len()..].starts_with(is_word);
                if is_whole && last_word(&code[..at]) != "args" {
                    faults.push(format!("{file} calls {name} other than args"));
                }
            }
        }
    }
    for (file, code) in files {
        for (at, _) in code.match_indices("args.") {
            let rest = &code[at + "args.".len()..];
            let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            let is_field = end > 0 && !rest[end..].starts_with(['(', ':']);
            if is_field && last_word(&code[..at + "args".len()]) == "args" {
                faults.push(format!("{file} reads args.{}", &rest[..end]));
            }
        }
    }
    faults
}

/// Returns the text between the braces of each pattern of a struct.
fn patterns_of(code: &str, name: &str) -> Vec<String> {
    let start = format!("{name} {{");
    let places = code.match_indices(&start).filter(|(at, _)| {
        let before = &code[..*at];
        let is_item = ["struct ", "impl ", "for "]
            .iter()
            .any(|word| before.ends_with(word));
        !is_item && !before.ends_with(is_word)
    });
    let text = |(at, _): (usize, &str)| {
        let rest = &code[at + start.len()..];
        rest[..rest.find('}').unwrap_or(rest.len())].to_owned()
    };
    places.map(text).collect()
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn last_word(text: &str) -> &str {
    let start = text.rfind(|c| !is_word(c)).map_or(0, |at| at + 1);
    &text[start..]
}

#[test]
fn a_forgotten_flag_is_noticed() {
    let declared = "#[derive(Group, Clone)]\n#[command(x)]\npub struct CopyArgs {\n    pub to: String,\n    pub yes: bool,\n}\n";
    let faults = |use_of: &str| {
        let files = [("a.rs", declared), ("b.rs", use_of)];
        find_faults(&files.map(|(file, code)| (file.to_owned(), code.to_owned())))
    };
    let whole = "fn run(args: CopyArgs) {\n    let CopyArgs {\n        to,\n        yes: is_agreed,\n    } = args;\n}\n";
    assert!(faults(whole).is_empty(), "{:?}", faults(whole));
    for (use_of, fault) in [
        (
            "fn run(args: CopyArgs) {}",
            "CopyArgs is taken apart 0 times",
        ),
        (
            "let CopyArgs { to, .. } = args;",
            "CopyArgs is taken apart with \"..\"",
        ),
        (
            "let CopyArgs { to, yes: _ } = args;",
            "CopyArgs is taken apart with \"yes: _\"",
        ),
    ] {
        assert_eq!(faults(use_of), [fault]);
    }
    assert_eq!(
        faults(&whole.repeat(2)),
        ["CopyArgs is taken apart 2 times"]
    );
    let read = format!("{whole}if args.yes {{}} args.next()");
    assert_eq!(faults(&read), ["b.rs reads args.yes"]);
    let renamed = whole.replace("args: CopyArgs", "given: CopyArgs");
    assert_eq!(faults(&renamed), ["b.rs calls CopyArgs other than args"]);
}
