//! Parser of JSONPath templates: text to [`Node`]s.

use serde_json::{Number, Value};

/// Step of a path, or another element between braces.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    /// Contents of one pair of braces, or one alternative of a union.
    List(Vec<Node>),
    Text(String),
    /// Number or boolean of a comparison.
    Literal(Value),
    Field(String),
    Slice(Slice),
    Filter {
        left: Vec<Node>,
        operator: String,
        right: Vec<Node>,
    },
    /// Filter without a comparison: true if the path finds a value.
    Exists(Vec<Node>),
    Union(Vec<Vec<Node>>),
    Wildcard,
    Recursive,
    Range,
    End,
    /// Any other bare word: an error when it is evaluated, as in kubectl.
    Word(String),
}

/// Slice `[start:end:step]`. For a single index the end is derived from the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slice {
    pub(super) start: Option<i64>,
    pub(super) end: Option<i64>,
    pub(super) derived: bool,
    pub(super) step: Option<i64>,
}

type Parsed<T> = Result<T, String>;

/// Parses a whole template.
pub(super) fn parse_template(text: &str) -> Parsed<Vec<Node>> {
    let mut nodes = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        if at > 0 {
            nodes.push(Node::Text(rest[..at].to_owned()));
        }
        let mut action = Action {
            rest: &rest[at + 1..],
            nodes: Vec::new(),
        };
        action.parse()?;
        nodes.push(Node::List(action.nodes));
        rest = action.rest;
    }
    if !rest.is_empty() {
        nodes.push(Node::Text(rest.to_owned()));
    }
    Ok(nodes)
}

/// Parses the contents of braces that kubectl assembles from a part of another pair. Text after a closing brace inside
/// is ignored, as there.
fn parse_inner(text: &str) -> Parsed<Vec<Node>> {
    match parse_template(&format!("{{{text}}}"))?.into_iter().next() {
        Some(Node::List(nodes)) => Ok(nodes),
        _ => Ok(Vec::new()),
    }
}

/// Text after an opening brace that is still to be parsed.
struct Action<'t> {
    rest: &'t str,
    nodes: Vec<Node>,
}

impl<'t> Action<'t> {
    /// Parses up to and including the closing brace.
    fn parse(&mut self) -> Parsed<()> {
        loop {
            if self.skip("}") {
                return Ok(());
            }
            if self.skip("[?(") {
                self.filter()?;
            } else if self.skip("..") {
                self.recursive()?;
            } else {
                match self.rest.chars().next() {
                    None | Some('\r' | '\n') => return Err("unclosed action".into()),
                    Some(' ' | '@' | '$') => self.advance(1),
                    Some('[') => self.array()?,
                    Some(quote @ ('"' | '\'')) => self.quoted(quote)?,
                    Some('.') => {
                        self.advance(1);
                        self.field();
                    }
                    Some(c) if c == '+' || c == '-' || c.is_ascii_digit() => self.number()?,
                    Some(c) if is_word(c) => self.word(),
                    Some(c) => return Err(unrecognized(c)),
                }
            }
        }
    }

    fn skip(&mut self, prefix: &str) -> bool {
        match self.rest.strip_prefix(prefix) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Skips bytes.
    fn advance(&mut self, bytes: usize) {
        self.take(bytes);
    }

    fn take(&mut self, bytes: usize) -> &'t str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.rest = rest;
        taken
    }

    fn recursive(&mut self) -> Parsed<()> {
        if self.nodes.last() == Some(&Node::Recursive) {
            return Err("invalid multiple recursive descent".into());
        }
        self.nodes.push(Node::Recursive);
        if self.rest.starts_with(is_word) {
            self.field();
        }
        Ok(())
    }

    /// Parses a key up to the next terminator that is not escaped.
    fn field(&mut self) {
        let mut escaped = false;
        let end = self.rest.find(|c| {
            let ends = !escaped && is_terminator(c);
            escaped = !escaped && c == '\\';
            ends
        });
        match self.take(end.unwrap_or(self.rest.len())) {
            "*" => self.nodes.push(Node::Wildcard),
            key => self.nodes.push(Node::Field(key.replace('\\', ""))),
        }
    }

