//! [`CommandPath`], the subcommand that a usage error is about, and the words that were typed.

use clap::{Arg, ArgAction, Command};

/// The innermost subcommand that was named, and the words after it.
pub(super) struct CommandPath {
    pub(super) command: Command,
    /// The subcommand as it was called: `kubectl session template lint`.
    pub(super) prefix: String,
    /// All words of the command line.
    args: Vec<String>,
    /// Number of words that lead to the subcommand.
    led: usize,
}

impl CommandPath {
    pub(super) fn of(command: &Command, prefix: &str, args: &[String]) -> Self {
        let mut command = command.clone();
        // Global flags reach the subcommands.
        command.build();
        let mut place = Self {
            command,
            prefix: prefix.to_owned(),
            args: args.to_vec(),
            led: 0,
        };
        let own_word = prefix.rsplit(' ').next().unwrap_or(prefix);
        let mut at = 0;
        while let Some(arg) = args.get(at) {
            if arg == "--" {
                break;
            }
            if is_flag(arg) {
                at += if place.takes_next(arg) { 2 } else { 1 };
                continue;
            }
            at += 1;
            let inner = place.command.find_subcommand(arg).cloned();
            match inner {
                Some(inner) => {
                    place.prefix = format!("{} {}", place.prefix, inner.get_name());
                    place.command = inner;
                    place.led = at;
                }
                // The suite was called with the verb's name, which is in the prefix already.
                None if place.led == 0 && arg == own_word => place.led = at,
                None => break,
            }
        }
        place
    }

    /// True if the word was typed; a word that ends in `=` matches as a prefix.
    pub(super) fn was_typed(&self, word: &str) -> bool {
        let wanted = |arg: &&String| *arg == word || (word.ends_with('=') && arg.starts_with(word));
        self.args.iter().find(wanted).is_some()
    }

    /// Returns a group of letters (`-wZx`) from that letter on.
    pub(super) fn short_flags_from(&self, letter: char) -> Option<String> {
        let mut clusters = self
            .args
            .iter()
            .filter(|arg| is_flag(arg) && !arg.starts_with("--"));
        clusters.find_map(|arg| arg[1..].find(letter).map(|at| arg[1 + at..].to_owned()))
    }

    /// Counts the arguments that are not flags.
    pub(super) fn count_positionals(&self) -> usize {
        let dashes = self.args[self.led..].iter().position(|arg| arg == "--");
        let behind = dashes.map_or(0, |at| self.args.len() - self.led - at - 1);
        self.positionals().len() + behind
    }

    /// Returns where the arguments before `--` that are not flags stand on the command line.
    pub(super) fn positionals(&self) -> Vec<usize> {
        let (mut at, mut found) = (self.led, Vec::new());
        while let Some(arg) = self.args.get(at).filter(|arg| *arg != "--") {
            let flag = is_flag(arg);
            if !flag {
                found.push(at);
            }
            at += if flag && self.takes_next(arg) { 2 } else { 1 };
        }
        found
    }

    /// Returns a flag as kubectl's errors name it: `-o, --output`.
    pub(super) fn format_flag(&self, long: &str) -> String {
        self.short_of(long)
            .map_or_else(|| long.to_owned(), |letter| format!("-{letter}, {long}"))
    }

    /// Returns the letter of a flag.
    pub(super) fn short_of(&self, long: &str) -> Option<char> {
        self.by_long(long.trim_start_matches('-'))
            .and_then(Arg::get_short)
    }

    /// True if the next word is the flag's value.
    fn takes_next(&self, arg: &str) -> bool {
        if let Some(long) = arg.strip_prefix("--") {
            return !long.contains('=') && self.by_long(long).is_some_and(takes_word);
        }
        for (at, letter) in arg.char_indices().skip(1) {
            let found = self
                .command
                .get_arguments()
                .find(|a| a.get_short() == Some(letter));
            if found.is_some_and(takes_word) {
                return at + letter.len_utf8() == arg.len();
            }
        }
        false
    }

    fn by_long(&self, long: &str) -> Option<&Arg> {
        self.command
            .get_arguments()
            .find(|arg| arg.get_long() == Some(long))
    }
}

fn is_flag(arg: &str) -> bool {
    arg.len() > 1 && arg.starts_with('-')
}

/// True if a flag's value may be a separate word.
fn takes_word(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Set | ArgAction::Append) && !arg.is_require_equals_set()
}
