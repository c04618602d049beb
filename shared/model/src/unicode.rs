//! Detection of invisible characters and of text that can be mistaken for other text.
//!
//! Invisible are the characters of Unicode's properties Default_Ignorable_Code_Point and Bidi_Control, line and paragraph
//! separators, interlinear annotations and format controls: they change how text looks, or where it ends, without being
//! visible themselves.

use icu_normalizer::ComposingNormalizerBorrowed;

/// Ranges of invisible characters in ascending order, without the control characters.
const INVISIBLE: [(char, char); 18] = [
    ('\u{ad}', '\u{ad}'),     // soft hyphen
    ('\u{34f}', '\u{34f}'),   // combining grapheme joiner
    ('\u{61c}', '\u{61c}'),   // Arabic letter mark
    ('\u{115f}', '\u{1160}'), // Hangul fillers
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'), // Mongolian variation selectors
    ('\u{200b}', '\u{200f}'), // zero width space, joiners, marks of direction
    ('\u{2028}', '\u{202e}'), // separators, embeddings and overrides
    ('\u{2060}', '\u{206f}'), // word joiner, invisible operators, isolates
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'), // variation selectors
    ('\u{feff}', '\u{feff}'), // byte order mark
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'), // interlinear annotations, and what is reserved beside them
    ('\u{13430}', '\u{1343f}'), // Egyptian format controls
    ('\u{1bca0}', '\u{1bca3}'), // shorthand format controls
    ('\u{1d173}', '\u{1d17a}'), // musical format controls
    ('\u{e0000}', '\u{e0fff}'), // tags, more variation selectors
];

/// Scripts with letters that look alike, and the ranges of their letters.
const SCRIPTS: [(&str, &[(char, char)]); 5] = [
    (
        "Latin",
        &[
            ('A', 'Z'),
            ('a', 'z'),
            ('\u{c0}', '\u{d6}'),
            ('\u{d8}', '\u{f6}'),
            ('\u{f8}', '\u{2af}'),
            ('\u{1e00}', '\u{1eff}'),
        ],
    ),
    ("Greek", &[('\u{370}', '\u{3ff}'), ('\u{1f00}', '\u{1fff}')]),
    (
        "Cyrillic",
        &[
            ('\u{400}', '\u{52f}'),
            ('\u{1c80}', '\u{1c8f}'),
            ('\u{a640}', '\u{a69f}'),
        ],
    ),
    ("Armenian", &[('\u{531}', '\u{58f}')]),
    (
        "Cherokee",
        &[('\u{13a0}', '\u{13ff}'), ('\u{ab70}', '\u{abbf}')],
    ),
];

/// Returns true for an invisible character. Control characters (`char::is_control`) are not included.
pub fn is_invisible(c: char) -> bool {
    let after = INVISIBLE.partition_point(|(_, last)| *last < c);
    c >= '\u{ad}' && INVISIBLE.get(after).is_some_and(|(first, _)| *first <= c)
}

/// Returns true if `c` is a variation selector that chooses the text or emoji form of the symbol `before` it. Such a selector
/// is harmless.
pub fn is_emoji_variation_selector(before: Option<char>, c: char) -> bool {
    let symbol = |before: char| {
        !before.is_ascii()
            && !before.is_alphanumeric()
            && !before.is_whitespace()
            && !is_invisible(before)
    };
    matches!(c, '\u{fe0e}' | '\u{fe0f}') && before.is_some_and(symbol)
}

