//! What must hold for every template: no value creates structure, and no text makes the parser panic. For the tests of
//! session-template, fuzzing and `cargo bench-template`.

use std::collections::BTreeMap;

use serde_json::json;
use session_template::{
    Manifest, Parameters, SessionIdentity, Source, ValueLayers, Values, extract_secret_literals,
    lint_source,
};

/// Values that break text-based templates.
pub const HOSTILE_VALUES: [&str; 37] = [
    "a: b",
    "a:\n  b: c",
    "\n",
    "\nkey: value",
    "x\nkind: Secret",
    "\r\n",
    "---",
    "\n---\napiVersion: v1",
    "...",
    "- a",
    "[a, b]",
    "{a: b}",
    "}, {",
    "'",
    "\"",
    "it's",
    "\\",
    "\\n",
    "\"\\u0000\"",
    "#",
    "a # b",
    "&anchor a",
    "*alias",
    "!tag a",
    "!!str a",
    "<<: *x",
    "|\n  block",
    ">-\n  folded",
    "? key",
    "% directive",
    "@at",
    "`tick`",
    "\u{85}",
    "\u{2028}\u{2029}",
    "\0",
    "${OTHER}",
    "$${V} ${V:-x} }}",
];

/// Parts of random values, besides the hostile values and single characters.
const PIECES: [&str; 20] = [
    " ", "  ", "\t", ": ", ":", ",", "- ", "true", "null", "~", "0644", "1e3", "yes", "${", "}",
    "{{", "{%", "$", "\u{feff}", "\u{a0}",
];

/// Lines of random manifests.
const LINES: [&str; 26] = [
    "apiVersion: v1\n",
    "kind: Secret\n",
    "kind: ConfigMap\n",
    "kind: List\n",
    "metadata: {name: a}\n",
    "metadata:\n",
    "  name: ${A}\n",
    "data:\n",
    "stringData:\n",
    "  a: ${B:-c}\n",
    "  b: |\n",
    "    text ${C}\n",
    "  c: \"x\\\"${D}\"\n",
    "  d: 'it''s'\n",
    "---\n",
    "# ${comment}\n",
    "items:\n",
    "- a: &x b\n",
    "  c: *x\n",
    "  e: >+\n",
    "\n",
    "  f: [a, ${E}]\n",
    "\tx\n",
    "spec: {containers: [{name: a}]}\n",
    "  g: !!str 1\n",
    "kind: SessionTemplate\nspec: {manifest: 'a: ${X}'}\n",
];

const MANIFEST: &str = r#"apiVersion: example.com/v1
kind: Example
metadata:
  name: a
  annotations:
    text: ${V}
spec:
  plain: ${V}
  part: a ${V} b
  single: '${V}'
  double: "${V}${V}"
  literal: |
    ${V}
    end
  folded: >-
    ${V}
    end
  flow: {a: '${V}', b: "x"}
  items:
  - ${V}
  - last
"#;

/// The property that no value creates structure, prepared for many values.
pub struct StructureProperty {
    manifest: Manifest,
    values: Values,
}

impl StructureProperty {
    /// Parses the manifest in which values are tried.
    ///
    /// # Errors
    /// If the built-in manifest does not parse, which is a bug.
    pub fn new() -> anyhow::Result<Self> {
        let manifest = Manifest::parse(&Source::new("property.yaml", MANIFEST)?)?;
        let identity = SessionIdentity {
            session: "alice".parse()?,
            user: "alice@example.com".parse()?,
            namespace: "default".parse()?,
            application: None,
        };
        let given = BTreeMap::from([("V".to_owned(), "x".to_owned())]);
        let flags = ValueLayers {
            flags: &given,
            ..ValueLayers::default()
        };
        let values = Parameters::merge(&[], &manifest)?.resolve(identity, &flags)?;
        Ok(Self { manifest, values })
    }

    /// Renders a value in nine positions: block and flow style, plain, quoted and block scalars, alone and beside other text.
    ///
    /// # Errors
    /// A description of the difference between the rendered and the expected object.
    pub fn check_value(&self, value: &str) -> Result<(), String> {
        // Skips the checks of values on purpose, because rendering must be safe without them.
        let mut values = self.values.clone();
        values.set("V", value);
        let rendered = self
            .manifest
            .render(&values)
            .map_err(|error| format!("{error:#}"))?;
        let objects = rendered.into_objects();
        if objects.len() != 1 {
            return Err(format!("{} objects instead of one", objects.len()));
        }
        // A number, a boolean, null or the text itself.
        let plain = &objects[0]["spec"]["plain"];
        if plain.is_array() || plain.is_object() || plain.as_str().is_some_and(|text| text != value)
        {
            return Err(format!("a plain placeholder became {plain}"));
        }
        let wanted = json!({
            "apiVersion": "example.com/v1",
            "kind": "Example",
            "metadata": {"name": "a", "annotations": {"text": value}},
            "spec": {
                "plain": plain,
                "part": format!("a {value} b"),
                "single": value,
                "double": format!("{value}{value}"),
                "literal": format!("{value}\nend\n"),
                "folded": format!("{value} end"),
                "flow": {"a": value, "b": "x"},
                "items": [plain, "last"],
            },
        });
        // Compared as JSON text, as it is sent, because a parsed float may differ in its last bit.
        let (sent, wanted) = (objects[0].to_string(), wanted.to_string());
        match sent == wanted {
            true => Ok(()),
            false => Err(format!("{sent}\ninstead of {wanted}")),
        }
    }
}

/// Parses a text in every way. The text may be refused, but nothing may panic, and extracting its secrets must change nothing
/// else.
///
/// # Errors
/// A description of the violated property.
pub fn check_manifest_text(text: &str) -> Result<(), String> {
    let Ok(source) = Source::new("random.yaml", text) else {
        return Ok(());
    };
    let findings = lint_source(&source);
    let Ok(extracted) = extract_secret_literals(&source) else {
        return Ok(());
    };
    let moved = Source::new("moved.yaml", extracted.text).map_err(|error| error.to_string())?;
    let (before, after) = (Manifest::parse(&source), Manifest::parse(&moved));
    match (before, after) {
        (Ok(before), Ok(after)) if before.kinds().eq(after.kinds()) => Ok(()),
        _ => Err(format!(
            "moving its secrets out changed it; it has {} findings",
            findings.len()
        )),
    }
}

/// A generator of random texts (splitmix64). The same seed gives the same texts on every platform.
pub struct RandomText(u64);

impl RandomText {
    /// Creates a generator from a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    /// Generates a hostile value: parts of YAML syntax, words that YAML types, arbitrary characters.
    pub fn value(&mut self) -> String {
        let mut value = String::new();
        for _ in 0..=self.below(6) {
            match self.below(4) {
                0 => value.push_str(HOSTILE_VALUES[self.below(HOSTILE_VALUES.len())]),
                1 => value.push_str(PIECES[self.below(PIECES.len())]),
                2 => value.extend(char::from_u32(self.below(0x80) as u32)),
                _ => value.extend(char::from_u32(self.below(0x11_0000) as u32)),
            }
        }
        value
    }

    /// Generates a manifest, or almost one.
    pub fn manifest(&mut self) -> String {
        let mut text = String::new();
        if self.below(2) == 0 {
            text.push_str("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData:\n");
        }
        for _ in 0..=self.below(14) {
            match self.below(8) {
                0 => text.push_str(&self.value()),
                1 => text.push_str(&format!("  k{}: {}\n", self.below(9), self.value())),
                _ => text.push_str(LINES[self.below(LINES.len())]),
            }
        }
        text
    }
}