    fn word(&mut self) {
        let end = self.rest.find(is_terminator).unwrap_or(self.rest.len());
        let node = match self.take(end) {
            "true" => Node::Literal(Value::Bool(true)),
            "false" => Node::Literal(Value::Bool(false)),
            "range" => Node::Range,
            "end" => Node::End,
            word => Node::Word(word.to_owned()),
        };
        self.nodes.push(node);
    }

    fn number(&mut self) -> Parsed<()> {
        let signed = usize::from(self.rest.starts_with(['+', '-']));
        let digits = self.rest[signed..].find(|c: char| c != '.' && !c.is_ascii_digit());
        let text = self.take(digits.map_or(self.rest.len(), |end| signed + end));
        let whole = text.parse::<i64>().ok().map(Number::from);
        let float = || text.parse::<f64>().ok().and_then(Number::from_f64);
        let number = whole
            .or_else(float)
            .ok_or_else(|| format!("cannot parse number {text}"))?;
        self.nodes.push(Node::Literal(Value::Number(number)));
        Ok(())
    }

    fn quoted(&mut self, quote: char) -> Parsed<()> {
        let mut before = quote;
        let end = self.rest.char_indices().skip(1).find(|(_, c)| {
            let ends = *c == '\n' || (*c == quote && before != '\\');
            before = *c;
            ends
        });
        let Some((at, _)) = end.filter(|(_, c)| *c == quote) else {
            return Err("unterminated quoted string".into());
        };
        let text = self.take(at + 1);
        let unquoted = unquote(&text[1..at], quote);
        let unquoted =
            unquoted.ok_or_else(|| format!("unquote string {text} error invalid syntax"))?;
        self.nodes.push(Node::Text(unquoted));
        Ok(())
    }

    fn array(&mut self) -> Parsed<()> {
        let end = self.rest.find([']', '\n']);
        let Some(end) = end.filter(|at| self.rest.as_bytes()[*at] == b']') else {
            return Err("unterminated array".into());
        };
        let text = &self.take(end + 1)[1..end];
        let text = if text == "*" { ":" } else { text };
        if text.contains(',') {
            let parts = text
                .split(',')
                .map(|part| parse_inner(&format!("[{}]", part.trim_matches(' '))));
            self.nodes.push(Node::Union(parts.collect::<Parsed<_>>()?));
            return Ok(());
        }
        let key = text
            .strip_prefix('\'')
            .and_then(|text| text.strip_suffix('\''));
        if let Some(key) = key.filter(|key| !key.contains('\'')) {
            // A quoted key is parsed as if it followed a dot, so its dots must be escaped here, too.
            self.nodes.extend(parse_inner(&format!(".{key}"))?);
        } else {
            self.nodes.push(Node::Slice(parse_slice(text)?));
        }
        Ok(())
    }

    fn filter(&mut self) -> Parsed<()> {
        let end = filter_end(self.rest).ok_or("unterminated filter")?;
        let text = self.take(end);
        self.advance(1);
        if !self.skip("]") {
            return Err("unclosed array expect ]".into());
        }
        self.nodes.push(match split_comparison(text) {
            None => Node::Exists(parse_inner(text)?),
            Some((left, operator, right)) => Node::Filter {
                left: parse_inner(left)?,
                operator: operator.to_owned(),
                right: parse_inner(right)?,
            },
        });
        Ok(())
    }
}

fn unrecognized(c: char) -> String {
    let code = u32::from(c);
    let reason = format!("unrecognized character in action: U+{code:04X}");
    if c.is_control() || c.is_whitespace() {
        reason
    } else {
        format!("{reason} '{c}'")
    }
}