/// Returns why `text` can be mistaken for another text, or `None`. Finds invisible characters, unusual spaces, text that is not
/// in normalization form NFKC, and words of mixed scripts. A word written wholly in another script is not found: that would
/// take Unicode's table of confusable characters.
pub fn confusable_reason(text: &str) -> Option<String> {
    if text.is_ascii() {
        return None;
    }
    if let Some(c) = text.chars().find(|c| is_invisible(*c)) {
        return Some(format!("{} is an invisible character", code_point(c)));
    }
    // U+2800, the empty Braille pattern, looks like a space, but Unicode classifies it as a symbol.
    let blank = |c: &char| (c.is_whitespace() && *c != ' ') || *c == '\u{2800}';
    if let Some(c) = text.chars().find(blank) {
        return Some(format!("{} looks like a space", code_point(c)));
    }
    let plain = ComposingNormalizerBorrowed::new_nfkc().normalize(text);
    if plain != text {
        return Some(format!(
            "{plain:?} looks the same (Unicode normalization form NFKC)"
        ));
    }
    text.split(|c: char| !c.is_alphanumeric())
        .find_map(mixed_scripts)
}

/// Returns a reason if `word` mixes letters of two scripts that look alike.
fn mixed_scripts(word: &str) -> Option<String> {
    let script = |c: char| {
        let has = |ranges: &[(char, char)]| ranges.iter().any(|(a, b)| (*a..=*b).contains(&c));
        let found = SCRIPTS.iter().find(|(_, ranges)| has(ranges));
        found.map(|(name, _)| *name)
    };
    let mut scripts = word.chars().filter_map(script);
    let first = scripts.next()?;
    let other = scripts.find(|script| *script != first)?;
    Some(format!("{word:?} mixes {first} and {other} letters"))
}

/// Formats a character as its code point, such as `U+200B`.
fn code_point(c: char) -> String {
    format!("U+{:04X}", u32::from(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ranges_are_in_order_and_apart() {
        for pair in INVISIBLE.windows(2) {
            assert!(pair[0].0 <= pair[0].1 && pair[0].1 < pair[1].0, "{pair:?}");
        }
    }

    #[test]
    fn what_changes_a_text_unseen_is_invisible() {
        for c in [
            '\u{ad}',
            '\u{61c}',
            '\u{200b}',
            '\u{200f}',
            '\u{202a}',
            '\u{202e}',
            '\u{2060}',
            '\u{2069}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{e0001}',
            '\u{e0041}',
            '\u{e01ef}',
        ] {
            assert!(is_invisible(c), "{}", code_point(c));
        }
        for c in [
            'a',
            ' ',
            'ü',
            '\u{300}',
            '–',
            '漢',
            '😀',
            '\u{a0}',
            '\u{10ffff}',
        ] {
            assert!(!is_invisible(c), "{}", code_point(c));
        }
    }

    #[test]
    fn the_form_of_an_emoji_hides_nothing() {
        assert!(is_emoji_variation_selector(Some('❤'), '\u{fe0f}'));
        for before in [None, Some('a'), Some('ü'), Some(' '), Some('\u{fe0f}')] {
            assert!(
                !is_emoji_variation_selector(before, '\u{fe0f}'),
                "{before:?}"
            );
        }
        assert!(!is_emoji_variation_selector(Some('❤'), '\u{fe01}'));
    }

    #[test]
    fn a_text_that_can_be_taken_for_another_says_why() {
        for good in [
            "alice",
            "alice@example.com",
            "CN=Alice Smith,O=x",
            "jürgen",
            "алиса",
            "αλίκη",
            "алиса@example.com",
            "田中@example.com",
            "ẹ́lẹ́nà",
        ] {
            assert_eq!(confusable_reason(good), None, "{good}");
        }
        for (bad, reason) in [
            ("al\u{200b}ice", "U+200B is an invisible character"),
            ("alice\u{202e}", "U+202E is an invisible character"),
            ("alice\u{fe0f}", "U+FE0F is an invisible character"),
            ("alice\u{a0}smith", "U+00A0 looks like a space"),
            ("alice\u{2800}", "U+2800 looks like a space"),
            ("ju\u{308}rgen", "\"jürgen\" looks the same"),
            ("ａlice", "\"alice\" looks the same"),
            ("аlice", "mixes Cyrillic and Latin letters"),
            ("alicε@example.com", "mixes Latin and Greek letters"),
        ] {
            let found = confusable_reason(bad).unwrap_or_default();
            assert!(found.contains(reason), "{bad}: {found}");
        }
    }
}