/// Returns the index of the parenthesis that closes a filter: the first one outside the first pair of quotes.
fn filter_end(text: &str) -> Option<usize> {
    let (mut pair, mut closed, mut before) = (None, false, '(');
    for (at, c) in text.char_indices() {
        match c {
            '\n' => return None,
            '"' | '\'' if pair.is_none() => pair = Some(c),
            '"' | '\'' if before != '\\' && pair == Some(c) => closed = true,
            ')' if pair.is_none() || closed => return Some(at),
            _ => {}
        }
        before = c;
    }
    None
}

/// Splits a comparison into left side, operator and right side; `None` if there is no operator.
fn split_comparison(text: &str) -> Option<(&str, &str, &str)> {
    let is_operator = |c| "!<>=".contains(c);
    let start = text.find(is_operator).filter(|start| *start > 0)?;
    let length = text[start..].find(|c| !is_operator(c));
    // An operator at the very end gives its last character to the right side, which must not be empty.
    let end = length.map_or(text.len() - 1, |length| start + length);
    (end > start).then(|| (&text[..start], &text[start..end], &text[end..]))
}

fn parse_slice(text: &str) -> Parsed<Slice> {
    let parts: Vec<&str> = text.split(':').collect();
    let legal = |part: &&str| {
        let digits = part.strip_prefix('-').unwrap_or(part);
        digits.bytes().all(|b| b.is_ascii_digit())
    };
    if parts.len() > 3 || !parts.iter().all(legal) {
        return Err(format!("invalid array index {text}"));
    }
    let value = |at: usize| match parts.get(at) {
        None | Some(&"") => Ok(None),
        Some(part) => match part.parse::<i64>() {
            Ok(value) => Ok(Some(value)),
            Err(_) => Err(format!("array index {part} is not a number")),
        },
    };
    let start = value(0)?;
    let derived = parts.len() == 1;
    let end = if derived {
        Some(start.unwrap_or(0).saturating_add(1))
    } else {
        value(1)?
    };
    Ok(Slice {
        start,
        end,
        derived,
        step: value(2)?,
    })
}

/// Resolves Go's escapes in a literal. An escaped byte that is not a character becomes U+FFFD.
fn unquote(text: &str, quote: char) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == quote {
            return None;
        }
        if c != '\\' {
            out.push(c);
            continue;
        }
        let (digits, radix) = match chars.next()? {
            'a' => ("\x07".into(), 0),
            'b' => ("\x08".into(), 0),
            'f' => ("\x0c".into(), 0),
            'n' => ("\n".into(), 0),
            'r' => ("\r".into(), 0),
            't' => ("\t".into(), 0),
            'v' => ("\x0b".into(), 0),
            '\\' => ("\\".into(), 0),
            c if c == quote => (c.to_string(), 0),
            'x' => (chars.by_ref().take(2).collect::<String>(), 2),
            'u' => (chars.by_ref().take(4).collect(), 4),
            'U' => (chars.by_ref().take(8).collect(), 8),
            c @ '0'..='7' => (
                std::iter::once(c).chain(chars.by_ref().take(2)).collect(),
                3,
            ),
            _ => return None,
        };
        match radix {
            0 => out.push_str(&digits),
            length => out.push(unescape(&digits, length)?),
        }
    }
    Some(out)
}

/// Returns the character of an escape: three digits are octal, any other number is hexadecimal.
fn unescape(digits: &str, length: usize) -> Option<char> {
    if digits.len() != length || digits.starts_with(['+', '-']) {
        return None;
    }
    let code = u32::from_str_radix(digits, if length == 3 { 8 } else { 16 }).ok()?;
    match length {
        2 if code > 0x7f => Some(char::REPLACEMENT_CHARACTER),
        3 if code > 0xff => None,
        3 if code > 0x7f => Some(char::REPLACEMENT_CHARACTER),
        _ => char::from_u32(code),
    }
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

fn is_terminator(c: char) -> bool {
    matches!(
        c,
        ' ' | '\t' | '\r' | '\n' | '.' | ',' | '[' | ']' | '$' | '@' | '{' | '}'
    )
}
